"""Files that are there whole or not at all, whatever ends the process or the machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pyutils.errors import GpuRwaError


class UnwritableFileError(GpuRwaError):
    """A file cannot be written; what was there before is there still."""

    remedy = "Make room on the disk, and see that the folder may be written; a daemon goes on by itself"

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror or error}")
        self.path = path


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file, and its name, onto the disk before anybody finds it there. Raises `UnwritableFileError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise UnwritableFileError(path, error) from error
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
