"""Lets time pass: samples first, then the chain's clock, then it waits for the daemons, hour by hour."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from functools import partial
from typing import Final

from pyutils.demo.agenda import Agenda
from pyutils.demo.ending import InvestorDesk
from pyutils.demo.leasing import LeaseDesk
from pyutils.demo.plan import Plan, ReportPlan
from pyutils.demo.schedule import SIGNING_S
from pyutils.demo.world import World
from pyutils.operator_demo.deaths import Death, examine, short
from pyutils.operator_demo.household import Household
from pyutils.operator_demo.kills import Kill
from pyutils.operator_demo.timetable import hour_label, hour_of, quitting_time
from pyutils.reporter.store.records import State
from pyutils.reporter.store.view import look_into
from pyutils.units import FleetId, GpuMs, UnixSeconds, format_gpu_hours

RESTART_S: Final = 60
"""So long after it died, on the trace's clock, a service manager starts a reporter again."""


class Conductor:
    """One run: what happens on the trace's clock, and who waits for whom in real time."""

    def __init__(self, world: World, plan: Plan, household: Household, kills: Sequence[Kill]) -> None:
        self.world, self.plan, self.household = world, plan, household
        self.kills = {(kill.fleet_id, kill.as_of): kill for kill in kills}
        self.leases = LeaseDesk(world, plan, household.people)
        self.investors = InvestorDesk(world, plan)
        self.deaths: list[Death] = []
        self._agenda = Agenda()

    def run(self) -> None:
        """Live through the trace; everybody has stopped then. Raises `DaemonError` where a report does not come."""
        world, agenda = self.world, self._agenda
        self.leases.put_on(agenda)
        self.investors.put_on(agenda)
        agenda.put(self.plan.reports[0].submit_at, self._begin)
        for report in self.plan.reports:
            agenda.put(UnixSeconds(report.submit_at - SIGNING_S), partial(self._prepare, report))
            agenda.put(report.submit_at, partial(self._report, report))
        quitting = quitting_time(self.plan.reports, self.plan.first)
        if quitting is not None:
            agenda.put(quitting, self._quit)
        world.timeline.heading("The trace")
        for at, action in agenda:
            world.arrive(at)
            action()
        self.household.stop()
        world.timeline.heading("After the trace")
        self.investors.settle_up()

    def _begin(self) -> None:
        self.household.start_reporters()
        self.world.tell("the reporters start, and find that nothing was reported since their fleets were commissioned")

    def _quit(self) -> None:
        self.household.stop_reporters()
        self.world.tell("the reporters stop: the trace ends at no full hour, and its last report is made by hand")

    def _prepare(self, report: ReportPlan) -> None:
        """Let the meters see what a report is made of, and arm its reporter where it is to die on the way."""
        self._show_samples(report)
        kill = self._kill_of(report)
        if kill is None:
            return
        daemon = self.household.reporters[report.fleet_id]
        # Else it would die over the report before.
        self.household.wait(f"{daemon.name} to see its report final", lambda: self._is_at_rest(report.fleet_id))
        daemon.stop()
        daemon.start(kill.place)
        self.world.tell(f"{daemon.name} starts anew, and is going to die at `{kill.place}`")

    def _show_samples(self, report: ReportPlan) -> None:
        """Samples come first: one that came after its report would be dropped, as in real life."""
        until = UnixSeconds(report.submit_at - SIGNING_S)
        feed = self.household.feed
        feed.advance(until)
        self.household.wait(f"Prometheus to have every sample up to {until}", lambda: feed.arrived(until))

    def _report(self, report: ReportPlan) -> None:
        kill = self._kill_of(report)
        if kill is not None:
            self._await_death(kill)
            again = UnixSeconds(self.world.now() + RESTART_S)
            self._agenda.put(again, partial(self._start_again, report))
            return
        if hour_of(report.as_of, self.plan.first) is None:
            self.household.report_by_hand(report.fleet_id, report.as_of)
        self._see_to_head(report)

    def _await_death(self, kill: Kill) -> None:
        daemon = self.household.reporters[kill.fleet_id]
        label = hour_label(kill.as_of, self.plan.first)
        self.household.wait(f"{daemon.name} to die at {kill.place}", lambda: daemon.has_ended)
        status = daemon.look()
        if status != -signal.SIGKILL:
            raise daemon.failure(status)
        head = self.world.oracle.head(kill.fleet_id)
        death = examine(kill, status, self.household.store_of(kill.fleet_id), head.as_of)
        self.deaths.append(death)
        self.world.tell(f"{daemon.name} is killed by signal 9 at `{kill.place}`, {label}: {death.left}")

    def _start_again(self, report: ReportPlan) -> None:
        daemon = self.household.reporters[report.fleet_id]
        daemon.start()
        self.world.tell(f"{daemon.name} is started again")
        self._see_to_head(report)

    def _see_to_head(self, report: ReportPlan) -> None:
        """Wait until a report is the head, and settle by what its operator publishes."""
        fleet_id, oracle = report.fleet_id, self.world.oracle
        label = hour_label(report.as_of, self.plan.first)
        what = f"the report of fleet {fleet_id} as of {report.as_of}, {label}"
        self.household.wait(what, lambda: oracle.head(fleet_id).as_of == report.as_of)
        self.household.await_publisher(fleet_id)
        head, publisher = oracle.head(fleet_id), self.household.publishers[fleet_id]
        entry = publisher.entry(fleet_id, head.digest)
        self.world.tell(
            f"{label} is the head of fleet {fleet_id}: {format_gpu_hours(GpuMs(head.available_gpu_ms), 1)} GPU-hours"
            f" in all, {len(entry.signatures)} signatures, {short(head.digest)}"
        )
        self.leases.settle(publisher.leaf_file(entry.report_file.report.data_hash))

    def _kill_of(self, report: ReportPlan) -> Kill | None:
        return self.kills.get((report.fleet_id, report.as_of))

    def _is_at_rest(self, fleet_id: FleetId) -> bool:
        with look_into(self.household.store_of(fleet_id)) as store:
            newest = store.latest(fleet_id)
        return newest is not None and newest.state is State.FINAL
