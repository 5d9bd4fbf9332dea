"""Exact mirror of one loan of `FleetCredit`: what it owes, and what each payment makes of it.

The loan itself is the frozen `Loan` that the contract shows, so that one read off the chain can be carried forward. No
function changes a loan: each returns the loan as it would be. Money in asset units, times in Unix seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from pyutils.credit.interest import SCALE, accrue, interest_up, scaled_paid
from pyutils.credit.schedule import MONTH_S, add_months, balance_after
from pyutils.models.loan import Debt, Evidence, Loan, LoanState
from pyutils.units import EPOCH, NO_MONEY, Bps, ScaledInterest, TokenUnits, UnixSeconds

DAY_S = 86_400


class Served(NamedTuple):
    """Where revenue went, and what the reserve added."""

    paid: Debt
    """To the vault: what was due, and in a breach or by sweep whatever there was."""
    from_reserve: TokenUnits
    """Of `paid`, what the reserve gave because a due date found too little."""
    to_reserve: TokenUnits
    released: TokenUnits
    """Credited to the borrower."""


def accrued(loan: Loan, now: UnixSeconds) -> ScaledInterest:
    """Return interest accrued by `now` and not paid. Exact."""
    since_then = accrue(TokenUnits(loan.principal), Bps(loan.accrual_bps), now - loan.accrued_at)
    return ScaledInterest(loan.accrued_scaled + since_then)


def debt(loan: Loan, now: UnixSeconds) -> Debt:
    """Return what is owed now; interest rounds up, for the vault."""
    return Debt(TokenUnits(loan.principal), interest_up(accrued(loan, now)))


def due_at(loan: Loan, number: int) -> UnixSeconds:
    """Return due date `number`."""
    return add_months(UnixSeconds(loan.started_at), number)


def interest_until(loan: Loan, due: UnixSeconds, now: UnixSeconds) -> TokenUnits:
    """Return interest that had accrued by `due` and is not paid; what the late rate adds is due at once.

    Principal only falls once all interest is paid, so whatever accrued after that date did so on the present principal.
    Rounds up, for the vault.
    """
    later = accrue(TokenUnits(loan.principal), Bps(loan.terms.rate_bps), now - due)
    return interest_up(ScaledInterest(max(0, accrued(loan, now) - later)))


def arrears(loan: Loan, now: UnixSeconds) -> Debt:
    """Return what is due now and not paid: down to the last due date's balance, and interest until that date."""
    number = _last_due(loan, now)
    if number < loan.next_due:
        return Debt(NO_MONEY, NO_MONEY)
    left = balance_after(TokenUnits(loan.drawn), loan.terms.months, number)
    return Debt(TokenUnits(max(0, loan.principal - left)), interest_until(loan, due_at(loan, number), now))


def needed(loan: Loan, now: UnixSeconds) -> TokenUnits:
    """Return the payment that meets all that is due now.

    More than the arrears where principal is due: a payment pays interest first, that of after the due date included.
    """
    due = arrears(loan, now)
    if due.principal:
        return TokenUnits(due.principal + debt(loan, now).interest)
    return due.interest


def next_instalment(loan: Loan, now: UnixSeconds) -> TokenUnits:
    """Return what the first instalment that is not due yet will ask for, as things stand: what is to be set aside.

    Nothing once no instalment is left. Interest until its due date rounds up, for the vault.
    """
    number = max(loan.next_due, _last_due(loan, now) + 1)
    if number > loan.terms.months:
        return NO_MONEY
    left = balance_after(TokenUnits(loan.drawn), loan.terms.months, number)
    interest = interest_up(accrued(loan, due_at(loan, number)))
    return TokenUnits(max(0, loan.principal - left) + interest)


def monthly_interest(loan: Loan) -> TokenUnits:
    """Return interest on what is outstanding for a month of equal length, at the loan's own rate. Rounds up."""
    return interest_up(accrue(TokenUnits(loan.principal), Bps(loan.terms.rate_bps), MONTH_S))


def pay(loan: Loan, amount: TokenUnits, now: UnixSeconds) -> tuple[Loan, Debt]:
    """Pay `amount`, or all that is owed where that is less: interest first, then principal. Return what was paid."""
    scaled = accrued(loan, now)
    interest = min(amount, interest_up(scaled))
    principal = TokenUnits(min(amount - interest, loan.principal))
    after = loan.model_copy(
        update={
            "principal": loan.principal - principal,
            "accrued_scaled": scaled - scaled_paid(scaled, interest),
            "accrued_at": now,
        }
    )
    return meet(after, now), Debt(principal, interest)


def meet(loan: Loan, now: UnixSeconds) -> Loan:
    """Go on to the first instalment that is not met."""
    number = loan.next_due
    while number <= loan.terms.months and due_at(loan, number) <= now and _is_met(loan, number, now):
        number += 1
    last = min(number, loan.terms.months)
    return loan.model_copy(update={"next_due": number, "next_due_at": due_at(loan, last)})


def is_paid(loan: Loan) -> bool:
    """Say whether nothing is owed any more, which closes the loan."""
    return loan.principal == 0 and loan.accrued_scaled == 0


def sweep(loan: Loan, amount: TokenUnits, now: UnixSeconds) -> TokenUnits:
    """Return what of `amount`, more than the next instalment, may prepay.

    The rest pays the interest until the next due date on what is then left: principal that is prepaid is not asked for
    again, so that a second sweep at the same time finds nothing more. Rounds down, for what stays aside.
    """
    owed = debt(loan, now)
    if amount >= owed.total:
        return owed.total
    number = _last_due(loan, now) + 1
    span = due_at(loan, number) - now if number <= loan.terms.months else 0
    per_unit = loan.accrual_bps * span
    free = (amount - owed.interest) * SCALE - loan.principal * per_unit
    return TokenUnits(owed.interest + free // (SCALE - per_unit))


def service(loan: Loan, revenue: TokenUnits, now: UnixSeconds) -> tuple[Loan, Served]:
    """Use the pledge's revenue: what is due, the reserve, the next instalment; the rest prepays or is the borrower's.

    What was set aside before counts as revenue. In a breach all of it pays the loan. The reserve helps what is due.
    """
    pot = TokenUnits(loan.set_aside + revenue)
    due = needed(loan, now)
    from_reserve = TokenUnits(min(loan.reserve, max(0, due - pot)))
    offered = pot if loan.breached_since else TokenUnits(min(pot, due))
    loan, paid = pay(loan, TokenUnits(offered + from_reserve), now)
    pot = TokenUnits(pot + from_reserve - paid.total)
    loan = loan.model_copy(update={"reserve": loan.reserve - from_reserve, "set_aside": NO_MONEY})
    if is_paid(loan):
        return loan.model_copy(update={"set_aside": pot}), Served(paid, from_reserve, NO_MONEY, NO_MONEY)

    to_reserve = TokenUnits(min(pot, max(0, loan.reserve_target - loan.reserve)))
    rest = TokenUnits(pot - to_reserve)
    upcoming = next_instalment(loan, now)
    if loan.sweep and rest > upcoming:
        loan, prepaid = pay(loan, sweep(loan, rest, now), now)
        paid = Debt(TokenUnits(paid.principal + prepaid.principal), TokenUnits(paid.interest + prepaid.interest))
        set_aside, released = TokenUnits(rest - prepaid.total), NO_MONEY
    else:
        set_aside = min(rest, upcoming)
        released = TokenUnits(rest - set_aside)
    loan = loan.model_copy(update={"reserve": loan.reserve + to_reserve, "set_aside": set_aside})
    return loan, Served(paid, from_reserve, to_reserve, released)


def lateness(loan: Loan, now: UnixSeconds) -> tuple[Evidence, UnixSeconds]:
    """Return whether a due date passed unpaid, or even its grace, and since when: the due date, or the grace's end.

    A due date is missed by the second after it: whoever pays in its own second is on time.
    """
    loan = meet(loan, now)
    due = UnixSeconds(loan.next_due_at)
    if now <= due:
        return Evidence.NONE, EPOCH
    grace_end = UnixSeconds(due + loan.terms.grace_days * DAY_S)
    return (Evidence.PAST_GRACE, grace_end) if now > grace_end else (Evidence.MISSED_DUE, due)


def reprice(loan: Loan, *, late: bool, now: UnixSeconds) -> Loan:
    """Let the loan accrue with or without the late rate from now on."""
    rate = loan.terms.rate_bps + (loan.terms.late_rate_bps if late else 0)
    return loan.model_copy(update={"accrued_scaled": accrued(loan, now), "accrued_at": now, "accrual_bps": rate})


def close(loan: Loan) -> tuple[Loan, TokenUnits]:
    """Close a loan that owes nothing; return it, and what its reserve and set-aside revenue give the borrower."""
    left = TokenUnits(loan.reserve + loan.set_aside)
    return loan.model_copy(update={"state": LoanState.CLOSED, "reserve": 0, "set_aside": 0}), left


def _last_due(loan: Loan, now: UnixSeconds) -> int:
    """Return the number of the last due date that has come; it is one of the first that is not met, or earlier."""
    number = loan.next_due - 1
    while number < loan.terms.months and due_at(loan, number + 1) <= now:
        number += 1
    return number


def _is_met(loan: Loan, number: int, now: UnixSeconds) -> bool:
    left = balance_after(TokenUnits(loan.drawn), loan.terms.months, number)
    return loan.principal <= left and not interest_until(loan, due_at(loan, number), now)
