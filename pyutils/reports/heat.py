"""Intervals of a fleet's meters spread over the days and hours of a calendar, UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pyutils.portfolio.fleet_history import Interval
from pyutils.units import SECONDS_PER_HOUR, UnixSeconds

HOURS: Final = 24
MOST_DAYS: Final = 366
"""A longer history shows its newest days."""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A ratio for each day and hour; None where nothing was reported."""

    days: tuple[date, ...]
    values: tuple[tuple[float | None, ...], ...]
    """By hour of the day, then by day."""


def utilization_map(intervals: Iterable[Interval]) -> HeatMap:
    """Return busy over available time."""
    return _heat_map(intervals, lambda one: (one.busy_gpu_ms, one.available_gpu_ms))


def availability_map(intervals: Iterable[Interval]) -> HeatMap:
    """Return available time over capacity."""
    return _heat_map(intervals, lambda one: (one.available_gpu_ms, one.capacity_gpu_ms))


def _heat_map(intervals: Iterable[Interval], parts: Callable[[Interval], tuple[int, int]]) -> HeatMap:
    """Spread each interval evenly over the hours that it covers, and divide the sums."""
    tops: dict[int, float] = {}
    bottoms: dict[int, float] = {}
    for one in intervals:
        top, bottom = parts(one)
        for hour, share in _hours(one.begin, one.end):
            tops[hour] = tops.get(hour, 0.0) + top * share
            bottoms[hour] = bottoms.get(hour, 0.0) + bottom * share
    ratios = {hour: tops[hour] / bottom for hour, bottom in bottoms.items() if bottom}
    if not ratios:
        return HeatMap((), tuple(() for _ in range(HOURS)))
    last = max(ratios) // HOURS
    first = max(min(ratios) // HOURS, last - MOST_DAYS + 1)
    days = tuple(_day(number) for number in range(first, last + 1))
    rows = tuple(tuple(ratios.get(number * HOURS + hour) for number in range(first, last + 1)) for hour in range(HOURS))
    return HeatMap(days, rows)


def _hours(begin: UnixSeconds, end: UnixSeconds) -> Iterable[tuple[int, float]]:
    """Yield each UTC hour since 1970 that a span touches, with the part of the span that falls into it."""
    for hour in range(begin // SECONDS_PER_HOUR, -(-end // SECONDS_PER_HOUR)):
        begins = hour * SECONDS_PER_HOUR
        overlap = min(end, begins + SECONDS_PER_HOUR) - max(begin, begins)
        yield hour, overlap / (end - begin)


def _day(number: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date()
