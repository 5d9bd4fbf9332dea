"""What an operator publishes, fetched and believed in nothing: hashes name files, signatures name signers.

Files go to a folder of their own, each under its hash, whole or not at all; what is there is hashed again when it is
read, and fetched again where it rotted.
"""

from __future__ import annotations

import copy
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from pyutils.errors import GpuRwaError, InputError
from pyutils.meter import LeafFile, read_leaf_file
from pyutils.meter.page import SamplePageError, page_name, read_page
from pyutils.operations.gpu_lists import GpuListError, GpuLists, UnknownGpuRootError, gpu_tree, read_gpu_list
from pyutils.reporter.publishing.download import (
    DEFAULT_LIMITS,
    CacheError,
    Downloads,
    FetchLimits,
    NotPublishedError,
    PublisherError,
    PublisherUnreachableError,
    partial_file,
    put_in_place,
)
from pyutils.reporter.publishing.entry import ReportEntries, ReportEntry
from pyutils.reporter.publishing.lease_proofs import LeaseProof
from pyutils.reporter.publishing.unpacking import Unpacker, UnpackingError
from pyutils.units import FleetId, LeaseId

__all__ = [
    "DEFAULT_LIMITS",
    "CacheError",
    "FetchLimits",
    "Fetcher",
    "NotPublishedError",
    "PublisherError",
    "PublisherUnreachableError",
]

_T = TypeVar("_T")
_PIECE: Final = 2**20
_LINE_ENDS: Final = frozenset(b"\n\r\x0b\x0c\x1c\x1d\x1e")


class Fetcher:
    """One publisher, and the folder for what it gave.

    Args:
        base_url: the publisher's address.
        cache: folder for files; they lie in it as a publisher keeps them, in `leaf_files`, `samples` and `gpus`.
        limits: bounds on size and time.

    All methods raise `PublisherError` where what comes cannot be believed, its leaf `PublisherUnreachableError` where
    nothing comes and `NotPublishedError` where it is not there, and `CacheError` where it cannot be kept.

    """

    def __init__(self, base_url: str, cache: Path, limits: FetchLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.leaf_files, self.samples = cache / "leaf_files", cache / "samples"
        self.gpu_lists = GpuLists(cache / "gpus")
        self._downloads = Downloads(base_url, limits)
        self._fetched: list[Path] = []

    def within(self, seconds: float) -> Self:
        """Return this publisher for one errand, which is given up after so long and whose pages can be let go."""
        one = copy.copy(self)
        one._downloads, one._fetched = self._downloads.within(seconds), []
        return one

    def let_go(self) -> None:
        """Delete the pages that were fetched in this errand, so that what nobody signs fills no disk."""
        for path in self._fetched:
            path.unlink(missing_ok=True)

    def leaf_file(self, data_hash: bytes) -> LeafFile:
        """Return the leaf file of a report. Raises `LeafFileError` too, where it has the hash and is malformed."""
        name = f"0x{data_hash.hex()}.jsonl.gz"
        path = self.leaf_files / name
        if not _is_kept(path, data_hash, self.limits.leaf_file_bytes):
            self._fetch_packed(f"leaf_files/{name}", path, data_hash, self.limits.leaf_file_bytes)
        return read_leaf_file(path, data_hash)

    def page(self, rows_hash: bytes, most_bytes: int | None = None) -> bytes:
        """Return the rows of a page of samples; one that is to be fetched may have `most_bytes`."""
        name = page_name(rows_hash)
        path = self.samples / name
        if path.exists():
            try:
                return read_page(path, rows_hash)
            except SamplePageError:
                path.unlink(missing_ok=True)
        limit = self.limits.page_bytes if most_bytes is None else min(most_bytes, self.limits.page_bytes)
        self._fetch_packed(f"samples/{name}", path, rows_hash, limit)
        self._fetched.append(path)
        return read_page(path, rows_hash)

    def gpu_list(self, root: bytes) -> tuple[str, ...]:
        """Return the GPUs behind a root on chain, and file their list."""
        try:
            return self.gpu_lists.ids(root)
        except (UnknownGpuRootError, GpuListError):
            return self._fetch_gpu_list(root)

    def entries(self, fleet_id: FleetId, limit: int = 24) -> tuple[ReportEntry, ...]:
        """Return a fleet's newest reports, newest first, without their pages."""
        what = f"fleets/{fleet_id}/reports?limit={limit}"
        entries = self._json(what, TypeAdapter(ReportEntries)).reports
        for entry in entries:
            self._check_entry(what, entry, fleet_id)
        return entries

    def entry(self, fleet_id: FleetId, digest: bytes, from_hour: int = 0) -> ReportEntry:
        """Return a report with its pages from a UTC hour since 1970 on."""
        what = f"fleets/{fleet_id}/reports/0x{digest.hex()}?from_hour={from_hour}"
        entry = self._json(what, TypeAdapter(ReportEntry))
        self._check_entry(what, entry, fleet_id)
        if entry.report_file.digest != digest:
            raise self._downloads.refused(what, "it is another report")
        hours = [from_hour - 1, *(page.hour for page in entry.pages or ())]
        if entry.pages is None or any(after <= before for before, after in pairwise(hours)):
            raise self._downloads.refused(what, "its pages are missing or out of order")
        return entry

    def head(self, fleet_id: FleetId) -> ReportEntry | None:
        """Return what the publisher takes for the fleet's head, without its pages; None before the first."""
        what = f"fleets/{fleet_id}/head"
        try:
            entry = self._json(what, TypeAdapter(ReportEntry))
        except NotPublishedError:
            return None
        self._check_entry(what, entry, fleet_id)
        return entry

    def lease_proof(self, lease_id: LeaseId) -> LeaseProof:
        """Return a lease's proof, which leads to its root; whether that root is the head's, the chain says."""
        what = f"leases/{lease_id}/proof"
        proof = self._json(what, TypeAdapter(LeaseProof))
        if proof.lease_id != lease_id or not proof.holds():
            raise self._downloads.refused(what, "the proof does not lead to its root")
        return proof

    def _check_entry(self, what: str, entry: ReportEntry, fleet_id: FleetId) -> None:
        if entry.report_file.report.fleet_id != fleet_id:
            raise self._downloads.refused(what, "it is of another fleet")
        try:
            for signature in entry.signatures:
                signature.check(entry.report_file.digest)
        except GpuRwaError as error:
            raise self._downloads.refused(what, error.message) from error

    def _json(self, what: str, kind: TypeAdapter[_T]) -> _T:
        body = bytearray()
        self._downloads.stream(what, self.limits.json_bytes, body.extend)
        try:
            return kind.validate_json(bytes(body))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the answer"
            raise self._downloads.refused(what, f"{where}: {first['msg']}") from error

    def _fetch_packed(self, what: str, path: Path, digest: bytes, limit: int) -> None:
        unpacker = Unpacker(limit)
        with partial_file(path.parent) as partial:
            try:
                # No sensible packing makes anything larger than a little more than it was.
                packed = min(self.limits.packed_bytes, limit + limit // 16 + 2**16)
                self._downloads.to_file(what, packed, partial, unpacker.feed)
                found = unpacker.finish()
            except UnpackingError as error:
                raise self._downloads.refused(what, error.message) from error
            if found != digest:
                raise self._downloads.refused(what, f"it has the hash 0x{found.hex()}")
            put_in_place(partial, path)

    def _fetch_gpu_list(self, root: bytes) -> tuple[str, ...]:
        what, most = f"gpus/0x{root.hex()}.txt", self.limits.gpu_list_lines
        lines = 0

        def count(chunk: bytes) -> None:
            nonlocal lines
            seen = Counter(chunk)
            lines += sum(seen[end] for end in _LINE_ENDS)
            if lines > most:
                raise self._downloads.refused(what, f"it has more than {most} lines")

        with partial_file(self.gpu_lists.folder) as partial:
            self._downloads.to_file(what, self.limits.gpu_list_bytes, partial, count)
            try:
                ids = read_gpu_list(partial)
                found = gpu_tree(ids).root
            except InputError as error:
                raise self._downloads.refused(what, error.message.replace(str(partial), "it")) from error
            if found != root:
                raise self._downloads.refused(what, f"its GPUs have the root 0x{found.hex()}")
            self.gpu_lists.file(ids)
        return ids


def _is_kept(path: Path, digest: bytes, limit: int) -> bool:
    """Return whether a file is here and is what its name says."""
    unpacker = Unpacker(limit)
    try:
        with path.open("rb") as packed:
            while chunk := packed.read(_PIECE):
                unpacker.feed(chunk)
        return unpacker.finish() == digest
    except (OSError, UnpackingError):
        return False
