"""Exact mirror of `FleetCredit`: paying, evidence and cure, over the mirrors of how loans begin and end."""

from __future__ import annotations

from pyutils.credit import loan as loans
from pyutils.credit import refusals as no
from pyutils.credit.ending import EndingModel
from pyutils.credit.evidence import Finding, Surroundings, find
from pyutils.credit.office import OfficeModel
from pyutils.models.loan import Debt, Evidence, LoanState
from pyutils.units import Bps, LoanId, TokenUnits, UnixSeconds


class CreditModel(OfficeModel, EndingModel):
    """All loans of one market. `revenue` is what custody brings; a loan whose lot is gone gets none."""

    # ---- paying ----

    def repay(
        self, loan_id: LoanId, amount: TokenUnits, revenue: TokenUnits, around: Surroundings, now: UnixSeconds
    ) -> Debt:
        """Pay `amount`, or all where that is less, and return what was paid. A marked loan that is right then is cured.

        `revenue` is what custody brings where that closes the loan, `around` says what the pledge is worth.
        """
        account = self._in_state(loan_id, LoanState.OPEN)
        owed = account.owed(now)
        if min(amount, owed.total) == 0:
            raise no.NothingToRepayError(loan_id)
        paid = self._pay(account, amount, now)
        if paid.total == owed.total:
            self._close(account, TokenUnits(0 if account.lot_gone else revenue))
            return paid
        marked = account.loan.marked_since
        if marked and self.still_wrong(account, account.loan, around, now).kind is Evidence.NONE:
            self._cure(account, now)
        return paid

    def service(self, loan_id: LoanId, revenue: TokenUnits, now: UnixSeconds) -> loans.Served | None:
        """Pay with the pledge's revenue what it can; None for a held lot, whose revenue reduces what it owes."""
        if self._known(loan_id).loan.state is LoanState.HELD:
            self.service_held(loan_id, revenue, now)
            return None
        account = self._in_state(loan_id, LoanState.OPEN)
        before = self._carrying(account, now)
        account.loan, served = loans.service(account.loan, TokenUnits(0 if account.lot_gone else revenue), now)
        self.payouts.credit(self.token, account.loan.borrower, served.released)
        if served.paid.total:
            self._tell_paid(account, before, served.paid, now)
        if served.paid.total and loans.is_paid(account.loan):
            self._close(account, TokenUnits(0))
        return served

    # ---- evidence ----

    def mark(self, loan_id: LoanId, revenue: TokenUnits, around: Surroundings, now: UnixSeconds) -> Finding | None:
        """Service a loan and write it down on evidence; None where revenue paid it whole."""
        account = self._in_state(loan_id, LoanState.OPEN)
        preview, _ = loans.service(account.loan, TokenUnits(0 if account.lot_gone else revenue), now)
        found = find(preview, around, now, lot_gone=account.lot_gone)
        if not loans.is_paid(preview) and found.kind is Evidence.NONE:
            raise no.NoEvidenceError(loan_id)
        self.service(loan_id, revenue, now)
        if account.loan.state is not LoanState.OPEN:
            return None

        account.exceeded |= found.exceeded
        account.change(
            marked_since=account.loan.marked_since or found.since,
            breached_since=account.loan.breached_since or found.breach_since,
        )
        carrying = self._carrying(account, now)
        account.loan = loans.reprice(account.loan, late=True, now=now)
        if account.loan.accrual_bps != carrying.rate_bps:
            self._vault.reprice(loan_id, carrying, Bps(account.loan.accrual_bps), now)
        self._write_mark(account, found, now)
        return found

    def cure(self, loan_id: LoanId, revenue: TokenUnits, around: Surroundings, now: UnixSeconds) -> None:
        """Service a loan and end its mark and breach, once nothing is wrong any more."""
        account = self._in_state(loan_id, LoanState.OPEN)
        if not account.loan.marked_since:
            raise no.NotMarkedError(loan_id)
        preview, _ = loans.service(account.loan, TokenUnits(0 if account.lot_gone else revenue), now)
        found = self.still_wrong(account, preview, around, now).kind
        if not loans.is_paid(preview) and found is not Evidence.NONE:
            raise no.StillWrongError(loan_id, found)
        self.service(loan_id, revenue, now)
        if account.loan.state is LoanState.OPEN:
            self._cure(account, now)

    def step_in(self, loan_id: LoanId, steward: str) -> None:
        """Name who controls the fleet for the lenders."""
        account = self._known(loan_id)
        in_breach = bool(account.loan.breached_since) and not account.lot_gone
        if account.loan.state is not LoanState.HELD and not in_breach:
            raise no.NotBreachedError(loan_id)
        account.change(steward=steward)
