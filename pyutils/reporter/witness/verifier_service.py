"""What a verifier answers: signatures to proposers that it knows, reasons where it refuses, silence to strangers.

Refusals are signed as signatures are, so that a proposer knows who refused. Whatever else goes wrong is answered
unsigned, costs no signature of ours, and is asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final

import orjson
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pyutils.chain import Signer
from pyutils.eip712 import Domain
from pyutils.errors import ChainError, GpuRwaError, SigningError
from pyutils.meter import SourceError
from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.publishing.download import CacheError, PublisherUnreachableError
from pyutils.reporter.store.errors import StoreError
from pyutils.reporter.web.answers import json_answer, path_number, problem, read_body
from pyutils.reporter.witness.envelope import Envelope, EnvelopeError, StrangerError
from pyutils.reporter.witness.proposal import MAX_PROPOSAL_BYTES, Proposal, ProposalError
from pyutils.units import FleetId

_LOG = logging.getLogger(__name__)

BUSY_RETRY_S: Final = 5
"""When to ask again while a proposal for the same fleet is judged."""
NOT_NOW_RETRY_S: Final = 15
"""When to ask again where what judging needs does not answer."""
JUDGED_AT_ONCE: Final = 2
"""Fleets judged at the same time; further ones wait. Judging is work for a processor."""


class NotNowError(GpuRwaError):
    """A verifier cannot say yet whether it signs; the same proposal may be made again."""

    remedy = "Ask again in a moment"


TRANSIENT: Final = (
    NotNowError,
    ChainError,
    SourceError,
    SigningError,
    StoreError,
    PublisherUnreachableError,
    CacheError,
)
"""Errors that say nothing about a proposal: no refusal, but a request to ask again."""


class VerifierService:
    """A verifier's web service.

    Args:
        domain: of messages, `envelope.reporter_domain`.
        signer: the verifier's attestation key; it seals answers, `judge` signs reports.
        is_proposer: whether an account may propose for a fleet: its reporter key, or another of its verifiers. Asked in
            a thread, before anything costly; should answer from memory where it can.
        judge: recomputes a proposal and returns this verifier's signature, or raises `GpuRwaError` to refuse. Called in
            a thread, for one proposal of a fleet at a time. One that it answered before it must answer at once, alike.
        seen: the newest proposal of a fleet and a proposer that was answered, as what `orjson` writes; None before the
            first. By it an operator with a restored backup finds out what it signed and no longer remembers.

    """

    def __init__(
        self,
        domain: Domain,
        signer: Signer,
        is_proposer: Callable[[FleetId, str], bool],
        judge: Callable[[Proposal], SignatureFile],
        seen: Callable[[FleetId, str], Any],
    ) -> None:
        self._domain, self._signer = domain, signer
        self._is_proposer, self._judge, self._seen = is_proposer, judge, seen
        self._judged: set[FleetId] = set()
        self._places = CapacityLimiter(JUDGED_AT_ONCE)
        self.routes = [
            Route("/", self._show),
            Route("/sign", self._sign, methods=["POST"]),
            Route("/fleets/{fleet_id}/seen", self._show_seen),
        ]
        """What `answers.web_app` takes, alone or before a publisher's routes."""

    async def _show(self, _: Request) -> Response:
        return json_answer(
            {
                "service": "gpu-rwa verifier",
                "version": metadata.version("gpu-rwa"),
                "address": self._signer.address,
                "chain_id": self._domain.chain_id,
                "oracle": self._domain.contract,
            }
        )

    async def _sign(self, request: Request) -> Response:
        body = await read_body(request, MAX_PROPOSAL_BYTES)
        envelope = self._open(request, body)
        proposal = await run_sync(_parse, body)
        self._check_sender(envelope, proposal)
        fleet_id = proposal.fleet_id
        await self._check_proposer(fleet_id, envelope)
        if fleet_id in self._judged:
            return _later("another proposal of this fleet is being judged", BUSY_RETRY_S)
        self._judged.add(fleet_id)
        try:
            return await run_sync(self._answer, proposal, envelope, limiter=self._places)
        except TRANSIENT as error:
            _LOG.warning("fleet %d: not judged now: %s", fleet_id, error.line())
            return _later("what judging needs does not answer", NOT_NOW_RETRY_S, code=type(error).__name__)
        finally:
            self._judged.discard(fleet_id)

    async def _show_seen(self, request: Request) -> Response:
        fleet_id = FleetId(path_number(request, "fleet_id"))
        envelope = self._open(request, b"")
        await self._check_proposer(fleet_id, envelope)
        seen = await run_sync(self._seen, fleet_id, envelope.signer)
        return await run_sync(self._seal, 200, {"fleet_id": fleet_id, "seen": seen}, envelope)

    def _open(self, request: Request, body: bytes) -> Envelope:
        try:
            return Envelope.open(self._domain, request.headers, body, self._signer.address)
        except StrangerError as error:
            raise HTTPException(403, error.message) from error
        except EnvelopeError as error:
            raise HTTPException(400, error.message) from error

    def _check_sender(self, envelope: Envelope, proposal: Proposal) -> None:
        told = proposal.report_file
        if (told.chain_id, told.oracle) != (self._domain.chain_id, self._domain.contract):
            raise HTTPException(400, f"the report is for {told.oracle} on chain {told.chain_id}")
        if proposal.proposer != envelope.signer:
            raise HTTPException(403, f"{proposal.proposer} signed the report, {envelope.signer} the request")

    async def _check_proposer(self, fleet_id: FleetId, envelope: Envelope) -> None:
        if not await run_sync(self._is_proposer, fleet_id, envelope.signer):
            raise HTTPException(403, f"{envelope.signer} may not propose for fleet {fleet_id}")

    def _answer(self, proposal: Proposal, envelope: Envelope) -> Response:
        name = f"fleet {proposal.fleet_id}: 0x{proposal.digest.hex()} of {proposal.proposer}"
        try:
            signature = self._judge(proposal)
        except TRANSIENT:
            raise
        except GpuRwaError as error:
            _LOG.warning("%s: refused: %s", name, error.line())
            return self._seal(409, {"refused": error.line(), "code": type(error).__name__}, envelope)
        _LOG.info("%s: signed", name)
        return self._seal(200, signature.model_dump(mode="json"), envelope)

    def _seal(self, status: int, content: Any, request: Envelope) -> Response:
        body = orjson.dumps(content)
        sealed = Envelope.seal(self._domain, self._signer, body, request.signer, request.message.struct_hash)
        return Response(body, status, sealed.headers, "application/json")


def _parse(body: bytes) -> Proposal:
    try:
        return Proposal.parse(body)
    except ProposalError as error:
        raise HTTPException(400, error.message) from error


def _later(reason: str, retry_s: int, code: str = "") -> Response:
    return problem(503, reason, {"Retry-After": str(retry_s)}, code=code)
