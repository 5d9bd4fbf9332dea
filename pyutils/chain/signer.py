"""Who signs. Keys stay inside a signer: they are never printed, logged or returned."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import coincurve
from eth_account import Account
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.eip712 import Signature, sign_digest
from pyutils.errors import SigningError
from pyutils.keccak import keccak256

DEV_CHAINS: Final = frozenset({31337, 1337})
"""Chains of development nodes; nowhere else are the well-known keys ever used."""

_DEV_MNEMONIC = "test test test test test test test test test test test junk"


class KeystoreError(SigningError):
    """A keystore cannot be opened."""

    remedy = "Check the file and its password"


class NotADevChainError(SigningError):
    """Somebody asked for a development account on a chain where it would be anybody's."""

    remedy = "Use a keystore; the development accounts' keys are public"


class Signer(Protocol):
    """An account that signs transactions and typed data.

    What is to be signed is given unhashed: a remote signer hashes for itself, so that nobody can make it sign a hash of
    something that it was not shown.
    """

    @property
    def address(self) -> ChecksumAddress:
        """Return the account."""

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Return the raw signed transaction."""

    def sign_preimage(self, preimage: bytes) -> Signature:
        """Return a signature over keccak256(preimage); for typed data that is what `Domain.preimage` returns."""


class LocalSigner:
    """A signer that holds its key in memory."""

    __slots__ = ("_key", "address")

    def __init__(self, key: bytes) -> None:
        self._key = bytes(key)
        public = coincurve.PrivateKey(self._key).public_key.format(compressed=False)
        self.address: ChecksumAddress = to_checksum_address(keccak256(public[1:])[12:])

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def __reduce__(self) -> str:
        raise KeystoreError("a signer cannot be copied to another process", remedy="Open its keystore there")

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Return the raw signed transaction."""
        return bytes(Account.sign_transaction(dict(transaction), self._key).raw_transaction)

    def sign_preimage(self, preimage: bytes) -> Signature:
        """Return a signature over keccak256(preimage)."""
        return sign_digest(self._key, keccak256(preimage))

    @classmethod
    def from_keystore(
        cls, keystore: Path, password_file: Path | None = None, prompt: Callable[[str], str] = getpass.getpass
    ) -> LocalSigner:
        """Open a keystore v3 file with the first line of `password_file`, or with what the user types.

        Raises `KeystoreError` where file or password will not do.
        """
        try:
            document = json.loads(keystore.read_text())
        except OSError as error:
            raise KeystoreError(f"keystore {keystore} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise KeystoreError(f"keystore {keystore} is no keystore v3 file") from error
        if password_file is None:
            password = prompt(f"Password of {keystore.name}: ")
        else:
            try:
                password = next(iter(password_file.read_text().splitlines()), "")
            except OSError as error:
                raise KeystoreError(f"password file {password_file} cannot be read: {error.strerror}") from error
        try:
            return cls(Account.decrypt(document, password))
        except (ValueError, KeyError, TypeError) as error:
            reason = "the password is wrong" if "MAC mismatch" in str(error) else "it is no keystore v3 file"
            raise KeystoreError(f"keystore {keystore}: {reason}") from None


def dev_signer(chain_id: int, index: int) -> LocalSigner:
    """Return anvil's account `index`, whose key everybody knows. Raises `NotADevChainError` on a real chain."""
    if chain_id not in DEV_CHAINS:
        raise NotADevChainError(f"chain {chain_id} is no development chain")
    return _dev_signer(index)


def _dev_signer(index: int) -> LocalSigner:
    Account.enable_unaudited_hdwallet_features()
    return LocalSigner(bytes(Account.from_mnemonic(_DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}").key))
