"""Exact mirror of `FleetCredit` while loans are open: asking, drawing, paying, evidence and cure.

Each method refuses before it changes anything, as a reverted transaction would have changed nothing. What other
contracts say is given to it: limits of a pledge, revenue that came, who owns a title.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from pyutils.credit import loan as loans
from pyutils.credit import refusals as no
from pyutils.credit.account import LoanAccount
from pyutils.credit.evidence import Finding, Surroundings, find
from pyutils.credit.schedule import add_months, reserve_target_up
from pyutils.leases.terms import InvalidTermsError
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.loan import Debt, Evidence, Loan, LoanRequest, LoanState, LoanTerms
from pyutils.models.pledge import Limits
from pyutils.payouts import Payouts
from pyutils.units import BPS, Bps, FleetId, LoanId, ScaledInterest, ShareUnits, TokenUnits, UnixSeconds

MOST_RATE_BPS = 10_000
MOST_MONTHS = 240
FLEET, OPERATOR, BORROWER = "fleet", "operator", "borrower"


@dataclass(frozen=True, slots=True)
class Carrying:
    """A loan as the vault carries it."""

    principal: TokenUnits
    rate_bps: Bps
    accrued_scaled: ScaledInterest


class VaultBooks(Protocol):
    """What the vault is told. Its mirror has these; so has whoever only wants to know what would be told."""

    def lend(self, loan_id: LoanId, principal: TokenUnits, rate_bps: Bps, now: UnixSeconds) -> None:
        """Book a loan that begins."""

    def receive_payment(
        self, loan_id: LoanId, before: Carrying, paid: Debt, accrued_paid: ScaledInterest, now: UnixSeconds
    ) -> None:
        """Book a payment."""

    def reprice(self, loan_id: LoanId, before: Carrying, rate_bps: Bps, now: UnixSeconds) -> None:
        """Book another rate."""

    def mark_down(
        self, loan_id: LoanId, carrying: Carrying, floor: TokenUnits, since: UnixSeconds, now: UnixSeconds
    ) -> None:
        """Write a loan down."""

    def unmark(self, loan_id: LoanId, carrying: Carrying, now: UnixSeconds) -> None:
        """End a mark."""

    def hold_lot(self, loan_id: LoanId, carrying: Carrying, value: TokenUnits, now: UnixSeconds) -> None:
        """Take a lot for a loan."""

    def settle(self, loan_id: LoanId, carrying: Carrying | None, recovered: TokenUnits, now: UnixSeconds) -> None:
        """Take a loan, or a held lot where None, off the books."""


@dataclass(slots=True)
class Cap:
    """A cap on drawn principal, and what counts in it."""

    cap: TokenUnits | None = None
    """None where the default holds."""
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """What other contracts say when a loan is to be drawn."""

    limits: Limits
    operator: str
    accepted_at: UnixSeconds
    breach_from: UnixSeconds


class CreditModel:
    """All loans of one market, and what FleetCredit owes."""

    def __init__(self, token: str, vault: VaultBooks) -> None:
        self.payouts = Payouts()
        self.accounts: dict[LoanId, LoanAccount] = {}
        self.in_use: dict[FleetId, LoanId] = {}
        """The open or held loan of each fleet."""
        self.caps: defaultdict[tuple[str, str], Cap] = defaultdict(Cap)
        """By kind and key; the default of a kind has the empty key."""
        self.token = token
        self._vault = vault

    # ---- until drawn ----

    def request(self, asked: LoanRequest, borrower: str, supply: ShareUnits, bound: ShareUnits) -> LoanId:
        """Ask for a loan."""
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
        self._vault.lend(loan_id, principal, Bps(terms.rate_bps), now)

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
        self, loan_id: LoanId, caller: str, field: str, amount: int, around: Surroundings, now: UnixSeconds
    ) -> None:
        """Take back `shares` or `collateral_amount`; `around` says what is left of the pledge then."""
        account = self._of_borrower(loan_id, caller)
        if account.loan.state is not LoanState.OPEN:
            raise no.WrongStateError(loan_id, account.loan.state)
        if account.loan.marked_since:
            raise no.InBreachError(loan_id)
        if amount == 0:
            raise no.InvalidLoanAmountError(loan_id, amount)
        loan = loans.meet(account.loan, now)
        owed = loans.debt(loan, now).total
        if owed > around.limits.borrow_limit:
            raise no.AboveLimitError(loan_id, owed, around.limits.borrow_limit)
        service = TokenUnits(loan.drawn // loan.terms.months + loans.monthly_interest(loan))
        _require_coverage(account, around.limits, service)
        found = find(loan, around, now).kind
        if found is not Evidence.NONE:
            raise no.StillWrongError(loan_id, found)
        account.change(**{field: getattr(account.loan, field) - amount})

    def set_sweep(self, loan_id: LoanId, caller: str, *, sweep: bool) -> None:
        """Let excess revenue prepay, or go to the borrower."""
        self._of_borrower(loan_id, caller).change(sweep=sweep)

    # ---- paying ----

    def repay(self, loan_id: LoanId, amount: TokenUnits, revenue: TokenUnits, now: UnixSeconds) -> Debt:
        """Pay `amount`, or all where that is less, and return what was paid.

        `revenue` is what custody brings where that closes the loan.
        """
        account = self._in_state(loan_id, LoanState.OPEN)
        owed = account.owed(now)
        if min(amount, owed.total) == 0:
            raise no.NothingToRepayError(loan_id)
        paid = self._pay(account, amount, now)
        if paid.total == owed.total:
            self._close(account, TokenUnits(0 if account.lot_gone else revenue))
        return paid

    def service(self, loan_id: LoanId, revenue: TokenUnits, now: UnixSeconds) -> loans.Served:
        """Pay with the pledge's revenue what it can."""
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
        carrying = self._carrying(account, now)
        self._vault.mark_down(loan_id, carrying, found.floor, UnixSeconds(account.loan.marked_since), now)
        return found

    def cure(self, loan_id: LoanId, revenue: TokenUnits, around: Surroundings, now: UnixSeconds) -> None:
        """Service a loan and end its mark and breach, once nothing is wrong any more."""
        account = self._in_state(loan_id, LoanState.OPEN)
        if not account.loan.marked_since:
            raise no.NotMarkedError(loan_id)
        preview, _ = loans.service(account.loan, TokenUnits(0 if account.lot_gone else revenue), now)
        found = find(preview, around, now, lot_gone=account.lot_gone)
        if not loans.is_paid(preview) and not self._is_right(account, preview, found, around, now):
            evidence = found.kind if found.kind is not Evidence.NONE else Evidence.ABOVE_BREACH_LIMIT
            raise no.StillWrongError(loan_id, evidence)
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

    # ---- governance and reads ----

    def set_cap(self, kind: str, key: str, cap: TokenUnits) -> None:
        """Cap drawn principal of open loans; the empty key is the default of all without a cap of their own."""
        if kind not in {FLEET, OPERATOR, BORROWER}:
            raise InvalidTermsError("kind")
        self.caps[kind, key].cap = cap

    def set_insured_until(self, loan_id: LoanId, insured_until: UnixSeconds, now: UnixSeconds) -> None:
        """Record other papers."""
        account = self._known(loan_id)
        if insured_until < now:
            raise InvalidTermsError("insuredUntil")
        account.change(terms=account.loan.terms.model_copy(update={"insured_until": insured_until}))

    def cap_of(self, kind: str, key: str) -> TokenUnits:
        """Return a cap: its own, or the default of its kind."""
        own, default = self.caps[kind, key].cap, self.caps[kind, ""].cap
        return own if own is not None else default or TokenUnits(0)

    def holds(self) -> TokenUnits:
        """Return the contract's counted balance: set-aside revenue, reserves, and what it owes."""
        kept = sum(one.loan.set_aside + one.loan.reserve for one in self.accounts.values())
        return TokenUnits(kept + self.payouts.total(self.token))

    # ---- inside ----

    def _pay(self, account: LoanAccount, amount: TokenUnits, now: UnixSeconds) -> Debt:
        """Pay from wherever the money is, and tell the vault."""
        before = self._carrying(account, now)
        account.loan, paid = loans.pay(account.loan, amount, now)
        self._tell_paid(account, before, paid, now)
        return paid

    def _tell_paid(self, account: LoanAccount, before: Carrying, paid: Debt, now: UnixSeconds) -> None:
        if loans.is_paid(account.loan):
            self._vault.settle(account.loan_id, before, paid.total, now)
        else:
            accrued_paid = ScaledInterest(before.accrued_scaled - account.loan.accrued_scaled)
            self._vault.receive_payment(account.loan_id, before, paid, accrued_paid, now)

    def _close(self, account: LoanAccount, surplus: TokenUnits) -> TokenUnits:
        """Close a loan that owes nothing; what is kept here, and `surplus`, is the borrower's. Return it."""
        surplus = TokenUnits(surplus + account.take_kept())
        loan = account.loan
        for kind, key in self._keys(account, loan.operator):
            self.caps[kind, key].counted -= loan.drawn
        if not account.lot_gone:
            self.in_use.pop(FleetId(loan.fleet_id), None)
        self.payouts.credit(self.token, loan.borrower, surplus)
        account.change(
            state=LoanState.CLOSED,
            marked_since=0,
            breached_since=0,
            asking_price=0,
            shares=0,
            collateral_amount=0,
        )
        return surplus

    def _cure(self, account: LoanAccount, now: UnixSeconds) -> None:
        carrying = self._carrying(account, now)
        account.exceeded = False
        account.loan = loans.reprice(account.loan, late=False, now=now)
        account.change(marked_since=0, breached_since=0, steward=ZERO_ADDRESS)
        self._vault.unmark(account.loan_id, carrying, now)
        if account.loan.accrual_bps != carrying.rate_bps:
            self._vault.reprice(account.loan_id, carrying, Bps(account.loan.accrual_bps), now)

    def _is_right(
        self, account: LoanAccount, loan: Loan, found: Finding, around: Surroundings, now: UnixSeconds
    ) -> bool:
        """Say whether nothing is wrong; a price that cannot be told is no proof that a debt is within its limit."""
        within = loans.debt(loan, now).total <= around.limits.breach_limit
        return found.kind is Evidence.NONE and (not account.exceeded or within)

    def _carrying(self, account: LoanAccount, now: UnixSeconds) -> Carrying:
        loan = account.loan
        return Carrying(TokenUnits(loan.principal), Bps(loan.accrual_bps), loans.accrued(loan, now))

    def _keys(self, account: LoanAccount, operator: str) -> tuple[tuple[str, str], ...]:
        loan = account.loan
        return (FLEET, str(loan.fleet_id)), (OPERATOR, operator), (BORROWER, loan.borrower)

    def _known(self, loan_id: LoanId) -> LoanAccount:
        account = self.accounts.get(loan_id)
        if account is None:
            raise no.UnknownLoanError(loan_id)
        return account

    def _in_state(self, loan_id: LoanId, wanted: LoanState) -> LoanAccount:
        account = self._known(loan_id)
        if account.loan.state is not wanted:
            raise no.WrongStateError(loan_id, account.loan.state)
        return account

    def _of_borrower(self, loan_id: LoanId, caller: str) -> LoanAccount:
        account = self._known(loan_id)
        if caller != account.loan.borrower:
            raise no.NotBorrowerError(loan_id, caller)
        return account


def check_terms(terms: LoanTerms, now: UnixSeconds) -> None:
    """Raise `InvalidTermsError` where `FleetCredit.approve` would refuse `terms`."""
    checks = {
        "ceiling": terms.ceiling > 0,
        "rateBps": terms.rate_bps <= MOST_RATE_BPS,
        "lateRateBps": terms.late_rate_bps <= MOST_RATE_BPS,
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
            raise InvalidTermsError(field)


def _require_request(holds: bool, field: str) -> None:
    if not holds:
        raise no.InvalidRequestError(field)


def _require_coverage(account: LoanAccount, limits: Limits, service: TokenUnits) -> None:
    coverage_bps = account.loan.terms.coverage_bps
    if not limits.young and limits.revenue_per_month * BPS < service * coverage_bps:
        raise no.CoverageTooLowError(account.loan_id, limits.revenue_per_month, service, coverage_bps)
