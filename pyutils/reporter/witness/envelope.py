"""Who says what to whom over HTTP: each message is signed, and each answer is bound to the request that it answers.

A message is EIP-712 typed data in a domain of its own, bound to chain and oracle, so that its signature is never one of
a report. It covers the hash of the body, the account that is to read it, the request that it answers and a nonce.

Replayed, a **request** does no harm and so needs no memory of nonces: what it asks for depends on its body alone. A
verifier signs at most one digest for a fleet and a time, gives the same signature whenever that digest is proposed
again, and sends it to the account that signed the request, which is a proposer whoever carried the bytes. All that a
replay gets is what the proposer got. An **answer** cannot be replayed at all: it names the hash of one request, whose
nonce was drawn for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from eth_typing import ChecksumAddress

from pyutils.chain import Signer
from pyutils.eip712 import Domain, Signature, SignatureError
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models import parse_address

MESSAGE_TYPE_HASH: Final = keccak256(b"Message(bytes32 body,address audience,bytes32 answers,bytes32 nonce)")
NO_REQUEST: Final = bytes(32)
"""What a request answers."""

SIGNER_HEADER: Final = "GPURWA-Signer"
AUDIENCE_HEADER: Final = "GPURWA-Audience"
NONCE_HEADER: Final = "GPURWA-Nonce"
SIGNATURE_HEADER: Final = "GPURWA-Signature"


class EnvelopeError(InputError):
    """A message bears no envelope, or one that is malformed."""

    remedy = "Speak to the address of a verifier, with the same release as its own"

    def __init__(self, reason: str) -> None:
        super().__init__(f"envelope: {reason}")
        self.reason = reason


class StrangerError(EnvelopeError):
    """A message is not of whom it says, is meant for somebody else, or comes from nobody who may ask."""

    remedy = "Check the key that signs, and chain, oracle and address of the other side"


def reporter_domain(chain_id: int, oracle: str) -> Domain:
    """Return the domain of messages between operator and verifiers of one oracle's fleets."""
    return Domain("GpuRwaReporter", "1", chain_id, oracle)


@dataclass(frozen=True, slots=True)
class Message:
    """What an envelope's signature covers."""

    body_hash: bytes
    audience: ChecksumAddress
    answers: bytes
    """Hash of the request's struct in an answer, `NO_REQUEST` in a request."""
    nonce: bytes

    @property
    def struct_hash(self) -> bytes:
        """Hash of the typed data; what an answer to this message names."""
        audience = bytes.fromhex(self.audience[2:]).rjust(32, b"\0")
        return keccak256(MESSAGE_TYPE_HASH + self.body_hash + audience + self.answers + self.nonce)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed message, without its body."""

    message: Message
    signer: ChecksumAddress
    signature: Signature

    @classmethod
    def seal(cls, domain: Domain, signer: Signer, body: bytes, audience: str, answers: bytes = NO_REQUEST) -> Self:
        """Sign a body for `audience`; `answers` is the request's `struct_hash`. Raises what the signer raises."""
        message = Message(keccak256(body), parse_address(audience), answers, secrets.token_bytes(32))
        return cls(message, signer.address, signer.sign_preimage(domain.preimage(message.struct_hash)))

    @classmethod
    def open(
        cls, domain: Domain, headers: Mapping[str, str], body: bytes, audience: str, answers: bytes = NO_REQUEST
    ) -> Self:
        """Return the envelope in HTTP headers, once its signature over this very body was found to be its signer's.

        Args:
            domain: of chain and oracle.
            headers: of the request or answer; asked for names in the case of this module's constants.
            body: as it came over the wire.
            audience: who reads it here.
            answers: `struct_hash` of the request that it must answer.

        Raises:
            EnvelopeError: a header is missing or malformed.
            StrangerError: it is for somebody else, or its signature is not its signer's over all this.

        """
        signer, addressee = (_address(headers, name) for name in (SIGNER_HEADER, AUDIENCE_HEADER))
        try:
            signature = Signature.from_bytes(_hex(headers, SIGNATURE_HEADER, 65))
        except SignatureError as error:
            raise EnvelopeError(f"{SIGNATURE_HEADER} holds no signature") from error
        if addressee != audience:
            raise StrangerError(f"the message is for {addressee}, not for {audience}")
        message = Message(keccak256(body), addressee, answers, _hex(headers, NONCE_HEADER, 32))
        try:
            found = signature.signer(domain.digest(message.struct_hash))
        except SignatureError as error:
            raise StrangerError(f"nobody can have made its signature, {signer} did not") from error
        if found != signer:
            raise StrangerError(f"it is not signed by {signer} over this body, this request, this chain and oracle")
        return cls(message, signer, signature)

    @property
    def headers(self) -> dict[str, str]:
        """The envelope as HTTP headers."""
        return {
            SIGNER_HEADER: self.signer,
            AUDIENCE_HEADER: self.message.audience,
            NONCE_HEADER: "0x" + self.message.nonce.hex(),
            SIGNATURE_HEADER: "0x" + self.signature.to_bytes().hex(),
        }


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise EnvelopeError(f"there is no header {name}")
    return value


def _address(headers: Mapping[str, str], name: str) -> ChecksumAddress:
    try:
        return parse_address(_header(headers, name))
    except ValueError as error:
        raise EnvelopeError(f"{name} holds no address") from error


def _hex(headers: Mapping[str, str], name: str, size: int) -> bytes:
    text = _header(headers, name)
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise EnvelopeError(f"{name} is no hex text") from error
    if len(data) != size:
        raise EnvelopeError(f"{name} has {len(data)} bytes, not {size}")
    return data
