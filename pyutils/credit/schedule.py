"""Exact mirror of `ScheduleLib`: equal monthly principal, due dates counted in calendar months from the start."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

from pyutils.credit.interest import SCALE, YEAR_S, accrue, interest_up
from pyutils.models.loan import Instalment
from pyutils.units import Bps, TokenUnits, UnixSeconds

MOST_MONTHS = 240
"""No loan is longer."""
MONTH_S = YEAR_S // 12
"""A month of interest where no calendar is meant: a twelfth of 365 days, 2,628,000 seconds."""


def add_months(start: UnixSeconds, months: int) -> UnixSeconds:
    """Return `start` plus so many calendar months, at the same time of day; a day that a month lacks is its last.

    As solady's `DateTimeLib.addMonths`. Counted from the start, never from one due date to the next: a loan that began
    on the 31st is due on the 31st again after February.
    """
    days, second = divmod(start, 86_400)
    day = datetime.fromtimestamp(days * 86_400, UTC)
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    last = calendar.monthrange(year, month)[1]
    moved = datetime(year, month, min(day.day, last), tzinfo=UTC)
    return UnixSeconds(int(moved.timestamp()) + second)


def balance_after(drawn: TokenUnits, months: int, number: int) -> TokenUnits:
    """Return the principal that is to be left after instalment `number` of `months`. Rounds up, for the borrower."""
    return TokenUnits(drawn - drawn * number // months)


def instalment(drawn: TokenUnits, months: int, start: UnixSeconds, number: int) -> Instalment:
    """Return instalment `number`, 1 to `months`; the principal of all of them sums to `drawn` exactly."""
    balance = balance_after(drawn, months, number)
    before = balance_after(drawn, months, number - 1)
    return Instalment(due_at=add_months(start, number), principal=before - balance, balance=balance)


def instalments_due(start: UnixSeconds, months: int, now: UnixSeconds) -> int:
    """Return how many due dates have come by `now`, that of this very second included; at most `months`."""
    return sum(add_months(start, number) <= now for number in range(1, months + 1))


def reserve_target_up(drawn: TokenUnits, months: int, rate_bps: Bps, reserve_months: int) -> TokenUnits:
    """Return the first `reserve_months` instalments with their interest for months of equal length.

    Interest rounds up, once for all of them, for the vault that the reserve serves.
    """
    count = min(reserve_months, months)
    principal = drawn - balance_after(drawn, months, count)
    interest = sum(accrue(balance_after(drawn, months, number), rate_bps, MONTH_S) for number in range(count))
    return TokenUnits(principal + -(-interest // SCALE))


@dataclass(frozen=True, slots=True)
class Payment:
    """One line of a schedule for people: what is to be paid when, if everything before was paid on its due date."""

    number: int
    due_at: UnixSeconds
    principal: TokenUnits
    interest: TokenUnits
    """From the due date before; rounded up, as it is when paid."""
    balance: TokenUnits

    @property
    def total(self) -> TokenUnits:
        """Principal and interest."""
        return TokenUnits(self.principal + self.interest)


def payments(drawn: TokenUnits, months: int, rate_bps: Bps, start: UnixSeconds) -> tuple[Payment, ...]:
    """Return all payments of a loan drawn at `start` that is paid on every due date and never before."""
    lines = []
    balance, since = drawn, start
    for number in range(1, months + 1):
        line = instalment(drawn, months, start, number)
        due_at = UnixSeconds(line.due_at)
        interest = interest_up(accrue(balance, rate_bps, due_at - since))
        balance, since = TokenUnits(line.balance), due_at
        lines.append(Payment(number, due_at, TokenUnits(line.principal), interest, balance))
    return tuple(lines)
