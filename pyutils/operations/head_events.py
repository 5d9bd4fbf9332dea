"""All reports that became a fleet's head, in order, from the oracle's events."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyutils.contracts import System
from pyutils.models import MeterReport
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.operations.report_files import ReportFile
from pyutils.units import FleetId

_NAMES = tuple(f"MeterOracle.{name}" for name in ("AdvanceHead", "PostPending", "AdoptPending", "Restate"))


@dataclass(frozen=True, slots=True)
class HeadEvent:
    """A report that became the head."""

    report_file: ReportFile
    digest: bytes
    """As the event says it."""
    accepted: Event
    """What made it the head."""
    told: Event
    """What told its fields, and carried its signatures: the same one, or the posting of a pending report."""
    restated: bool
    """Counters may be lower than those of the head before."""

    @property
    def report(self) -> MeterReport:
        """What it says."""
        return self.report_file.report

    @property
    def is_optimistic(self) -> bool:
        """Whether the reporter's word alone made it the head, after nobody disputed it."""
        return self.told.name == "PostPending"


def read_heads(system: System, source: EventSource, fleet_id: FleetId) -> list[HeadEvent]:
    """Return a fleet's heads up to the source's block, oldest first.

    A pending report that became the head by time alone, and that nothing wrote down yet, is the last one.
    """
    restated: set[tuple[str, bytes]] = set()
    heads: list[HeadEvent] = []
    posted: dict[bytes, Event] = {}
    for event in source.events(_NAMES, fleetId=fleet_id):
        digest = bytes(event.arguments["digest"])
        if event.name == "PostPending":
            posted[digest] = event
            continue
        if event.name == "Restate":
            # It comes right before the head that it makes.
            restated.add((event.transaction, digest))
            continue
        told = event if event.name == "AdvanceHead" else posted[digest]
        heads.append(_head(system, digest, event, told, restated))
    now = system.oracle.head(fleet_id, source.block).digest
    if now in posted and (not heads or heads[-1].digest != now):
        heads.append(_head(system, now, posted[now], posted[now], restated))
    return heads


def head_before(heads: Sequence[HeadEvent], event: Event) -> HeadEvent | None:
    """Return the head that stood when an event happened, of heads in order; None before the first."""
    place = bisect_left(heads, _place(event), key=lambda one: _place(one.accepted))
    return heads[place - 1] if place else None


def _place(event: Event) -> tuple[int, int]:
    return event.block, event.index


def _head(
    system: System, digest: bytes, accepted: Event, told: Event, restated: Iterable[tuple[str, bytes]]
) -> HeadEvent:
    fields = dict(zip(MeterReport.model_fields, told.arguments["report"], strict=True))
    report = MeterReport.model_validate(fields)
    report_file = ReportFile(chain_id=system.manifest.chain_id, oracle=system.oracle.address, report=report)
    return HeadEvent(report_file, digest, accepted, told, (accepted.transaction, digest) in restated)
