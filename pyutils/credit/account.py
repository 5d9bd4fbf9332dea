"""One loan of the mirror of `FleetCredit`, with what the contract keeps of it and does not show."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.credit.loan import accrued, debt
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.loan import Debt, Loan, LoanRequest, LoanState, LoanTerms
from pyutils.units import EPOCH, NO_MONEY, LoanId, ScaledInterest, ShareUnits, TokenUnits, UnixSeconds

NO_TERMS = LoanTerms.model_validate(dict.fromkeys(LoanTerms.model_fields, 0))
HOLDING_DAYS = 90
"""What the vault books for a held lot falls to zero in so many days."""


@dataclass(slots=True)
class LoanAccount:
    """A loan in the book. What is pledged stands in `loan`: asked before it is drawn, in custody from then on."""

    loan_id: LoanId
    loan: Loan
    supply: ShareUnits
    bound: ShareUnits
    """Shares bound to the title, which go with it."""
    exceeded: bool = False
    """Marked for a debt above the breach limit: only a price or a payment can clear it of that."""
    lot_gone: bool = False
    held_value: TokenUnits = NO_MONEY
    held_since: UnixSeconds = EPOCH

    @classmethod
    def asked(
        cls, loan_id: LoanId, asked: LoanRequest, borrower: str, supply: ShareUnits, bound: ShareUnits
    ) -> LoanAccount:
        """Return the account of a request."""
        loan = Loan(
            fleet_id=asked.fleet_id,
            state=LoanState.REQUESTED,
            borrower=borrower,
            operator=ZERO_ADDRESS,
            sweep=asked.sweep,
            young=False,
            terms=NO_TERMS.model_copy(update={"ceiling": asked.principal, "months": asked.months}),
            drawn=0,
            principal=0,
            accrued_scaled=0,
            accrued_at=0,
            accrual_bps=0,
            started_at=0,
            next_due=0,
            next_due_at=0,
            set_aside=0,
            reserve=0,
            reserve_target=0,
            shares=asked.shares,
            collateral=asked.collateral,
            collateral_amount=asked.collateral_amount,
            marked_since=0,
            breached_since=0,
            steward=ZERO_ADDRESS,
            held_owed=0,
            asking_price=0,
        )
        return cls(loan_id, loan, supply, bound)

    def change(self, **fields: object) -> None:
        """Change fields of the loan."""
        self.loan = self.loan.model_copy(update=fields)

    def owed(self, now: UnixSeconds) -> Debt:
        """Return what is owed now; a held lot's debt stands still."""
        if self.loan.state is LoanState.HELD:
            return Debt(TokenUnits(self.loan.held_owed), NO_MONEY)
        return debt(self.loan, now)

    def scaled(self, now: UnixSeconds) -> ScaledInterest:
        """Return interest accrued by `now`, as the vault carries it."""
        return accrued(self.loan, now)

    def take_kept(self) -> TokenUnits:
        """Take out set-aside revenue and reserve, and return them."""
        kept = TokenUnits(self.loan.set_aside + self.loan.reserve)
        self.change(set_aside=0, reserve=0)
        return kept

    def carried_down(self, now: UnixSeconds) -> TokenUnits:
        """Return what the vault carries a held lot at: falls by whole UTC days, rounded down."""
        fallen = min(now // 86_400 - self.held_since // 86_400, HOLDING_DAYS)
        return TokenUnits(self.held_value * (HOLDING_DAYS - fallen) // HOLDING_DAYS)
