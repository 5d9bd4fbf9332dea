"""What FleetCredit tells the vault of its loans, in the order in which it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pyutils.models.loan import Debt
from pyutils.units import NO_MONEY, Bps, LoanId, ScaledInterest, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Carrying:
    """A loan as the vault carries it."""

    principal: TokenUnits
    rate_bps: Bps
    accrued_scaled: ScaledInterest


class VaultBooks(Protocol):
    """What the vault is told. Its mirror has these; so has whoever only wants to know what would be told."""

    def lend(self, loan_id: LoanId, principal: TokenUnits, rate_bps: Bps, now: UnixSeconds) -> None:
        """Book a loan that begins. Refuses, before it changes anything, where there is no cash for it."""

    def receive_payment(
        self,
        loan_id: LoanId,
        before: Carrying,
        paid: Debt,
        accrued_paid: ScaledInterest,
        now: UnixSeconds,
        *,
        worth: TokenUnits = NO_MONEY,
    ) -> None:
        """Book a payment; of what a part of the pledge was sold for, what that was `worth`."""

    def reprice(self, loan_id: LoanId, before: Carrying, rate_bps: Bps, now: UnixSeconds) -> None:
        """Book another rate."""

    def mark_down(
        self, loan_id: LoanId, carrying: Carrying, floor: TokenUnits, since: UnixSeconds, now: UnixSeconds
    ) -> None:
        """Write a loan down."""

    def floor_of(self, loan_id: LoanId) -> TokenUnits:
        """Return what a marked loan counts for once it has fallen; nothing without a mark."""

    def unmark(self, loan_id: LoanId, carrying: Carrying, now: UnixSeconds) -> None:
        """End a mark."""

    def hold_lot(self, loan_id: LoanId, carrying: Carrying, value: TokenUnits, now: UnixSeconds) -> None:
        """Take a lot for a loan."""

    def settle(self, loan_id: LoanId, carrying: Carrying | None, recovered: TokenUnits, now: UnixSeconds) -> None:
        """Take a loan, or a held lot where None, off the books."""
