"""The mirror of InterestLib: exact per second, rounded up when paid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyutils.credit.interest import SCALE, YEAR_S, accrue, interest_down, interest_up, scaled_paid
from pyutils.units import Bps, ScaledInterest, TokenUnits

AMOUNTS = st.one_of(st.integers(0, 10_000), st.integers(0, 2**96 - 1))
RATES = st.integers(0, 2**16 - 1)
SECONDS = st.lists(st.integers(0, 10 * YEAR_S), min_size=1, max_size=20)
ACCRUED = st.one_of(st.integers(0, 2 * SCALE), st.integers(0, 2**144 - 1))


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
