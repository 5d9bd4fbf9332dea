"""What the chain says of a fleet's reports, all of it read as of one block."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.contracts import System
from pyutils.models import Dispute, Fleet, FleetStatus, Head, Pending
from pyutils.operations.chain_reports import REPORTER_BIT
from pyutils.operations.commitments import samples_close_at, settled_before
from pyutils.operations.history import block_number, block_time, events, last_block_at, topic
from pyutils.units import BlockNumber, FleetId, UnixSeconds

__all__ = [
    "NO_DIGEST",
    "OPERATOR_SILENCE_S",
    "REPORTER_BIT",
    "Acceptance",
    "View",
    "acceptances",
    "due_times",
    "is_over",
    "look",
    "was_posted",
]

OPERATOR_SILENCE_S = 86_400
"""Verifiers may report alone when no head advanced for so long, as MeterOracle has it."""
NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class View:
    """A fleet's reports as of a block. Times are the chain's, whatever the clock of this machine says."""

    block: BlockNumber
    now: UnixSeconds
    settled: UnixSeconds
    """What reporter and verifiers build from is known as of times before this: the newest final block's."""
    fleet_id: FleetId
    fleet: Fleet
    head: Head
    pending: Pending
    dispute: Dispute
    reporter: str
    verifiers: tuple[str, ...]
    quorum: int

    @property
    def silent_from(self) -> UnixSeconds:
        """When verifiers may report alone, unless a head advances before; never for a fleet not commissioned."""
        heard = self.head.accepted_at if self.head.digest != NO_DIGEST else self.fleet.commissioned_at
        return UnixSeconds(heard + OPERATOR_SILENCE_S if heard else 2**40)

    def can_build(self, as_of: UnixSeconds, settle_s: int) -> bool:
        """Return whether all samples of a report can be there, and what the chain commits it to is settled."""
        return self.now >= samples_close_at(self.fleet, as_of) + settle_s and as_of < self.settled


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A report that became a head at once, and in which block."""

    digest: bytes
    as_of: UnixSeconds
    block: BlockNumber
    at: UnixSeconds
    by_reporter: bool


def look(system: System, fleet_id: FleetId) -> View:
    """Return a fleet's reports as of the newest block that the endpoints agree on."""
    block = block_number(system.web3, "latest")
    oracle = system.oracle
    verifiers, quorum = oracle.verifiers_of(fleet_id, block)
    return View(
        block=block,
        now=block_time(system.web3, block),
        settled=settled_before(system),
        fleet_id=fleet_id,
        fleet=system.registry.fleet(fleet_id, block),
        head=oracle.head(fleet_id, block),
        pending=oracle.pending(fleet_id, block),
        dispute=oracle.open_dispute(fleet_id, block),
        reporter=oracle.reporter_of(fleet_id, block),
        verifiers=verifiers,
        quorum=quorum,
    )


def is_over(system: System, view: View) -> bool:
    """Return whether a fleet was wound down, and its head says all: none of its leases ran any more by then."""
    if view.fleet.status is not FleetStatus.WOUND_DOWN or view.head.digest == NO_DIGEST:
        return False
    block = last_block_at(system.web3, UnixSeconds(view.head.as_of), first=system.manifest.first_block)
    return system.registry.fleet(view.fleet_id, block).status is FleetStatus.WOUND_DOWN


def was_posted(system: System, view: View) -> bool:
    """Return whether a report was posted on the operator's word alone on this head, whatever became of it."""
    begin = UnixSeconds(max(view.head.as_of, view.fleet.commissioned_at))
    first = last_block_at(system.web3, begin, first=system.manifest.first_block)
    posts = events(system.oracle, "PostPending", [topic(view.fleet_id)], first=first, block=view.block)
    return any(post.arguments["asOf"] > view.head.as_of for post in posts)


def acceptances(
    system: System, fleet_id: FleetId, *, as_of: UnixSeconds | None = None, first: int, block: int
) -> list[Acceptance]:
    """Return the quorum reports that became heads of a fleet in blocks `first` to `block`, in order."""
    indexed = [topic(fleet_id), None if as_of is None else topic(as_of)]
    return [
        Acceptance(
            bytes(event.arguments["digest"]),
            UnixSeconds(event.arguments["asOf"]),
            event.block,
            event.at,
            bool(event.arguments["signers"] & REPORTER_BIT),
        )
        for event in events(system.oracle, "AdvanceHead", indexed, first=first, block=block)
    ]


def due_times(after: UnixSeconds, upto: UnixSeconds, interval_s: int, phase_s: int) -> list[UnixSeconds]:
    """Return the times in `(after, upto]` as of which reports are made: those that leave `phase_s` by the interval."""
    first = after + interval_s - (after - phase_s) % interval_s
    return [UnixSeconds(at) for at in range(first, upto + 1, interval_s)]
