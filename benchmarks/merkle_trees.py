"""A report's tree of leases, beside the same tree built leaf by leaf with eth-abi and eth-utils."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from stopwatch import Figure, best_of, show

from pyutils.merkle import lease_tree
from pyutils.models import LeaseLeaf
from pyutils.units import GpuMs, LeaseId

LEAVES = 1_000_000
BASELINE_LEAVES = 20_000


def plain_root(leaves: Sequence[LeaseLeaf]) -> bytes:
    """Return the root as OpenZeppelin's library computes it, one hash at a time."""
    level = sorted(
        keccak(keccak(encode(["uint256", "uint256"], [leaf.lease_id, leaf.delivered_gpu_ms]))) for leaf in leaves
    )
    nodes = [b""] * (len(level) - 1) + level[::-1]
    for i in range(len(level) - 2, -1, -1):
        nodes[i] = keccak(b"".join(sorted(nodes[2 * i + 1 : 2 * i + 3])))
    return nodes[0]


def main() -> None:
    """Build a million leaves, and a tree small enough for the baseline."""
    leaves = [LeaseLeaf(lease_id=LeaseId((1 << 32) + i), delivered_gpu_ms=GpuMs(i * 57_000)) for i in range(LEAVES)]
    few = leaves[:BASELINE_LEAVES]
    if lease_tree(few).root != plain_root(few):
        raise SystemExit("merkle_trees: the two roots differ")
    show(
        "Trees of (leaseId, deliveredGpuMs)",
        [
            Figure(f"lease_tree, {LEAVES:,} leaves", LEAVES, "leaves", best_of(2, lambda: lease_tree(leaves).root)),
            Figure(f"lease_tree, {len(few):,} leaves", len(few), "leaves", best_of(3, lambda: lease_tree(few).root)),
            Figure(f"eth-utils, {len(few):,} leaves", len(few), "leaves", best_of(2, lambda: plain_root(few))),
        ],
    )


if __name__ == "__main__":
    main()
