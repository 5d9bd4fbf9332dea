"""Lets time pass: samples first, then the chain's clock, then waits for the daemons, hour by hour."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pyutils.demo.agenda import Agenda
from pyutils.demo.exporter import ReplayExporter
from pyutils.demo.leasing import LeaseDesk
from pyutils.demo.plan import Plan, ReportPlan
from pyutils.demo.schedule import SIGNING_S
from pyutils.demo.world import World
from pyutils.models import Head
from pyutils.operator_demo.daemons import DaemonError, Household
from pyutils.operator_demo.kills import Kill
from pyutils.reporter.fetch import Fetcher
from pyutils.units import FleetId, GpuMs, UnixSeconds, format_gpu_hours

PATIENCE_S: Final = 90.0
"""So long a report may take, in real time; a killed reporter starts anew within it."""
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Death:
    """A reporter that was killed, and what the fleet's head was then."""

    kill: Kill
    head_as_of: UnixSeconds


@dataclass
class Conductor:
    """One run: what happens on the trace's clock, and who waits for whom in real time."""

    world: World
    plan: Plan
    exporter: ReplayExporter
    household: Household
    leases: LeaseDesk
    kills: tuple[Kill, ...]
    publisher: Fetcher
    deaths: list[Death] = field(default_factory=list)
    _told: dict[FleetId, int] = field(default_factory=dict)

    def run(self) -> None:
        """Live through the trace. Raises `DaemonError` where a report does not come."""
        agenda = Agenda()
        self.leases.put_on(agenda)
        for report in self.plan.reports:
            # The reporter is armed before its report's time comes, so that it dies on the way to this one.
            agenda.put(UnixSeconds(report.submit_at - SIGNING_S), partial(self._arm, report))
            agenda.put(report.submit_at, partial(self._report, report))
        for at, action in agenda:
            self._arrive(at)
            action()

    def _arrive(self, at: UnixSeconds) -> None:
        """Let the meters see all up to a time before the chain does."""
        self.exporter.advance(at)
        self._wait("Prometheus to scrape what the exporter shows", lambda: not self.exporter.pending)
        self.world.arrive(at)

    def _arm(self, report: ReportPlan) -> None:
        daemon = self.household.operators[report.fleet_id]
        if report.as_of == self.plan.last:
            daemon.stop()  # its last report is made by hand
            return
        kill = self._kill_at(report)
        if kill is not None:
            daemon.stop()
            daemon.start(kill.place)
            self.world.tell(f"{daemon.name} will die at `{kill.place}`")

    def _report(self, report: ReportPlan) -> None:
        """Wait until a report is the head, and settle by what its publisher gives."""
        fleet_id = report.fleet_id
        kill = self._kill_at(report)
        if kill is not None:
            self._await_death(kill)
        if report.as_of == self.plan.last:
            self.household.report_by_hand(fleet_id, report.as_of)
        what = f"fleet {fleet_id}'s report as of {report.as_of}"
        self._wait(what, lambda: self._head(fleet_id).as_of == report.as_of)
        head = self._head(fleet_id)
        grown = format_gpu_hours(GpuMs(head.available_gpu_ms - self._told.get(fleet_id, 0)), 1)
        self._told[fleet_id] = head.available_gpu_ms
        again = ", by a reporter that started anew" if kill is not None else ""
        self.world.tell(f"fleet {fleet_id} reports {grown} GPU-hours more{again}")
        self._settle(fleet_id, head)

    def _kill_at(self, report: ReportPlan) -> Kill | None:
        wanted = report.fleet_id, report.as_of
        return next((one for one in self.kills if (one.fleet_id, one.as_of) == wanted), None)

    def _await_death(self, kill: Kill) -> None:
        daemon = self.household.operators[kill.fleet_id]
        self._wait(f"{daemon.name} to die at {kill.place}", lambda: daemon.status is not None, alive=False)
        if daemon.status != -signal.SIGKILL:
            daemon.check()
        self.deaths.append(Death(kill, UnixSeconds(self._head(kill.fleet_id).as_of)))
        self.world.tell(f"{daemon.name} is killed by signal 9 at `{kill.place}`, and started again")
        daemon.start()

    def _settle(self, fleet_id: FleetId, head: Head) -> None:
        """Settle by the leaf file of the head, as anybody gets it from a verifier."""
        entry = self.publisher.entry(fleet_id, head.digest)
        self.leases.settle(self.publisher.leaf_file(entry.report_file.report.data_hash))

    def _head(self, fleet_id: FleetId) -> Head:
        return self.world.oracle.head(fleet_id)

    def _wait(self, what: str, done: Callable[[], bool], *, alive: bool = True) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            if alive:
                for daemon in self.household.everybody:
                    if daemon.process is not None and daemon.status not in (None, 0):
                        daemon.check()
            if time.monotonic() >= deadline:
                raise DaemonError(f"waited {PATIENCE_S:.0f} s for {what} (logs: {self.household.logs})")
            time.sleep(_LOOK_S)
