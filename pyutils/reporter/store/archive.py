"""One file with a store's history, its meters and its published files, for moving to another machine.

A gzipped tar whose members have fixed names and places: `history.json`, then `checkpoints/0000` and so on in the
history's order, then published files by their hash. What reads it believes no name and no size: a name that is not one
of these, or more bytes than its kind may have, ends the reading. Published files are named by what is in them, and
whoever uses one looks whether that is so.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from pydantic import ValidationError

from pyutils.errors import InputError
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.errors import FullDiskError, StoreError, UnwritableStoreError
from pyutils.reporter.store.history import History

HISTORY: Final = "history.json"
_CHECKPOINT: Final = "checkpoints/{:04d}"
_FILES: Final[Mapping[str, re.Pattern[str]]] = {
    "leaf_files": re.compile(r"0x[0-9a-f]{64}\.jsonl\.gz"),
    "samples": re.compile(r"0x[0-9a-f]{64}\.csv\.gz"),
    "gpus": re.compile(r"0x[0-9a-f]{64}\.txt"),
}
MAX_HISTORY_BYTES: Final = 2**30
"""A history may have so many bytes; ten years of a fleet's hourly reports take a fifth of them."""
MAX_CHECKPOINT_BYTES: Final = 2**30
MAX_FILE_BYTES: Final = 2**31
_MAX_READ: Final = 2**24
"""Read at once at most; a header that asks for more lies."""


class ArchiveError(InputError):
    """A file is no archive of a store, or not whole. Nothing was changed."""

    remedy = "Copy the archive again, and compare its size; or export it again"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class ArchiveExistsError(InputError):
    """Something is where an archive was to be."""

    remedy = "Choose another path"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already")


def published(folders: Folders | None) -> list[tuple[str, Path]]:
    """Return the published files that go along, with their names in the archive. May raise `OSError`."""
    found = []
    for kind, folder in _places(folders).items():
        if folder.is_dir():
            names = sorted(path.name for path in folder.iterdir() if _FILES[kind].fullmatch(path.name))
            found += [(f"{kind}/{name}", folder / name) for name in names]
    return found


def write_archive(
    path: Path, history: History, checkpoints: Iterator[bytes], files: Sequence[tuple[str, Path]]
) -> None:
    """Write an archive, whole or not at all, readable by its owner alone. Raises `FullDiskError`, `StoreError`."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
            with (
                gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
            ):
                _add(tar, HISTORY, history.model_dump_json().encode())
                for place, data in enumerate(checkpoints):
                    _add(tar, _CHECKPOINT.format(place), data)
                for name, file in files:
                    with file.open("rb") as content:
                        tar.addfile(_member(name, os.fstat(content.fileno()).st_size), content)
            out.flush()
            os.fsync(out.fileno())
        partial.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


class Archive:
    """An archive that is being read, from its begin to its end; ask in the order of the methods."""

    def __init__(self, path: Path, unpacked: _Unpacked, tar: tarfile.TarFile) -> None:
        """Read what `open_archive` opened."""
        self.path = path
        self._unpacked, self._tar = unpacked, tar

    def history(self) -> History:
        """Return the history. Raises `ArchiveError`."""
        try:
            return History.model_validate_json(self._bytes(HISTORY, MAX_HISTORY_BYTES))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or HISTORY
            raise ArchiveError(self.path, f"{where}: {first['msg']}") from error

    def checkpoints(self, history: History) -> Iterator[bytes]:
        """Yield the meters' bytes in the history's order. Raises `ArchiveError`."""
        for place in range(len(history.checkpoints)):
            yield self._bytes(_CHECKPOINT.format(place), MAX_CHECKPOINT_BYTES)

    def unpack_files(self, history: History, folders: Folders | None) -> None:
        """Put published files where they belong; one that is there stays. Raises `ArchiveError`, `StoreError`.

        Without folders they are only read through. The archive is known to be whole afterwards.
        """
        places = _places(folders)
        found = 0
        while found <= history.files and (member := self._tar.next()) is not None:
            kind, _, name = member.name.partition("/")
            if kind not in _FILES or not _FILES[kind].fullmatch(name):
                raise ArchiveError(self.path, f"{member.name!r} is no file of an archive")
            content = self._content(member, MAX_FILE_BYTES)
            if kind in places:
                _place(places[kind], name, content)
            found += 1
        if found != history.files:
            raise ArchiveError(self.path, f"the archive does not hold the {history.files} files that were exported")
        # The last bytes are the checksum of all.
        while self._unpacked.read(_MAX_READ):
            pass

    def _bytes(self, name: str, limit: int) -> bytes:
        member = self._tar.next()
        if member is None or member.name != name:
            raise ArchiveError(self.path, f"{name} is not where it belongs")
        content = self._content(member, limit)
        return b"".join(iter(lambda: content.read(_MAX_READ), b""))

    def _content(self, member: tarfile.TarInfo, limit: int) -> IO[bytes]:
        content = self._tar.extractfile(member) if member.isreg() else None
        if content is None or member.size > limit:
            raise ArchiveError(self.path, f"{member.name!r} is no plain file of at most {limit} bytes")
        return content


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive and let the caller read it. Raises `ArchiveError` where it is none, damaged or cut."""
    try:
        with (
            path.open("rb") as file,
            _Unpacked(fileobj=file, mode="rb") as unpacked,
            tarfile.open(fileobj=unpacked, mode="r:") as tar,
        ):
            yield Archive(path, unpacked, tar)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
        raise ArchiveError(path, f"the archive is damaged: {error}") from error
    except OSError as error:
        raise ArchiveError(path, f"cannot be read: {error.strerror or error}") from error


class _Unpacked(gzip.GzipFile):
    """Unpacks no more at once than an honest archive needs: tar would take any size that a header claims."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_READ:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        return super().read(size)


def disk_error(path: Path, error: OSError) -> StoreError:
    """Return what the system's error means for a file that is written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullDiskError(path)
    return UnwritableStoreError(path, error.strerror or str(error))


def _places(folders: Folders | None) -> dict[str, Path]:
    if folders is None:
        return {}
    return {"leaf_files": folders.leaf_files, "samples": folders.samples, "gpus": folders.gpu_lists.folder}


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_member(name, len(data)), io.BytesIO(data))


def _place(folder: Path, name: str, content: IO[bytes]) -> None:
    path = folder / name
    if path.exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=folder, suffix=".partial")
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        with os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(content, out, 2**20)
            out.flush()
            os.fsync(out.fileno())
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        Path(partial).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
