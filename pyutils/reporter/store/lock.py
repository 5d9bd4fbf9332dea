"""One process for each store, and a mark beside it that says how much was promised with it.

The mark is there because a database file can be put back from an older copy and look sound. It is written after each
promise, so it may be one behind after a crash, and is never ahead of what the newest database holds.
"""

from __future__ import annotations

import fcntl
import logging
import os
import zlib
from pathlib import Path
from typing import Final, Self

from pyutils.keccak import keccak256
from pyutils.reporter.store.errors import StoreBusyError, UnwritableStoreError
from pyutils.reporter.store.identity import Identity

_LOG = logging.getLogger(__name__)
_SIZE: Final = 20 + 1 + 64 + 1 + 16 + 1 + 8 + 1


class StoreLock:
    """The lock on a store, `<path>.lock`; held until it is closed or the process ends. The file stays."""

    def __init__(self, store: Path) -> None:
        """Take the lock. Raises `StoreBusyError` where another has it, `UnwritableStoreError`."""
        # By the real name: two links to one database are one store.
        self.path = Path(f"{store.resolve()}.lock")
        self._store = store
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnwritableStoreError(self.path, error.strerror or str(error)) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            if isinstance(error, BlockingIOError):
                raise StoreBusyError(store) from error
            raise UnwritableStoreError(self.path, error.strerror or str(error)) from error
        self._marked = 0

    def mark(self, owner: Identity, number: int, link: bytes) -> None:
        """Write down, durably, that `number` promises were made by `owner`, the last of them with `link`."""
        if number <= self._marked:
            return
        body = f"{number:020d} {link.hex()} {_name(owner)}".encode()
        try:
            os.pwrite(self._fd, b"%s %08x\n" % (body, zlib.crc32(body)), 0)
            os.fsync(self._fd)
        except OSError as error:
            raise UnwritableStoreError(self.path, error.strerror or str(error)) from error
        self._marked = number

    def marked(self, owner: Identity) -> tuple[int, bytes] | None:
        """Return an owner's mark; None where there is none of it, or where a loss of power tore it."""
        text = os.pread(self._fd, _SIZE, 0)
        body, _, check = text.rstrip(b"\n").rpartition(b" ")
        if not body or len(text) != _SIZE or check != b"%08x" % zlib.crc32(body):
            if text:
                _LOG.warning("%s: the mark is torn; whether the store is an older copy cannot be told", self.path)
            return None
        number, link, name = body.decode().split(" ")
        return (int(number), bytes.fromhex(link)) if name == _name(owner) else None

    def close(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _name(owner: Identity) -> str:
    return keccak256(str(owner).encode("ascii")).hex()[:16]
