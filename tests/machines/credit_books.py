"""The vault's mirror, which also holds FleetCredit to its word: what it says of a loan must be what it said before."""

from __future__ import annotations

from pyutils.credit.interest import interest_up
from pyutils.credit.vault import VaultModel
from pyutils.credit.vault_books import Carrying
from pyutils.models.loan import Debt
from pyutils.units import NO_MONEY, Bps, LoanId, ScaledInterest, TokenUnits, UnixSeconds


class ToldVault(VaultModel):
    """A vault that listens."""

    def __init__(self, address: str, cap: TokenUnits) -> None:
        super().__init__(address, cap)
        self.losses = NO_MONEY

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
        """Expect interest first, and principal only once all interest is paid."""
        if self.loans[loan_id].lot_owed is None:
            self._check(loan_id, before, now)
            assert paid.principal == 0 or accrued_paid == before.accrued_scaled
        super().receive_payment(loan_id, before, paid, accrued_paid, now, worth=worth)

    def reprice(self, loan_id: LoanId, before: Carrying, rate_bps: Bps, now: UnixSeconds) -> None:
        """Expect the loan as it was."""
        self._check(loan_id, before, now)
        super().reprice(loan_id, before, rate_bps, now)

    def mark_down(
        self, loan_id: LoanId, carrying: Carrying, floor: TokenUnits, since: UnixSeconds, now: UnixSeconds
    ) -> None:
        """Expect a floor of at most what is owed, and no future."""
        self._check(loan_id, carrying, now)
        assert floor <= carrying.principal + interest_up(carrying.accrued_scaled)
        assert since <= now
        super().mark_down(loan_id, carrying, floor, since, now)

    def unmark(self, loan_id: LoanId, carrying: Carrying, now: UnixSeconds) -> None:
        """Expect the loan as it was."""
        self._check(loan_id, carrying, now)
        super().unmark(loan_id, carrying, now)

    def hold_lot(self, loan_id: LoanId, carrying: Carrying, value: TokenUnits, now: UnixSeconds) -> None:
        """Expect the loan as it was, and a value of at most what it owes."""
        self._check(loan_id, carrying, now)
        assert value <= carrying.principal + interest_up(carrying.accrued_scaled)
        super().hold_lot(loan_id, carrying, value, now)

    def settle(self, loan_id: LoanId, carrying: Carrying | None, recovered: TokenUnits, now: UnixSeconds) -> None:
        """Count what is lost."""
        booked = self.loans[loan_id]
        if carrying is None:
            assert booked.lot_owed is not None
            owed = booked.lot_owed
        else:
            self._check(loan_id, carrying, now)
            owed = carrying.principal + interest_up(carrying.accrued_scaled)
        assert recovered <= owed
        self.losses = TokenUnits(self.losses + owed - recovered)
        super().settle(loan_id, carrying, recovered, now)

    def _check(self, loan_id: LoanId, said: Carrying, now: UnixSeconds) -> None:
        booked = self.loans[loan_id]
        carried = Carrying(TokenUnits(booked.principal), booked.rate_bps, booked.accrued(now))
        assert said == carried, f"loan {loan_id}: {said} is said, {carried} was carried forward"
