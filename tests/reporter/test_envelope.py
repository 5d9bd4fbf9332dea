"""An envelope opens only for whom it is meant, over the body that it was made for, as the answer that it is."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from pyutils.eip712 import CURVE_ORDER
from pyutils.reporter.witness.envelope import (
    AUDIENCE_HEADER,
    NO_REQUEST,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    SIGNER_HEADER,
    Envelope,
    EnvelopeError,
    StrangerError,
    reporter_domain,
)

from .stage import CHAIN_ID, DOMAIN, OPERATOR, ORACLE, STRANGER, verifier_key

VERIFIER = verifier_key(0)
BODY = b'{"a":1}'


@pytest.fixture
def sealed() -> Envelope:
    return Envelope.seal(DOMAIN, OPERATOR, BODY, VERIFIER.address)


def test_open__what_was_sealed__same_envelope(sealed: Envelope) -> None:
    assert Envelope.open(DOMAIN, sealed.headers, BODY, VERIFIER.address) == sealed
    assert sealed.signer == OPERATOR.address


def test_seal__twice__nonces_differ(sealed: Envelope) -> None:
    again = Envelope.seal(DOMAIN, OPERATOR, BODY, VERIFIER.address)
    assert again.message.nonce != sealed.message.nonce
    assert again.message.struct_hash != sealed.message.struct_hash


def test_seal__against_eth_account__same_typed_data(sealed: Envelope) -> None:
    message = sealed.message
    typed = encode_typed_data(
        {"name": "GpuRwaReporter", "version": "1", "chainId": CHAIN_ID, "verifyingContract": ORACLE},
        {
            "Message": [
                {"name": "body", "type": "bytes32"},
                {"name": "audience", "type": "address"},
                {"name": "answers", "type": "bytes32"},
                {"name": "nonce", "type": "bytes32"},
            ]
        },
        {
            "body": message.body_hash,
            "audience": message.audience,
            "answers": message.answers,
            "nonce": message.nonce,
        },
    )
    assert Account.recover_message(typed, signature=sealed.signature.to_bytes()) == OPERATOR.address


def test_open__tampered_body__stranger(sealed: Envelope) -> None:
    with pytest.raises(StrangerError, match=f"not signed by {OPERATOR.address}"):
        Envelope.open(DOMAIN, sealed.headers, BODY + b" ", VERIFIER.address)


def test_open__for_somebody_else__stranger(sealed: Envelope) -> None:
    with pytest.raises(StrangerError, match="the message is for"):
        Envelope.open(DOMAIN, sealed.headers, BODY, STRANGER.address)


def test_open__readdressed__stranger(sealed: Envelope) -> None:
    headers = sealed.headers | {AUDIENCE_HEADER: STRANGER.address}
    with pytest.raises(StrangerError, match="not signed by"):
        Envelope.open(DOMAIN, headers, BODY, STRANGER.address)


def test_open__under_another_name__stranger(sealed: Envelope) -> None:
    with pytest.raises(StrangerError, match=f"not signed by {STRANGER.address}"):
        Envelope.open(DOMAIN, sealed.headers | {SIGNER_HEADER: STRANGER.address}, BODY, VERIFIER.address)


@pytest.mark.parametrize("domain", [reporter_domain(1, ORACLE), reporter_domain(CHAIN_ID, STRANGER.address)])
def test_open__of_another_chain_or_oracle__stranger(sealed: Envelope, domain: object) -> None:
    assert isinstance(domain, type(DOMAIN))
    with pytest.raises(StrangerError, match="not signed by"):
        Envelope.open(domain, sealed.headers, BODY, VERIFIER.address)


def test_open__answer_to_another_request__stranger(sealed: Envelope) -> None:
    other = Envelope.seal(DOMAIN, OPERATOR, BODY, VERIFIER.address)
    answer = Envelope.seal(DOMAIN, VERIFIER, b"{}", OPERATOR.address, sealed.message.struct_hash)
    opened = Envelope.open(DOMAIN, answer.headers, b"{}", OPERATOR.address, sealed.message.struct_hash)
    assert opened.signer == VERIFIER.address
    for wanted in (other.message.struct_hash, NO_REQUEST):
        with pytest.raises(StrangerError, match="not signed by"):
            Envelope.open(DOMAIN, answer.headers, b"{}", OPERATOR.address, wanted)


def test_open__malleated_signature__refused(sealed: Envelope) -> None:
    r, s, v = (sealed.signature.r, CURVE_ORDER - sealed.signature.s, 55 - sealed.signature.v)
    twin = "0x" + (r.to_bytes(32) + s.to_bytes(32) + bytes([v])).hex()
    with pytest.raises(EnvelopeError, match="holds no signature"):
        Envelope.open(DOMAIN, sealed.headers | {SIGNATURE_HEADER: twin}, BODY, VERIFIER.address)


@pytest.mark.parametrize("name", [SIGNER_HEADER, AUDIENCE_HEADER, NONCE_HEADER, SIGNATURE_HEADER])
@pytest.mark.parametrize("value", [None, "", "0x", "zz", "0x" + "00" * 31, "é" * 40, "0x" + "00" * 20 + "\x1b[2J"])
def test_open__header_missing_or_malformed__refused_in_one_line(sealed: Envelope, name: str, value: str | None) -> None:
    headers = sealed.headers
    if value is None:
        del headers[name]
    else:
        headers[name] = value
    with pytest.raises(EnvelopeError, match=name) as refused:
        Envelope.open(DOMAIN, headers, BODY, VERIFIER.address)
    assert not isinstance(refused.value, StrangerError)
    assert refused.value.line().isprintable()
