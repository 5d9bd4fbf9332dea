"""The mirror of InterestLib: exact per second, rounded up when paid."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect
from pyutils.credit.interest import SCALE, YEAR_S, accrue, interest_down, interest_up, scaled_paid
from pyutils.credit.schedule import MONTH_S
from pyutils.units import Bps, ScaledInterest, TokenUnits

from .solidity import Harness

AMOUNTS = st.one_of(st.integers(0, 10_000), st.integers(0, 2**96 - 1))
RATES = st.integers(0, 2**16 - 1)
SECONDS = st.lists(st.integers(0, 10 * YEAR_S), min_size=1, max_size=20)
ACCRUED = st.one_of(st.integers(0, 2 * SCALE), st.integers(0, 2**144 - 1))


@pytest.fixture(scope="module")
def library(anvil: Anvil) -> Harness:
    functions = """
        uint256 public constant SCALE = InterestLib.SCALE;
        uint256 public constant MONTH = InterestLib.MONTH;
        function accrue(uint256 principal, uint256 rateBps, uint256 elapsed) external pure returns (uint256) {
            return InterestLib.accrue(principal, rateBps, elapsed);
        }
        function unitsUp(uint256 scaled) external pure returns (uint256) {
            return InterestLib.unitsUp(scaled);
        }
    """
    imports = 'import {InterestLib} from "contracts/libraries/InterestLib.sol";'
    return Harness.of(connect([anvil.url], devnet.CHAIN_ID), imports, functions)


def test_constants__scale_and_month__are_solidity_s(library: Harness) -> None:
    assert (library("SCALE"), library("MONTH")) == (SCALE, MONTH_S)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(principal=AMOUNTS, rate=RATES, seconds=st.integers(0, 100 * YEAR_S), accrued=ACCRUED)
def test_interest__any_loan__is_what_solidity_says(
    library: Harness, principal: int, rate: int, seconds: int, accrued: int
) -> None:
    earned = accrue(TokenUnits(principal), Bps(rate), seconds)
    assert earned == library("accrue", principal, rate, seconds)
    assert interest_up(earned) == library("unitsUp", earned)
    assert interest_up(ScaledInterest(accrued)) == library("unitsUp", accrued)


def test_accrue__a_year_at_12_percent__is_12_percent() -> None:
    assert interest_up(accrue(TokenUnits(1_000_000), Bps(1_200), YEAR_S)) == 120_000


@given(principal=AMOUNTS, rate=RATES, seconds=SECONDS)
def test_interest_of_many_short_times_is_that_of_one_long_one(principal: int, rate: int, seconds: list[int]) -> None:
    parts = sum(accrue(TokenUnits(principal), Bps(rate), part) for part in seconds)
    assert parts == accrue(TokenUnits(principal), Bps(rate), sum(seconds))


@given(principals=st.lists(AMOUNTS, max_size=5), rate=RATES, seconds=st.integers(0, YEAR_S))
def test_interest_of_many_loans_is_that_of_their_sum(principals: list[int], rate: int, seconds: int) -> None:
    each = sum(accrue(TokenUnits(one), Bps(rate), seconds) for one in principals)
    assert each == accrue(TokenUnits(sum(principals)), Bps(rate), seconds)


@given(accrued=ACCRUED)
def test_rounding_up_and_down_enclose_what_accrued(accrued: int) -> None:
    up, down = interest_up(ScaledInterest(accrued)), interest_down(ScaledInterest(accrued))
    assert down * SCALE <= accrued <= up * SCALE
    assert up - down == (accrued % SCALE > 0)


@given(accrued=ACCRUED, parts=st.lists(st.integers(0, 2**96), max_size=8))
def test_payments_pay_all_that_accrued_and_never_more(accrued: int, parts: list[int]) -> None:
    left, paid = ScaledInterest(accrued), 0
    for part in parts:
        interest = min(TokenUnits(part), interest_up(left))
        left = ScaledInterest(left - scaled_paid(left, interest))
        paid += interest
    paid += interest_up(left)
    left = ScaledInterest(left - scaled_paid(left, interest_up(left)))
    assert left == 0
    assert paid == interest_up(ScaledInterest(accrued))
