"""Signing by a cloud's key service: the part that every service leaves to its users, tested, and a hook for the rest.

A key service hashes nothing that Ethereum hashes, so it signs a digest, and answers with DER: no parity, and `s` as it
came, high half the time, which no chain takes. `KmsSigner` makes a signature of it. What it needs is the account and a
function from a digest to DER, which a module of yours makes, named as `kms:MODULE:FUNCTION`; this one for AWS, a key
of `ECC_SECG_P256K1` whose usage is `SIGN_VERIFY`::

    import boto3
    from pyutils.chain import KmsSigner

    def gas_key() -> KmsSigner:
        kms, key = boto3.client("kms"), "alias/gpurwa-gas"

        def sign(digest: bytes) -> bytes:
            answer = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
            return answer["Signature"]

        return KmsSigner(kms.get_public_key(KeyId=key)["PublicKey"], sign)

and this one for Google Cloud, a key version of `EC_SIGN_SECP256K1_SHA256`, whose digest goes where a SHA-256 would::

    from google.cloud import kms
    from pyutils.chain import KmsSigner

    def gas_key() -> KmsSigner:
        client, key = kms.KeyManagementServiceClient(), "projects/…/cryptoKeyVersions/1"

        def sign(digest: bytes) -> bytes:
            return client.asymmetric_sign(request={"name": key, "digest": {"sha256": digest}}).signature

        return KmsSigner(client.get_public_key(request={"name": key}).pem.encode(), sign)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.chain import transaction as transactions
from pyutils.chain.public_key import address_of
from pyutils.eip712 import CURVE_ORDER, Signature, SignatureError
from pyutils.errors import InputError, SigningError
from pyutils.keccak import keccak256
from pyutils.models import parse_address


class KmsHookError(InputError):
    """`MODULE:FUNCTION` names nothing that makes a signer."""

    remedy = "Name a function without arguments, in a module on PYTHONPATH, that returns a KmsSigner"


class KmsError(SigningError):
    """A key service did not sign."""

    remedy = "Look into the service's log, and whether this machine may use the key"


class DerError(KmsError):
    """A key service answered with something that is no signature."""

    remedy = "Let the hook return the service's DER bytes unchanged"


class KmsSigner:
    """An account whose key a key service holds.

    Args:
        account: its address, or its public key as the service hands it out: DER, PEM, or a point of 33 to 65 bytes.
        sign: takes a digest of 32 bytes and returns the service's signature of it, DER.

    Raises `PublicKeyError` where the key is none on secp256k1, `ValueError` where an address is none.
    """

    def __init__(self, account: str | bytes, sign: Callable[[bytes], bytes]) -> None:
        self.address: ChecksumAddress = (
            to_checksum_address(parse_address(account)) if isinstance(account, str) else address_of(account)
        )
        self._sign = sign

    def __repr__(self) -> str:
        return f"KmsSigner({self.address})"

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Return the raw signed transaction. Raises `KmsError`."""
        return transactions.sign(transaction, self.sign_preimage)

    def sign_preimage(self, preimage: bytes) -> Signature:
        """Return a signature over keccak256(preimage). Raises `KmsError`."""
        digest = keccak256(preimage)
        try:
            der = bytes(self._sign(digest))
        except Exception as error:
            # The hook is the user's, so it may raise anything; it becomes one line.
            raise KmsError(f"the key service did not sign for {self.address}: {_said(error)}") from error
        r, s = parse_der(der)
        try:
            return Signature.recovered(r, s, digest, self.address)
        except SignatureError:
            raise KmsError(
                f"the key service did not sign with the key of {self.address}",
                remedy="Let the hook sign the digest as it is, unhashed, with the key whose account it names",
            ) from None


def open_kms_signer(entry: str) -> KmsSigner:
    """Return the signer that `MODULE:FUNCTION` makes. Raises `KmsHookError`."""
    module_name, _, function_name = entry.partition(":")
    try:
        signer = getattr(importlib.import_module(module_name), function_name)()
    except Exception as error:
        raise KmsHookError(f"{entry!r} made no signer: {_said(error)}") from error
    if not isinstance(signer, KmsSigner):
        raise KmsHookError(f"{entry!r} returned {type(signer).__name__}, not a KmsSigner")
    return signer


def parse_der(der: bytes) -> tuple[int, int]:
    """Return `r` and `s` of an ECDSA signature in DER. Raises `DerError` where it is not exactly that."""
    r, after_r = _integer(der, 2)
    s, end = _integer(der, after_r)
    if der[:1] != b"\x30" or len(der) != end or der[1] != end - 2 or not (0 < r < CURVE_ORDER and 0 < s < CURVE_ORDER):
        raise DerError(f"{len(der)} bytes are no DER signature of two numbers below the curve's order")
    return r, s


def _integer(der: bytes, begin: int) -> tuple[int, int]:
    """Return the integer whose tag is at `begin`, and where it ends; zero, which no signature holds, where none is."""
    if len(der) < begin + 2 or der[begin] != 0x02:
        return 0, begin + 2
    end = begin + 2 + der[begin + 1]
    return int.from_bytes(der[begin + 2 : end], signed=True), end


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
