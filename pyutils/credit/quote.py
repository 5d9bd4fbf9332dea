"""What a loan would cost, before anyone signs."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.credit.schedule import MOST_MONTHS, Payment, payments, reserve_target_up
from pyutils.errors import InputError
from pyutils.units import Bps, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class LoanQuote:
    """A loan that is drawn at `start` and paid on every due date. Money in asset units."""

    principal: TokenUnits
    rate_bps: Bps
    months: int
    start: UnixSeconds
    reserve: TokenUnits
    """Kept back from the principal, and credited to the borrower at the end unless it had to pay. Rounded up."""
    received: TokenUnits
    """What the borrower gets at the start."""
    interest: TokenUnits
    """Of all instalments together, each rounded up."""
    payments: tuple[Payment, ...]

    @property
    def total(self) -> TokenUnits:
        """All that is paid back."""
        return TokenUnits(self.principal + self.interest)

    @property
    def dearest(self) -> TokenUnits:
        """The greatest instalment; the first, but for the lengths of months."""
        return max(payment.total for payment in self.payments)


def quote(principal: TokenUnits, months: int, rate_bps: Bps, reserve_months: int, start: UnixSeconds) -> LoanQuote:
    """Return what a loan of `principal` over `months` costs. Raises `InputError` where there is no such loan."""
    if principal < 1:
        raise InputError("a loan of nothing", remedy="Ask for a principal above zero")
    if not 1 <= months <= MOST_MONTHS:
        raise InputError(f"a loan over {months} months", remedy=f"Ask for 1 to {MOST_MONTHS} months")
    reserve = reserve_target_up(principal, months, rate_bps, reserve_months)
    if reserve >= principal:
        # As many months of service as the loan has would leave the borrower nothing.
        raise InputError(
            f"a reserve of {reserve_months} of {months} months leaves nothing of the principal",
            remedy="Ask for more months, or for a smaller reserve",
        )
    lines = payments(principal, months, rate_bps, start)
    return LoanQuote(
        principal=principal,
        rate_bps=rate_bps,
        months=months,
        start=start,
        reserve=reserve,
        received=TokenUnits(principal - reserve),
        interest=TokenUnits(sum(line.interest for line in lines)),
        payments=lines,
    )
