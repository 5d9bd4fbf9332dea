"""What the vault ought to hold of the loans it is told of, in plain sums; nothing here knows how it keeps them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyutils.credit.interest import accrue, interest_down, interest_up
from pyutils.credit.vault_books import Carrying
from pyutils.models.loan import Debt
from pyutils.refusal import RefusalError
from pyutils.units import NO_MONEY, Bps, LoanId, ScaledInterest, TokenUnits, UnixSeconds


class InsufficientCashError(RefusalError):
    """The vault has less cash."""

    fields = ("asked", "cash")


@dataclass(frozen=True, slots=True)
class Told:
    """A loan as the vault was last told of it."""

    carrying: Carrying
    at: UnixSeconds
    marked: bool = False

    def accrued(self, now: UnixSeconds) -> ScaledInterest:
        """Return its interest by `now`."""
        since = accrue(self.carrying.principal, self.carrying.rate_bps, now - self.at)
        return ScaledInterest(self.carrying.accrued_scaled + since)


class LoansInVault:
    """Cash, and every loan by itself."""

    def __init__(self) -> None:
        self.cash = NO_MONEY
        self.loans: dict[LoanId, Told] = {}
        self.lots: dict[LoanId, TokenUnits] = {}
        self.losses = NO_MONEY

    def lend(self, loan_id: LoanId, principal: TokenUnits, rate_bps: Bps, now: UnixSeconds) -> None:
        if principal > self.cash:
            raise InsufficientCashError(principal, self.cash)
        self.cash = TokenUnits(self.cash - principal)
        self.loans[loan_id] = Told(Carrying(principal, rate_bps, ScaledInterest(0)), now)

    def receive_payment(
        self, loan_id: LoanId, before: Carrying, paid: Debt, accrued_paid: ScaledInterest, now: UnixSeconds
    ) -> None:
        self.cash = TokenUnits(self.cash + paid.total)
        if loan_id in self.lots:
            self.lots[loan_id] = TokenUnits(self.lots[loan_id] - paid.total)
            return
        self._check(loan_id, before, now)
        left = replace(
            before,
            principal=TokenUnits(before.principal - paid.principal),
            accrued_scaled=ScaledInterest(before.accrued_scaled - accrued_paid),
        )
        self.loans[loan_id] = Told(left, now, self.loans[loan_id].marked)

    def reprice(self, loan_id: LoanId, before: Carrying, rate_bps: Bps, now: UnixSeconds) -> None:
        self._check(loan_id, before, now)
        self.loans[loan_id] = Told(replace(before, rate_bps=rate_bps), now, self.loans[loan_id].marked)

    def mark_down(
        self, loan_id: LoanId, carrying: Carrying, floor: TokenUnits, since: UnixSeconds, now: UnixSeconds
    ) -> None:
        self._check(loan_id, carrying, now)
        assert floor <= carrying.principal + interest_up(carrying.accrued_scaled)
        assert since <= now
        self.loans[loan_id] = Told(carrying, now, marked=True)

    def unmark(self, loan_id: LoanId, carrying: Carrying, now: UnixSeconds) -> None:
        self._check(loan_id, carrying, now)
        assert self.loans[loan_id].marked
        self.loans[loan_id] = Told(carrying, now)

    def hold_lot(self, loan_id: LoanId, carrying: Carrying, value: TokenUnits, now: UnixSeconds) -> None:
        self._check(loan_id, carrying, now)
        del self.loans[loan_id]
        self.lots[loan_id] = TokenUnits(carrying.principal + interest_up(carrying.accrued_scaled))
        assert value <= self.lots[loan_id]

    def settle(self, loan_id: LoanId, carrying: Carrying | None, recovered: TokenUnits, now: UnixSeconds) -> None:
        self.cash = TokenUnits(self.cash + recovered)
        if carrying is None:
            owed = self.lots.pop(loan_id)
        else:
            self._check(loan_id, carrying, now)
            del self.loans[loan_id]
            owed = TokenUnits(carrying.principal + interest_up(carrying.accrued_scaled))
        assert recovered <= owed
        self.losses = TokenUnits(self.losses + owed - recovered)

    def book(self, now: UnixSeconds) -> dict[str, int]:
        """Return what `CreditVault.book` ought to say, but for how far marks have fallen."""
        performing = [one for one in self.loans.values() if not one.marked]
        marked = [one for one in self.loans.values() if one.marked]
        interest = ScaledInterest(sum(one.accrued(now) for one in marked))
        return {
            "cash": self.cash,
            "performing_principal": sum(one.carrying.principal for one in performing),
            "performing_interest": interest_down(ScaledInterest(sum(one.accrued(now) for one in performing))),
            "marked_owed": sum(one.carrying.principal for one in marked) + interest_up(interest),
            "held_owed": sum(self.lots.values()),
            "set_aside": 0,
        }

    def _check(self, loan_id: LoanId, said: Carrying, now: UnixSeconds) -> None:
        """Expect that what FleetCredit says of a loan is what it said before, carried forward."""
        told = self.loans[loan_id]
        carried = Carrying(told.carrying.principal, told.carrying.rate_bps, told.accrued(now))
        assert said == carried, f"loan {loan_id}: {said} is said, {carried} was carried forward"
