"""The mirror of ScheduleLib: due dates, equal principal, the reserve, and the schedule that people see."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect
from pyutils.credit.interest import SCALE, YEAR_S
from pyutils.credit.schedule import (
    MONTH_S,
    add_months,
    balance_after,
    instalment,
    instalments_due,
    payments,
    reserve_target_up,
)
from pyutils.units import Bps, TokenUnits, UnixSeconds

from .solidity import Harness

START = int(datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp())
STARTS = st.integers(0, 2**34)
DRAWN = st.one_of(st.integers(1, 1_000), st.integers(1, 2**96 - 1))
MONTHS = st.integers(1, 255)
LATE = st.integers(0, 25 * 366 * 86_400)


@pytest.fixture(scope="module")
def library(anvil: Anvil) -> Harness:
    imports = """
        import {DateTimeLib} from "solady/utils/DateTimeLib.sol";
        import {ScheduleLib} from "contracts/libraries/ScheduleLib.sol";
    """
    functions = """
        function addMonths(uint256 start, uint256 months) external pure returns (uint256) {
            return DateTimeLib.addMonths(start, months);
        }
        function dueAt(uint256 start, uint256 n) external pure returns (uint256) {
            return ScheduleLib.dueAt(start, n);
        }
        function balanceAfter(uint256 drawn, uint256 months, uint256 n) external pure returns (uint256) {
            return ScheduleLib.balanceAfter(drawn, months, n);
        }
        function passed(uint256 start, uint256 months, uint256 time) external pure returns (uint256) {
            return ScheduleLib.passed(start, months, time);
        }
        function serviceUp(uint256 drawn, uint256 months, uint256 rateBps, uint256 n) external pure returns (uint256) {
            return ScheduleLib.serviceUp(drawn, months, rateBps, n);
        }
    """
    return Harness.of(connect([anvil.url], devnet.CHAIN_ID), imports, functions)


def day(year: int, month: int, day_: int, hour: int = 23, minute: int = 59, second: int = 59) -> int:
    return int(datetime(year, month, day_, hour, minute, second, tzinfo=UTC).timestamp())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(start=STARTS, months=st.integers(0, 255))
@example(start=day(2027, 1, 31), months=1)
@example(start=day(2027, 12, 31), months=2)
@example(start=day(2028, 2, 29), months=12)
@example(start=day(2000, 2, 29), months=240)
@example(start=day(2099, 12, 31), months=2)
@example(start=0, months=0)
def test_add_months__any_start__is_what_solady_says(library: Harness, start: int, months: int) -> None:
    due = add_months(UnixSeconds(start), months)
    assert due == library("addMonths", start, months) == library("dueAt", start, months)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drawn=DRAWN, months=MONTHS, rate=st.integers(0, 20_000), part=st.integers(0, 255), start=STARTS, late=LATE)
@example(drawn=1, months=1, rate=0, part=0, start=day(2028, 2, 29), late=366 * 86_400)
def test_schedule__any_loan__is_what_solidity_says(
    library: Harness, drawn: int, months: int, rate: int, part: int, start: int, late: int
) -> None:
    number, money, now = part % (months + 1), TokenUnits(drawn), UnixSeconds(start + late)
    assert balance_after(money, months, number) == library("balanceAfter", drawn, months, number)
    assert instalments_due(UnixSeconds(start), months, now) == library("passed", start, months, now)
    target = reserve_target_up(money, months, Bps(rate), number)
    assert target == library("serviceUp", drawn, months, rate, number)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(months=MONTHS, number=st.integers(1, 255), start=STARTS, off=st.integers(-2, 2))
def test_instalments_due__around_a_due_date__are_what_solidity_says(
    library: Harness, months: int, number: int, start: int, off: int
) -> None:
    now = UnixSeconds(add_months(UnixSeconds(start), number) + off)
    assert instalments_due(UnixSeconds(start), months, now) == library("passed", start, months, now)


def test_add_months__the_31st__is_counted_from_the_start_and_not_chained() -> None:
    due = [add_months(UnixSeconds(START), number) for number in range(1, 5)]
    assert due == [day(2027, 2, 28), day(2027, 3, 31), day(2027, 4, 30), day(2027, 5, 31)]


@given(drawn=DRAWN, months=MONTHS)
def test_principal_of_all_instalments_sums_to_what_was_drawn(drawn: int, months: int) -> None:
    lines = [instalment(TokenUnits(drawn), months, UnixSeconds(START), number) for number in range(1, months + 1)]
    assert sum(line.principal for line in lines) == drawn
    assert lines[-1].balance == 0
    assert max(line.principal for line in lines) - min(line.principal for line in lines) <= 1
    assert [line.balance for line in lines] == sorted((line.balance for line in lines), reverse=True)


def test_balance_after__a_part_that_does_not_divide__stays_with_the_borrower_for_longer() -> None:
    assert [balance_after(TokenUnits(100), 3, number) for number in range(4)] == [100, 67, 34, 0]


@given(start=STARTS, months=MONTHS, number=st.integers(1, 255))
def test_instalments_due__each_due_date__counts_from_its_very_second_on(start: int, months: int, number: int) -> None:
    due = add_months(UnixSeconds(start), number)
    assert instalments_due(UnixSeconds(start), months, due) == min(months, number)
    assert instalments_due(UnixSeconds(start), months, UnixSeconds(due - 1)) == min(months, number - 1)


@given(drawn=DRAWN, months=MONTHS, rate=st.integers(0, 10_000), reserve=st.integers(0, 255))
def test_reserve_is_the_first_instalments_with_interest_rounded_up(
    drawn: int, months: int, rate: int, reserve: int
) -> None:
    target = reserve_target_up(TokenUnits(drawn), months, Bps(rate), reserve)
    count = min(reserve, months)
    principal = drawn * count // months
    balances = sum(drawn - drawn * number // months for number in range(count))
    assert (target - principal - 1) * 12 * 10_000 < balances * rate <= (target - principal) * 12 * 10_000


def test_reserve_target_up__three_months_at_12_percent__are_known_figures() -> None:
    # 1 % a month of 36,000, 35,000 and 34,000, and three thousand of principal.
    assert reserve_target_up(TokenUnits(36_000), 36, Bps(1_200), 3) == 3_000 + 360 + 350 + 340


@given(drawn=DRAWN, months=st.integers(1, 60), rate=st.integers(0, 10_000), start=STARTS)
def test_payments_follow_the_schedule_and_their_interest_is_that_of_the_days_between(
    drawn: int, months: int, rate: int, start: int
) -> None:
    lines = payments(TokenUnits(drawn), months, Bps(rate), UnixSeconds(start))
    assert [line.number for line in lines] == list(range(1, months + 1))
    balance, since = drawn, start
    for line in lines:
        assert (line.interest - 1) * SCALE < balance * rate * (line.due_at - since) <= line.interest * SCALE
        assert (line.principal, line.total) == (balance - line.balance, line.principal + line.interest)
        balance, since = line.balance, line.due_at
    assert balance == 0


def test_payments__a_leap_year__costs_a_day_more_than_a_year() -> None:
    (line,) = payments(TokenUnits(365), 1, Bps(10_000), UnixSeconds(day(2028, 2, 1)))
    assert line.interest == 29
    assert MONTH_S * 12 == YEAR_S
