"""Which GPUs a root on chain stands for."""

from __future__ import annotations

from collections.abc import Iterable

from pyutils.keccak import keccak256
from pyutils.merkle import GPU_LEAF, StandardMerkleTree


def gpu_root(gpu_ids: Iterable[str]) -> bytes:
    """Return the root of GPUs' normalized ids: trimmed, in lower case, hashed, in the order of name."""
    return StandardMerkleTree.of(
        [(keccak256(name.strip().lower().encode()),) for name in sorted(gpu_ids)], GPU_LEAF
    ).root
