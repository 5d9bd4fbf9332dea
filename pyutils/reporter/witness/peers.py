"""Asking all of a fleet's verifiers at once, and again those that do not answer, until there is a quorum."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import tenacity

from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.witness.peer import Peer, PeerError, PeerLiedError, PeerRefusedError, PeerUnreachableError
from pyutils.reporter.witness.peer_client import DEFAULT_TIMEOUTS, PeerClient, PeerTimeouts
from pyutils.reporter.witness.proposal import Proposal

__all__ = [
    "DEFAULT_PAUSES",
    "DEFAULT_TIMEOUTS",
    "Gathered",
    "Pauses",
    "Peer",
    "PeerClient",
    "PeerError",
    "PeerLiedError",
    "PeerRefusedError",
    "PeerTimeouts",
    "PeerUnreachableError",
    "gather",
]


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to leave an unreachable verifier alone, in seconds: twice as long each time, with some chance."""

    first_s: float = 1.0
    longest_s: float = 60.0


DEFAULT_PAUSES: Final = Pauses()


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came of asking all verifiers; those not needed any more are in none of the parts."""

    signatures: tuple[SignatureFile, ...]
    """Those held before, then those that came, in the order in which they came."""
    refusals: Mapping[str, PeerRefusedError | PeerLiedError]
    """By verifier: signed refusals, and answers that were nobody's or over something else."""
    unreachable: Mapping[str, PeerUnreachableError]
    """By verifier: why there was no signed answer by the deadline."""


def gather(
    clients: Sequence[PeerClient],
    proposal: Proposal,
    enough: int,
    deadline_s: float,
    have: Sequence[SignatureFile] = (),
    pauses: Pauses = DEFAULT_PAUSES,
) -> Gathered:
    """Ask all verifiers at once and return as soon as there are `enough` signatures, or all answered, or time is over.

    Args:
        clients: whom to ask; those whose signature is in `have` are not asked again.
        proposal: what they are to sign.
        enough: how many verifiers' signatures to wait for; those in `have` count.
        deadline_s: seconds from now.
        have: signatures of verifiers held already, a proposing verifier's own among them.
        pauses: how long to leave an unreachable verifier alone; longer where it says so.

    Refusals are not asked again. Raises `ReportFileError` where one of `have` is not over the proposal's digest, and
    what the own signer raises.

    """
    for one in have:
        one.check(proposal.digest)
    held = {one.signer for one in have}
    if len(held) >= enough:
        return Gathered(tuple(have), {}, {})
    asked = [client for client in clients if client.peer.address not in held]
    return asyncio.run(_gather(asked, proposal, enough - len(held), deadline_s, tuple(have), pauses))


async def _gather(
    clients: Sequence[PeerClient],
    proposal: Proposal,
    wanted: int,
    deadline_s: float,
    have: tuple[SignatureFile, ...],
    pauses: Pauses,
) -> Gathered:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    signatures: list[SignatureFile] = []
    refusals: dict[str, PeerRefusedError | PeerLiedError] = {}
    last: dict[str, PeerUnreachableError] = {}
    peers = {asyncio.create_task(_persist(client, proposal, pauses, last)): client.peer for client in clients}
    pending = set(peers)
    try:
        while pending and len(signatures) < wanted and loop.time() < deadline:
            left = deadline - loop.time()
            done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    signatures.append(task.result())
                except (PeerRefusedError, PeerLiedError) as error:
                    refusals[peers[task].address] = error
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    silent = [] if len(signatures) >= wanted else [peers[task] for task in pending]
    late = {peer.address: last.get(peer.address) or PeerUnreachableError(peer, "no answer in time") for peer in silent}
    return Gathered((*have, *signatures), refusals, late)


async def _persist(
    client: PeerClient, proposal: Proposal, pauses: Pauses, last: dict[str, PeerUnreachableError]
) -> SignatureFile:
    """Ask until there is a signed answer; keep in `last` why there was none."""
    growing = tenacity.wait_random_exponential(multiplier=pauses.first_s, max=pauses.longest_s, min=pauses.first_s / 2)

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = 0.0
        if isinstance(error, PeerUnreachableError):
            last[client.peer.address] = error
            asked = error.retry_after_s
        return max(asked, growing(state))

    retry = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(PeerUnreachableError), wait=pause, stop=tenacity.stop_never
    )
    return await retry(client.ask_to_sign, proposal)
