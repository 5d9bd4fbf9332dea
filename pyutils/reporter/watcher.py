"""Sees what others do with a fleet's reports: who reports besides us, who disputes what we said, and what came of it.

A report that the reporter key signed and that is not in the store means that somebody else uses the key, or that the
store is older than its key's promises. Nothing may be signed then, so it stops the daemon. All else is an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyutils.contracts import System
from pyutils.operations.history import Event, events, topic
from pyutils.reporter.alarms import Alarm, Alarms
from pyutils.reporter.metrics import Metrics
from pyutils.reporter.store import Store
from pyutils.reporter.unsafe import UnsafeToSignError
from pyutils.reporter.view import REPORTER_BIT, View
from pyutils.units import FleetId

OVERLAP: Final = 64
"""Blocks looked at again each time: what a reorg put there is seen too."""


class ForeignReportError(UnsafeToSignError):
    """The chain has a report signed by our reporter key that this store knows nothing of."""

    remedy = (
        "Stop the other reporter and import its history with `gpurwa operator import`; a stolen key is replaced with"
        " `gpurwa fleet reporter`"
    )


@dataclass(slots=True)
class Watcher:
    """Watches one fleet's events."""

    fleet_id: FleetId
    system: System
    store: Store
    alarms: Alarms
    metrics: Metrics
    dossier_url: str
    """Where an arbiter finds all about a report of ours, with the digest at its end."""
    since: int
    """The first block to look at."""

    def watch(self, view: View) -> None:
        """Look at what happened since the last time. Raises `ForeignReportError`."""
        first = max(self.system.manifest.first_block, self.since - OVERLAP)
        for name in ("AdvanceHead", "PostPending"):
            for event in self._events(name, first, view):
                self._reported(name, event, view)
        for event in self._events("OpenDispute", first, view):
            self._disputed(event)
        for event in self._events("DropPending", first, view):
            self._dropped(event)
        self.since = view.block + 1

    def _events(self, name: str, first: int, view: View) -> list[Event]:
        return list(events(self.system.oracle, name, [topic(self.fleet_id)], first=first, block=view.block))

    def _reported(self, name: str, event: Event, view: View) -> None:
        digest, as_of = bytes(event.arguments["digest"]), event.arguments["asOf"]
        if self.store.record_of(digest) is not None:
            return
        by_key = name == "PostPending" or event.arguments["signers"] & REPORTER_BIT
        what = f"fleet {self.fleet_id}: the report as of {as_of} in block {event.block}, 0x{digest.hex()},"
        if by_key:
            if event.block >= self._key_since(view):
                raise ForeignReportError(f"{what} is signed by our reporter key {view.reporter} and not in this store")
            return  # by a key that this one replaced
        facts = {"fleet": self.fleet_id, "as_of": as_of, "digest": f"0x{digest.hex()}", "block": event.block}
        if self.alarms.tell(Alarm.FOREIGN_REPORT, digest.hex(), f"{what} is not ours", facts):
            self.metrics.saw_foreign_submission()

    def _key_since(self, view: View) -> int:
        """Return the block since which the fleet's reporter key is what it is."""
        indexed = [topic(self.fleet_id), None, topic(view.reporter)]
        first = self.system.manifest.first_block
        set_in = [
            event.block for event in events(self.system.oracle, "SetReporter", indexed, first=first, block=view.block)
        ]
        return set_in[-1] if set_in else 0

    def _disputed(self, event: Event) -> None:
        digest = bytes(event.arguments["digest"])
        record = self.store.record_of(digest)
        whose = "a report that is not ours" if record is None else f"our report as of {record.as_of}"
        dossier = f"{self.dossier_url}0x{digest.hex()}"
        text = f"fleet {self.fleet_id}: {whose} is disputed by {event.arguments['disputer']}; dossier: {dossier}"
        facts = {"fleet": self.fleet_id, "digest": f"0x{digest.hex()}", "dossier": dossier, "block": event.block}
        self.alarms.tell(Alarm.DISPUTE, digest.hex(), text, facts)

    def _dropped(self, event: Event) -> None:
        """A pending report of ours was dropped: struck, or overtaken by a report with a quorum."""
        digest = bytes(event.arguments["digest"])
        record = self.store.record_of(digest)
        overtaken = any(
            other.block == event.block
            for other in events(
                self.system.oracle, "AdvanceHead", [topic(self.fleet_id)], first=event.block, block=event.block
            )
        )
        if record is not None and not overtaken:
            text = f"fleet {self.fleet_id}: our report as of {record.as_of} was struck; the head stays"
            self.alarms.tell(Alarm.STRUCK, digest.hex(), text, {"fleet": self.fleet_id, "digest": f"0x{digest.hex()}"})
