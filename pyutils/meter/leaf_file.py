"""The published leaf file: everything that a meter report commits to, in bytes that have one form only.

JSON lines, each with sorted keys and no blanks, in this order: one `header`, then `gpu` lines sorted by GPU,
`allocation` lines sorted by lease, GPU and start, `lease` lines sorted by lease. The hash of these bytes is the
report's `dataHash` and, on disk, the file's name; there it is gzipped, which the hash does not see.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from pyutils.durable import write_whole
from pyutils.errors import LeafFileError
from pyutils.keccak import keccak256
from pyutils.merkle import StandardMerkleTree, lease_tree
from pyutils.models import Allocation, Bytes32, Enrolment, FrozenModel, GpuCounters, LeaseLeaf, MeterReport, PowerModel
from pyutils.models.base import Uint40, Uint64
from pyutils.units import GpuMs, Joules

FORMAT: Final = "gpu-rwa-leaf-file/1"
MAX_BYTES = 2**30
"""A leaf file may unpack to so many bytes; a million GPUs take a fifth of it."""


class Header(FrozenModel):
    """What the counters were built from, and how."""

    format: Literal["gpu-rwa-leaf-file/1"] = FORMAT
    fleet_id: Uint64
    as_of: Uint40
    cadence_ms: Uint40
    power: PowerModel | None
    """How energy was derived from duty; absent where the boards' own counters were read."""
    samples_hash: Bytes32
    """Hash of the samples, as `FleetMeter.samples_hash` defines it."""


@dataclass(frozen=True)
class LeafFile:
    """A leaf file in memory; its parts are in the order of the file."""

    header: Header
    enrolments: tuple[Enrolment, ...]
    counters: tuple[GpuCounters, ...]
    allocations: tuple[Allocation, ...]
    leaves: tuple[LeaseLeaf, ...]

    @cached_property
    def data(self) -> bytes:
        """The canonical bytes."""
        lines = [_line("header", self.header)]
        lines += [
            _line("gpu", counters, enrolment)
            for enrolment, counters in zip(self.enrolments, self.counters, strict=True)
        ]
        lines += [_line("allocation", allocation) for allocation in self.allocations]
        lines += [_line("lease", leaf) for leaf in self.leaves]
        return "".join(lines).encode("ascii")

    @cached_property
    def data_hash(self) -> bytes:
        """The report's `dataHash`."""
        return keccak256(self.data)

    @cached_property
    def tree(self) -> StandardMerkleTree:
        """The tree whose root is the report's `leaseRoot`."""
        return lease_tree(self.leaves)

    @property
    def available_gpu_ms(self) -> GpuMs:
        """The fleet's available time."""
        return GpuMs(sum(gpu.available_ms for gpu in self.counters))

    @property
    def busy_gpu_ms(self) -> GpuMs:
        """The fleet's busy time."""
        return GpuMs(sum(gpu.busy_ms for gpu in self.counters))

    @property
    def energy_joules(self) -> Joules:
        """The fleet's energy."""
        return Joules(sum(gpu.energy_joules for gpu in self.counters))

    def report(self, previous_digest: bytes) -> MeterReport:
        """Return the report that commits to this file. Raises `LeafFileError` where a sum takes more than 64 bits."""
        fields = {
            "fleet_id": self.header.fleet_id,
            "as_of": self.header.as_of,
            "available_gpu_ms": self.available_gpu_ms,
            "busy_gpu_ms": self.busy_gpu_ms,
            "energy_joules": self.energy_joules,
            "lease_root": self.tree.root,
            "data_hash": self.data_hash,
            "previous_digest": previous_digest,
        }
        try:
            return MeterReport.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise LeafFileError(f"its report's {'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    def check_report(self, report: MeterReport) -> None:
        """Raise `LeafFileError`, naming the field, where `report` does not say what this file says."""
        for name, ours in self.report(report.previous_digest):
            theirs = getattr(report, name)
            if ours != theirs:
                raise LeafFileError(f"the report's {name} is {_shown(theirs)}, the file gives {_shown(ours)}")


def write_leaf_file(leaf_file: LeafFile, folder: Path) -> Path:
    """Write a leaf file under its hash, whole or not at all, and return its path."""
    path = folder / f"0x{leaf_file.data_hash.hex()}.jsonl.gz"
    return write_whole(path, gzip.compress(leaf_file.data, mtime=0))


def read_leaf_file(path: Path, data_hash: bytes | None = None) -> LeafFile:
    """Read a leaf file and check that its bytes are canonical and, where given, have the hash.

    Without `data_hash` the file's name must be its hash. Raises `LeafFileError`.
    """
    try:
        with gzip.open(path) as packed:
            data = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise LeafFileError(f"{path} cannot be read: {error}") from error
    if len(data) > MAX_BYTES:
        raise LeafFileError(f"{path} unpacks to more than {MAX_BYTES} bytes")
    leaf_file = parse_leaf_file(data)
    expected = path.name.split(".")[0] if data_hash is None else f"0x{data_hash.hex()}"
    found = f"0x{leaf_file.data_hash.hex()}"
    if found != expected:
        raise LeafFileError(f"{path} has the hash {found}, not {expected}")
    return leaf_file


def parse_leaf_file(data: bytes) -> LeafFile:
    """Return the leaf file in `data`. Raises `LeafFileError` where its bytes are not the canonical ones."""
    headers: list[Header] = []
    enrolments: list[Enrolment] = []
    counters: list[GpuCounters] = []
    allocations: list[Allocation] = []
    leaves: list[LeaseLeaf] = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            fields = json.loads(line)
            kind = fields.pop("kind")
            if kind == "header":
                headers.append(Header.model_validate(fields))
            elif kind == "gpu":
                enrolment = {name: fields.pop(name) for name in ("since", "until")}
                enrolments.append(Enrolment.model_validate({"gpu_id": fields["gpu_id"], **enrolment}))
                counters.append(GpuCounters.model_validate(fields))
            elif kind == "allocation":
                allocations.append(Allocation.model_validate(fields))
            elif kind == "lease":
                leaves.append(LeaseLeaf.model_validate(fields))
            else:
                raise LeafFileError(f"a line of unknown kind {kind!r}", number)
        except ValidationError as error:
            first = error.errors()[0]
            raise LeafFileError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", number) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LeafFileError("malformed", number) from error
    if len(headers) != 1:
        raise LeafFileError(f"{len(headers)} headers, not 1")
    leaf_file = LeafFile(headers[0], tuple(enrolments), tuple(counters), *sort_parts(allocations, leaves))
    _check_unique("GPU", [gpu.gpu_id for gpu in counters])
    _check_unique("lease", [leaf.lease_id for leaf in leaf_file.leaves])
    if leaf_file.data != data:
        raise LeafFileError("its bytes are not in canonical form")
    return leaf_file


def sort_parts(
    allocations: list[Allocation], leaves: list[LeaseLeaf]
) -> tuple[tuple[Allocation, ...], tuple[LeaseLeaf, ...]]:
    """Return allocations and leaves in the order of the file."""
    return (
        tuple(sorted(allocations, key=lambda one: (one.lease_id, one.gpu_id, one.start))),
        tuple(sorted(leaves, key=lambda leaf: leaf.lease_id)),
    )


def _check_unique(noun: str, keys: list[Any]) -> None:
    for one, next_one in pairwise(keys):
        if not one < next_one:
            raise LeafFileError(f"{noun} {next_one} is out of order or there twice")


def _line(kind: str, *models: FrozenModel) -> str:
    fields: dict[str, Any] = {"kind": kind}
    for model in models:
        fields |= model.model_dump(mode="json")
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
