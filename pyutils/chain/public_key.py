"""Public keys as key services hand them out, and the accounts that they are."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import coincurve
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.errors import InputError
from pyutils.keccak import keccak256

_SPKI: Final = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200")
"""How SubjectPublicKeyInfo of a key on secp256k1 begins; its 65 bytes follow."""
_PEM: Final = b"-----BEGIN PUBLIC KEY-----"


class PublicKeyError(InputError):
    """Bytes are no public key on secp256k1."""

    remedy = "Give a key of ECC_SECG_P256K1 (AWS) or EC_SIGN_SECP256K1_SHA256 (Google), as the service hands it out"


def address_of(public_key: bytes) -> ChecksumAddress:
    """Return the account of a public key. Raises `PublicKeyError`.

    Args:
        public_key: 33 bytes, 65 bytes or those without the leading 4, or SubjectPublicKeyInfo as DER or PEM.

    """
    data = _der(public_key) if public_key.lstrip().startswith(_PEM) else public_key
    data = data.removeprefix(_SPKI) if len(data) == len(_SPKI) + 65 else data
    try:
        point = coincurve.PublicKey(b"\x04" + data if len(data) == 64 else data)
    except ValueError:
        raise PublicKeyError(f"{len(public_key)} bytes are no public key on secp256k1") from None
    return to_checksum_address(keccak256(point.format(compressed=False)[1:])[12:])


def _der(pem: bytes) -> bytes:
    lines = [line.strip() for line in pem.strip().splitlines()]
    try:
        return base64.b64decode(b"".join(line for line in lines if not line.startswith(b"-")), validate=True)
    except binascii.Error:
        raise PublicKeyError("the PEM text is no public key") from None
