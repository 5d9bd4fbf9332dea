"""Which GPUs stand behind a root on chain: lists of ids, kept under the root that commits to them.

The chain holds only roots: of a fleet's GPUs in FleetRegistry, of a lease's in LeaseBook, each dated by its event. An
operator keeps the lists and publishes them to its verifiers, who file them the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pyutils.durable import write_whole
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.merkle import GPU_LEAF, StandardMerkleTree
from pyutils.models.meter import GpuId, normalize_gpu_id

_GPU_ID: TypeAdapter[str] = TypeAdapter(GpuId)


class GpuListError(InputError):
    """A list of GPU ids is missing or malformed."""

    remedy = "Give a file with one GPU id a line, as the meter names them"


class UnknownGpuRootError(InputError):
    """The chain commits to GPUs whose list is not here."""

    remedy = "Ask the operator for the list and file it with `gpurwa fleet gpus FILE`"

    def __init__(self, root: bytes, folder: Path) -> None:
        super().__init__(f"no list of GPUs with the root 0x{root.hex()} in {folder}")
        self.root = root


def gpu_leaf(gpu_id: str) -> bytes:
    """Return the `bytes32` that stands for a GPU in a fleet's tree: the hash of its normalized id."""
    return keccak256(normalize_gpu_id(gpu_id).encode("ascii"))


def gpu_tree(gpu_ids: Iterable[str]) -> StandardMerkleTree:
    """Return the tree of some GPUs. Raises `GpuListError` where one is there twice or malformed."""
    ids = check_gpu_ids(gpu_ids)
    return StandardMerkleTree.of([(gpu_leaf(gpu_id),) for gpu_id in ids], GPU_LEAF)


def check_gpu_ids(gpu_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids in order of name. Raises `GpuListError` where there is none, or one twice or malformed."""
    ids = sorted(gpu_ids)
    if not ids:
        raise GpuListError("the list of GPUs is empty")
    seen: set[str] = set()
    for gpu_id in ids:
        try:
            _GPU_ID.validate_python(gpu_id)
        except ValidationError as error:
            raise GpuListError(f"{gpu_id!r} is no GPU id: {error.errors()[0]['msg']}") from error
        name = normalize_gpu_id(gpu_id)
        if name in seen:
            raise GpuListError(f"GPU {gpu_id} is in the list twice")
        seen.add(name)
    return tuple(ids)


def read_gpu_list(path: Path) -> tuple[str, ...]:
    """Read a file with one id a line; blank lines and lines that begin with # are skipped."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise GpuListError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GpuListError(f"{path} is not ASCII text") from error
    return check_gpu_ids(line.strip() for line in lines if line.strip() and not line.startswith("#"))


class GpuLists:
    """A folder of lists, each in a file named by its root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, gpu_ids: Iterable[str]) -> bytes:
        """File a list and return its root."""
        ids = check_gpu_ids(gpu_ids)
        root = gpu_tree(ids).root
        write_whole(self._path(root), "".join(f"{gpu_id}\n" for gpu_id in ids).encode("ascii"))
        return root

    def ids(self, root: bytes) -> tuple[str, ...]:
        """Return the GPUs behind a root. Raises `UnknownGpuRootError` where their list is not here."""
        path = self._path(root)
        if not path.is_file():
            raise UnknownGpuRootError(root, self.folder)
        ids = read_gpu_list(path)
        if gpu_tree(ids).root != root:
            raise GpuListError(f"{path} was changed: it has another root", remedy="Restore it, or ask the operator")
        return ids

    def _path(self, root: bytes) -> Path:
        return self.folder / f"0x{root.hex()}.txt"
