"""Transactions as bytes: what is signed, the raw form that a signature makes of it, and back. EIP-1559 and EIP-155."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from pyutils.eip712 import Signature, SignatureError
from pyutils.errors import SigningError
from pyutils.keccak import keccak256

_DYNAMIC_FEE: Final = b"\x02"
_V_OFFSET: Final = 35
"""EIP-155: `v` is 35 + 2 × chain id + parity."""


class TransactionError(SigningError):
    """Fields or bytes are no transaction that this package sends."""

    remedy = "Send an EIP-1559 transaction, or a legacy one that names its chain"


def preimage(transaction: Mapping[str, Any]) -> bytes:
    """Return the bytes whose keccak256 is signed. Raises `TransactionError`.

    Args:
        transaction: `chainId`, `nonce`, `to`, `value`, `data`, `gas`, and either `gasPrice` or `maxFeePerGas` with
            `maxPriorityFeePerGas`; integers, bytes, and the receiver as 0x text.

    """
    fields = _fields(transaction)
    if _is_dynamic(transaction):
        return _DYNAMIC_FEE + bytes(rlp.encode(fields))
    return bytes(rlp.encode([*fields, transaction["chainId"], 0, 0]))


def assemble(transaction: Mapping[str, Any], signature: Signature) -> bytes:
    """Return the raw signed transaction. Raises `TransactionError`."""
    fields = _fields(transaction)
    if _is_dynamic(transaction):
        return _DYNAMIC_FEE + bytes(rlp.encode([*fields, signature.y_parity, signature.r, signature.s]))
    v = _V_OFFSET + 2 * transaction["chainId"] + signature.y_parity
    return bytes(rlp.encode([*fields, v, signature.r, signature.s]))


def sign(transaction: Mapping[str, Any], sign_preimage: Callable[[bytes], Signature]) -> bytes:
    """Return the raw transaction, signed by whoever signs preimages."""
    return assemble(transaction, sign_preimage(preimage(transaction)))


def parse(raw: bytes) -> tuple[ChecksumAddress, dict[str, Any]]:
    """Return who signed a raw transaction, and its fields as `preimage` takes them. Raises `TransactionError`."""
    try:
        if raw[:1] == _DYNAMIC_FEE:
            transaction, signature = _parse_dynamic(rlp.decode(raw[1:]))
        else:
            transaction, signature = _parse_legacy(rlp.decode(raw))
        sender = signature.signer(keccak256(preimage(transaction)))
    except (rlp.exceptions.DecodingError, SignatureError, ValueError, TypeError) as error:
        raise TransactionError(f"{len(raw)} bytes are no signed transaction: {error}") from error
    return sender, transaction


def _is_dynamic(transaction: Mapping[str, Any]) -> bool:
    return "gasPrice" not in transaction


def _fields(transaction: Mapping[str, Any]) -> list[Any]:
    try:
        to = bytes.fromhex(transaction["to"].removeprefix("0x"))
        call = [transaction["gas"], to, transaction["value"], transaction["data"]]
        if not _is_dynamic(transaction):
            return [transaction["nonce"], transaction["gasPrice"], *call]
        fees = [transaction["maxPriorityFeePerGas"], transaction["maxFeePerGas"]]
        return [transaction["chainId"], transaction["nonce"], *fees, *call, []]
    except KeyError as error:
        raise TransactionError(f"a transaction lacks {error}") from error


def _parse_dynamic(row: list[bytes]) -> tuple[dict[str, Any], Signature]:
    chain_id, nonce, tip, most, gas, to, value, data, access_list, parity, r, s = row
    if access_list:
        raise ValueError("it has an access list")
    transaction = {"chainId": _int(chain_id), "nonce": _int(nonce)}
    transaction |= {"maxPriorityFeePerGas": _int(tip), "maxFeePerGas": _int(most), "type": 2}
    return transaction | _call(gas, to, value, data), Signature(_int(r), _int(s), _int(parity))


def _parse_legacy(row: list[bytes]) -> tuple[dict[str, Any], Signature]:
    nonce, price, gas, to, value, data, v, r, s = row
    chain_id, parity = divmod(_int(v) - _V_OFFSET, 2)
    if chain_id < 1:
        raise ValueError("it names no chain")
    transaction = {"chainId": chain_id, "nonce": _int(nonce), "gasPrice": _int(price)}
    return transaction | _call(gas, to, value, data), Signature(_int(r), _int(s), parity)


def _call(gas: bytes, to: bytes, value: bytes, data: bytes) -> dict[str, Any]:
    return {"gas": _int(gas), "to": to_checksum_address(to), "value": _int(value), "data": data}


def _int(data: bytes) -> int:
    return int.from_bytes(data)
