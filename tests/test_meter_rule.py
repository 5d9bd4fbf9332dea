"""The counter rule against a second implementation that walks through time millisecond by millisecond."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils.meter.rule import GpuMeter, NoEnergySourceError, Reading, SealedTimeError
from pyutils.models import PowerModel
from pyutils.units import PPM, Watts

CADENCE = 5
GAP = 2 * CADENCE
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Cases are many, and the machine may be busy."""

POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))

Row = tuple[int, int, int]


@dataclass(frozen=True)
class Walk:
    """What a walk through every millisecond counts."""

    available_ms: int
    busy_ppm_ms: int
    energy_nj: int
    moments: frozenset[int]
    resets: int


def walk(rows: list[Row], since: int, until: int, as_of: int, power: PowerModel | None) -> Walk:
    """Count by the words of the rule, slowly."""
    seen = sorted(row for row in rows if row[0] <= as_of + GAP and since - GAP < row[0] < until + GAP)
    available = busy = energy = 0
    moments = set()
    falls = set()
    of_pair: dict[int, int] = {}
    for moment in range(since, min(until, as_of)):
        earlier = [i for i, row in enumerate(seen) if row[0] <= moment]
        if not earlier or earlier[-1] + 1 == len(seen):
            continue
        (at, duty, joules), (next_at, _, next_joules) = seen[earlier[-1]], seen[earlier[-1] + 1]
        fell = power is None and next_joules < joules
        if fell:
            falls.add(at)
        if fell or next_at - at > GAP:
            continue
        available += 1
        busy += duty
        moments.add(moment)
        of_pair[earlier[-1]] = of_pair.get(earlier[-1], 0) + 1
        if power is not None:
            energy += power.idle_watts * PPM + (power.max_watts - power.idle_watts) * duty
    if power is None:
        for i, counted in of_pair.items():
            (at, _, joules), (next_at, _, next_joules) = seen[i], seen[i + 1]
            energy += (next_joules - joules) * PPM * counted // (next_at - at)
    return Walk(available, busy, energy, frozenset(moments), len(falls))


def meter_of(rows: list[Row], since: int = 0, until: int | None = None, power: PowerModel | None = POWER) -> GpuMeter:
    meter = GpuMeter("gpu", CADENCE, since, until, power)
    feed(meter, rows)
    return meter


def feed(meter: GpuMeter, rows: list[Row]) -> None:
    meter.extend([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def moments_of(reading: Reading) -> frozenset[int]:
    return frozenset(moment for begin, end in reading.runs for moment in range(begin, end))


@st.composite
def samples(draw: st.DrawFn) -> list[Row]:
    """Rows with gaps on both sides of 2 × cadence and energy counters that sometimes fall."""
    at, energy = draw(st.integers(0, 20)), draw(st.integers(0, 50))
    rows = []
    for _ in range(draw(st.integers(0, 14))):
        rows.append((at, draw(st.sampled_from([0, 1, 666, 333_333, 999_999, PPM])), energy))
        at += draw(st.integers(1, 13))
        energy = energy + draw(st.integers(0, 9)) if draw(st.integers(0, 5)) else draw(st.integers(0, energy))
    return rows


bounds = st.tuples(st.integers(0, 60), st.integers(1, 120)).map(lambda pair: (pair[0], pair[0] + pair[1]))
powers = st.sampled_from([POWER, None])


def assert_equal(reading: Reading, expected: Walk) -> None:
    assert reading.available_ms == expected.available_ms
    assert reading.busy_ppm_ms == expected.busy_ppm_ms
    assert reading.energy_nj == expected.energy_nj
    assert moments_of(reading) == expected.moments
    assert reading.resets == expected.resets


@unhurried
@given(samples(), bounds, st.integers(0, 200), powers)
def test_read__any_samples__equals_the_walk(
    rows: list[Row], bound: tuple[int, int], as_of: int, power: PowerModel | None
) -> None:
    meter = meter_of(rows, *bound, power)
    reading = meter.read(as_of)
    assert_equal(reading, walk(rows, *bound, as_of, power))
    assert reading.busy_ms == reading.busy_ppm_ms // PPM <= reading.available_ms
    assert reading.energy_joules == reading.energy_nj // 10**9


@unhurried
@given(samples(), bounds, st.integers(0, 200), st.integers(0, 150), st.integers(0, 80), powers)
def test_delivered__any_allocation__counts_its_available_moments(
    rows: list[Row], bound: tuple[int, int], as_of: int, start: int, length: int, power: PowerModel | None
) -> None:
    expected = walk(rows, *bound, as_of, power).moments & set(range(start, start + length))
    assert meter_of(rows, *bound, power).read(as_of).delivered_ms(start, start + length) == len(expected)


@unhurried
@given(samples(), bounds, st.lists(st.integers(0, 200), max_size=5), st.integers(0, 200), powers, st.booleans())
def test_read__any_reports_in_between__does_not_depend_on_the_path(
    rows: list[Row], bound: tuple[int, int], sealed: list[int], final: int, power: PowerModel | None, keep: bool
) -> None:
    """Samples arrive in time, some reports are made, others missed: the counters are the same."""
    meter = GpuMeter("gpu", CADENCE, *bound, power)
    fed = 0
    for as_of in sorted(time for time in sealed if time <= final):
        arrived = sum(row[0] <= as_of + GAP for row in rows)
        feed(meter, rows[fed:arrived])
        fed = max(fed, arrived)
        assert_equal(meter.read(as_of), walk(rows, *bound, as_of, power))
        meter.seal(as_of, keep_from_ms=as_of // 2 if keep else None)
        assert_equal(meter.read(as_of), walk(rows, *bound, as_of, power))
    feed(meter, rows[fed:])
    assert_equal(meter.read(final), walk(rows, *bound, final, power))
    assert meter.dropped_late == 0


@unhurried
@given(samples(), st.randoms(use_true_random=False), st.integers(1, 5), st.integers(0, 200), powers)
def test_extend__shuffled_with_repeats__equals_in_order(
    rows: list[Row], dice: object, chunk: int, as_of: int, power: PowerModel | None
) -> None:
    shuffled = [*rows, *rows[::3]]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    meter = GpuMeter("gpu", CADENCE, power=power)
    for begin in range(0, len(shuffled), chunk):
        feed(meter, shuffled[begin : begin + chunk])
    assert meter.read(as_of) == meter_of(rows, power=power).read(as_of)
    assert meter.dropped_duplicates == len(rows[::3])


@unhurried
@given(samples(), samples(), st.integers(0, 100), st.integers(0, 200), powers)
def test_extend__late_samples__are_dropped_and_counted_and_change_nothing(
    rows: list[Row], others: list[Row], sealed: int, later: int, power: PowerModel | None
) -> None:
    meter = GpuMeter("gpu", CADENCE, power=power)
    in_time = [row for row in rows if row[0] <= sealed + GAP]
    feed(meter, in_time)
    before = meter.read(sealed)
    meter.seal(sealed)
    late = [row for row in others if row[0] <= sealed + GAP]
    feed(meter, late)
    feed(meter, [row for row in rows if row[0] > sealed + GAP])
    assert meter.dropped_late == len(late)
    assert meter.read(sealed) == before
    assert_equal(meter.read(sealed + later), walk(rows, 0, 10**6, sealed + later, power))


def test_extend__two_samples_of_one_time__the_first_stands() -> None:
    meter = meter_of([(0, PPM, 0), (5, PPM, 0), (0, 0, 0)])
    assert meter.read(100).busy_ms == 5
    feed(meter, [(0, 0, 0), (5, 0, 0), (10, 0, 0)])
    assert meter.read(100).busy_ms == 10
    assert meter.dropped_duplicates == 3


def test_gap__twice_the_cadence_and_a_millisecond_more__counts_all_and_nothing() -> None:
    assert meter_of([(0, PPM, 0), (GAP, 0, 0)]).read(100).available_ms == GAP
    assert meter_of([(0, PPM, 0), (GAP + 1, 0, 0)]).read(100).available_ms == 0


def test_busy__duty_of_the_earlier_sample__is_what_counts() -> None:
    assert meter_of([(0, PPM, 0), (8, 0, 0)]).read(100).busy_ms == 8
    assert meter_of([(0, 0, 0), (8, PPM, 0)]).read(100).busy_ms == 0


def test_busy__fractions__add_up_before_they_are_cut() -> None:
    rows = [(at, 600_000, 0) for at in range(11)]
    assert meter_of(rows).read(1).busy_ms == 0
    assert meter_of(rows).read(10).busy_ms == 6


def test_energy__counter_that_falls__starts_a_new_segment_and_is_counted() -> None:
    rows = [(0, PPM, 1_000), (5, PPM, 3_000), (10, PPM, 100), (15, PPM, 4_100)]
    reading = meter_of(rows, power=None).read(100)
    assert (reading.energy_joules, reading.resets) == (6, 1)
    assert reading.runs == ((0, 5), (10, 15))


def test_energy__counter_that_fell_later_than_a_report_may_see__is_not_counted_yet() -> None:
    rows = [(0, 0, 9), (5 + GAP + 1, 0, 0)]
    assert meter_of(rows, power=None).read(5).resets == 0
    assert meter_of(rows, power=None).read(6).resets == 1


def test_energy__derived__is_idle_power_and_the_share_of_the_rest() -> None:
    rows = [(at * 5, 500_000, 0) for at in range(2001)]
    assert meter_of(rows).read(10_000).energy_joules == 3_850


def test_seal__long_run__forgets_samples() -> None:
    meter = meter_of([(at * 5, 0, 0) for at in range(1000)])
    meter.seal(4_000)
    assert meter.at_ms[0] == 4_000
    assert len(meter.at_ms) == len(meter.duty_ppm) == 200


def test_read__before_what_was_sealed__is_refused() -> None:
    meter = meter_of([(0, 0, 0), (5, 0, 0)])
    meter.seal(5)
    with pytest.raises(SealedTimeError, match="4 ms"):
        meter.read(4)
    with pytest.raises(SealedTimeError):
        meter.seal(4)


def test_extend__no_energy_and_no_power_model__is_refused() -> None:
    with pytest.raises(NoEnergySourceError):
        GpuMeter("gpu", CADENCE).extend([0], [0])
