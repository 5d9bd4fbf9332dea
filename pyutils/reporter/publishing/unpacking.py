"""Gzip from strangers: unpacked chunk by chunk, hashed on the way, and cut off where it grows beyond a limit."""

from __future__ import annotations

import zlib
from typing import Final

from pyutils.errors import InputError
from pyutils.keccak import new_keccak256

_PIECE: Final = 2**20
_GZIP_WBITS: Final = 31


class UnpackingError(InputError):
    """Bytes are no gzip file of one member, or unpack to more than they may."""

    remedy = "Fetch the file again from its publisher"


class Unpacker:
    """Takes a gzip file in chunks and holds no more than a mebibyte of what it unpacks to.

    One member alone is taken, and nothing behind it: a file of a million empty ones would keep a reader busy for hours.
    """

    def __init__(self, limit: int) -> None:
        """Refuse what unpacks to more than `limit` bytes."""
        self.limit, self.size = limit, 0
        self._unpack = zlib.decompressobj(_GZIP_WBITS)
        self._hash = new_keccak256()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the file. Raises `UnpackingError`."""
        while chunk:
            if self._unpack.eof:
                raise UnpackingError("there are bytes behind its end")
            try:
                piece = self._unpack.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise UnpackingError("it is no gzip file, or damaged") from error
            self.size += len(piece)
            if self.size > self.limit:
                raise UnpackingError(f"it unpacks to more than {self.limit} bytes")
            self._hash.update(piece)
            chunk = self._unpack.unconsumed_tail or self._unpack.unused_data

    def finish(self) -> bytes:
        """Return the hash of what it unpacked to. Raises `UnpackingError` where the file ended early."""
        if not self._unpack.eof:
            raise UnpackingError("it ends early")
        return self._hash.digest()
