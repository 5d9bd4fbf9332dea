"""What the demo chooses from a trace, before anything is on a chain."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.demo.casting import NOTICE_S, LeaseTooLongError, Stage
from pyutils.demo.plan import LeasePlan, Plan, Scene
from pyutils.demo.presence import patience_s, presences
from pyutils.demo.schedule import make_plan
from pyutils.errors import InputError
from pyutils.meter import Cast, GpuSeries, Trace, synthetic_trace
from pyutils.units import Ms

HOUR = 3_600

casts = st.builds(
    Cast, steady=st.integers(0, 4), leaves=st.integers(0, 2), arrives=st.integers(0, 2), gappy=st.integers(0, 2)
).filter(lambda cast: bool(cast.habits()))


def end_of(lease: LeasePlan) -> int:
    return lease.grant_at + lease.hours * HOUR if lease.end_early_at is None else lease.end_early_at + NOTICE_S


def shown(plan: Plan) -> set[Scene]:
    return {lease.scene for lease in plan.leases}


@given(seed=st.integers(0, 10**6), cast=casts, hours=st.integers(1, 15), cadence_s=st.integers(20, 1_500))
def test_make_plan__any_trace__can_be_played(seed: int, cast: Cast, hours: int, cadence_s: int) -> None:
    trace = synthetic_trace(seed, cast, hours=hours, cadence_s=cadence_s)
    plan = make_plan(trace)
    assert sorted(gpu for fleet in plan.fleets for gpu in fleet.gpu_ids) == list(trace.gpu_ids)
    assert [fleet.fleet_id for fleet in plan.fleets] == list(range(1, len(plan.fleets) + 1))
    for lease in plan.leases:
        assert plan.first < lease.open_at < lease.grant_at
        assert lease.hours >= 1
        assert lease.grant_at + lease.hours * HOUR <= plan.last
        assert end_of(lease) <= lease.grant_at + lease.hours * HOUR
        assert set(lease.gpu_ids) <= set(plan.fleet(lease.fleet_id).gpu_ids)
        assert len(set(lease.gpu_ids)) == len(lease.gpu_ids) > 0
        assert lease.hand_on_at is None or lease.grant_at < lease.hand_on_at < end_of(lease)
    for one, other in combinations(plan.leases, 2):
        if set(one.gpu_ids) & set(other.gpu_ids):
            assert end_of(one) < other.open_at or end_of(other) < one.open_at
    for fleet in plan.fleets:
        reports = [report for report in plan.reports if report.fleet_id == fleet.fleet_id]
        assert [report.as_of for report in reports] == sorted({report.as_of for report in reports})
        assert reports[-1].as_of == plan.last
        assert all(report.submit_at >= report.as_of + patience_s(trace) for report in reports)
    if plan.lie is not None:
        submitted = [report.submit_at for report in plan.reports if report.fleet_id == plan.lie.fleet_id]
        before = [at for at in submitted if at <= plan.lie.post_at]
        after = [at for at in submitted if at > plan.lie.post_at]
        assert before
        assert plan.lie.post_at < plan.lie.dispute_at < plan.lie.rule_at < min(after)
        assert plan.lie.as_of <= plan.lie.post_at
    assert shown(plan).isdisjoint(one.scene for one in plan.left_out)
    assert len({loan.fleet_id for loan in plan.loans}) == len(plan.loans)
    for loan in plan.loans:
        assert loan.principal_coins > 0
        # A fleet that never reported gets no loan, and one drawn two days after its report neither.
        before = [
            one.submit_at for one in plan.reports if one.fleet_id == loan.fleet_id and one.submit_at < loan.draw_at
        ]
        assert loan.draw_at - max(before) < 2 * 24 * HOUR
        assert loan.draw_at > trace.first
    lent = {loan.scene for loan in plan.loans}
    assert lent | {one.scene for one in plan.left_out} >= {Scene.REPAID_LOAN, Scene.FAILED_LOAN}
    assert lent.isdisjoint(one.scene for one in plan.left_out)


def test_make_plan__usual_trace__shows_every_scene() -> None:
    plan = make_plan(synthetic_trace(7, Cast(steady=6, leaves=2, arrives=2, gappy=4), hours=8, cadence_s=60))
    assert plan.left_out == ()
    assert [report.late for report in plan.reports].count(True) == 1
    late = next(report for report in plan.reports if report.late)
    assert late.submit_at - late.as_of == 3 * HOUR
    assert late.fleet_id == 2


def test_make_plan__gpus_by_habit__are_cast_by_what_they_did() -> None:
    trace = synthetic_trace(11, Cast(steady=8, leaves=3, arrives=3, gappy=3), hours=10)
    by_id = {gpu.gpu_id: gpu for gpu in presences(trace)}
    for lease in make_plan(trace).leases:
        for gpu in (by_id[gpu_id] for gpu_id in lease.gpu_ids):
            window = lease.grant_at, lease.grant_at + lease.hours * HOUR
            if lease.scene is Scene.STEADY:
                assert gpu.available_ppm(*window) >= 990_000
            elif lease.scene is Scene.LEAVES:
                assert window[0] < gpu.leaves < window[1]
            elif lease.scene is Scene.ARRIVES:
                assert window[0] < gpu.arrives < window[1]
            elif lease.scene is Scene.GAPPY:
                assert gpu.stretches > 1
                assert gpu.available_ppm(*window) < 990_000


def test_make_plan__names_changed__casts_the_same_gpus() -> None:
    """Names break ties alone: where no two GPUs are alike, other names change nothing."""

    def trace(prefix: str) -> Trace:
        at = range(1_700_000_000_000, 1_700_000_000_000 + 9 * HOUR * 1_000, 60_000)
        series = tuple(
            GpuSeries(f"{prefix}{number}", list(at[: len(at) - 7 * number]), [0] * (len(at) - 7 * number))
            for number in range(9)
        )
        return Trace("t", series, Ms(60_000))

    ours, theirs = make_plan(trace("a")), make_plan(trace("z"))
    assert [[gpu[1:] for gpu in lease.gpu_ids] for lease in ours.leases] == [
        [gpu[1:] for gpu in lease.gpu_ids] for lease in theirs.leases
    ]
    assert ours.leases


@pytest.mark.parametrize(
    ("cast", "missing"),
    [
        (Cast(steady=6, leaves=0, arrives=0, gappy=0), {Scene.LEAVES, Scene.ARRIVES, Scene.GAPPY, Scene.SLA_CREDIT}),
        (Cast(steady=1, leaves=0, arrives=0, gappy=0), {Scene.SECOND_FLEET, Scene.HANDED_ON, Scene.ENDS_EARLY}),
    ],
)
def test_make_plan__trace_without_such_gpus__names_the_scene_and_why(cast: Cast, missing: set[Scene]) -> None:
    plan = make_plan(synthetic_trace(2, cast, hours=8))
    left_out = {one.scene: one.reason for one in plan.left_out}
    assert missing <= set(left_out)
    assert all(left_out.values())


def test_stage__lease_hours__fit_or_are_refused() -> None:
    assert Stage.of(0, 8 * HOUR, None).hours == 7
    assert Stage.of(0, 8 * HOUR, 7).hours == 7
    assert Stage.of(0, 30 * 60, None).hours == 0
    with pytest.raises(LeaseTooLongError, match="a lease of 8 h is longer than the trace"):
        Stage.of(0, 8 * HOUR, 8)
    with pytest.raises(InputError):
        Stage.of(0, 8 * HOUR, 0)


def test_make_plan__two_fleets__the_better_one_repays_and_the_other_one_s_loan_fails() -> None:
    plan = make_plan(synthetic_trace(7, Cast(steady=6, leaves=2, arrives=2, gappy=4), hours=8, cadence_s=60))
    repaid, failed = plan.loan(Scene.REPAID_LOAN), plan.loan(Scene.FAILED_LOAN)
    assert repaid is not None
    assert failed is not None
    assert {repaid.fleet_id, failed.fleet_id} == {1, 2}
    assert repaid.sweep
    assert not failed.sweep
    # Revenue could not pay the failing loan's first instalment, nor could its collateral.
    instalment = failed.principal_coins // failed.months
    assert failed.collateral_coins < instalment
    assert repaid.principal_coins < instalment
    assert failed.reserve_months == 0


def test_make_plan__no_lease__nothing_repays_a_loan() -> None:
    plan = make_plan(synthetic_trace(0, Cast(steady=2, leaves=0, arrives=0, gappy=0), hours=1, cadence_s=60))
    assert plan.leases == ()
    assert plan.loan(Scene.REPAID_LOAN) is None
    assert {one.scene: one.reason for one in plan.left_out}[Scene.REPAID_LOAN] == "no fleet earns enough"
    assert plan.loan(Scene.FAILED_LOAN) is not None


def test_make_plan__month_long_trace__prices_of_boards_would_be_stale() -> None:
    plan = make_plan(synthetic_trace(4, Cast(steady=2, leaves=0, arrives=0, gappy=0), hours=26 * 24, cadence_s=1_700))
    reasons = {one.scene: one.reason for one in plan.left_out}
    assert reasons[Scene.FAILED_LOAN] == "the trace is longer than 25 days"
    assert plan.loan(Scene.REPAID_LOAN) is not None
