"""When the reporters of the operator's demo report: as of every full hour of a trace and of its end, always on time."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.demo.plan import Plan, ReportPlan
from pyutils.demo.presence import patience_s
from pyutils.demo.schedule import SIGNING_S, report_times
from pyutils.meter import Trace
from pyutils.units import SECONDS_PER_HOUR, UnixSeconds


def on_time(plan: Plan, trace: Trace) -> tuple[ReportPlan, ...]:
    """Return a report of every fleet as of the trace's begin, and as of all times as of which `make demo` reports.

    Each is due as soon as it is there, `2 × cadence` and what signing takes later; none is late.
    """
    after_s = patience_s(trace) + SIGNING_S
    return tuple(
        ReportPlan(fleet.fleet_id, UnixSeconds(at), UnixSeconds(at + after_s))
        for at in (plan.first, *report_times(trace))
        for fleet in plan.fleets
    )


def quitting_time(reports: Sequence[ReportPlan], first: UnixSeconds) -> UnixSeconds | None:
    """Return when reporters stop, because the last report is made by hand; None where it is as of a full hour.

    A full hour shortly before the trace's end gives way to it, and reporters that still ran would report it.
    """
    end = reports[-1]
    if hour_of(end.as_of, first) is not None:
        return None
    since = (end.as_of - first) % SECONDS_PER_HOUR
    is_reported = any(report.as_of == end.as_of - since for report in reports)
    return UnixSeconds(end.submit_at - SIGNING_S - (0 if is_reported else since))


def hour_of(as_of: UnixSeconds, first: UnixSeconds) -> int | None:
    """Return how many hours after the trace's begin a report is as of, None where that is no full hour."""
    hours, rest = divmod(as_of - first, SECONDS_PER_HOUR)
    return None if rest else hours


def hour_label(as_of: UnixSeconds, first: UnixSeconds) -> str:
    """Return how the timeline calls a report: `hour 5`, or `the trace's end`."""
    hour = hour_of(as_of, first)
    return "the trace's end" if hour is None else f"hour {hour}"
