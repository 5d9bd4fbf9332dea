"""What happened to the leases of a fleet, from the book's events."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.contracts import System
from pyutils.operations.history import Event, events
from pyutils.operations.leases import fleet_of
from pyutils.units import BlockNumber, FleetId, LeaseId


def read_lease_events(
    system: System, fleet_id: FleetId, names: Sequence[str], block: BlockNumber
) -> dict[LeaseId, list[Event]]:
    """Return what happened to each of a fleet's leases up to a block, in the order of their opening.

    One reading serves them all: a lease's number begins with its fleet's, and topics are compared whole.
    """
    found: dict[LeaseId, list[Event]] = {}
    for event in events(system.lease_book, names, first=system.manifest.first_block, block=block):
        lease_id = LeaseId(event.arguments["leaseId"])
        if fleet_of(lease_id) == fleet_id:
            found.setdefault(lease_id, []).append(event)
    return found
