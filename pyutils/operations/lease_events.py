"""What happened to the leases of a fleet, from the book's events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pyutils.contracts import System
from pyutils.operations.event_source import EventSource, Where
from pyutils.operations.history import Event
from pyutils.operations.leases import LEASE_BITS
from pyutils.units import FleetId, LeaseId

_ASKED_FOR: Final = 500
"""So many leases are asked for by their numbers; of a fleet with more, all leases are read and the others' left out."""


def lease_ids(system: System, source: EventSource, fleet_id: FleetId) -> list[LeaseId]:
    """Return the numbers of a fleet's leases as of the source's block, in the order of their opening."""
    count = system.lease_book.lease_count(fleet_id, source.block)
    return [LeaseId(fleet_id << LEASE_BITS | place) for place in range(1, count + 1)]


def read_lease_events(
    source: EventSource, leases: Sequence[LeaseId], names: Iterable[str]
) -> dict[LeaseId, list[Event]]:
    """Return what happened to leases up to the source's block, in their order; `names` are events of LeaseBook."""
    found: dict[LeaseId, list[Event]] = {lease_id: [] for lease_id in leases}
    if not found:
        return found
    where: Where = {"leaseId": list(leases)} if len(leases) <= _ASKED_FOR else {}
    for event in source.events([f"LeaseBook.{name}" for name in names], where):
        life = found.get(LeaseId(event.arguments["leaseId"]))
        if life is not None:
            life.append(event)
    return found
