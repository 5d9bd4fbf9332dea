"""Transactions as bytes: equal to eth-account's, and back to what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.chain import LocalSigner, TransactionError
from pyutils.chain import transaction as transactions

SIGNER = LocalSigner(bytes(range(1, 33)))
FIELDS = {"chainId": 5, "nonce": 1, "to": SIGNER.address, "value": 2, "gas": 21_000, "data": b"\0\1"}
LEGACY = SIGNER.sign_transaction(FIELDS | {"gasPrice": 3})
DYNAMIC = SIGNER.sign_transaction(FIELDS | {"type": 2, "maxFeePerGas": 4, "maxPriorityFeePerGas": 1})

wei = st.integers(0, 2**96)
fields = st.fixed_dictionaries(
    {
        "chainId": st.integers(1, 2**53),
        "nonce": st.integers(0, 2**64 - 2),
        "to": st.just(SIGNER.address),
        "value": wei,
        "gas": st.integers(21_000, 2**40),
        "data": st.binary(max_size=300),
    }
)
fees = st.builds(lambda price: {"gasPrice": price}, wei) | st.builds(
    lambda most, tip: {"type": 2, "maxFeePerGas": most, "maxPriorityFeePerGas": tip}, wei, wei
)


@given(fields, fees)
def test_sign__any_transaction__equals_eth_account_and_comes_back(fields: dict[str, Any], fees: dict[str, int]) -> None:
    raw = transactions.sign(fields | fees, SIGNER.sign_preimage)
    assert raw == SIGNER.sign_transaction(fields | fees)
    assert transactions.parse(raw) == (SIGNER.address, fields | fees)


@pytest.mark.parametrize(
    "raw", [b"", b"\2", b"\3" + DYNAMIC[1:], LEGACY[:-1], DYNAMIC + b"\0", b"\xc0", b"\2\xc0", b"\x80", b"\2\x80"]
)
def test_parse__bytes_that_are_none__are_refused(raw: bytes) -> None:
    with pytest.raises(TransactionError):
        transactions.parse(raw)


@given(st.binary(max_size=200), st.booleans())
def test_parse__random_bytes__raise_nothing_else(data: bytes, typed: bool) -> None:
    with pytest.raises(TransactionError):
        transactions.parse(b"\2" * typed + data)


def test_preimage__field_is_missing__is_named() -> None:
    with pytest.raises(TransactionError, match="maxPriorityFeePerGas"):
        transactions.preimage(FIELDS | {"maxFeePerGas": 4})
