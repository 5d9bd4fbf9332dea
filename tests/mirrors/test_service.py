"""The mirror of one loan against DebtLib and ServiceLib at any time: what it owes, and what revenue does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect
from pyutils.credit import loan as loans
from pyutils.credit.interest import SCALE, YEAR_S
from pyutils.credit.schedule import add_months
from pyutils.models import Loan
from pyutils.units import TokenUnits, UnixSeconds

from .solidity import Harness
from .test_loans import DAY, START, drawn

IMPORTS = """
    import {LoanState} from "contracts/interfaces/IFleetCredit.sol";
    import {Debt, DebtLib, Paid} from "contracts/libraries/DebtLib.sol";
    import {Service, ServiceLib} from "contracts/libraries/ServiceLib.sol";
"""
FUNCTIONS = """
    using DebtLib for Debt;
    using ServiceLib for Service;

    function owes(Debt memory d)
        external view
        returns (uint256 total, uint256 principal, uint256 interest, uint256 needed, uint256 next, uint256 monthly)
    {
        d.accrue();
        total = d.total();
        (principal, interest) = d.arrears();
        needed = d.needed();
        next = d.nextInstalment();
        monthly = d.monthlyInterest();
    }

    function pay(Debt memory d, uint256 amount) external view returns (Debt memory, Paid memory paid) {
        d.accrue();
        d.pay(amount, paid);
        d.advance();
        return (d, paid);
    }

    function run(Debt memory d, Service memory s)
        external view
        returns (Debt memory, Service memory, Paid memory paid)
    {
        d.accrue();
        s.run(d, paid);
        d.advance();
        return (d, s, paid);
    }
"""


@dataclass(frozen=True)
class Moment:
    """A loan somewhere in its life, and how late it is."""

    loan: Loan
    now: UnixSeconds


@pytest.fixture(scope="module")
def library(anvil: Anvil) -> Harness:
    return Harness.of(connect([anvil.url], devnet.CHAIN_ID), IMPORTS, FUNCTIONS)


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """A loan that was paid some and left alone some, by the mirror's own rules; then time passes."""
    months = draw(st.integers(1, 60))
    rate, late = draw(st.integers(0, 10_000)), draw(st.integers(0, 10_000))
    # As much as `approve` grants at these rates.
    most = min(2**96, 2**128 // max(1, (rate + late) * 100 * YEAR_S)) - 1
    amount = draw(st.one_of(st.integers(months, 5_000), st.integers(10**6, 10**13), st.integers(1, most)))
    loan = drawn(amount, sweep=draw(st.booleans()), months=months, rate_bps=rate, late_rate_bps=late, reserve_months=0)
    now = START
    for pause, part in draw(st.lists(st.tuples(st.integers(0, 80 * DAY), st.integers(0, 300)), max_size=6)):
        now = UnixSeconds(now + pause)
        loan = loans.reprice(loan, late=part % 5 == 0, now=now)
        owed = loans.debt(loan, now).total
        loan, _ = loans.pay(loan, TokenUnits(min(owed - 1, amount * part // 1_000) if owed else 0), now)
    to_due = add_months(START, min(loan.next_due, months)) - now
    gap = draw(st.one_of(st.integers(0, 100 * DAY), st.sampled_from([0, 1, to_due - 1, to_due, to_due + 1])))
    target = draw(st.integers(0, amount))
    loan = loan.model_copy(
        update={
            "reserve_target": target,
            "reserve": target * draw(st.integers(0, 8)) // 8,
            "set_aside": draw(st.one_of(st.just(0), st.integers(0, amount))),
            "breached_since": START if draw(st.booleans()) else 0,
        }
    )
    return Moment(loan, UnixSeconds(now + max(0, gap)))


def debt_row(loan: Loan) -> tuple[Any, ...]:
    """Return the loan as DebtLib has it."""
    slot0 = loan.principal, loan.accrued_scaled, loan.accrued_at
    instalments = loan.drawn, loan.started_at, loan.next_due_at, loan.next_due, loan.terms.months
    slot1 = (*instalments, int(loan.state), loan.accrual_bps, loan.terms.rate_bps, bool(loan.marked_since))
    return (*slot0, *slot1)


def accrued_row(loan: Loan, now: UnixSeconds) -> tuple[Any, ...]:
    """Return the loan as DebtLib has it, accrued and advanced."""
    fresh = loan.model_copy(update={"accrued_scaled": loans.accrued(loan, now), "accrued_at": now})
    return debt_row(loans.meet(fresh, now))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(moment=moments())
def test_what_is_owed_due_and_next__at_any_time__is_what_solidity_says(library: Harness, moment: Moment) -> None:
    loan, now = moment.loan, moment.now
    total, principal, interest, needed, following, monthly = library("owes", debt_row(loan), now=now)
    assert loans.debt(loan, now).total == total
    assert loans.arrears(loan, now) == (principal, interest)
    assert loans.needed(loan, now) == needed
    assert loans.next_instalment(loan, now) == following
    assert loans.monthly_interest(loan) == monthly


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(moment=moments(), part=st.integers(0, 1_000))
def test_pay__any_amount__is_what_solidity_makes_of_it(library: Harness, moment: Moment, part: int) -> None:
    loan, now = moment.loan, moment.now
    amount = TokenUnits(loans.debt(loan, now).total * part // 1_000)
    debt, paid = library("pay", debt_row(loan), amount, now=now)
    after, mine = loans.pay(loan, amount, now)
    assert (*mine, loans.accrued(loan, now) - after.accrued_scaled) == paid
    assert debt_row(after) == debt


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
@given(moment=moments(), revenue=st.one_of(st.just(0), st.integers(0, 10**9), st.integers(0, 2**95)))
def test_service__any_revenue__is_what_solidity_makes_of_it(library: Harness, moment: Moment, revenue: int) -> None:
    loan, now = moment.loan, moment.now
    before = (loan.set_aside + revenue, loan.reserve, loan.reserve_target, bool(loan.breached_since), loan.sweep, 0, 0)
    debt, service, paid = library("run", debt_row(loan), before, now=now)
    after, served = loans.service(loan, TokenUnits(revenue), now)
    pot, reserve, _, _, _, from_reserve, released = service
    assert (after.set_aside, after.reserve) == (pot, reserve)
    assert (served.from_reserve, served.released) == (from_reserve, released)
    assert served.paid == paid[:2]
    assert accrued_row(after, now) == debt
    assert loans.accrued(loan, now) - after.accrued_scaled == paid[2] <= served.paid.interest * SCALE
