"""Lists of GPUs behind roots: normalized, checked, and found again by the root alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyutils.merkle import GPU_LEAF, leaf_hash, verify
from pyutils.operations.gpu_lists import (
    GpuListError,
    GpuLists,
    UnknownGpuRootError,
    gpu_leaf,
    gpu_tree,
    read_gpu_list,
)


@pytest.fixture
def lists(tmp_path: Path) -> GpuLists:
    return GpuLists(tmp_path / "gpus")


def test_file__list__found_by_its_root(lists: GpuLists) -> None:
    root = lists.file(["GPU-b", "GPU-a"])
    assert root == gpu_tree(["GPU-a", "GPU-b"]).root
    assert lists.ids(root) == ("GPU-a", "GPU-b")


def test_ids__list_of_another_root__refused(lists: GpuLists) -> None:
    root = lists.file(["GPU-a"])
    with pytest.raises(UnknownGpuRootError, match="00" * 32):
        lists.ids(bytes(32))
    (lists.folder / f"0x{root.hex()}.txt").write_text("GPU-b\n")
    with pytest.raises(GpuListError, match="was changed"):
        lists.ids(root)


def test_gpu_leaf__same_board_written_differently__same_leaf() -> None:
    assert gpu_leaf("GPU-3F2A") == gpu_leaf(" gpu-3f2a ")
    tree = gpu_tree(["GPU-3F2A", "x"])
    leaf = leaf_hash(GPU_LEAF, (gpu_leaf("gpu-3f2a"),))
    assert verify(tree.root, leaf, tree.proof(tree.index_of((gpu_leaf("gpu-3f2a"),))))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("# only words\n\n", "empty"),
        ("a\nb\nA\n", "twice"),
        ("a,b\n", "no GPU id"),
        ("a b\n", "no GPU id"),
        ("é\n", "ASCII"),
    ],
)
def test_read_gpu_list__unusable__refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "gpus.txt"
    file.write_text(text)
    with pytest.raises(GpuListError, match=reason):
        read_gpu_list(file)


def test_read_gpu_list__no_file__refused(tmp_path: Path) -> None:
    with pytest.raises(GpuListError, match="cannot be read"):
        read_gpu_list(tmp_path / "none.txt")


def test_read_gpu_list__comments_and_blanks__skipped(tmp_path: Path) -> None:
    file = tmp_path / "gpus.txt"
    file.write_text("# rack 1\n\ngpu-2 \ngpu-1\n")
    assert read_gpu_list(file) == ("gpu-1", "gpu-2")
