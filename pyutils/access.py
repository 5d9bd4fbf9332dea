"""The access handshake: a lessee publishes an X25519 key, the operator encrypts connection data to it.

Nobody but the holder of the private key reads what `grantAccess` publishes; the operator that wrote it cannot read it
again either. Private keys lie in files of their own, readable by their owner alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from pyutils.errors import InputError

KEY_BYTES = 32
MOST_CONNECTION_BYTES = 4_096
"""Connection data is calldata and is paid for by the byte: put addresses and tokens in it, not files."""


class AccessKeyError(InputError):
    """A key for access is missing or malformed."""

    remedy = "Publish a new key with `gpurwa lease rekey` and ask the operator to grant again"


class ConnectionDataError(InputError):
    """Connection data is empty, too long, or not meant for any key at hand."""

    remedy = "Give 1 to 4,096 bytes of text"


class AccessKeys:
    """The access keys of one person, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> bytes:
        """Make a key pair, store the private key with mode 0600 and return the public key."""
        private = PrivateKey.generate()
        public = bytes(private.public_key)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # O_EXCL: a key is written once, and never through a link that somebody left.
        handle = os.open(self._path(public), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(bytes(private).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return public

    def discard(self, public: bytes) -> None:
        """Remove a key that was never published."""
        self._path(public).unlink(missing_ok=True)

    def holds(self, public: bytes) -> bool:
        """Return whether the private half of `public` is here."""
        return self._path(public).is_file()

    def decrypt(self, connection: bytes, publics: Iterable[bytes]) -> str:
        """Return connection data that was encrypted to one of `publics`, the newest first.

        Raises `AccessKeyError` where no private key at hand opens it.
        """
        wanted = list(publics)
        for public in wanted:
            if self.holds(public):
                try:
                    return SealedBox(self._load(public)).decrypt(connection).decode("utf-8")
                except CryptoError:
                    continue
        shown = ", ".join(f"0x{public.hex()}" for public in wanted)
        raise AccessKeyError(f"no access key in {self.folder} opens this connection data, published were {shown}")

    def _load(self, public: bytes) -> PrivateKey:
        path = self._path(public)
        try:
            private = PrivateKey(bytes.fromhex(path.read_text().strip()))
        except (OSError, ValueError, TypeError) as error:
            raise AccessKeyError(f"access key {path} cannot be read") from error
        if bytes(private.public_key) != public:
            raise AccessKeyError(f"access key {path} belongs to another public key")
        return private

    def _path(self, public: bytes) -> Path:
        return self.folder / f"0x{public.hex()}.key"


def encrypt(connection: str, public: bytes) -> bytes:
    """Return connection data that only the holder of `public`'s private half can read."""
    data = connection.encode("utf-8")
    if not 0 < len(data) <= MOST_CONNECTION_BYTES:
        raise ConnectionDataError(f"connection data of {len(data)} bytes")
    if len(public) != KEY_BYTES or not any(public):
        raise AccessKeyError(f"0x{public.hex()} is no X25519 public key")
    return SealedBox(PublicKey(public)).encrypt(data)
