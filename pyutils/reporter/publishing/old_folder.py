"""The folder of a key that was replaced, read as a publisher is: what is in it is believed where it hashes to its name.

A new key has a store of its own and goes on from the head of the old one. Where no verifier has the samples behind that
head, they lie here still.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.publishing.download import (
    DEFAULT_LIMITS,
    Downloads,
    NotPublishedError,
    PublisherUnreachableError,
    Take,
)
from pyutils.reporter.publishing.entry import ReportEntry
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.view import look_into
from pyutils.units import FleetId

_PIECE: Final = 2**20


class OldFolder(Fetcher):
    """Published files of a store on this machine, as a publisher of reports that the store knows."""

    def __init__(self, root: Path, cache: Path, gpu_lists: GpuLists) -> None:
        """Read below `root`; what is wanted is kept in `cache`, as what any publisher gives. Nothing is opened yet."""
        super().__init__(root.absolute().as_uri(), cache)
        self._old = Folders(root)
        self._downloads = _Files(root, gpu_lists.folder)

    def entry(self, fleet_id: FleetId, digest: bytes, from_hour: int = 0) -> ReportEntry:
        """Return a report with its pages. Raises `NotPublishedError`, and `StoreError` where there is no store."""
        with look_into(self._old.store) as store:
            record = store.record_of(digest)
            if record is None or record.report is None:
                raise NotPublishedError(self._downloads.base_url, f"the report 0x{digest.hex()}", "it is not there")
            told = ReportFile(chain_id=store.identity.chain_id, oracle=store.identity.oracle, report=record.report)
            pages = store.pages_of(fleet_id, record.as_of, from_hour)
        return ReportEntry(report_file=told, signatures=(), state=record.state.value, pages=pages)


class _Files(Downloads):
    """Files of a folder, under the paths at which a publisher would give them."""

    def __init__(self, root: Path, gpus: Path) -> None:
        super().__init__(root.absolute().as_uri(), DEFAULT_LIMITS)
        self._root, self._gpus = root, gpus

    def stream(self, what: str, limit: int, take: Take) -> None:
        """Give `take` a file, piece by piece. Raises as for a publisher."""
        kind, _, name = what.partition("/")
        path = (self._gpus if kind == "gpus" else self._root / kind) / name
        size = 0
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    size += len(piece)
                    if size > limit:
                        raise self.refused(what, f"it is larger than {limit} bytes")
                    take(piece)
        except FileNotFoundError as error:
            raise NotPublishedError(self.base_url, what, "it is not there") from error
        except OSError as error:
            raise PublisherUnreachableError(self.base_url, what, error.strerror or str(error)) from error
