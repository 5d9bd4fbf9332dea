"""Leaf files by their hash, from wherever somebody says that they lie: folders and publishers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyutils.errors import GpuRwaError, InputError, LeafFileError
from pyutils.meter import LeafFile, read_leaf_file
from pyutils.reporter.publishing.fetch import Fetcher


class NoLeafFileError(InputError):
    """No location that was given has a leaf file."""

    remedy = "Give more locations: --leaf-files FOLDER or --from URL, each as often as wanted"


class LeafFiles:
    """Locations of leaf files, asked in the order given; files are kept in memory for as long as this is.

    Args:
        folders: folders of leaf files, named by their hash.
        publishers: operators or verifiers who publish.

    """

    def __init__(self, folders: Sequence[Path] = (), publishers: Sequence[Fetcher] = ()) -> None:
        self._folders, self._publishers = folders, publishers
        self._kept: dict[bytes, LeafFile] = {}

    def find(self, data_hash: bytes) -> LeafFile:
        """Return the leaf file with a hash. Raises `NoLeafFileError`, naming what each location lacked."""
        if data_hash not in self._kept:
            self._kept[data_hash] = self._find(data_hash)
        return self._kept[data_hash]

    def _find(self, data_hash: bytes) -> LeafFile:
        name = f"0x{data_hash.hex()}.jsonl.gz"
        tried = []
        for folder in self._folders:
            path = folder / name
            if not path.exists():
                tried.append(f"{folder} does not have it")
                continue
            try:
                return read_leaf_file(path, data_hash)
            except LeafFileError as error:
                tried.append(error.message)
        for publisher in self._publishers:
            try:
                return publisher.leaf_file(data_hash)
            except GpuRwaError as error:
                tried.append(error.message)
        raise NoLeafFileError(f"{name}: {'; '.join(tried) or 'no location is given'}")
