"""Puts reports and faults on a trace's clock, and makes the whole plan."""

from __future__ import annotations

from typing import Final

from pyutils.demo.casting import NOTICE_S, Stage, cast_leases, earns_credit, second_turn, split_fleets
from pyutils.demo.plan import (
    ContradictionPlan,
    FleetPlan,
    LeasePlan,
    LeftOut,
    LiePlan,
    Plan,
    ReportPlan,
    Scene,
)
from pyutils.demo.presence import patience_s, presences
from pyutils.demo.sizing import size_loans
from pyutils.meter import Trace
from pyutils.units import SECONDS_PER_HOUR, FleetId, UnixSeconds

LATE_S: Final = 3 * SECONDS_PER_HOUR
SIGNING_S: Final = 10
"""What building, verifying and signing take before a report reaches the chain."""
_MINUTE_S: Final = 60
_CLOSE_S: Final = 10 * _MINUTE_S
"""An hourly report so close to the trace's end gives way to the last one."""


def make_plan(trace: Trace, lease_hours: int | None = None) -> Plan:
    """Return what the demo shows of a trace.

    Args:
        trace: the samples.
        lease_hours: length of the longest lease; as long as the trace allows where not given.

    Raises:
        LeaseTooLongError: the trace cannot hold such a lease.

    """
    stage = Stage.of(trace.first, trace.last, lease_hours)
    gpus = presences(trace)
    fleets = split_fleets(gpus)
    leases, left_out = cast_leases(stage, fleets, gpus)
    reports, missing = _reports(trace, fleets)
    left = [*left_out, *missing]
    if len(fleets) == 1:
        left.append(LeftOut(Scene.SECOND_FLEET, "the trace has one GPU"))
    again = _again(leases, reports, trace.last)
    if again is None:
        left.append(LeftOut(Scene.SECOND_TURN, "no lease ends early, or too late for another"))
    else:
        leases = (*leases, again)
    if not any(earns_credit(lease, gpus) for lease in leases):
        left.append(LeftOut(Scene.SLA_CREDIT, "every lease gets the agreed availability"))
    lie = _lie(trace, reports)
    if lie is None:
        left.append(LeftOut(Scene.LYING_REPORT, "it takes two reports, the trace is shorter"))
    loans, unlent = size_loans(fleets, leases, reports, gpus, trace.first, trace.last)
    left += unlent
    order = list(Scene)
    return Plan(
        trace.first,
        trace.last,
        fleets,
        leases,
        reports,
        lie,
        _contradiction(reports),
        loans,
        tuple(sorted(left, key=lambda one: order.index(one.scene))),
    )


def report_times(trace: Trace) -> list[int]:
    """Return every full hour after a trace's begin, and its end, to which an hour that is close to it gives way."""
    times = list(range(trace.first + SECONDS_PER_HOUR, trace.last + 1, SECONDS_PER_HOUR))
    if times and trace.last - times[-1] < _CLOSE_S:
        times.pop()
    return [*times, trace.last]


def _reports(trace: Trace, fleets: tuple[FleetPlan, ...]) -> tuple[tuple[ReportPlan, ...], list[LeftOut]]:
    """One report an hour and one at the trace's end; the last fleet's come three hours late once."""
    patience = patience_s(trace) + SIGNING_S
    ticks = report_times(trace)
    late = _late_tick(ticks, patience)
    reports = []
    for fleet in fleets:
        for tick in ticks:
            is_late = fleet is fleets[-1] and tick == late
            if fleet is fleets[-1] and late is not None and late < tick < late + LATE_S:
                continue  # the reporter is down: the next reports say what these would have said
            after = max(LATE_S, patience) if is_late else patience
            reports.append(ReportPlan(fleet.fleet_id, UnixSeconds(tick), UnixSeconds(tick + after), is_late))
    left = [] if late is not None else [LeftOut(Scene.LATE_REPORT, "the trace ends within three hours of its reports")]
    return tuple(sorted(reports, key=lambda one: (one.submit_at, one.fleet_id))), left


def _late_tick(ticks: list[int], patience: int) -> int | None:
    """Return the middle report, where another one follows three hours later."""
    fitting = [tick for tick in ticks if tick + LATE_S in ticks and patience < LATE_S]
    return fitting[len(fitting) // 2] if fitting else None


def _again(leases: tuple[LeasePlan, ...], reports: tuple[ReportPlan, ...], last: int) -> LeasePlan | None:
    """Lease the GPUs of an early end again, once a report has closed it."""
    for lease in leases:
        if lease.end_early_at is not None:
            end = lease.end_early_at + NOTICE_S
            closing = next(one for one in reports if one.fleet_id == lease.fleet_id and one.as_of >= end)
            return second_turn(lease, closing.submit_at + 5 * _MINUTE_S, last)
    return None


def _lie(trace: Trace, reports: tuple[ReportPlan, ...]) -> LiePlan | None:
    """The first fleet's operator posts on a head and is struck before the next quorum report."""
    mine = [one for one in reports if one.fleet_id == FleetId(1)]
    if len(mine) < 2:
        return None
    place = max(0, len(mine) // 4 - 1)
    head, after = mine[place], mine[place + 1]
    post_at = head.submit_at + (after.submit_at - head.submit_at) // 4
    step = (after.submit_at - head.submit_at) // 4
    if step < 2 or post_at <= head.as_of:
        return None
    as_of = min(post_at, trace.last)
    if as_of <= head.as_of:
        return None
    return LiePlan(
        FleetId(1),
        UnixSeconds(as_of),
        UnixSeconds(post_at),
        UnixSeconds(post_at + step),
        UnixSeconds(post_at + 2 * step),
    )


def _contradiction(reports: tuple[ReportPlan, ...]) -> ContradictionPlan:
    """The last fleet's reporter signs a second statement about a report in the first third."""
    mine = [one for one in reports if one.fleet_id == max(report.fleet_id for report in reports)]
    report = mine[len(mine) // 3]
    return ContradictionPlan(report.fleet_id, report.as_of, UnixSeconds(report.submit_at + 20 * _MINUTE_S))
