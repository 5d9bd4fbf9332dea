"""An account of ape as one of our signers, so that scripts sign with whatever account plugin their user has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.eip712 import Signature
from pyutils.errors import SigningError
from pyutils.keccak import keccak256

if TYPE_CHECKING:
    from ape.api import AccountAPI, EcosystemAPI


class ApeRefusedError(SigningError):
    """An account of ape did not sign."""

    remedy = "Unlock it, or confirm on the device; some plugins sign no plain digests"


class ApeSigner:
    """A signer that asks an account of ape.

    A keyfile's account asks its user before each signature. Where `APE_ACCOUNTS_<alias>_PASSPHRASE` has its passphrase,
    which is how ape opens it where nobody types, it signs without.
    """

    def __init__(self, account: AccountAPI, ecosystem: EcosystemAPI) -> None:
        self._account, self._ecosystem = account, ecosystem
        self.address: ChecksumAddress = to_checksum_address(str(account.address))
        sign_alone = getattr(account, "set_autosign", None)
        if sign_alone is not None and f"APE_ACCOUNTS_{account.alias}_PASSPHRASE" in os.environ:
            sign_alone(True)

    def __repr__(self) -> str:
        return f"ApeSigner({self.address})"

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Return the raw signed transaction. Raises `ApeRefusedError`."""
        signed = self._account.sign_transaction(
            self._ecosystem.create_transaction(**transaction, **{"from": self.address})
        )
        if signed is None:
            raise ApeRefusedError(f"{self.address} did not sign the transaction")
        return bytes(signed.serialize_transaction())

    def sign_preimage(self, preimage: bytes) -> Signature:
        """Return a signature over keccak256(preimage). Raises `ApeRefusedError`."""
        from eth_pydantic_types import HexBytes

        signature = self._account.sign_raw_msghash(HexBytes(keccak256(preimage)))
        if signature is None:
            raise ApeRefusedError(f"{self.address} did not sign the statement")
        return Signature(int.from_bytes(signature.r), int.from_bytes(signature.s), signature.v - 27)
