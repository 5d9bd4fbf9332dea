"""Calendars of ratios: spread evenly, and nothing lost."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from pyutils.portfolio.fleet_history import Interval
from pyutils.reports.heat import MOST_DAYS, availability_map, utilization_map
from pyutils.units import GpuMs, Joules, UnixSeconds

MIDNIGHT = 1_700_006_400
"""2023-11-15 00:00 UTC."""
ROUNDING = 1e-9
"""Floats of a picture may be off by so much."""


def interval(begin: int, end: int, busy: int, available: int, capacity: int) -> Interval:
    return Interval(
        UnixSeconds(begin),
        UnixSeconds(end),
        GpuMs(available),
        GpuMs(busy),
        Joules(0),
        GpuMs(capacity),
        "reporter",
        "AdvanceHead",
    )


def test_utilization_map__two_hours__stand_where_they_were() -> None:
    heat = utilization_map(
        [
            interval(MIDNIGHT + 3_600, MIDNIGHT + 7_200, 25, 100, 200),
            interval(MIDNIGHT + 7_200, MIDNIGHT + 10_800, 0, 0, 200),
        ]
    )
    assert heat.days == (date(2023, 11, 15),)
    assert heat.values[1] == (0.25,)
    assert heat.values[2] == (None,), "nothing was available"
    assert heat.values[0] == (None,)


def test_availability_map__interval_over_midnight__falls_on_both_days() -> None:
    heat = availability_map([interval(MIDNIGHT - 1_800, MIDNIGHT + 1_800, 0, 50, 100)])
    assert heat.days == (date(2023, 11, 14), date(2023, 11, 15))
    assert heat.values[23] == (0.5, None)
    assert heat.values[0] == (None, 0.5)


def test_map__nothing__is_empty() -> None:
    heat = utilization_map([])
    assert heat.days == ()
    assert len(heat.values) == 24


def test_map__many_years__shows_the_newest_days() -> None:
    day = 86_400
    heat = availability_map([interval(MIDNIGHT + n * day, MIDNIGHT + (n + 1) * day, 0, 1, 1) for n in range(500)])
    assert len(heat.days) == MOST_DAYS


@given(st.integers(0, 10**6), st.lists(st.tuples(st.integers(1, 10**5), st.integers(1, 10**6)), min_size=1, max_size=8))
def test_map__any_intervals__no_ratio_leaves_those_that_made_it(first: int, parts: list[tuple[int, int]]) -> None:
    intervals, at = [], MIDNIGHT + first
    for length, available in parts:
        intervals.append(interval(at, at + length, 0, available, 10**6))
        at += length
    found = [value for row in availability_map(intervals).values for value in row if value is not None]
    ratios = [one.available_gpu_ms / one.capacity_gpu_ms for one in intervals]
    assert found
    assert min(ratios) * (1 - ROUNDING) <= min(found)
    assert max(found) <= max(ratios) * (1 + ROUNDING)
