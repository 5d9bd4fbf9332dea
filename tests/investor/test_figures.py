"""What a figure of a fleet shows: numbers that can be counted on fingers."""

from __future__ import annotations

from datetime import UTC, datetime

from pyutils.portfolio.fleet_history import Interval
from pyutils.portfolio.steps import Steps
from pyutils.reports.figures import leased_figure
from pyutils.units import GpuMs, Joules, UnixSeconds

HOUR = 3_600


def hour(number: int) -> UnixSeconds:
    return UnixSeconds(1_700_006_400 + number * HOUR)


def interval(begin: int, end: int, available: int, busy: int) -> Interval:
    return Interval(
        hour(begin), hour(end), GpuMs(available), GpuMs(busy), Joules(0), GpuMs(4), "reporter", "AdvanceHead"
    )


def test_leased_figure__fleet_that_grew__is_the_share_of_what_was_there() -> None:
    installed = Steps.of([(hour(0), 2), (hour(3), 4)])
    leased = Steps.of([(hour(1), 1), (hour(4), 3), (hour(5), 0)])
    shares, busy = leased_figure(leased, installed, [interval(0, 2, 4, 1), interval(2, 4, 0, 0)], hour(6)).data
    assert [datetime.fromtimestamp(hour(number), UTC) for number in (0, 1, 3, 4, 5, 6)] == list(shares.x)
    assert list(shares.y) == [0, 50, 25, 75, 0, 0]
    assert list(shares.customdata)[3] == "3 of 4 GPUs"
    assert shares.line.shape == "hv"
    assert list(busy.y) == [25, 25], "of an interval in which nothing was available nothing is said"


def test_leased_figure__before_there_was_a_gpu__has_no_share() -> None:
    shares, _ = leased_figure(Steps.of([]), Steps.of([(hour(0), 0), (hour(1), 2)]), [], hour(2)).data
    assert list(shares.y) == [None, 0, 0]
