"""The mirror of MeterOracle's heads: what moves a head, what stops it, and where stakes go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.capacity import CapacityHistory
from pyutils.heads import NO_PENDING, FleetHeads, HeadsModel, Sequencer
from pyutils.heads import refusals as no
from pyutils.models.meter import MeterReport
from pyutils.refusal import RefusalError
from pyutils.standstill import StandstillClock
from pyutils.units import FleetId, GpuMs, Joules, TokenUnits, UnixSeconds, Watts

FLEET = FleetId(1)
T0 = 1_800_000_000
HOUR = 3_600
STAKE = TokenUnits(1_000)
OPERATOR = "0x" + "11" * 20
DISPUTER = "0x" + "22" * 20


def at(seconds: int) -> UnixSeconds:
    return UnixSeconds(T0 + seconds)


@pytest.fixture
def heads() -> HeadsModel:
    """Eight GPUs of 700 W since `T0`, three verifiers of whom two must sign, two hours of liveness."""
    model = HeadsModel("loss fund", 2 * HOUR)
    fleet = FleetHeads("coin", Watts(700), verifiers=3, quorum=2, commissioned_at=at(0))
    fleet.capacity.push(8, at(0))
    model.fleets[FLEET] = fleet
    return model


def report(heads: HeadsModel, as_of: int, available: int = 0, busy: int = 0, joules: int = 0) -> MeterReport:
    """Return a report on the head as of then, with counters given as they are to stand."""
    return MeterReport(
        fleet_id=FLEET,
        as_of=at(as_of),
        available_gpu_ms=GpuMs(available),
        busy_gpu_ms=GpuMs(busy),
        energy_joules=Joules(joules),
        lease_root=bytes(32),
        data_hash=bytes(32),
        previous_digest=heads.head(FLEET, at(as_of)).digest,
    )


def digest(name: str) -> bytes:
    return name.encode().ljust(32)


def posted(heads: HeadsModel, as_of: int = HOUR) -> None:
    heads.post(report(heads, as_of), digest("posted"), OPERATOR, STAKE, at(HOUR))


def test_submit__quorum__moves_the_head_at_once(heads: HeadsModel) -> None:
    heads.submit(report(heads, HOUR, 100, 50, 10), digest("a"), (0, 2), at(HOUR + 60))
    head = heads.head(FLEET, at(HOUR + 60))
    assert (head.as_of, head.accepted_at, head.available_gpu_ms, head.digest) == (
        at(HOUR),
        at(HOUR + 60),
        100,
        digest("a"),
    )


@pytest.mark.parametrize(
    ("signers", "error"),
    [
        ((0,), no.QuorumNotReachedError),
        ((0, 3), no.UnknownVerifierError),
        ((1, 1), no.DuplicateVerifierError),
        ((1, 0), no.DuplicateVerifierError),
    ],
)
def test_submit__wrong_signers__refuses(heads: HeadsModel, signers: tuple[int, ...], error: type[RefusalError]) -> None:
    with pytest.raises(error):
        heads.submit(report(heads, HOUR), digest("a"), signers, at(HOUR))


CAPACITY = 8 * HOUR * 1_000
LIMIT = CAPACITY * 700 * 110 // 100 // 1_000


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda h: report(h, 2 * HOUR + 1), no.FromTheFutureError),
        (lambda h: report(h, HOUR), no.NotAdvancingError),
        (lambda h: report(h, 2 * HOUR, 999, 500, 100), no.CounterFellError),
        (lambda h: report(h, 2 * HOUR, 1_000, 499, 100), no.CounterFellError),
        (lambda h: report(h, 2 * HOUR, 1_000, 500, 99), no.CounterFellError),
        (lambda h: report(h, 2 * HOUR, 1_001 + CAPACITY, 500, 100), no.AvailableAboveCapacityError),
        (lambda h: report(h, 2 * HOUR, 1_010, 511, 100), no.BusyAboveAvailableError),
        (lambda h: report(h, 2 * HOUR, 1_010, 500, 101 + LIMIT), no.EnergyAboveBoardPowerError),
        (
            lambda h: report(h, 2 * HOUR, 1_000, 500, 100).model_copy(update={"previous_digest": bytes(32)}),
            no.WrongParentError,
        ),
    ],
)
def test_submit__impossible_report__refuses_with_the_numbers(
    heads: HeadsModel, make: Callable[[HeadsModel], MeterReport], error: type[RefusalError]
) -> None:
    heads.submit(report(heads, HOUR, 1_000, 500, 100), digest("a"), (0, 1), at(HOUR))
    before = heads.head(FLEET, at(2 * HOUR))
    with pytest.raises(error):
        heads.submit(make(heads), digest("b"), (0, 1), at(2 * HOUR))
    assert heads.head(FLEET, at(2 * HOUR)) == before


def test_submit__counters_at_their_limits__pass(heads: HeadsModel) -> None:
    heads.submit(report(heads, HOUR, CAPACITY, CAPACITY, LIMIT), digest("a"), (0, 1), at(HOUR))
    assert heads.head(FLEET, at(HOUR)).energy_joules == LIMIT


def test_submit_without_operator__operator_silent_for_24_hours__moves_the_head(heads: HeadsModel) -> None:
    with pytest.raises(no.OperatorNotSilentError):
        heads.submit_without_operator(report(heads, HOUR), digest("a"), (0, 1), at(24 * HOUR - 1))
    heads.submit_without_operator(report(heads, HOUR), digest("a"), (0, 1), at(24 * HOUR))
    with pytest.raises(no.OperatorNotSilentError):
        heads.submit_without_operator(report(heads, 2 * HOUR), digest("b"), (0, 1), at(48 * HOUR - 1))
    heads.submit_without_operator(report(heads, 2 * HOUR), digest("b"), (0, 1), at(48 * HOUR))


def test_pending_report__undisputed_for_its_liveness__becomes_the_head_and_frees_its_stake(heads: HeadsModel) -> None:
    posted(heads)
    assert heads.head(FLEET, at(3 * HOUR - 1)).as_of == 0
    assert heads.pending(FLEET, at(3 * HOUR - 1)).stake == STAKE

    head = heads.head(FLEET, at(9 * HOUR))
    assert (head.as_of, head.accepted_at) == (at(HOUR), at(3 * HOUR))
    assert heads.pending(FLEET, at(9 * HOUR)) == NO_PENDING
    assert heads.payouts.owed("coin", OPERATOR) == 0

    heads.sync(FLEET, at(9 * HOUR))
    assert heads.head(FLEET, at(9 * HOUR)) == head
    assert heads.payouts.owed("coin", OPERATOR) == STAKE == heads.holds("coin")


def test_post__one_is_pending__refuses(heads: HeadsModel) -> None:
    posted(heads)
    with pytest.raises(no.PendingExistsError):
        heads.post(report(heads, HOUR), digest("b"), OPERATOR, STAKE, at(2 * HOUR))


def test_submit__while_one_is_pending__supersedes_it_and_gives_the_stake_back(heads: HeadsModel) -> None:
    posted(heads)
    heads.submit(report(heads, HOUR), digest("b"), (0, 1), at(2 * HOUR))
    assert heads.head(FLEET, at(9 * HOUR)).digest == digest("b")
    assert heads.payouts.owed("coin", OPERATOR) == STAKE


@pytest.mark.parametrize(("upheld", "winner"), [(True, OPERATOR), (False, DISPUTER)])
def test_rule__either_way__winner_gets_its_stake_and_half_of_the_losers(
    heads: HeadsModel, upheld: bool, winner: str
) -> None:
    posted(heads)
    assert heads.challenge(FLEET, DISPUTER, at(HOUR + 1)) == STAKE
    assert heads.holds("coin") == 2 * STAKE

    heads.rule(FLEET, upheld=upheld, now=at(50 * HOUR))

    assert heads.payouts.owed("coin", winner) == 1_500
    assert heads.payouts.owed("coin", "loss fund") == 500
    assert (heads.head(FLEET, at(50 * HOUR)).digest == digest("posted")) is upheld
    with pytest.raises(no.NoDisputeError):
        heads.rule(FLEET, upheld=upheld, now=at(50 * HOUR))


def test_dispute__quorum_reports_meanwhile__ruling_decides_stakes_only(heads: HeadsModel) -> None:
    posted(heads)
    heads.challenge(FLEET, DISPUTER, at(HOUR + 1))
    heads.submit(report(heads, HOUR), digest("b"), (0, 1), at(2 * HOUR))
    assert heads.fleets[FLEET].dispute.superseded
    with pytest.raises(no.DisputeIsOpenError):
        heads.post(report(heads, 2 * HOUR), digest("c"), OPERATOR, STAKE, at(2 * HOUR))

    heads.rule(FLEET, upheld=True, now=at(3 * HOUR))

    assert heads.head(FLEET, at(3 * HOUR)).digest == digest("b")
    assert heads.payouts.owed("coin", OPERATOR) == 1_500


def test_dispute__unruled_after_14_days__strikes_the_report_and_returns_the_stakes(heads: HeadsModel) -> None:
    posted(heads)
    heads.challenge(FLEET, DISPUTER, at(HOUR + 1))
    with pytest.raises(no.RulingStillOpenError):
        heads.expire_dispute(FLEET, at(HOUR + 14 * 86_400))
    heads.expire_dispute(FLEET, at(HOUR + 1 + 14 * 86_400))
    assert [heads.payouts.owed("coin", who) for who in (OPERATOR, DISPUTER)] == [STAKE, STAKE]
    assert heads.head(FLEET, at(400 * HOUR)).as_of == 0


def test_challenge__after_the_liveness__finds_nothing_pending(heads: HeadsModel) -> None:
    posted(heads)
    with pytest.raises(no.NothingPendingError):
        heads.challenge(FLEET, DISPUTER, at(3 * HOUR))


def test_challenge__disputed_already__refuses(heads: HeadsModel) -> None:
    posted(heads)
    heads.challenge(FLEET, DISPUTER, at(HOUR + 1))
    with pytest.raises(no.DisputeIsOpenError):
        heads.challenge(FLEET, OPERATOR, at(HOUR + 2))


def test_liveness__sequencer_down__stands_still_and_starts_anew(heads: HeadsModel) -> None:
    posted(heads)
    heads.sequencer = Sequencer(down=True, since=at(2 * HOUR))
    assert heads.head(FLEET, at(9 * HOUR)).as_of == 0
    heads.sequencer = Sequencer(down=False, since=at(9 * HOUR))
    assert heads.head(FLEET, at(11 * HOUR - 1)).as_of == 0
    assert heads.head(FLEET, at(11 * HOUR)).accepted_at == at(11 * HOUR)


def test_proof_clock__fresh_report_pending__stands_still_until_it_is_the_head(heads: HeadsModel) -> None:
    posted(heads)
    assert heads.standstill_between(FLEET, at(0), at(2 * HOUR), at(2 * HOUR)) == HOUR
    assert heads.standstill_between(FLEET, at(0), at(9 * HOUR), at(9 * HOUR)) == 2 * HOUR


def test_proof_clock__stale_report_pending__runs_until_the_dispute(heads: HeadsModel) -> None:
    heads.post(report(heads, HOUR), digest("old"), OPERATOR, STAKE, at(3 * HOUR + 1))
    assert heads.standstill_between(FLEET, at(0), at(4 * HOUR), at(4 * HOUR)) == 0
    heads.challenge(FLEET, DISPUTER, at(4 * HOUR))
    heads.rule(FLEET, upheld=False, now=at(30 * HOUR))
    assert heads.standstill_between(FLEET, at(0), at(40 * HOUR), at(40 * HOUR)) == 26 * HOUR


def test_restate__quorum_and_arbiter__may_lower_counters_within_what_was_possible(heads: HeadsModel) -> None:
    with pytest.raises(no.NoReportError):
        heads.restate(report(heads, HOUR), digest("a"), (0, 1), at(HOUR))
    heads.submit(report(heads, HOUR, 1_000, 500, 100), digest("a"), (0, 1), at(HOUR))
    with pytest.raises(no.AvailableAboveCapacityError):
        heads.restate(report(heads, 2 * HOUR, 2 * CAPACITY + 1), digest("b"), (0, 1), at(2 * HOUR))
    heads.restate(report(heads, 2 * HOUR, 400, 300, 20), digest("b"), (0, 1), at(2 * HOUR))
    assert heads.head(FLEET, at(2 * HOUR)).available_gpu_ms == 400


@given(
    changes=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9)), max_size=12),
    looks=st.tuples(st.integers(0, 6_000), st.integers(0, 6_000)).map(sorted),
)
def test_capacity_is_integrated_exactly_across_changes(changes: list[tuple[int, int]], looks: list[int]) -> None:
    history, time, steps = CapacityHistory(), 0, []
    for pause, gpus in changes:
        time += pause
        history.push(gpus, UnixSeconds(time))
        steps.append((time, gpus))
    start, end = looks
    # Second by second, the last change at or before it counts.
    current = dict(steps)
    total = gpus_now = 0
    for second in range(end):
        gpus_now = current.get(second, gpus_now)
        total += gpus_now * 1_000 if second >= start else 0
    assert history.between(UnixSeconds(start), UnixSeconds(end)) == total


@given(
    ticks=st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12),
    looks=st.tuples(st.integers(0, 4_000), st.integers(0, 4_000)).map(sorted),
)
def test_standstill_is_counted_second_by_second(ticks: list[tuple[int, bool]], looks: list[int]) -> None:
    clock, time, states = StandstillClock(), 0, {}
    for pause, standing in ticks:
        time += pause
        clock.set(UnixSeconds(time), standing=standing)
        states[time] = standing
    start, end = looks
    total, standing = 0, False
    for second in range(end):
        standing = states.get(second, standing)
        total += standing and second >= start
    assert clock.between(UnixSeconds(start), UnixSeconds(end)) == total
