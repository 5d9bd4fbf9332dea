"""Sees what others do with a fleet's reports: who reports besides us, who disputes what we said, and what came of it.

A report that the reporter key signed and that is not in the store means that somebody else uses the key, or that the
store is older than its key's promises. Nothing may be signed then, so it stops the daemon. All else is an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pyutils.contracts import System
from pyutils.operations.history import Event, events, topic
from pyutils.reporter.key_reports import ForeignReportError, foreign, is_known, reports_by
from pyutils.reporter.store.store import Store
from pyutils.reporter.upkeep.alarms import Alarm, Alarms
from pyutils.reporter.upkeep.metrics import Metrics
from pyutils.reporter.view import REPORTER_BIT, View
from pyutils.units import FleetId

__all__ = ["OVERLAP", "ForeignReportError", "Watcher"]

OVERLAP: Final = 64
"""Blocks looked at again each time: what a reorg put there is seen too."""


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
    reporter: str
    """Our attestation key's account."""
    since: int
    """The first block to look at; `key_reports.check_known` looks at those before."""
    _by_other_keys: set[tuple[int, bytes]] = field(default_factory=set)
    """Block and digest of reports by a key that ours replaced, or that replaced ours; finding that out is costly."""

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
        if is_known(self.store, self.fleet_id, event):
            return
        digest, as_of = bytes(event.arguments["digest"]), event.arguments["asOf"]
        if name == "PostPending" or event.arguments["signers"] & REPORTER_BIT:
            if (event.block, digest) in self._by_other_keys:
                return
            for ours in reports_by(self.system, view, self.reporter, event.block):
                if ours.arguments["digest"] == digest:
                    raise foreign(view, event)
            self._by_other_keys.add((event.block, digest))
            return
        what = f"fleet {self.fleet_id}: the report as of {as_of} in block {event.block}, 0x{digest.hex()}, is not ours"
        facts = {"fleet": self.fleet_id, "as_of": as_of, "digest": f"0x{digest.hex()}", "block": event.block}
        if self.alarms.tell(Alarm.FOREIGN_REPORT, digest.hex(), what, facts):
            self.metrics.saw_foreign_submission()

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
