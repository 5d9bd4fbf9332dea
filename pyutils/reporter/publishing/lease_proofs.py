"""A lessee's settlement proof: what its lease got by the fleet's head, and the Merkle proof of it."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from pyutils.errors import LeafFileError, UnknownLeafError
from pyutils.merkle import LEASE_LEAF, StandardMerkleTree, leaf_hash, lease_tree, verify
from pyutils.models import Bytes32, FrozenModel, LeaseLeaf
from pyutils.models.base import Uint40, Uint64
from pyutils.operations.report_files import ReportFile
from pyutils.units import LeaseId

_LEASE_LINE: Final = b'"kind":"lease"'


class LeaseProof(FrozenModel):
    """All that `LeaseBook.settle` takes for one lease, and which report it is from."""

    format: Literal["gpu-rwa-lease-proof/1"] = "gpu-rwa-lease-proof/1"
    lease_id: Uint64
    delivered_gpu_ms: Uint64
    proof: tuple[Bytes32, ...]
    root: Bytes32
    digest: Bytes32
    """Digest of the report; the oracle's head has the same while the proof settles."""
    as_of: Uint40
    data_hash: Bytes32
    """Names the leaf file."""

    def holds(self) -> bool:
        """Return whether the proof leads from the lease's leaf to the root."""
        return verify(self.root, leaf_hash(LEASE_LEAF, (self.lease_id, self.delivered_gpu_ms)), self.proof)


@dataclass(frozen=True, slots=True)
class _Leaves:
    data_hash: bytes
    tree: StandardMerkleTree
    places: dict[int, int]


class LeaseProofs:
    """Proofs from the leaf files in a folder. Of each fleet the tree last asked for is kept in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[int, _Leaves] = {}
        self._lock = threading.Lock()

    def of(self, report_file: ReportFile, lease_id: LeaseId) -> LeaseProof:
        """Return the proof of what a lease got by a report.

        Raises `UnknownLeafError` where the report does not list the lease, and `LeafFileError` where the report's leaf
        file is not here or has another root than the report.
        """
        report = report_file.report
        with self._lock:
            leaves = self._kept.get(report.fleet_id)
            if leaves is None or leaves.data_hash != report.data_hash:
                leaves = self._kept[report.fleet_id] = self._read(report.data_hash, report.lease_root)
        place = leaves.places.get(lease_id)
        if place is None:
            raise UnknownLeafError(lease_id)
        return LeaseProof(
            lease_id=lease_id,
            delivered_gpu_ms=leaves.tree.values[place][1],
            proof=leaves.tree.proof(place),
            root=leaves.tree.root,
            digest=report_file.digest,
            as_of=report.as_of,
            data_hash=report.data_hash,
        )

    def _read(self, data_hash: bytes, lease_root: bytes) -> _Leaves:
        path = self.folder / f"0x{data_hash.hex()}.jsonl.gz"
        try:
            leaves = list(_leaves(path))
        except (OSError, EOFError, zlib.error, ValueError, KeyError, ValidationError) as error:
            raise LeafFileError(f"{path} cannot be read: {error}") from error
        tree = lease_tree(leaves)
        # The root is what the lessee's proof must lead to; the rest of the file, however large, need not be parsed.
        if tree.root != lease_root:
            raise LeafFileError(f"{path} has the root 0x{tree.root.hex()}, the report 0x{lease_root.hex()}")
        return _Leaves(data_hash, tree, {leaf.lease_id: place for place, leaf in enumerate(leaves)})


def _leaves(path: Path) -> Iterator[LeaseLeaf]:
    with gzip.open(path) as lines:
        for line in lines:
            # No GPU's name can hold these bytes: JSON escapes its quotes.
            if _LEASE_LINE in line:
                fields = json.loads(line)
                del fields["kind"]
                yield LeaseLeaf.model_validate(fields)
