"""The mirrors of DepreciationLib, AnnuityLib and Appraisal: exact, rounded for lenders, never rising with age."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect
from pyutils.credit.appraisal import (
    AppraisalModel,
    AppraisalStaleError,
    ClassNotPricedError,
    Hardware,
    InvalidParameterError,
    StepTooLargeError,
    UpdatedTooSoonError,
    WrongTokenError,
    annuity_wad,
    depreciation_wad,
    fleet_value,
    history_days,
)
from pyutils.credit.interest import YEAR_S
from pyutils.credit.schedule import MONTH_S
from pyutils.models.appraisal import AppraisalParameters, ClassPrice
from pyutils.units import EPOCH, WAD, Bps, FleetId, TokenUnits, UnixSeconds

from .solidity import Harness

DAY = 86_400
MIDNIGHT = UnixSeconds(20_000 * DAY)
FLEET = FleetId(1)
CLASS = "H100-SXM5-80GB"
DEFAULT = AppraisalParameters(
    left_bps=(6_500, 4_500, 3_000, 2_000),
    most_step_bps=2_000,
    least_pause=DAY,
    max_age=35 * DAY,
    economic_life_months=72,
    discount_bps=1_200,
)
CURVES = st.lists(st.integers(0, 10_000), min_size=4, max_size=4).map(lambda row: sorted(row, reverse=True))
AGES = st.one_of(
    st.integers(0, 5 * YEAR_S), st.builds(lambda n, d: max(0, n * YEAR_S + d), st.integers(0, 5), st.integers(-1, 1))
)
RATES = st.integers(0, 10_000)
MONTHS = st.integers(0, 600)


@pytest.fixture(scope="module")
def libraries(anvil: Anvil) -> Harness:
    imports = """
        import {AnnuityLib} from "contracts/libraries/AnnuityLib.sol";
        import {DepreciationLib} from "contracts/libraries/DepreciationLib.sol";
    """
    functions = """
        function left(uint16[4] memory leftBps, uint256 age) external pure returns (uint256) {
            return DepreciationLib.leftWad(leftBps, age);
        }
        function annuity(uint256 rateBps, uint256 months) external pure returns (uint256) {
            return AnnuityLib.annuityWad(rateBps, months);
        }
    """
    return Harness.of(connect([anvil.url], devnet.CHAIN_ID), imports, functions)


# ---- depreciation ----


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(curve=CURVES, age=st.one_of(AGES, st.integers(0, 2**256 - 1)))
@example(curve=[6_500, 4_500, 3_000, 2_000], age=4 * YEAR_S - 1)
@example(curve=[0, 0, 0, 0], age=1)
def test_depreciation_wad__any_curve_and_age__is_what_the_library_says(
    libraries: Harness, curve: list[int], age: int
) -> None:
    assert depreciation_wad(curve, age) == libraries("left", curve, age)


@given(curve=CURVES, age=AGES)
def test_depreciation_is_the_line_between_two_knots_rounded_down(curve: list[int], age: int) -> None:
    knots = [10_000, *curve, curve[-1], curve[-1]]
    year, into = divmod(min(age, 4 * YEAR_S), YEAR_S)
    exact = knots[year] + Fraction((knots[year + 1] - knots[year]) * into, YEAR_S)
    assert depreciation_wad(curve, age) == exact * WAD // 10_000


@given(curve=CURVES, age=AGES, further=AGES)
def test_depreciation_never_rises_with_age(curve: list[int], age: int, further: int) -> None:
    assert depreciation_wad(curve, age + further) <= depreciation_wad(curve, age) <= WAD


# ---- annuity ----


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rate=RATES, months=MONTHS)
@example(rate=1_200, months=72)
@example(rate=0, months=600)
@example(rate=1, months=600)
@example(rate=10_000, months=600)
def test_annuity_wad__any_rate_and_life__is_what_the_library_says(libraries: Harness, rate: int, months: int) -> None:
    assert annuity_wad(Bps(rate), months) == libraries("annuity", rate, months)


@given(rate=RATES, months=MONTHS)
def test_annuity_is_the_sum_of_discounted_months_rounded_down_by_at_most_one(rate: int, months: int) -> None:
    month = Fraction(rate, 120_000)
    exact = months if rate == 0 else (1 - (1 / (1 + month)) ** months) / month
    assert annuity_wad(Bps(rate), months) <= exact * WAD < annuity_wad(Bps(rate), months) + 2


@given(rate=st.integers(1, 10_000), months=MONTHS)
def test_annuity_never_falls_with_more_months_or_a_lower_rate(rate: int, months: int) -> None:
    found = annuity_wad(Bps(rate), months)
    assert found <= annuity_wad(Bps(rate), months + 1)
    assert found <= annuity_wad(Bps(rate - 1), months)


# ---- a fleet's value ----


def hardware(**facts: int) -> Hardware:
    return Hardware("coin", facts.get("capacity", 64), UnixSeconds(facts.get("commissioned_at", MIDNIGHT)), CLASS)


@pytest.mark.parametrize(
    ("commissioned", "now", "days"),
    [
        (0, 100 * DAY, 0),
        (1, 3 * DAY, 2),
        (DAY, 2 * DAY - 1, 0),
        (DAY, 2 * DAY, 1),
        (DAY + 1, 3 * DAY - 1, 0),
        (DAY + 1, 3 * DAY, 1),
        (DAY + 1, DAY + 2, 0),
    ],
)
def test_history_days__by_midnights__counts_complete_ones(commissioned: int, now: int, days: int) -> None:
    assert history_days(UnixSeconds(commissioned), UnixSeconds(now)) == days


def test_fleet_value__a_year_with_steady_revenue__are_known_figures() -> None:
    now = UnixSeconds(MIDNIGHT + YEAR_S)
    revenue = dict.fromkeys(range(20_000, 20_400), 1_000)
    price = ClassPrice(per_gpu=25_000, updated_at=now - 5)
    value = fleet_value(DEFAULT, price, hardware(), revenue, now)
    assert (value.capacity, value.price_per_gpu, value.priced_at, value.age_seconds) == (64, 25_000, now - 5, YEAR_S)
    assert (value.depreciation_wad, value.hardware) == (65 * WAD // 100, 1_040_000)
    assert (value.history_days, value.mean30, value.mean90) == (365, 1_000, 1_000)
    assert (value.months_left, value.annuity_wad) == (60, 44_955_038_406_224_001_939)
    assert value.revenue_cap == 1_000 * 365 * 44_955_038_406_224_001_939 // (12 * WAD) == 1_367_382
    assert value.capped == value.hardware == 1_040_000


@given(
    age=st.integers(0, 8 * YEAR_S),
    revenue=st.dictionaries(st.integers(20_000, 20_400), st.integers(0, 10**12)),
    days=st.integers(0, 400),
)
def test_value_is_the_lower_of_hardware_and_discounted_revenue(age: int, revenue: dict[int, int], days: int) -> None:
    now = UnixSeconds(MIDNIGHT + days * DAY)
    boards = hardware(commissioned_at=max(1, now - age))
    value = fleet_value(DEFAULT, ClassPrice(per_gpu=25_000, updated_at=now), boards, revenue, now)
    assert value.capped == min(value.hardware, value.revenue_cap)
    assert value.hardware <= 64 * 25_000
    assert value.revenue_cap * 12 * WAD <= min(value.mean30, value.mean90) * 365 * value.annuity_wad
    assert value.months_left * MONTH_S + value.age_seconds <= max(72 * MONTH_S, value.age_seconds)


def test_fleet_value__no_boards_or_not_commissioned__is_nothing() -> None:
    price = ClassPrice(per_gpu=25_000, updated_at=MIDNIGHT)
    over = fleet_value(DEFAULT, price, hardware(capacity=0), {20_000: 10**9}, UnixSeconds(MIDNIGHT + 2 * DAY))
    assert (over.hardware, over.capped) == (0, 0)
    assert over.revenue_cap > 0
    fresh = fleet_value(DEFAULT, price, hardware(capacity=0, commissioned_at=EPOCH), {}, MIDNIGHT)
    assert (fresh.age_seconds, fresh.history_days, fresh.depreciation_wad, fresh.capped) == (0, 0, WAD, 0)


# ---- prices ----


@pytest.fixture
def priced() -> AppraisalModel:
    model = AppraisalModel("coin", DEFAULT)
    model.set_price(CLASS, TokenUnits(25_000), MIDNIGHT)
    return model


def test_set_price__too_soon_or_too_far__is_refused_with_the_facts(priced: AppraisalModel) -> None:
    with pytest.raises(UpdatedTooSoonError) as soon:
        priced.set_price(CLASS, TokenUnits(25_000), UnixSeconds(MIDNIGHT + DAY - 1))
    assert soon.value.facts == {"gpuClass": CLASS, "from": MIDNIGHT + DAY}
    later = UnixSeconds(MIDNIGHT + DAY)
    for asked in (30_001, 19_999):
        with pytest.raises(StepTooLargeError) as far:
            priced.set_price(CLASS, TokenUnits(asked), later)
        assert far.value.facts == {"gpuClass": CLASS, "current": 25_000, "asked": asked, "mostStepBps": 2_000}
    priced.set_price(CLASS, TokenUnits(30_000), later)
    assert priced.prices[CLASS] == ClassPrice(per_gpu=30_000, updated_at=later)


@pytest.mark.parametrize(("gpu_class", "per_gpu", "field"), [("", 1, "gpuClass"), (CLASS, 0, "perGpu")])
def test_set_price__nothing__is_refused(priced: AppraisalModel, gpu_class: str, per_gpu: int, field: str) -> None:
    with pytest.raises(InvalidParameterError, match=field):
        priced.set_price(gpu_class, TokenUnits(per_gpu), UnixSeconds(MIDNIGHT + DAY))


def test_appraise__stale_or_without_price_or_foreign__is_refused(priced: AppraisalModel) -> None:
    last = UnixSeconds(MIDNIGHT + 35 * DAY)
    assert priced.appraise(FLEET, hardware(), {}, last) == priced.last_known(FLEET, hardware(), {}, last)
    stale = UnixSeconds(last + 1)
    with pytest.raises(AppraisalStaleError) as old:
        priced.appraise(FLEET, hardware(), {}, stale)
    assert old.value.facts == {"gpuClass": CLASS, "updatedAt": MIDNIGHT, "maxAge": 35 * DAY}
    assert priced.last_known(FLEET, hardware(), {}, stale).hardware > 0
    with pytest.raises(ClassNotPricedError, match="B200"):
        priced.last_known(FLEET, Hardware("coin", 1, MIDNIGHT, "B200"), {}, last)
    with pytest.raises(WrongTokenError) as foreign:
        priced.appraise(FLEET, Hardware("gold", 1, MIDNIGHT, CLASS), {}, last)
    assert foreign.value.facts == {"fleetId": 1, "token": "gold"}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("leftBps", {"left_bps": (10_001, 1, 1, 1)}),
        ("leftBps", {"left_bps": (5_000, 5_001, 1, 1)}),
        ("mostStepBps", {"most_step_bps": 0}),
        ("mostStepBps", {"most_step_bps": 10_000}),
        ("maxAge", {"max_age": 0}),
        ("leastPause", {"least_pause": 35 * DAY + 1}),
        ("economicLifeMonths", {"economic_life_months": 0}),
        ("economicLifeMonths", {"economic_life_months": 601}),
        ("discountBps", {"discount_bps": 10_001}),
    ],
)
def test_model__parameter_out_of_range__is_refused(field: str, change: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError, match=field):
        AppraisalModel("coin", DEFAULT.model_copy(update=change))
