"""Asking one verifier: every answer is checked before it counts.

Only a signed answer is an answer. Whatever comes unsigned, a proxy's error page as well as a stranger's refusal, is as
good as silence.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpx
import orjson
from pydantic import ValidationError

from pyutils.chain import Signer
from pyutils.eip712 import Domain
from pyutils.errors import GpuRwaError
from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.witness.envelope import Envelope, EnvelopeError
from pyutils.reporter.witness.peer import Peer, PeerError, PeerLiedError, PeerRefusedError, PeerUnreachableError
from pyutils.reporter.witness.proposal import MAX_PROPOSAL_BYTES, Proposal
from pyutils.speech import printable
from pyutils.units import FleetId

MAX_ANSWER_BYTES: Final = MAX_PROPOSAL_BYTES + 2**16
"""A verifier may answer so much: a proposal that it saw, and words around it."""

_LONGEST_RETRY_AFTER_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class PeerTimeouts:
    """How long to wait for a verifier, in seconds."""

    connect_s: float = 5.0
    answer_s: float = 180.0
    """From question to whole answer; judging a report of a large fleet takes minutes."""


DEFAULT_TIMEOUTS: Final = PeerTimeouts()


class PeerClient:
    """Speaks to one verifier.

    Args:
        peer: whom to ask.
        domain: of messages, `envelope.reporter_domain`.
        signer: the proposer's attestation key, which signs requests.
        timeouts: how long to wait.

    """

    def __init__(self, peer: Peer, domain: Domain, signer: Signer, timeouts: PeerTimeouts = DEFAULT_TIMEOUTS) -> None:
        self.peer, self.timeouts = peer, timeouts
        self._domain, self._signer = domain, signer

    def propose(self, proposal: Proposal) -> SignatureFile:
        """Return the verifier's signature of a proposal's digest. For threads that run no event loop.

        Raises `PeerUnreachableError`, `PeerRefusedError` or `PeerLiedError`.
        """
        return asyncio.run(self.ask_to_sign(proposal))

    def seen(self, fleet_id: FleetId) -> Any:
        """Return the newest proposal of a fleet that the verifier answered, None where it saw none.

        Raises `PeerUnreachableError` or `PeerLiedError`. For threads that run no event loop.
        """
        return asyncio.run(self._ask_what_was_seen(fleet_id))

    async def ask_to_sign(self, proposal: Proposal) -> SignatureFile:
        """Do what `propose` does, in an event loop."""
        status, body = await self._ask("POST", "/sign", proposal.to_bytes())
        if status == httpx.codes.CONFLICT:
            raise self._refusal(body)
        try:
            signature = SignatureFile.model_validate_json(body)
            signature.check(proposal.digest)
        except ValidationError as error:
            raise PeerLiedError(self.peer, "answers with something that is no signature") from error
        except GpuRwaError as error:
            raise PeerLiedError(self.peer, error.message) from error
        if signature.signer != self.peer.address:
            raise PeerLiedError(self.peer, f"answers with a signature of {signature.signer}")
        return signature

    async def _ask_what_was_seen(self, fleet_id: FleetId) -> Any:
        status, body = await self._ask("GET", f"/fleets/{fleet_id}/seen", b"")
        fields = self._object(body)
        if status != httpx.codes.OK or fields.get("fleet_id") != fleet_id or "seen" not in fields:
            raise PeerLiedError(self.peer, f"answers something else than what it saw of fleet {fleet_id}")
        return fields["seen"]

    def _refusal(self, body: bytes) -> PeerError:
        fields = self._object(body)
        reason, code = fields.get("refused"), fields.get("code")
        if not isinstance(reason, str) or not isinstance(code, str):
            return PeerLiedError(self.peer, "refuses without a reason")
        return PeerRefusedError(self.peer, printable(reason), printable(code))

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise PeerLiedError(self.peer, "answers with something that is no JSON") from error
        if not isinstance(fields, dict):
            raise PeerLiedError(self.peer, "answers with something that is no JSON object")
        return fields

    async def _ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of an answer that the verifier signed."""
        # In a thread: the key may stand behind another server.
        request = await asyncio.to_thread(Envelope.seal, self._domain, self._signer, body, self.peer.address)
        try:
            async with asyncio.timeout(self.timeouts.answer_s):
                status, headers, answer = await self._exchange(method, path, body, request)
        except TimeoutError as error:
            raise PeerUnreachableError(self.peer, f"no answer within {self.timeouts.answer_s:g} s") from error
        if status not in (httpx.codes.OK, httpx.codes.CONFLICT):
            raise PeerUnreachableError(self.peer, _unsigned(status, answer), _retry_after_s(headers))
        try:
            sealed = Envelope.open(
                self._domain, headers, answer, self._signer.address, answers=request.message.struct_hash
            )
        except EnvelopeError as error:
            raise PeerLiedError(self.peer, error.message) from error
        if sealed.signer != self.peer.address:
            raise PeerLiedError(self.peer, f"{sealed.signer} answers in its place")
        return status, answer

    async def _exchange(
        self, method: str, path: str, body: bytes, request: Envelope
    ) -> tuple[int, httpx.Headers, bytes]:
        timeout = httpx.Timeout(self.timeouts.answer_s, connect=self.timeouts.connect_s)
        headers = {**request.headers, "Content-Type": "application/json", "Accept-Encoding": "identity"}
        answer = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=timeout, verify=_tls(), follow_redirects=False) as client,
                client.stream(method, self.peer.url.rstrip("/") + path, content=body, headers=headers) as response,
            ):
                async for chunk in response.aiter_raw():
                    answer += chunk
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise PeerLiedError(self.peer, f"answers more than {MAX_ANSWER_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PeerUnreachableError(self.peer, str(error) or type(error).__name__) from error
        return response.status_code, response.headers, bytes(answer)


@cache
def _tls() -> ssl.SSLContext:
    # Shared: reading the system's certificates anew for each verifier would take longer than asking it.
    return httpx.create_ssl_context()


def _unsigned(status: int, answer: bytes) -> str:
    try:
        fields = orjson.loads(answer)
        reason = fields.get("error", "") if isinstance(fields, dict) else ""
    except orjson.JSONDecodeError:
        reason = ""
    said = printable(reason) if isinstance(reason, str) else ""
    return f"HTTP status {status}: {said}" if said else f"HTTP status {status}"


def _retry_after_s(headers: httpx.Headers) -> float:
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_RETRY_AFTER_S) if text.isascii() and text.isdigit() else 0.0
