"""Counts over time against counting every second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyutils.portfolio.leasing import leased_days
from pyutils.portfolio.steps import Steps
from pyutils.units import UnixSeconds

MOMENTS = st.integers(0, 60)
CHANGES = st.lists(st.tuples(MOMENTS.map(UnixSeconds), st.integers(0, 9)), max_size=8).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)


def counted(changes: list[tuple[UnixSeconds, int]], at: int) -> int:
    """Return the last count that was said at or before a moment."""
    return [0, *(count for since, count in changes if since <= at)][-1]


@given(CHANGES, MOMENTS, MOMENTS)
def test_gpu_ms__any_span__is_the_sum_of_its_seconds(
    changes: list[tuple[UnixSeconds, int]], begin: int, end: int
) -> None:
    seconds = sum(counted(changes, at) for at in range(begin, end))
    assert Steps.of(changes).gpu_ms(UnixSeconds(begin), UnixSeconds(end)) == 1_000 * seconds


@given(CHANGES, MOMENTS)
def test_count_at__any_moment__is_the_last_that_was_said(changes: list[tuple[UnixSeconds, int]], at: int) -> None:
    assert Steps.of(changes).count_at(UnixSeconds(at)) == counted(changes, at)


def test_steps__nothing_said__is_nothing() -> None:
    none = Steps.of([])
    assert none.count_at(UnixSeconds(5)) == 0
    assert none.gpu_ms(UnixSeconds(0), UnixSeconds(60)) == 0


def test_leased_days__until_midnight__end_with_the_day_before() -> None:
    installed = Steps.of([(UnixSeconds(86_400 // 2), 2)])
    days = leased_days(Steps.of([]), installed, UnixSeconds(2 * 86_400))
    assert [(one.begin, one.end) for one in days] == [(0, 86_400), (86_400, 2 * 86_400)]
    assert leased_days(Steps.of([]), installed, UnixSeconds(2 * 86_400 + 1))[-1].installed_gpu_ms == 2_000
