"""Trees against the npm package of OpenZeppelin, which one run of node answers for all cases."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils.errors import UnknownLeafError
from pyutils.keccak import keccak256
from pyutils.merkle import (
    EMPTY_ROOT,
    GPU_LEAF,
    LEASE_LEAF,
    MerkleError,
    StandardMerkleTree,
    leaf_hash,
    lease_tree,
    verify,
    verify_multi,
)
from pyutils.models import LeaseLeaf
from pyutils.units import GpuMs, LeaseId

Leaf = tuple[Any, ...]

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Cases are many, and the machine may be busy."""


@dataclass(frozen=True)
class Case:
    """A tree of ours, sets of indices to prove together, and what the reference made of them."""

    encoding: tuple[str, ...]
    values: list[Leaf]
    sets: list[list[int]]
    answer: dict[str, Any]

    def tree(self) -> StandardMerkleTree:
        return StandardMerkleTree.of(self.values, self.encoding)


def _inputs() -> list[tuple[tuple[str, ...], list[Leaf]]]:
    dice = random.Random(5)
    inputs: list[tuple[tuple[str, ...], list[Leaf]]] = []
    for size in (1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 100):
        inputs.append((LEASE_LEAF, [(dice.getrandbits(64), dice.getrandbits(64)) for _ in range(size)]))
        inputs.append((GPU_LEAF, [(dice.randbytes(32),) for _ in range(size)]))
    inputs.append((LEASE_LEAF, [(0, 0), (2**256 - 1, 2**256 - 1), (1, 0), (0, 1)]))
    inputs.append((LEASE_LEAF, [(7, 7), (8, 8), (7, 7)]))
    inputs.append((("uint256",), [(number,) for number in range(20)]))
    inputs.append((("address", "uint96", "bool"), [("0x" + dice.randbytes(20).hex(), i, i > 3) for i in range(9)]))
    inputs.append((("string", "bytes", "uint64[]"), [("ä" * i, dice.randbytes(i), list(range(i))) for i in range(9)]))
    return inputs


def _plain(part: Any) -> Any:
    """Return a part of a value as JSON that ethers reads."""
    if isinstance(part, bool | str):
        return part
    if isinstance(part, int):
        return str(part)
    return "0x" + part.hex() if isinstance(part, bytes) else [_plain(inner) for inner in part]


@pytest.fixture(scope="module")
def reference(project_root: Path) -> tuple[list[Case], list[str]]:
    """Return all cases with the reference's answers, and the roots that it finds in our dumps."""
    # Missing packages are a broken set-up, not a reason to skip: these tests are why our trees can be trusted.
    assert (project_root / "node_modules/@openzeppelin/merkle-tree").is_dir(), "run `make setup`"
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert node is not None, "node is missing: run `make setup`"
    dice = random.Random(6)
    drafts = []
    for encoding, values in _inputs():
        spots = range(len(values))
        sets = [[], list(spots), *(dice.sample(spots, dice.randint(1, len(values))) for _ in range(4))]
        if len({repr(value) for value in values}) < len(values):
            sets = [[], [0, 1]]
        drafts.append((encoding, values, sets))
    question = {
        "cases": [
            {"encoding": encoding, "values": [[_plain(part) for part in value] for value in values], "sets": sets}
            for encoding, values, sets in drafts
        ],
        "dumps": [StandardMerkleTree.of(values, encoding).dump() for encoding, values, _ in drafts],
    }
    script = project_root / "tests" / "openzeppelin_merkle.cjs"
    done = subprocess.run([node, str(script)], input=json.dumps(question), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    cases = [Case(*draft, built) for draft, built in zip(drafts, answer["built"], strict=True)]
    return cases, answer["loaded"]


def _hex(nodes: tuple[bytes, ...]) -> list[str]:
    return ["0x" + node.hex() for node in nodes]


def test_root_and_nodes__many_trees__equal_openzeppelin(reference: tuple[list[Case], list[str]]) -> None:
    cases, _ = reference
    assert len(cases) > 30
    for case in cases:
        tree = case.tree()
        assert "0x" + tree.root.hex() == case.answer["root"]
        assert _hex(tuple(tree.nodes)) == case.answer["dump"]["tree"]
        ours = json.loads(tree.dump())
        assert ours == {**case.answer["dump"], "values": ours["values"]}
        assert [v["treeIndex"] for v in ours["values"]] == [v["treeIndex"] for v in case.answer["dump"]["values"]]
        assert ours["values"] == case.answer["dump"]["values"]


def test_proof__every_leaf__equals_openzeppelin_and_verifies(reference: tuple[list[Case], list[str]]) -> None:
    for case in reference[0]:
        tree = case.tree()
        for index, value in enumerate(case.values):
            proof = tree.proof(index)
            assert _hex(proof) == case.answer["proofs"][index]
            assert verify(tree.root, leaf_hash(case.encoding, value), proof)


def test_multiproof__many_sets__equals_openzeppelin_and_verifies(reference: tuple[list[Case], list[str]]) -> None:
    checked = 0
    for case in reference[0]:
        tree = case.tree()
        for indices, theirs in zip(case.sets, case.answer["multiproofs"], strict=True):
            ours = tree.multiproof(indices)
            assert _hex(ours.proof) == theirs["proof"]
            assert list(ours.flags) == theirs["proofFlags"]
            assert [[_plain(part) for part in value] for value in ours.leaves] == theirs["leaves"]
            hashes = [leaf_hash(case.encoding, value) for value in ours.leaves]
            assert verify_multi(tree.root, hashes, ours.proof, ours.flags)
            checked += 1
    assert checked > 150


def test_dump__read_by_openzeppelin__gives_our_root(reference: tuple[list[Case], list[str]]) -> None:
    cases, loaded = reference
    assert loaded == ["0x" + case.tree().root.hex() for case in cases]


def test_load__dump_of_openzeppelin__gives_the_same_tree(reference: tuple[list[Case], list[str]]) -> None:
    for case in reference[0]:
        tree = StandardMerkleTree.load(json.dumps(case.answer["dump"]))
        assert tree.root == case.tree().root
        assert tree.dump() == case.tree().dump()


def test_root__no_leaves__is_zero_and_nothing_verifies() -> None:
    tree = lease_tree([])
    assert tree.root == EMPTY_ROOT == bytes(32)
    assert tree.multiproof([]).proof == (EMPTY_ROOT,)
    assert not verify(tree.root, leaf_hash(LEASE_LEAF, (0, 0)), [])
    assert StandardMerkleTree.load(tree.dump()).root == EMPTY_ROOT


def test_lease_tree__leaves_in_another_order__has_the_same_root() -> None:
    leaves = [LeaseLeaf(lease_id=LeaseId(i), delivered_gpu_ms=GpuMs(i * i)) for i in range(11)]
    assert lease_tree(leaves).root == lease_tree(reversed(leaves)).root


def test_fast_path__lease_leaves__equals_the_general_encoding() -> None:
    general = keccak256(keccak256((5).to_bytes(32, "big") + (2**64 - 1).to_bytes(32, "big")))
    assert leaf_hash(LEASE_LEAF, (5, 2**64 - 1)) == general
    # "uint" has the same encoding but is no fast path
    assert leaf_hash(("uint256", "uint128"), (5, 2**64 - 1)) == general


@unhurried
@given(st.data())
def test_verify__anything_changed__is_false(data: st.DataObject) -> None:
    values = data.draw(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**64)), min_size=2, max_size=20, unique=True)
    )
    tree = StandardMerkleTree.of(values, LEASE_LEAF)
    index = data.draw(st.integers(0, len(values) - 1))
    lease_id, delivered = values[index]
    proof = tree.proof(index)
    assert verify(tree.root, leaf_hash(LEASE_LEAF, (lease_id, delivered)), proof)
    assert not verify(tree.root, leaf_hash(LEASE_LEAF, (lease_id, delivered + 2**65)), proof)
    assert not verify(tree.root, leaf_hash(LEASE_LEAF, (lease_id, delivered)), proof[:-1])
    assert not verify(tree.root, leaf_hash(LEASE_LEAF, (lease_id, delivered)), (*proof, proof[0]))
    assert not verify(tree.root, leaf_hash(LEASE_LEAF, (lease_id, delivered)), (proof[0][:-1], *proof[1:]))


@unhurried
@given(st.data())
def test_verify_multi__anything_changed__is_false(data: st.DataObject) -> None:
    values = [(i, i) for i in range(data.draw(st.integers(2, 30)))]
    tree = StandardMerkleTree.of(values, LEASE_LEAF)
    indices = data.draw(st.lists(st.sampled_from(range(len(values))), min_size=1, unique=True))
    many = tree.multiproof(indices)
    leaves = [leaf_hash(LEASE_LEAF, value) for value in many.leaves]
    assert verify_multi(tree.root, leaves, many.proof, many.flags)
    flipped = list(many.flags)
    if flipped:
        spot = data.draw(st.integers(0, len(flipped) - 1))
        flipped[spot] = not flipped[spot]
        assert not verify_multi(tree.root, leaves, many.proof, flipped)
    assert not verify_multi(tree.root, leaves, many.proof, [*many.flags, True])
    assert not verify_multi(tree.root, [*leaves, leaves[0]], many.proof, many.flags)
    assert not verify_multi(tree.root, leaves, [*many.proof, bytes(32)], many.flags)
    forged = [leaf_hash(LEASE_LEAF, (99, 99)), *leaves[1:]]
    assert not verify_multi(tree.root, forged, many.proof, many.flags)


def test_multiproof__index_twice__proves_it_once() -> None:
    tree = StandardMerkleTree.of([(i, i) for i in range(5)], LEASE_LEAF)
    assert tree.multiproof([3, 3, 1]) == tree.multiproof([1, 3])


def test_index_of__known_and_unknown__found_and_refused() -> None:
    tree = StandardMerkleTree.of([(1, 10), (2, 20)], LEASE_LEAF)
    assert tree.index_of((2, 20)) == 1
    with pytest.raises(UnknownLeafError, match=r"no leaf \(2, 21\)"):
        tree.index_of((2, 21))
    for index in (-1, 2):
        with pytest.raises(UnknownLeafError):
            tree.proof(index)


@pytest.mark.parametrize("value", [(1,), (1, 2, 3), (-1, 2), (1, 2**256), ("1", 2), (1.0, 2)])
def test_of__value_that_does_not_fit__is_refused(value: tuple[Any, ...]) -> None:
    with pytest.raises(MerkleError, match="does not fit"):
        StandardMerkleTree.of([value], LEASE_LEAF)


def test_of__type_that_is_none__is_refused() -> None:
    with pytest.raises(MerkleError, match="does not fit"):
        StandardMerkleTree.of([(1,)], ["uint257"])


def _forged(change: str) -> str:
    dump = json.loads(StandardMerkleTree.of([(i, i) for i in range(4)], LEASE_LEAF).dump())
    if change == "value":
        dump["values"][0]["value"][1] = "77"
    elif change == "root":
        dump["tree"][0] = "0x" + "11" * 32
    elif change == "index":
        first, second = dump["values"][:2]
        first["treeIndex"], second["treeIndex"] = second["treeIndex"], first["treeIndex"]
    elif change == "format":
        dump["format"] = "simple-v1"
    elif change == "keys":
        del dump["leafEncoding"]
    elif change == "arity":
        dump["values"][0]["value"].append("1")
    return "[" if change == "json" else json.dumps(dump)


@pytest.mark.parametrize("change", ["value", "root", "index", "format", "keys", "arity", "json"])
def test_load__forged_dump__is_refused(change: str) -> None:
    with pytest.raises(MerkleError):
        StandardMerkleTree.load(_forged(change))
    StandardMerkleTree.load(_forged("nothing"))
