"""Merkle trees equal to OpenZeppelin's `StandardMerkleTree`: the same nodes, proofs, multiproofs and dumps.

Leaves are hashed twice over their ABI encoding, so that no inner node can pass for a leaf; pairs are sorted before
they are hashed, so that a proof needs no directions; leaves are sorted, so that a root does not depend on order.
Nodes lie in one list, the root first, the children of node i at 2i+1 and 2i+2, the smallest leaf last.

One thing OpenZeppelin leaves open: **the root of no leaves is 32 zero bytes**, against which nothing verifies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError, ParseError

from pyutils.errors import InputError, UnknownLeafError
from pyutils.keccak import new_keccak256
from pyutils.models import LeaseLeaf

EMPTY_ROOT = bytes(32)
"""Root of a tree without leaves."""

LEASE_LEAF = ("uint256", "uint256")
"""Encoding of a lease leaf: leaseId, deliveredGpuMs."""

GPU_LEAF = ("bytes32",)
"""Encoding of a GPU leaf: hash of the GPU's normalized id."""

DUMP_FORMAT = "standard-v1"

Value = tuple[Any, ...]


class MerkleError(InputError):
    """Values, a proof or a dump that no tree can have."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Merkle tree: {reason}", remedy="Build it again from the published leaf file")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MultiProof:
    """A proof of several leaves at once, in the order in which OpenZeppelin's `MerkleProof` consumes them."""

    leaves: tuple[Value, ...]
    proof: tuple[bytes, ...]
    flags: tuple[bool, ...]


def leaf_hash(encoding: Sequence[str], value: Sequence[Any]) -> bytes:
    """Return the double hash of a leaf. Raises `MerkleError` where `value` does not fit `encoding`."""
    return _leaf_hashes(encoding, [tuple(value)])[0]


def verify(root: bytes, leaf: bytes, proof: Iterable[bytes]) -> bool:
    """Return whether `proof` leads from a leaf's hash to `root`, as `MerkleProof.verify` does."""
    node = leaf
    for sibling in proof:
        if len(sibling) != 32:
            return False
        node = _hash_pair(node, sibling)
    return node == root


def verify_multi(root: bytes, leaves: Sequence[bytes], proof: Sequence[bytes], flags: Sequence[bool]) -> bool:
    """Return whether a multiproof leads from the leaves' hashes to `root`, as `MerkleProof.multiProofVerify` does."""
    if len(leaves) + len(proof) != len(flags) + 1 or any(len(node) != 32 for node in proof):
        return False
    if not flags:
        return (leaves[0] if leaves else proof[0]) == root
    nodes, siblings = list(leaves), list(proof)
    taken = used = 0
    for flag in flags:
        if taken + 1 + flag > len(nodes) or used + (not flag) > len(siblings):
            return False
        left = nodes[taken]
        taken += 1
        if flag:
            right = nodes[taken]
            taken += 1
        else:
            right = siblings[used]
            used += 1
        nodes.append(_hash_pair(left, right))
    # The counts above leave nothing over: each step takes two and gives one.
    return nodes[-1] == root


class StandardMerkleTree:
    """A tree of ABI-encoded values, in the order in which they were given."""

    def __init__(self, encoding: Sequence[str], values: Sequence[Value], hashes: Sequence[bytes]) -> None:
        """Take values and their leaf hashes; `of` and `load` are the ways in."""
        self.encoding = tuple(encoding)
        self.values = tuple(values)
        count = len(hashes)
        order = sorted(range(count), key=hashes.__getitem__)
        self._positions = [0] * count
        last = 2 * count - 2
        for rank, index in enumerate(order):
            self._positions[index] = last - rank
        self.nodes = _grow([hashes[index] for index in reversed(order)])
        self._by_hash: dict[bytes, int] | None = None

    @classmethod
    def of(cls, values: Iterable[Sequence[Any]], encoding: Sequence[str]) -> Self:
        """Build the tree of `values`. Raises `MerkleError` where one does not fit `encoding`."""
        kept = [tuple(value) for value in values]
        return cls(encoding, kept, _leaf_hashes(encoding, kept))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def root(self) -> bytes:
        """The root, `EMPTY_ROOT` for a tree without leaves."""
        return self.nodes[0] if self.nodes else EMPTY_ROOT

    def index_of(self, value: Sequence[Any]) -> int:
        """Return the index of `value`, the last one where it is there more than once. Raises `UnknownLeafError`."""
        if self._by_hash is None:
            self._by_hash = {self.nodes[position]: index for index, position in enumerate(self._positions)}
        index = self._by_hash.get(leaf_hash(self.encoding, value))
        if index is None:
            raise UnknownLeafError(tuple(value))
        return index

    def proof(self, index: int) -> tuple[bytes, ...]:
        """Return the proof of the value at `index`."""
        position = self._position(index)
        siblings = []
        while position > 0:
            siblings.append(self.nodes[_sibling(position)])
            position = (position - 1) // 2
        return tuple(siblings)

    def multiproof(self, indices: Iterable[int]) -> MultiProof:
        """Return one proof of all values at `indices`; with none, of the root itself."""
        by_position = {self._position(index): index for index in indices}
        if not by_position:
            return MultiProof((), (self.root,), ())
        ordered = sorted(by_position, reverse=True)
        queue, head = list(ordered), 0
        proof: list[bytes] = []
        flags: list[bool] = []
        while queue[head] > 0:
            position = queue[head]
            head += 1
            sibling = _sibling(position)
            paired = head < len(queue) and queue[head] == sibling
            if paired:
                head += 1
            else:
                proof.append(self.nodes[sibling])
            flags.append(paired)
            queue.append((position - 1) // 2)
        return MultiProof(tuple(self.values[by_position[at]] for at in ordered), tuple(proof), tuple(flags))

    def dump(self) -> str:
        """Return the tree as the JSON that OpenZeppelin's `StandardMerkleTree.load` reads; integers as text."""
        data = {
            "format": DUMP_FORMAT,
            "leafEncoding": list(self.encoding),
            "tree": ["0x" + node.hex() for node in self.nodes],
            "values": [
                {"value": [_to_json(part) for part in value], "treeIndex": position}
                for value, position in zip(self.values, self._positions, strict=True)
            ],
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Self:
        """Read a dump, OpenZeppelin's or ours, and compute it anew. Raises `MerkleError` where it does not agree."""
        try:
            data = json.loads(text)
            if data["format"] != DUMP_FORMAT:
                raise MerkleError(f"unknown format {data['format']!r}")
            encoding = [str(name) for name in data["leafEncoding"]]
            rows = [row["value"] for row in data["values"]]
            values = [tuple(_from_json(name, part) for name, part in zip(encoding, row, strict=True)) for row in rows]
            positions = [int(row["treeIndex"]) for row in data["values"]]
            nodes = [bytes.fromhex(node.removeprefix("0x")) for node in data["tree"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MerkleError("the dump is malformed") from error
        tree = cls.of(values, encoding)
        # Equal values may stand in either order, so their nodes are compared, not their positions.
        if tree.nodes != nodes or sorted(positions) != sorted(tree._positions):
            raise MerkleError("the dump's nodes are not those of its values")
        if any(nodes[ours] != nodes[theirs] for ours, theirs in zip(tree._positions, positions, strict=True)):
            raise MerkleError("the dump's indices are not those of its values")
        return tree

    def _position(self, index: int) -> int:
        if not 0 <= index < len(self._positions):
            raise UnknownLeafError(index)
        return self._positions[index]


def lease_tree(leaves: Iterable[LeaseLeaf]) -> StandardMerkleTree:
    """Return the tree whose root a meter report carries."""
    return StandardMerkleTree.of([(leaf.lease_id, leaf.delivered_gpu_ms) for leaf in leaves], LEASE_LEAF)


def _leaf_hashes(encoding: Sequence[str], values: Sequence[Value]) -> list[bytes]:
    k = new_keccak256
    try:
        if tuple(encoding) == LEASE_LEAF:
            return [
                k(k(first.to_bytes(32, "big") + second.to_bytes(32, "big")).digest()).digest()
                for first, second in values
            ]
        return [k(k(encode(encoding, value)).digest()).digest() for value in values]
    except (EncodingError, ParseError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise MerkleError(f"a value does not fit ({', '.join(encoding)}): {error}") from error


def _grow(leaves: list[bytes]) -> list[bytes]:
    """Return all nodes, given the leaves from the greatest hash to the smallest. A million leaves take seconds."""
    inner = max(len(leaves) - 1, 0)
    nodes = [b""] * inner + leaves
    k = new_keccak256
    right = len(nodes) - 1
    for parent in range(inner - 1, -1, -1):
        a, b = nodes[right - 1], nodes[right]
        nodes[parent] = k(a + b if a < b else b + a).digest()
        right -= 2
    return nodes


def _hash_pair(a: bytes, b: bytes) -> bytes:
    return new_keccak256(a + b if a < b else b + a).digest()


def _sibling(position: int) -> int:
    return position + 1 if position % 2 else position - 1


def _to_json(part: Any) -> Any:
    if isinstance(part, bool | str):
        return part
    if isinstance(part, int):
        return str(part)  # JavaScript's numbers lose integers above 2**53
    if isinstance(part, bytes | bytearray):
        return "0x" + part.hex()
    return [_to_json(inner) for inner in part]


def _from_json(name: str, part: Any) -> Any:
    if name.endswith("]"):
        return [_from_json(name[: name.rindex("[")], inner) for inner in part]
    if name.startswith(("uint", "int")):
        return int(part, 0) if isinstance(part, str) else int(part)
    if name.startswith("bytes"):
        return bytes.fromhex(part.removeprefix("0x"))
    if name.startswith("("):
        raise MerkleError(f"dumps of tuples are not read: {name}")
    return part
