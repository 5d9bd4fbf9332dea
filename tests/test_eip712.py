"""Typed data: equal to eth-account's encoding, and to what the contracts compute."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from pyutils.chain import dev_signer
from pyutils.contracts import System
from pyutils.devnet import CHAIN_ID
from pyutils.eip712 import (
    CURVE_ORDER,
    DigestError,
    Domain,
    Signature,
    SignatureError,
    close_mutual_hash,
    lease_book_domain,
    meter_oracle_domain,
    meter_report_hash,
    permit_hash,
    sign_digest,
)
from pyutils.models import LeaseLeaf, MeterReport, parse_address
from pyutils.units import FleetId, GpuMs, Joules, LeaseId, UnixSeconds

ORACLE = parse_address("0x00000000000000000000000000000000000000a1")
KEY = bytes(range(1, 33))

TYPES: dict[str, list[tuple[str, str]]] = {
    "MeterReport": [
        ("fleetId", "uint64"),
        ("asOf", "uint40"),
        ("availableGpuMs", "uint64"),
        ("busyGpuMs", "uint64"),
        ("energyJoules", "uint64"),
        ("leaseRoot", "bytes32"),
        ("dataHash", "bytes32"),
        ("previousDigest", "bytes32"),
    ],
    "CloseMutual": [("leaseId", "uint256"), ("deliveredGpuMs", "uint64"), ("nonce", "uint256")],
    "Permit": [
        ("owner", "address"),
        ("spender", "address"),
        ("value", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ],
}

uint64 = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1])
uint256 = st.integers(0, 2**256 - 1) | st.sampled_from([0, 2**255, 2**256 - 1])
word = st.binary(min_size=32, max_size=32) | st.sampled_from([b"\0" * 32, b"\xff" * 32])
address = st.binary(min_size=20, max_size=20).map(lambda raw: parse_address("0x" + raw.hex()))


@st.composite
def reports(draw: st.DrawFn) -> MeterReport:
    return MeterReport(
        fleet_id=FleetId(draw(uint64)),
        as_of=UnixSeconds(draw(st.integers(0, 2**40 - 1) | st.sampled_from([0, 2**40 - 1]))),
        available_gpu_ms=GpuMs(draw(uint64)),
        busy_gpu_ms=GpuMs(draw(uint64)),
        energy_joules=Joules(draw(uint64)),
        lease_root=draw(word),
        data_hash=draw(word),
        previous_digest=draw(word),
    )


def peer_digest(domain: Domain, primary: str, values: tuple[Any, ...]) -> bytes:
    """Return eth-account's digest of the same statement."""
    members = TYPES[primary]
    message = encode_typed_data(
        {
            "name": domain.name,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
        },
        {primary: [{"name": name, "type": kind} for name, kind in members]},
        {name: value for (name, _), value in zip(members, values, strict=True)},
    )
    return bytes(_hash_eip191_message(message))


@given(reports(), st.integers(1, 2**64), address)
def test_meter_report_hash__any_report__equals_eth_account(report: MeterReport, chain: int, contract: str) -> None:
    domain = meter_oracle_domain(chain, contract)
    values = tuple(getattr(report, name) for name in type(report).model_fields)
    assert domain.digest(meter_report_hash(report)) == peer_digest(domain, "MeterReport", values)


@given(uint256, uint64, uint256)
def test_close_mutual_hash__any_values__equals_eth_account(lease: int, delivered: int, nonce: int) -> None:
    domain = lease_book_domain(1, ORACLE)
    mine = domain.digest(close_mutual_hash(lease, delivered, nonce))
    assert mine == peer_digest(domain, "CloseMutual", (lease, delivered, nonce))


@given(address, address, uint256, uint256, uint256)
def test_permit_hash__any_values__equals_eth_account(
    owner: str, spender: str, value: int, nonce: int, deadline: int
) -> None:
    domain = Domain("Test Dollar", "1", 31337, ORACLE)
    mine = domain.digest(permit_hash(owner, spender, value, nonce, deadline))
    assert mine == peer_digest(domain, "Permit", (owner, spender, value, nonce, deadline))


@given(st.integers(1, CURVE_ORDER - 1), word)
@settings(max_examples=50)
def test_sign_digest__any_key__equals_eth_account_and_recovers(number: int, digest: bytes) -> None:
    key = number.to_bytes(32)
    account = Account.from_key(key)
    signature = sign_digest(key, digest)
    peer = account.unsafe_sign_hash(digest)

    assert (signature.r, signature.s, signature.v) == (peer.r, peer.s, peer.v)
    assert signature.signer(digest) == account.address
    assert Signature.from_bytes(signature.to_bytes()) == signature
    assert Signature.from_bytes(b"".join(signature.compact)) == signature


def test_signature__high_s__is_refused() -> None:
    good = sign_digest(KEY, b"\1" * 32)
    with pytest.raises(SignatureError):
        Signature(good.r, CURVE_ORDER - good.s, 1 - good.y_parity)


@pytest.mark.parametrize("data", [b"", b"\1" * 63, b"\1" * 66, b"\1" * 64 + b"\x1d", b"\0" * 65])
def test_signature__bytes_that_are_none__are_refused(data: bytes) -> None:
    with pytest.raises(SignatureError):
        Signature.from_bytes(data)


def test_sign_digest__short_digest__is_refused() -> None:
    with pytest.raises(SignatureError, match="32 bytes, not 31"):
        sign_digest(KEY, b"\1" * 31)


@pytest.mark.parametrize(("delivered", "nonce"), [(2**64, 0), (-1, 0), (0, 2**256)])
def test_close_mutual_hash__out_of_range__is_refused(delivered: int, nonce: int) -> None:
    with pytest.raises(DigestError):
        close_mutual_hash(1, delivered, nonce)


EDGES = [
    MeterReport(
        fleet_id=FleetId(number % 2**64),
        as_of=UnixSeconds(number % 2**40),
        available_gpu_ms=GpuMs(number % 2**64),
        busy_gpu_ms=GpuMs(number // 3 % 2**64),
        energy_joules=Joules(number // 7 % 2**64),
        lease_root=number.to_bytes(32),
        data_hash=(number ^ 2**255).to_bytes(32),
        previous_digest=(number // 11).to_bytes(32),
    )
    for number in (0, 1, 2**40 - 1, 2**64 - 1, 2**255 + 12345, 2**256 - 1, int.from_bytes(KEY))
]


def test_digests__on_chain__equal_the_contracts(system: System) -> None:
    oracle, book = system.oracle.domain(CHAIN_ID), system.lease_book.domain(CHAIN_ID)
    for report in EDGES:
        assert oracle.digest(meter_report_hash(report)) == system.oracle.digest_of(report)
        agreed = LeaseLeaf(lease_id=LeaseId(report.fleet_id), delivered_gpu_ms=report.available_gpu_ms)
        mine = book.digest(close_mutual_hash(agreed.lease_id, agreed.delivered_gpu_ms, 0))
        assert mine == system.lease_book.mutual_digest(agreed)


def test_dev_signer__signs_preimage__recovers_to_its_address() -> None:
    signer, domain = dev_signer(CHAIN_ID, 3), meter_oracle_domain(CHAIN_ID, ORACLE)
    signature = signer.sign_preimage(domain.preimage(b"\7" * 32))
    assert signature.signer(domain.digest(b"\7" * 32)) == signer.address
    assert signer.address == "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
