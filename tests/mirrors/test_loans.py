"""The mirror of one loan: what it owes, in which order it is paid, and what revenue does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.credit import loan as loans
from pyutils.credit import quote
from pyutils.credit.interest import accrue, interest_up
from pyutils.credit.office import check_terms
from pyutils.credit.refusals import InvalidLoanTermsError
from pyutils.credit.schedule import add_months, balance_after, payments, reserve_target_up
from pyutils.errors import InputError
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.loan import Debt, Evidence, Loan, LoanState, LoanTerms
from pyutils.units import Bps, TokenUnits, UnixSeconds

START = UnixSeconds(1_800_000_000)
DAY = 86_400
BORROWER = "0x" + "11" * 20
TERMS = LoanTerms(
    ceiling=10**12,
    rate_bps=1_200,
    late_rate_bps=300,
    months=36,
    reserve_months=3,
    grace_days=5,
    expiry=START + DAY,
    insured_until=START + 10**9,
    hardware_ltv_bps=7_000,
    hardware_breach_bps=8_500,
    young_ltv_bps=3_500,
    collateral_ltv_bps=5_000,
    collateral_breach_bps=7_500,
    coverage_bps=13_500,
    sale_cost_bps=500,
)


def drawn(amount: int = 36_000_000_000, *, sweep: bool = False, **terms: Any) -> Loan:
    """Return a loan that was drawn at `START`, its reserve filled."""
    granted = TERMS.model_copy(update=terms)
    reserve = reserve_target_up(TokenUnits(amount), granted.months, Bps(granted.rate_bps), granted.reserve_months)
    return Loan(
        fleet_id=1,
        state=LoanState.OPEN,
        borrower=BORROWER,
        operator=BORROWER,
        sweep=sweep,
        young=False,
        terms=granted,
        drawn=amount,
        principal=amount,
        accrued_scaled=0,
        accrued_at=START,
        accrual_bps=granted.rate_bps,
        started_at=START,
        next_due=1,
        next_due_at=add_months(START, 1),
        set_aside=0,
        reserve=reserve,
        reserve_target=reserve,
        shares=10**24,
        collateral=ZERO_ADDRESS,
        collateral_amount=0,
        marked_since=0,
        breached_since=0,
        steward=ZERO_ADDRESS,
        held_owed=0,
        asking_price=0,
    )


def due(number: int, later: int = 0) -> UnixSeconds:
    return UnixSeconds(add_months(START, number) + later)


def money(amount: int) -> TokenUnits:
    return TokenUnits(amount)


def test_arrears__before_the_first_due_date__are_nothing() -> None:
    assert loans.arrears(drawn(), due(1, -1)) == (0, 0)


def test_arrears__on_a_due_date__are_its_principal_and_the_interest_until_then() -> None:
    loan, line = drawn(), payments(money(36_000_000_000), 36, Bps(1_200), START)[0]
    assert loans.arrears(loan, due(1)) == (line.principal, line.interest) == (10**9, loans.debt(loan, due(1)).interest)
    # Later the same is due; what accrued since is owed, and due with the next instalment.
    assert loans.arrears(loan, due(1, 20 * DAY)) == (line.principal, line.interest)
    assert loans.debt(loan, due(1, 20 * DAY)).interest > line.interest


def test_arrears__two_missed_due_dates__add_up() -> None:
    assert loans.arrears(drawn(), due(2)) == (2 * 10**9, loans.debt(drawn(), due(2)).interest)


def test_arrears__after_prepaying__ask_only_for_interest() -> None:
    loan, paid = loans.pay(drawn(), money(5 * 10**9), due(1, -DAY))
    assert paid.principal + paid.interest == 5 * 10**9
    left = loans.arrears(loan, due(1))
    assert left.principal == 0
    assert left.interest == interest_up(loans.accrued(loan, due(1))) > 0


@given(amounts=st.lists(st.integers(0, 10**10), max_size=12), pauses=st.lists(st.integers(1, 90 * DAY), min_size=12))
def test_every_payment_pays_interest_before_principal_and_nothing_is_lost(
    amounts: list[int], pauses: list[int]
) -> None:
    loan, now = drawn(), START
    for amount, pause in zip(amounts, pauses, strict=False):
        now = UnixSeconds(now + pause)
        before = loans.debt(loan, now)
        loan, paid = loans.pay(loan, money(amount), now)
        assert paid.total == min(amount, before.total)
        assert paid.principal == 0 or paid.interest == before.interest
        assert loan.principal == before.principal - paid.principal
        # An interest unit pays its whole scale but for the last, which pays the fraction that is left.
        assert loans.debt(loan, now) == (before.principal - paid.principal, before.interest - paid.interest)


def test_pay__more_than_is_owed__takes_what_is_owed_and_ends_it() -> None:
    owed = loans.debt(drawn(), due(1))
    loan, paid = loans.pay(drawn(), money(10**15), due(1))
    assert paid == owed
    assert loans.is_paid(loan)
    closed, left = loans.close(loan)
    assert (closed.state, left) == (LoanState.CLOSED, drawn().reserve)
    assert (closed.reserve, closed.set_aside) == (0, 0)


@given(months=st.integers(1, 48), rate=st.integers(0, 3_000), amount=st.integers(1, 10**12))
def test_a_loan_paid_by_its_schedule_is_never_late_and_costs_what_was_quoted(
    months: int, rate: int, amount: int
) -> None:
    loan = drawn(amount, months=months, rate_bps=rate, reserve_months=0)
    for line in payments(money(amount), months, Bps(rate), START):
        assert loans.needed(loan, line.due_at) == line.total
        loan, paid = loans.pay(loan, line.total, line.due_at)
        assert paid == (line.principal, line.interest)
        assert loan.next_due == line.number + 1
        assert loans.lateness(loan, line.due_at)[0] is Evidence.NONE
    assert loans.is_paid(loan)


def test_lateness__a_missed_due_date__counts_from_it_and_is_a_breach_past_grace() -> None:
    loan = drawn()
    assert loans.lateness(loan, due(1))[0] is Evidence.NONE
    assert loans.lateness(loan, due(1, 1)) == (Evidence.MISSED_DUE, due(1))
    assert loans.lateness(loan, due(1, 5 * DAY)) == (Evidence.MISSED_DUE, due(1))
    assert loans.lateness(loan, due(1, 5 * DAY + 1)) == (Evidence.PAST_GRACE, due(1, 5 * DAY))


def test_service__no_revenue_on_a_due_date__the_reserve_pays_before_lateness() -> None:
    loan, served = loans.service(drawn(), money(0), due(1))
    line = payments(money(36_000_000_000), 36, Bps(1_200), START)[0]
    assert served.from_reserve == line.total == served.paid.total
    assert loan.reserve == drawn().reserve - line.total
    assert loans.lateness(loan, due(1, 20 * DAY))[0] is Evidence.NONE


def test_service__late_for_principal__pays_the_interest_of_the_days_since_too() -> None:
    now = due(1, 3 * DAY)
    loan, served = loans.service(drawn(), money(0), now)
    assert served.paid == (10**9, loans.debt(drawn(), now).interest)
    assert loan.next_due == 2


def test_service__reserve_empty_and_no_revenue__leaves_it_late() -> None:
    loan = drawn().model_copy(update={"reserve": 0})
    loan, served = loans.service(loan, money(10), due(1))
    assert served.paid == (0, 10)
    assert loans.lateness(loan, due(1, 1))[0] is Evidence.MISSED_DUE


def test_service__revenue_before_a_due_date__is_kept_until_the_instalment_is_whole_and_then_released() -> None:
    loan, now = drawn(), UnixSeconds(START + 10 * DAY)
    first = payments(money(36_000_000_000), 36, Bps(1_200), START)[0]
    loan, served = loans.service(loan, money(10**9), now)
    assert (loan.set_aside, served) == (10**9, (Debt(money(0), money(0)), 0, 0, 0))

    loan, served = loans.service(loan, money(10**9), now)
    assert loan.set_aside == first.total
    assert served.released == 2 * 10**9 - first.total

    loan, served = loans.service(loan, money(0), due(1))
    assert served.paid == (first.principal, first.interest)
    assert (loan.set_aside, loan.next_due, loan.reserve) == (0, 2, drawn().reserve)


def test_service__reserve_below_target__is_filled_before_anything_is_set_aside() -> None:
    loan = drawn().model_copy(update={"reserve": 10})
    loan, served = loans.service(loan, money(100), UnixSeconds(START + DAY))
    assert (served.to_reserve, loan.reserve, loan.set_aside) == (100, 110, 0)


def test_service__sweep__prepays_all_but_the_interest_until_the_next_due_date() -> None:
    now = UnixSeconds(START + 10 * DAY)
    owed = loans.debt(drawn(), now)
    loan, served = loans.service(drawn(sweep=True), money(4 * 10**9), now)
    assert (served.released, served.paid.interest) == (0, owed.interest)
    assert served.paid.total + loan.set_aside == 4 * 10**9
    # The first instalment's principal is prepaid, so what is kept is its interest, to a unit.
    assert 0 <= loan.set_aside - loans.debt(loan, due(1)).interest <= 1
    assert loans.service(loan, money(0), now)[1].paid == (0, 0)

    loan, served = loans.service(loan, money(0), due(1))
    assert (loan.next_due, served.from_reserve) == (2, 0)


def test_service__sweep_with_less_than_the_next_instalment__keeps_it() -> None:
    loan, served = loans.service(drawn(sweep=True), money(10**9), UnixSeconds(START + 10 * DAY))
    assert (loan.set_aside, served.paid) == (10**9, (0, 0))


@given(
    amount=st.integers(1, 10**14),
    months=st.integers(1, 48),
    rate=st.integers(0, 10_000),
    revenue=st.integers(0, 10**14),
    when=st.integers(0, 27 * DAY),
)
def test_sweep_leaves_the_interest_until_the_next_due_date_and_not_a_unit_more(
    amount: int, months: int, rate: int, revenue: int, when: int
) -> None:
    loan, now = drawn(amount, months=months, rate_bps=rate, reserve_months=0, sweep=True), UnixSeconds(START + when)
    owed = loans.debt(loan, now)
    if loans.next_instalment(loan, now) < revenue < owed.total:
        prepaid = loans.sweep(loan, money(revenue), now)
        assert owed.interest <= prepaid <= revenue
        for more, enough in ((0, True), (1, False)):
            after, _ = loans.pay(loan, money(prepaid + more), now)
            assert (revenue - prepaid - more >= loans.debt(after, due(1)).interest) is enough


def test_service__in_breach__all_of_it_pays_the_loan() -> None:
    loan = drawn().model_copy(update={"breached_since": START, "set_aside": 7, "reserve": 0})
    loan, served = loans.service(loan, money(3 * 10**9), due(1))
    assert served.paid.total == 3 * 10**9 + 7
    assert (loan.set_aside, served.to_reserve, served.released) == (0, 0, 0)


def test_arrears__the_late_rate_s_part__is_due_at_once() -> None:
    loan = loans.reprice(drawn(), late=True, now=due(1))
    without = loans.arrears(drawn(), due(1, 10 * DAY)).interest
    assert loans.arrears(loan, due(1, 10 * DAY)).interest - without in {
        interest_up(accrue(money(36_000_000_000), Bps(300), 10 * DAY)) - one for one in (0, 1)
    }


@given(
    sweep=st.booleans(),
    breached=st.booleans(),
    steps=st.lists(st.tuples(st.integers(0, 40 * DAY), st.integers(0, 5 * 10**9)), max_size=40),
)
def test_revenue_is_paid_kept_or_released(sweep: bool, breached: bool, steps: list[tuple[int, int]]) -> None:
    loan, now = drawn(12_000_000_000, sweep=sweep, months=12), START
    if breached:
        loan = loan.model_copy(update={"breached_since": START})
    for pause, revenue in steps:
        now = UnixSeconds(now + pause)
        if loans.is_paid(loan):
            break
        before, owed = loan, loans.debt(loan, now)
        loan, served = loans.service(loan, money(revenue), now)
        kept = loan.set_aside + loan.reserve
        assert before.set_aside + before.reserve + revenue == served.paid.total + served.released + kept
        assert loans.debt(loan, now).total == owed.total - served.paid.total
        assert loan.reserve <= loan.reserve_target
        if loans.needed(loan, now):
            # Lenders are not paid yet: nothing is kept, and nothing goes to the borrower.
            assert (kept, served.released) == (0, 0)


def test_reprice__late_and_cured__accrues_each_rate_for_its_time() -> None:
    late = loans.reprice(drawn(), late=True, now=due(1))
    assert late.accrual_bps == 1_500
    cured = loans.reprice(late, late=False, now=due(2))
    assert loans.accrued(cured, due(3)) == 36_000_000_000 * (
        1_200 * (due(1) - START) + 1_500 * (due(2) - due(1)) + 1_200 * (due(3) - due(2))
    )


def test_next_instalment__of_the_last__is_nothing() -> None:
    loan = drawn(months=1)
    assert loans.next_instalment(loan, due(1, -1)) == 36_000_000_000 + loans.debt(loan, due(1)).interest
    assert loans.next_instalment(loan, due(1)) == 0


def test_next_instalment__prepaid__asks_for_interest_alone() -> None:
    loan, _ = loans.pay(drawn(), money(5 * 10**9), UnixSeconds(START + DAY))
    assert loan.principal < balance_after(money(36_000_000_000), 36, 1)
    assert loans.next_instalment(loan, UnixSeconds(START + DAY)) == loans.debt(loan, due(1)).interest


def test_quote__a_loan__says_what_it_costs_and_brings() -> None:
    offer = quote(money(36_000), 36, Bps(1_200), 3, START)
    assert (offer.reserve, offer.received) == (4_050, 31_950)
    assert offer.interest == sum(line.interest for line in offer.payments)
    assert offer.total == 36_000 + offer.interest == sum(line.total for line in offer.payments)
    assert offer.dearest == max(line.total for line in offer.payments)


@pytest.mark.parametrize(
    ("principal", "months", "reserve"), [(0, 36, 3), (-1, 36, 3), (100, 0, 3), (100, 241, 3), (100, 3, 3)]
)
def test_quote__no_loan__is_refused(principal: int, months: int, reserve: int) -> None:
    with pytest.raises(InputError):
        quote(money(principal), months, Bps(1_200), reserve, START)


def test_check_terms__interest_of_a_century__has_128_bits() -> None:
    most = (2**128 - 1) // ((TERMS.rate_bps + TERMS.late_rate_bps) * 100 * 365 * DAY)
    check_terms(TERMS.model_copy(update={"ceiling": most}), START)
    with pytest.raises(InvalidLoanTermsError, match="ceiling"):
        check_terms(TERMS.model_copy(update={"ceiling": most + 1}), START)
