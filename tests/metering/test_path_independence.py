"""Whichever reports were made or missed, and however often the reporter died: the same bytes, hashes and pages."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pyutils.keccak import keccak256
from pyutils.meter import FleetMeter, build_leaf_file, build_report_data, verify_leaf_file
from pyutils.reporter.draft import feed_from_pages, finish
from pyutils.units import Ms

from . import reference
from .histories import (
    FLEET,
    Life,
    Made,
    Published,
    commitments,
    enrolments,
    from_all_samples,
    made_at,
    make,
    pasts,
    power_of,
    report_times,
    series,
    uncounted,
)
from .reference import HOUR_MS, Board, Past, Row, Taken, matters

UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
"""Cases are many, and the machine may be busy."""


def assert_says(past: Past, as_of: int, made: Made, taken: Taken = reference.everything) -> None:
    """Hold a report and its pages against the slow reference."""
    assert made.draft.leaf_file.data == reference.leaf_file(past, as_of, taken)
    assert made.draft.leaf_file.header.samples_hash == reference.samples_hash(past, as_of, taken)
    hours = reference.hour_rows(past, as_of, taken)
    for page in made.pages:
        assert page.rows == hours[page.hour]
        assert page.rows_hash == keccak256(hours[page.hour])
        assert page.whole == ((page.hour + 1) * HOUR_MS <= as_of * 1000)


def live_through(past: Past, times: list[int], wait_ms: int = 0, taken: Taken = reference.everything) -> None:
    """Make some reports, each in a process of its own, and hold all of them against what all samples give at once."""
    life, published, late = Life(past, wait_ms), Published(), 0
    for as_of in times:
        made = life.report(as_of)
        draft = made.draft
        assert_says(past, as_of, made, taken)
        published.add(as_of, made)
        listed = {published.pages[name].hour: published.pages[name].rows for name in published.of_report[as_of]}
        assert listed == reference.hour_rows(past, as_of, taken)
        late += late_by_now(past, times, as_of, wait_ms, taken)
        assert made.meter.dropped_late == late
        again = FleetMeter.restored(draft.checkpoint)
        assert again.checkpoint() == draft.checkpoint
        assert build_leaf_file(again, FLEET, draft.told.as_of, draft.told.leases, draft.told.allocations).data == (
            draft.leaf_file.data
        )


def late_by_now(past: Past, times: list[int], as_of: int, wait_ms: int, taken: Taken) -> int:
    """Return how many moments there are of what the last report closed whose samples came between it and this one."""
    place = times.index(as_of)
    if place == 0:
        return 0
    before = times[place - 1]
    since = times[place - 2] if place > 1 else None
    late = 0
    for board in past.boards_at(before):
        closed = past.closed(since) if since is not None and board.since <= since else -1
        window = [row for row in past.rows if row.gpu_id == board.gpu_id and closed < row.at <= past.closed(before)]
        there = {
            row.at for row in window if matters(past, board, row.at) and row.arrives <= made_at(past, as_of, wait_ms)
        }
        late += len(there) - len({row.at for row in window if matters(past, board, row.at) and taken(board, row)})
    return late


def assert_at_once(past: Past, as_of: int) -> None:
    """Hold one meter that sees all samples, and those to come, against the slow reference."""
    told = commitments(past, as_of)
    built = build_report_data(
        series(past, past.rows),
        told.enrolments,
        Ms(past.cadence_ms),
        power_of(past),
        FLEET,
        told.as_of,
        told.leases,
        told.allocations,
    )
    assert built.data == reference.leaf_file(past, as_of)
    verify_leaf_file(built, series(past, past.rows))


def in_time_only(past: Past, times: list[int], wait_ms: int) -> Taken:
    """Return which samples arrived before the first report that closed their moment."""

    def taken(board: Board, row: Row) -> bool:
        closing = [one for one in times if one >= board.since and past.closed(one) >= row.at]
        return not closing or row.arrives <= made_at(past, closing[0], wait_ms)

    return taken


@st.composite
def lives(draw: st.DrawFn, *, late: bool = False, grows: bool = True) -> tuple[Past, list[int]]:
    past = draw(pasts(late=late, grows=grows))
    return past, draw(report_times(past))


def check_any_reports(life: tuple[Past, list[int]]) -> None:
    past, times = life
    live_through(past, times)
    for as_of in times[-2:]:
        assert_at_once(past, as_of)


def check_steps(life: tuple[Past, list[int]], dice: Random) -> None:
    """Seals on the way, made knowing who joins and leaves later, and deaths after any of them, change nothing."""
    past, times = life
    reporter, reported = Life(past), -1
    while times:
        number = dice.randrange(len(times))
        steps, as_of, times = times[:number], times[number], times[number + 1 :]
        if dice.random() < 0.3 and times:
            reporter.die_on_the_way(times[0], [*steps, as_of])
            continue
        draft = reporter.report(as_of, steps).draft
        assert draft.leaf_file.data == reference.leaf_file(past, as_of)
        assert as_of > reported
        reported = as_of
        whole = from_all_samples(past, as_of)
        whole.seal(draft.told.as_of)
        assert uncounted(whole.checkpoint()) == uncounted(draft.checkpoint)


def check_late(life: tuple[Past, list[int]], wait_ms: int) -> None:
    past, times = life
    live_through(past, times, wait_ms, in_time_only(past, times, wait_ms))


def check_pushed(life: tuple[Past, list[int]], wait_ms: int) -> None:
    """A meter that lives on and is handed each sample as it arrives drops the late ones, and counts them."""
    past, times = life
    assume(all(board.since <= times[0] for board in past.boards))
    # GPUs leave where the chain says so, which a report before does not know.
    past = replace(past, boards=tuple(replace(board, until=None) for board in past.boards))
    meter = FleetMeter(enrolments(past.boards), Ms(past.cadence_ms), power_of(past))
    taken, arrivals = in_time_only(past, times, wait_ms), sorted(past.rows, key=lambda row: row.arrives)
    past = replace(past, rows=tuple(arrivals))
    handed = late = 0
    boards = {board.gpu_id: board for board in past.boards}
    for as_of in times:
        while handed < len(arrivals) and arrivals[handed].arrives <= made_at(past, as_of, wait_ms):
            row = arrivals[handed]
            meter.feed(series(past, [row]))
            opened = boards[row.gpu_id].since * 1000 // HOUR_MS * HOUR_MS
            near = row.at > boards[row.gpu_id].since * 1000 - past.gap
            late += near and (row.at < opened or not taken(boards[row.gpu_id], row))
            handed += 1
        assert_says(past, as_of, make(meter, commitments(past, as_of)), taken)
        assert meter.dropped_late == late


def check_published(life: tuple[Past, list[int]]) -> None:
    """Who has only what was published builds each report again, bit for bit."""
    past, times = life
    life_of_operator, published, drafts = Life(past), Published(), []
    for as_of in times:
        made = life_of_operator.report(as_of)
        published.add(as_of, made)
        drafts.append(made.draft)
    for draft in drafts:
        as_of = draft.told.as_of
        pages = [(published.pages[name].hour, published.pages[name].rows) for name in published.of_report[as_of]]
        verifier = FleetMeter(draft.told.enrolments, draft.told.cadence_ms, power_of(past))
        feed_from_pages(verifier, pages, as_of)
        rebuilt = finish(verifier, draft.told)
        assert rebuilt.leaf_file.data == draft.leaf_file.data
        assert uncounted(rebuilt.checkpoint) == uncounted(draft.checkpoint)


@settings(max_examples=120, **UNHURRIED)  # type: ignore[arg-type]
@given(lives())
def test_report__any_reports_made_or_missed__says_what_all_samples_give_at_once(life: tuple[Past, list[int]]) -> None:
    check_any_reports(life)


@pytest.mark.slow
@settings(max_examples=1_500, **UNHURRIED)  # type: ignore[arg-type]
@given(lives())
def test_report__thousands_of_pasts__says_what_all_samples_give_at_once(life: tuple[Past, list[int]]) -> None:
    check_any_reports(life)


@settings(max_examples=60, **UNHURRIED)  # type: ignore[arg-type]
@given(lives(), st.randoms(use_true_random=False))
def test_report__seals_and_deaths_on_the_way__says_the_same(life: tuple[Past, list[int]], dice: Random) -> None:
    check_steps(life, dice)


@pytest.mark.slow
@settings(max_examples=1_500, **UNHURRIED)  # type: ignore[arg-type]
@given(lives(), st.randoms(use_true_random=False))
def test_report__thousands_of_deaths_on_the_way__says_the_same(life: tuple[Past, list[int]], dice: Random) -> None:
    check_steps(life, dice)


@settings(max_examples=60, **UNHURRIED)  # type: ignore[arg-type]
@given(lives(late=True), st.sampled_from([0, 30_000]))
def test_report__late_samples__says_what_those_in_time_give(life: tuple[Past, list[int]], wait_ms: int) -> None:
    check_late(life, wait_ms)


@pytest.mark.slow
@settings(max_examples=800, **UNHURRIED)  # type: ignore[arg-type]
@given(lives(late=True), st.sampled_from([0, 30_000]))
def test_report__late_samples_in_thousands_of_pasts__says_what_those_in_time_give(
    life: tuple[Past, list[int]], wait_ms: int
) -> None:
    check_late(life, wait_ms)


@settings(max_examples=60, **UNHURRIED)  # type: ignore[arg-type]
@given(lives(late=True, grows=False), st.sampled_from([0, 30_000]))
def test_feed__late_samples__are_dropped_and_counted_and_change_nothing(
    life: tuple[Past, list[int]], wait_ms: int
) -> None:
    check_pushed(life, wait_ms)


@pytest.mark.slow
@settings(max_examples=800, **UNHURRIED)  # type: ignore[arg-type]
@given(lives(late=True, grows=False), st.sampled_from([0, 30_000]))
def test_feed__late_samples_in_thousands_of_pasts__are_dropped_and_counted(
    life: tuple[Past, list[int]], wait_ms: int
) -> None:
    check_pushed(life, wait_ms)


@settings(max_examples=60, **UNHURRIED)  # type: ignore[arg-type]
@given(lives())
def test_pages__a_whole_history__builds_every_report_again(life: tuple[Past, list[int]]) -> None:
    check_published(life)


@pytest.mark.slow
@settings(max_examples=800, **UNHURRIED)  # type: ignore[arg-type]
@given(lives())
def test_pages__thousands_of_histories__build_every_report_again(life: tuple[Past, list[int]]) -> None:
    check_published(life)
