"""What the chain has from a reporter key, and whether a store knows of it.

A fleet's reports do not say which key signed them, only that its reporter did; who was the reporter when, other events
say. A report that a key signed is known where the store promised it, whoever carried it. What older keys of the fleet
signed is none of this one's.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyutils.contracts import System
from pyutils.models import parse_address
from pyutils.operations.history import Event, events, topic
from pyutils.reporter.store.records import State
from pyutils.reporter.store.store import Store
from pyutils.reporter.unsafe import UnsafeToSignError
from pyutils.reporter.view import REPORTER_BIT, View
from pyutils.units import FleetId, UnixSeconds


class ForeignReportError(UnsafeToSignError):
    """The chain has a report signed by our reporter key that this store knows nothing of."""

    remedy = (
        "Stop the other reporter and import its history with `gpurwa operator import`; a stolen key is replaced with"
        " `gpurwa fleet reporter`"
    )


def reports_by(system: System, view: View, account: str, first: int) -> Iterator[Event]:
    """Yield the reports that an account signed as the fleet's reporter, from a block on: quorum reports, then posted.

    A key answers from the block after the one that named it: which of two events of one block came first, is not told.
    """
    indexed, oracle = [topic(view.fleet_id)], system.oracle
    named = [
        (event.block, parse_address(event.arguments["reporter"]))
        for event in events(oracle, "SetReporter", indexed, first=system.manifest.first_block, block=view.block)
    ]
    since = next((block for block, reporter in named if reporter == account), None)
    if since is None:
        return
    for name in ("AdvanceHead", "PostPending"):
        for event in events(oracle, name, indexed, first=max(first, since), block=view.block):
            if name == "AdvanceHead" and not event.arguments["signers"] & REPORTER_BIT:
                continue
            if next((key for block, key in reversed(named) if block < event.block), None) == account:
                yield event


def check_known(system: System, store: Store, view: View, account: str) -> None:
    """Raise `ForeignReportError` where the chain has a report of the key that the store did not promise.

    Begins at the newest report that is final here: it was called that only after all up to its block had been watched.
    """
    final = store.latest(view.fleet_id, State.FINAL)
    first = 0 if final is None or final.mined_block is None else final.mined_block
    for event in reports_by(system, view, account, max(first, system.manifest.first_block)):
        if not is_known(store, view.fleet_id, event):
            raise foreign(view, event)


def is_known(store: Store, fleet_id: FleetId, event: Event) -> bool:
    """Return whether a store promised the report that an event tells of."""
    return store.promised(fleet_id, UnixSeconds(event.arguments["asOf"])) == bytes(event.arguments["digest"])


def foreign(view: View, event: Event) -> ForeignReportError:
    """Return the error that names a report which the store does not know."""
    return ForeignReportError(
        f"fleet {view.fleet_id}: the report as of {event.arguments['asOf']} in block {event.block},"
        f" 0x{bytes(event.arguments['digest']).hex()}, is signed by our reporter key and not in this store"
    )
