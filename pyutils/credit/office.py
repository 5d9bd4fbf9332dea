"""Exact mirror of `LoanOffice`: loans until they are drawn, what secures them, and limits on their sum.

Each method refuses before it changes anything, as a reverted transaction would have changed nothing. What other
contracts say is given to it: limits of a pledge, reports, who runs a fleet.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.credit import loan as loans
from pyutils.credit import refusals as no
from pyutils.credit.account import LoanAccount
from pyutils.credit.evidence import Surroundings, find
from pyutils.credit.interest import YEAR_S, accrue
from pyutils.credit.ledger import BORROWER, FLEET, OPERATOR, LedgerModel
from pyutils.credit.schedule import MOST_MONTHS, add_months, reserve_target_up
from pyutils.models.loan import Evidence, LoanRequest, LoanState, LoanTerms
from pyutils.models.pledge import Limits
from pyutils.refusal import RefusalError
from pyutils.units import BPS, Bps, FleetId, LoanId, ShareUnits, TokenUnits, UnixSeconds

MOST_RATE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Drawing:
    """What other contracts say when a loan is to be drawn."""

    limits: Limits
    untold: RefusalError | None
    """Why the limits cannot be told; None where they can."""
    title_owner: str
    operator: str
    accepted_at: UnixSeconds
    breach_from: UnixSeconds


class OfficeModel(LedgerModel):
    """Asking, granting, drawing, and what secures a loan."""

    # ---- until drawn ----

    def request(
        self, asked: LoanRequest, borrower: str, title_owner: str, supply: ShareUnits, bound: ShareUnits
    ) -> LoanId:
        """Ask for a loan."""
        if borrower != title_owner:
            raise no.NotTitleOwnerError(asked.fleet_id, borrower)
        _require_request(0 < asked.months <= MOST_MONTHS, "months")
        _require_request(asked.principal > 0, "principal")
        loan_id = LoanId(len(self.accounts) + 1)
        self.accounts[loan_id] = LoanAccount.asked(loan_id, asked, borrower, supply, bound)
        return loan_id

    def cancel(self, loan_id: LoanId, caller: str) -> None:
        """Take back a request or an approval."""
        account = self._of_borrower(loan_id, caller)
        if account.loan.state not in {LoanState.REQUESTED, LoanState.APPROVED}:
            raise no.WrongStateError(loan_id, account.loan.state)
        account.change(state=LoanState.CLOSED)

    def approve(self, loan_id: LoanId, terms: LoanTerms, now: UnixSeconds) -> None:
        """Grant a request."""
        account = self._in_state(loan_id, LoanState.REQUESTED)
        check_terms(terms, now)
        account.change(state=LoanState.APPROVED, terms=terms)

    def draw(self, loan_id: LoanId, caller: str, principal: TokenUnits, drawing: Drawing, now: UnixSeconds) -> None:
        """Lend `principal`; what the borrower receives is that less the reserve."""
        account = self._of_borrower(loan_id, caller)
        loan, terms = account.loan, account.loan.terms
        if loan.state is not LoanState.APPROVED:
            raise no.WrongStateError(loan_id, loan.state)
        self._check_draw(account, principal, drawing, now)
        reserve = reserve_target_up(principal, terms.months, Bps(terms.rate_bps), terms.reserve_months)
        if principal <= reserve:
            raise no.InvalidLoanAmountError(loan_id, principal)
        self._vault.lend(loan_id, principal, Bps(terms.rate_bps), now)

        for kind, key in self._keys(account, drawing.operator):
            self.caps[kind, key].counted += principal
        self.in_use[FleetId(loan.fleet_id)] = loan_id
        account.change(
            state=LoanState.OPEN,
            operator=drawing.operator,
            young=drawing.limits.young,
            drawn=principal,
            principal=principal,
            accrued_at=now,
            accrual_bps=terms.rate_bps,
            started_at=now,
            next_due=1,
            next_due_at=add_months(now, 1),
            reserve=reserve,
            reserve_target=reserve,
        )

    def _check_draw(self, account: LoanAccount, principal: TokenUnits, drawing: Drawing, now: UnixSeconds) -> None:
        loan_id, loan, terms = account.loan_id, account.loan, account.loan.terms
        fleet_id, limits = FleetId(loan.fleet_id), drawing.limits
        if now >= terms.expiry:
            raise no.ApprovalExpiredError(loan_id, terms.expiry)
        if now >= terms.insured_until:
            raise no.NotInsuredError(loan_id, terms.insured_until)
        if principal > terms.ceiling:
            raise no.AboveCeilingError(loan_id, principal, terms.ceiling)
        if fleet_id in self.in_use:
            raise no.FleetInUseError(fleet_id, self.in_use[fleet_id])
        if drawing.title_owner != loan.borrower:
            raise no.NotTitleOwnerError(fleet_id, loan.borrower)
        if drawing.untold is not None:
            raise drawing.untold
        if now >= drawing.breach_from:
            raise no.NoFreshReportError(fleet_id, drawing.accepted_at)
        if principal > limits.borrow_limit:
            raise no.AboveLimitError(loan_id, principal, limits.borrow_limit)
        service = reserve_target_up(principal, terms.months, Bps(terms.rate_bps), 1)
        _require_coverage(account, limits, service)
        for kind, key in self._keys(account, drawing.operator):
            total, cap = self.caps[kind, key].counted + principal, self.cap_of(kind, key)
            if total > cap:
                raise no.CapExceededError(kind, key, total, cap)

    # ---- the pledge ----

    def add_collateral(self, loan_id: LoanId, amount: TokenUnits) -> None:
        """Pledge more collateral."""
        account = self._in_state(loan_id, LoanState.OPEN)
        if amount == 0 or not int(account.loan.collateral, 16):
            raise no.InvalidLoanAmountError(loan_id, amount)
        account.change(collateral_amount=account.loan.collateral_amount + amount)

    def add_shares(self, loan_id: LoanId, amount: ShareUnits) -> None:
        """Pledge more shares."""
        account = self._in_state(loan_id, LoanState.OPEN)
        if amount == 0 or account.lot_gone:
            raise no.InvalidLoanAmountError(loan_id, amount)
        account.change(shares=account.loan.shares + amount)

    def withdraw(
        self,
        loan_id: LoanId,
        caller: str,
        field: str,
        amount: int,
        around: Surroundings,
        left: Surroundings,
        now: UnixSeconds,
    ) -> None:
        """Take back `shares` or `collateral_amount`, where nothing is wrong and the rest carries the debt.

        `around` says what the pledge is worth before it, `left` afterwards.
        """
        account = self._of_borrower(loan_id, caller)
        if account.loan.state is not LoanState.OPEN:
            raise no.WrongStateError(loan_id, account.loan.state)
        if account.loan.marked_since:
            raise no.InBreachError(loan_id)
        if amount == 0:
            raise no.InvalidLoanAmountError(loan_id, amount)
        loan, held = account.loan, getattr(account.loan, field)
        found = find(loan, around, now).kind
        if found is not Evidence.NONE:
            raise no.StillWrongError(loan_id, found)
        if amount > held:
            raise no.InsufficientPledgeError(loan_id, held, amount)
        if left.untold is not None:
            raise left.untold
        owed = loans.debt(loan, now).total
        if owed > left.limits.borrow_limit:
            raise no.AboveLimitError(loan_id, owed, left.limits.borrow_limit)
        service = TokenUnits(loan.drawn // loan.terms.months + loans.monthly_interest(loan))
        _require_coverage(account, left.limits, service)
        account.change(**{field: held - amount})

    def set_sweep(self, loan_id: LoanId, caller: str, *, sweep: bool) -> None:
        """Let excess revenue prepay, or go to the borrower."""
        self._of_borrower(loan_id, caller).change(sweep=sweep)

    # ---- governance ----

    def set_cap(self, kind: str, key: bytes, cap: TokenUnits) -> None:
        """Cap drawn principal of open loans; the key of zeros is the default of all without a cap of their own."""
        if kind not in {FLEET, OPERATOR, BORROWER}:
            raise no.InvalidLoanTermsError("kind")
        self.caps[kind, key].cap = cap

    def set_insured_until(self, loan_id: LoanId, insured_until: UnixSeconds, now: UnixSeconds) -> None:
        """Record other papers, which may not end sooner than those on record unless the loan's grace is left."""
        account = self._known(loan_id)
        if insured_until < now:
            raise no.InvalidLoanTermsError("insuredUntil")
        terms = account.loan.terms
        least = min(terms.insured_until, now + terms.grace_days * loans.DAY_S)
        if insured_until < least:
            raise no.InsuranceTooShortError(loan_id, insured_until, least)
        account.change(terms=terms.model_copy(update={"insured_until": insured_until}))


def check_terms(terms: LoanTerms, now: UnixSeconds) -> None:
    """Raise `InvalidLoanTermsError` where `FleetCredit.approve` would refuse `terms`."""
    # What accrues on the ceiling in a century, which has its 128 bits in a loan's slot.
    accruing = accrue(TokenUnits(terms.ceiling), Bps(terms.rate_bps + terms.late_rate_bps), 100 * YEAR_S)
    checks = {
        "rateBps": terms.rate_bps <= MOST_RATE_BPS,
        "lateRateBps": terms.late_rate_bps <= MOST_RATE_BPS,
        "ceiling": terms.ceiling > 0 and accruing < 1 << 128,
        "months": 0 < terms.months <= MOST_MONTHS,
        "reserveMonths": terms.reserve_months < terms.months,
        "expiry": terms.expiry > now,
        "insuredUntil": terms.insured_until > now,
        "hardwareBreachBps": terms.hardware_breach_bps <= BPS,
        "hardwareLtvBps": terms.hardware_ltv_bps <= terms.hardware_breach_bps,
        "youngLtvBps": terms.young_ltv_bps <= terms.hardware_ltv_bps,
        "collateralBreachBps": terms.collateral_breach_bps <= BPS,
        "collateralLtvBps": terms.collateral_ltv_bps <= terms.collateral_breach_bps,
        "saleCostBps": terms.sale_cost_bps <= BPS,
    }
    for field, holds in checks.items():
        if not holds:
            raise no.InvalidLoanTermsError(field)


def _require_request(holds: bool, field: str) -> None:
    if not holds:
        raise no.InvalidRequestError(field)


def _require_coverage(account: LoanAccount, limits: Limits, service: TokenUnits) -> None:
    coverage_bps = account.loan.terms.coverage_bps
    if not limits.young and limits.revenue_per_month * BPS < service * coverage_bps:
        raise no.CoverageTooLowError(account.loan_id, limits.revenue_per_month, service, coverage_bps)
