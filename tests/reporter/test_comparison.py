"""Meters that agree as honest ones must, and reports that no honest meter gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils.meter import FleetMeter, GpuSeries, LeafFile, build_leaf_file
from pyutils.models import Allocation, Enrolment, LeaseLeaf, PowerModel
from pyutils.reporter.witness import comparison
from pyutils.reporter.witness.comparison import (
    MetersDifferError,
    OverdeliveredError,
    check_believable,
    check_capacity,
)
from pyutils.units import MS_PER_SECOND, FleetId, GpuMs, LeaseId, Ms, UnixSeconds, Watts

POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
HOUR = 3_600
BASE = 1_700_000_000 // HOUR * HOUR
CADENCE = 10
"""In seconds."""
C_MS = CADENCE * MS_PER_SECOND
GAP_MS = 2 * C_MS

Stretch = tuple[int, int]
"""A time `[begin, end)` in Unix milliseconds."""


def meter_of(samples: dict[str, Sequence[int]], since: int = BASE, cadence_ms: int = C_MS) -> FleetMeter:
    """Return a meter of GPUs that were sampled at some moments, in milliseconds."""
    enrolments = [Enrolment(gpu_id=gpu_id, since=UnixSeconds(since)) for gpu_id in samples]
    meter = FleetMeter(enrolments, Ms(cadence_ms), POWER)
    meter.feed(GpuSeries(gpu_id, list(at), [0] * len(at)) for gpu_id, at in samples.items())
    return meter


def allocated(lease_id: int, gpu_id: str, start: int, end: int) -> Allocation:
    return Allocation(lease_id=LeaseId(lease_id), gpu_id=gpu_id, start=UnixSeconds(start), end=UnixSeconds(end))


def report(meter: FleetMeter, allocations: Sequence[Allocation], as_of: int) -> LeafFile:
    leases = sorted({LeaseId(one.lease_id) for one in allocations})
    return build_leaf_file(meter, FleetId(1), UnixSeconds(as_of), leases, allocations)


def believe(published: FleetMeter, own: FleetMeter, allocations: Sequence[Allocation], as_of: int) -> None:
    check_believable(report(published, allocations, as_of), published, own, allocations)


def forged(told: LeafFile, **delivered: int) -> LeafFile:
    """Return a leaf file that says something else of some leases, `lease_1` and so on."""
    leaves = tuple(
        LeaseLeaf(
            lease_id=leaf.lease_id,
            delivered_gpu_ms=GpuMs(delivered.get(f"lease_{leaf.lease_id}", leaf.delivered_gpu_ms)),
        )
        for leaf in told.leaves
    )
    return replace(told, leaves=leaves)


def every(first: int, last: int, step: int = C_MS) -> list[int]:
    return list(range(first, last + 1, step))


# honest meters


@dataclass(frozen=True)
class Truth:
    """When a GPU really answered; between stretches it was away."""

    up: tuple[Stretch, ...]


@st.composite
def truths(draw: st.DrawFn, since: int) -> Truth:
    """GPUs that go and come back, and then stay for more than four cadences."""
    place = (since - 100) * MS_PER_SECOND + draw(st.integers(0, 20 * C_MS))
    up = []
    for _ in range(draw(st.integers(1, 4))):
        end = place + 2 * GAP_MS + draw(st.integers(1, 8 * C_MS))
        up.append((place, end))
        place = end + draw(st.integers(1, 3 * C_MS) | st.sampled_from([GAP_MS - 1, GAP_MS, GAP_MS + 1, 40 * C_MS]))
    return Truth(tuple(up))


def any_samples(truth: Truth, dice: Random) -> list[int]:
    """Samples at most two cadences apart while the GPU answers: all that is asked of an honest meter."""
    at = []
    for begin, end in truth.up:
        place = begin + dice.choice([0, GAP_MS, dice.randint(0, GAP_MS)])
        while place < end:
            at.append(place)
            place += dice.choice([C_MS, GAP_MS, dice.randint(1, GAP_MS)])
    return at


def regular_samples(truth: Truth, dice: Random) -> list[int]:
    """Samples on a grid of the cadence, each up to a tenth of it early or late, and none while the GPU is away."""
    jitter = dice.choice([0, C_MS // 100, C_MS // 10])
    first, last = truth.up[0][0], truth.up[-1][1]
    grid = range(first + dice.randrange(C_MS), last, C_MS)
    taken = [at + dice.randint(-jitter, jitter) for at in grid]
    return [at for at in taken if any(begin <= at < end for begin, end in truth.up)]


@dataclass(frozen=True)
class Case:
    """Two honest meters of one fleet, and leases of its GPUs."""

    published: FleetMeter
    own: FleetMeter
    allocations: list[Allocation]
    as_of: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    since = BASE + draw(st.sampled_from([0, -1, -CADENCE, -2 * CADENCE, HOUR - CADENCE, 7]))
    gpus = {gpu_id: draw(truths(since)) for gpu_id in draw(st.sampled_from(["a", "ab"]))}
    dice = Random(draw(st.integers(0, 2**32)))
    meters = []
    for _ in range(2):
        sample = draw(st.sampled_from([any_samples, regular_samples]))
        meters.append(meter_of({gpu_id: sample(truth, dice) for gpu_id, truth in gpus.items()}, since=since))
    first = min(truth.up[0][0] for truth in gpus.values()) // MS_PER_SECOND
    last = max(truth.up[-1][1] for truth in gpus.values()) // MS_PER_SECOND
    allocations = []
    for gpu_id in gpus:
        start = draw(st.integers(first - 30, last))
        switch = start + draw(st.integers(1, 200))
        allocations.append(allocated(1, gpu_id, start, switch))
        allocations.append(allocated(2, gpu_id, switch, switch + draw(st.integers(1, 200))))
    return Case(meters[0], meters[1], allocations, draw(st.integers(since, last + 100)))


def check_honest(case: Case) -> None:
    """The bound on gaps alone must do, without the 0.5 %."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "TOLERANCE_PER_MILLE", 0)
        believe(case.published, case.own, case.allocations, case.as_of)
        believe(case.own, case.published, case.allocations, case.as_of)


unhurried = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@settings(max_examples=250, **unhurried)  # type: ignore[arg-type]
@given(cases())
def test_check_believable__two_honest_meters__always_agree(case: Case) -> None:
    check_honest(case)


@pytest.mark.slow
@settings(max_examples=4_000, **unhurried)  # type: ignore[arg-type]
@given(cases())
def test_check_believable__thousands_of_honest_meters__always_agree(case: Case) -> None:
    check_honest(case)


def test_check_believable__gap_that_one_meter_saw_alone__is_six_cadences_at_most() -> None:
    """Honest meters do differ by as much: the bound cannot be tightened."""
    away = (BASE + 600) * MS_PER_SECOND
    seen = [*every(BASE * 1000, away - GAP_MS, GAP_MS), *every(away + 2 * GAP_MS, away + 40 * GAP_MS, GAP_MS)]
    unseen = [*every(BASE * 1000, away, GAP_MS), *every(away + GAP_MS, away + 40 * GAP_MS, GAP_MS)]
    lease = [allocated(1, "a", BASE + 500, BASE + 900)]
    own, published = meter_of({"a": seen}), meter_of({"a": unseen})
    told = report(published, lease, BASE + 1_000)
    assert told.leaves[0].delivered_gpu_ms - report(own, lease, BASE + 1_000).leaves[0].delivered_gpu_ms == 6 * C_MS
    for most, fits in ((6, True), (5, False)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(comparison, "TOLERANCE_PER_MILLE", 0)
            patch.setattr(comparison, "GAP_CADENCES", most)
            if fits:
                believe(published, own, lease, BASE + 1_000)
                believe(own, published, lease, BASE + 1_000)
            else:
                with pytest.raises(MetersDifferError, match="lease 1 got"):
                    believe(published, own, lease, BASE + 1_000)


# liars

DAY = 24 * HOUR
LEASE = [allocated(1, "a", BASE + 100, BASE + 100 + DAY)]
AS_OF = BASE + DAY + HOUR
ALL_DAY = every(BASE * 1000, (AS_OF + 100) * 1000)
GOT = DAY * MS_PER_SECOND


def without(*away: Stretch) -> list[int]:
    """Return the day's samples but those of some stretches of seconds after BASE."""
    return [at for at in ALL_DAY if not any(begin <= at // 1000 - BASE < end for begin, end in away)]


@pytest.fixture
def honest() -> FleetMeter:
    return meter_of({"a": ALL_DAY})


@pytest.mark.parametrize("published_gaps", [[], [(begin, begin + 40) for begin in range(1_000, 80_000, 500)]])
def test_check_believable__one_percent_more_on_a_lease_without_gaps__is_caught(
    honest: FleetMeter, published_gaps: list[Stretch]
) -> None:
    """Whatever gaps the liar makes up besides."""
    published = meter_of({"a": without(*published_gaps)})
    told = report(published, LEASE, AS_OF)
    honest_told = report(honest, LEASE, AS_OF)
    allowed = told.leaves[0].delivered_gpu_ms
    with pytest.raises(MetersDifferError) as caught:
        check_believable(forged(honest_told, lease_1=GOT + GOT // 100), published, honest, LEASE)
    assert (caught.value.what, caught.value.told, caught.value.own) == ("lease 1", GOT * 101 // 100, GOT)
    assert caught.value.allowed == GOT * 101 // 100 * 5 // 1000
    assert "\n" not in caught.value.line()
    assert allowed == GOT - 50_000 * len(published_gaps)
    most = GOT * 1000 // 995
    check_believable(forged(honest_told, lease_1=most), honest, honest, LEASE)
    with pytest.raises(MetersDifferError, match="lease 1 got"):
        check_believable(forged(honest_told, lease_1=most + 1), published, honest, LEASE)


def test_check_believable__made_up_availability__is_caught_beyond_half_a_percent_and_a_gap() -> None:
    tolerated = DAY * 5 // 1000 + 6 * CADENCE
    published = meter_of({"a": ALL_DAY})
    for away, caught in ((tolerated - 3 * CADENCE, False), (tolerated + 3 * CADENCE, True), (DAY // 2, True)):
        own = meter_of({"a": without((5_000, 5_000 + away))})
        if caught:
            with pytest.raises(MetersDifferError, match=f"lease 1 got {GOT} GPU-ms by the report"):
                believe(published, own, LEASE, AS_OF)
        else:
            believe(published, own, LEASE, AS_OF)


def test_check_believable__gpu_that_is_gone__is_not_made_available() -> None:
    never = meter_of({"a": []})
    with pytest.raises(MetersDifferError, match=f"lease 1 got {GOT} GPU-ms by the report and 0 by our own"):
        believe(meter_of({"a": ALL_DAY}), never, LEASE, AS_OF)
    with pytest.raises(MetersDifferError, match="lease 1 got 0 GPU-ms by the report"):
        believe(never, meter_of({"a": ALL_DAY}), LEASE, AS_OF)
    believe(never, never, LEASE, AS_OF)


def test_check_believable__made_up_gaps__pay_for_nothing(honest: FleetMeter) -> None:
    """Gaps in what a liar publishes take from its leases, and let it claim no more on any."""
    half = BASE + DAY // 2
    leases = [allocated(1, "a", BASE + 100, half), allocated(2, "a", half, BASE + DAY)]
    gaps = [(begin, begin + 40) for begin in range(DAY // 2 + 100, DAY - 100, 200)]
    liar = meter_of({"a": without(*gaps)})
    told = report(liar, leases, AS_OF)
    lost = report(honest, leases, AS_OF).leaves[1].delivered_gpu_ms - told.leaves[1].delivered_gpu_ms
    assert lost == 50_000 * len(gaps)
    check_believable(told, liar, honest, leases)
    first = told.leaves[0].delivered_gpu_ms
    with pytest.raises(MetersDifferError, match="lease 1 got"):
        check_believable(forged(told, lease_1=first + lost), liar, honest, leases)
    second = told.leaves[1].delivered_gpu_ms + lost
    check_believable(forged(told, lease_2=second), liar, honest, leases)
    with pytest.raises(MetersDifferError, match="lease 2 got"):
        check_believable(forged(told, lease_2=second * 1006 // 1000), liar, honest, leases)


@settings(max_examples=200, **unhurried)  # type: ignore[arg-type]
@given(cases(), st.integers(-(10**7), 10**7))
def test_check_believable__any_claim_that_passes__is_bound_by_the_own_meter_alone(case: Case, claim: int) -> None:
    told = report(case.published, case.allocations, case.as_of)
    ours = {leaf.lease_id: leaf.delivered_gpu_ms for leaf in report(case.own, case.allocations, case.as_of).leaves}
    claimed = max(0, ours[LeaseId(1)] + claim)
    try:
        check_believable(forged(told, lease_1=claimed), case.published, case.own, case.allocations)
    except MetersDifferError:
        return
    window = sum(
        max(0, min(one.end, case.as_of) - max(one.start, min(board.since for board in case.own.enrolments)))
        for one in case.allocations
        if one.lease_id == 1
    )
    # What the own meter shows, and all that it may have missed: never more than the lease's time and 0.5 %.
    assert claimed <= max(ours[LeaseId(1)], window * MS_PER_SECOND) * 1_000 // 995


def test_check_believable__gpus_that_serve_no_lease__are_compared_for_the_fleet(honest: FleetMeter) -> None:
    own = meter_of({"a": without((0, 2_000))})
    with pytest.raises(MetersDifferError, match="fleet 1 got") as caught:
        believe(honest, own, [], AS_OF)
    assert caught.value.told - caught.value.own > caught.value.allowed
    believe(honest, meter_of({"a": without((0, 500))}), [], AS_OF)


def test_check_believable__closed_lease__is_compared_no_more(honest: FleetMeter) -> None:
    """Its allocations are still known; its leaf is no longer in the report."""
    own = meter_of({"a": without((200, 500))})
    short = [allocated(1, "a", BASE + 100, BASE + 600), *[allocated(2, "a", BASE + 600, BASE + DAY)]]
    with pytest.raises(MetersDifferError, match="lease 1 got"):
        believe(honest, own, short, AS_OF)
    told = build_leaf_file(honest, FleetId(1), UnixSeconds(AS_OF), [LeaseId(2)], short)
    check_believable(told, honest, own, short)


def test_check_believable__meter_sealed_at_the_reports_time__is_read_there(honest: FleetMeter) -> None:
    told = report(honest, LEASE, AS_OF)
    honest.seal(UnixSeconds(AS_OF))
    check_believable(told, FleetMeter.restored(honest.checkpoint()), honest, LEASE)


# capacity


def test_check_capacity__first_report__leaves_are_within_what_the_fleet_was(honest: FleetMeter) -> None:
    told = report(honest, LEASE, AS_OF)
    check_capacity(told, None)
    check_capacity(forged(told, lease_1=told.available_gpu_ms), None)
    with pytest.raises(OverdeliveredError) as caught:
        check_capacity(forged(told, lease_1=told.available_gpu_ms + 1), None)
    assert (caught.value.delivered, caught.value.available) == (told.available_gpu_ms + 1, told.available_gpu_ms)
    assert "\n" not in caught.value.line()


def test_check_capacity__growth_since_the_head__is_within_what_the_fleet_grew() -> None:
    leases = [allocated(1, "a", BASE + 100, BASE + DAY), allocated(2, "b", BASE + 100, BASE + DAY)]
    meter = meter_of({"a": ALL_DAY, "b": without((1_000, 20_000))})
    head, told = report(meter, leases, BASE + 2 * HOUR), report(meter, leases, BASE + 3 * HOUR)
    check_capacity(told, head)
    grew = told.available_gpu_ms - head.available_gpu_ms
    assert grew == HOUR * MS_PER_SECOND, "the other GPU was away"
    before, got = head.leaves[1].delivered_gpu_ms, told.leaves[1].delivered_gpu_ms
    assert got == before
    with pytest.raises(
        OverdeliveredError, match=f"leases got {grew + 1} GPU-ms, and the fleet was available for {grew}"
    ):
        check_capacity(forged(told, lease_2=got + 1), head)
    # Capacity that was not leased before the head is not there to be claimed after it.
    idle = replace(head, leaves=tuple(forged(head, lease_1=0).leaves))
    with pytest.raises(OverdeliveredError):
        check_capacity(told, idle)


def test_check_capacity__leaf_that_falls__makes_no_room_for_another() -> None:
    leases = [allocated(1, "a", BASE + 100, BASE + DAY), allocated(2, "b", BASE + 100, BASE + DAY)]
    meter = meter_of({"a": ALL_DAY, "b": ALL_DAY})
    head, told = report(meter, leases, BASE + 2 * HOUR), report(meter, leases, BASE + 3 * HOUR)
    first, second = (leaf.delivered_gpu_ms for leaf in told.leaves)
    with pytest.raises(OverdeliveredError):
        check_capacity(forged(told, lease_1=0, lease_2=second + first), head)


def test_check_capacity__leases_closed_and_opened_since__count_what_they_got() -> None:
    meter = meter_of({"a": ALL_DAY})
    old, new = allocated(1, "a", BASE + 100, BASE + 2 * HOUR), allocated(2, "a", BASE + 2 * HOUR, BASE + 9 * HOUR)
    head = report(meter, [old], BASE + 2 * HOUR)
    told = build_leaf_file(meter, FleetId(1), UnixSeconds(BASE + 3 * HOUR), [LeaseId(2)], [old, new])
    check_capacity(told, head)
    with pytest.raises(OverdeliveredError):
        check_capacity(forged(told, lease_2=told.leaves[0].delivered_gpu_ms + 1), head)


@settings(max_examples=100, **unhurried)  # type: ignore[arg-type]
@given(cases(), st.integers(0, 400))
def test_check_capacity__any_honest_meter__is_within_it(case: Case, later: int) -> None:
    meter = case.published
    head = report(meter, case.allocations, case.as_of)
    check_capacity(head, None)
    check_capacity(report(meter, case.allocations, case.as_of + later), head)
