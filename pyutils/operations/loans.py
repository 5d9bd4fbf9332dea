"""Loans: what one would cost, how it is drawn and paid, and how it stands. Money in units of the market's token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyutils.chain import Lane, Receipt, RevertedError
from pyutils.contracts import CreditSystem, System
from pyutils.contracts.base import Block
from pyutils.credit import LoanQuote, Payment, accrue, interest_up
from pyutils.credit import quote as quote_loan
from pyutils.credit.loan import needed
from pyutils.credit.schedule import payments
from pyutils.credit.terms import default_terms
from pyutils.errors import InputError
from pyutils.models import (
    Asking,
    Debt,
    Evidence,
    Health,
    Limits,
    Loan,
    LoanRequest,
    LoanState,
    LoanTerms,
    Pledge,
    Sale,
    parse_address,
)
from pyutils.operations.calls import read, send
from pyutils.operations.history import block_number, block_time
from pyutils.operations.money import Pay, make_payable
from pyutils.units import BPS, EPOCH, Bps, FleetId, LoanId, ShareUnits, TokenUnits, UnixSeconds

LINGERS_S = 3_600
"""Paying all that is owed allows for the interest of the time that a transaction may linger."""


class NotEnoughSharesError(InputError):
    """The borrower has fewer shares than it pledges."""

    remedy = "Pledge fewer with --shares, or get more"


@dataclass(frozen=True, slots=True)
class LoanOffer:
    """What a loan against a fleet would cost and be tested by, were it drawn now."""

    fleet_id: FleetId
    terms: LoanTerms
    cost: LoanQuote
    pledge: Pledge
    limits: Limits | None
    """None where appraisal or feed cannot tell."""
    untold: str
    """Why; empty where they can."""

    @property
    def ltv_bps(self) -> Bps | None:
        """Return principal over the value of the pledge, rounded up; None where that is not known, or nothing."""
        worth = self.limits.hardware + self.limits.collateral if self.limits else 0
        return Bps(-(-self.cost.principal * BPS // worth)) if worth else None

    @property
    def coverage_bps(self) -> Bps | None:
        """Return the pledge's expected revenue over the dearest instalment; rounds down. None where it is not known."""
        return Bps(self.limits.revenue_per_month * BPS // self.cost.dearest) if self.limits else None


@dataclass(frozen=True, slots=True)
class LoanView:
    """A loan as of a block, with what other contracts say of it."""

    loan_id: LoanId
    block: int
    at: UnixSeconds
    loan: Loan
    debt: Debt
    arrears: Debt
    needed: TokenUnits
    """The payment that meets all that is due."""
    evidence: Evidence
    since: UnixSeconds
    health: Health | None
    """None where appraisal or feed cannot tell; `untold` says why."""
    untold: str
    schedule: tuple[Payment, ...]
    """As drawn; as it would be drawn now, where it is not drawn yet."""
    sale: Sale
    asking: Asking | None
    """None where nothing is for sale, or a price cannot be told."""


def pledge_of(system: System, asked: LoanRequest, terms: LoanTerms, block: Block = "latest") -> Pledge:
    """Return what a request would pledge under `terms`."""
    fleet_id = FleetId(asked.fleet_id)
    shares = system.shares(fleet_id)
    return Pledge(
        fleet_id=fleet_id,
        shares=asked.shares + shares.bound_shares(block),
        supply=shares.total_supply(block),
        collateral=asked.collateral,
        collateral_amount=asked.collateral_amount,
        hardware_ltv_bps=terms.hardware_ltv_bps,
        hardware_breach_bps=terms.hardware_breach_bps,
        young_ltv_bps=terms.young_ltv_bps,
        collateral_ltv_bps=terms.collateral_ltv_bps,
        collateral_breach_bps=terms.collateral_breach_bps,
    )


def quote(system: System, asked: LoanRequest, terms: LoanTerms, block: Block = "latest") -> LoanOffer:
    """Return what the loan that is asked for costs under `terms`, were it drawn at `block`.

    Raises `NoMarketError` where nothing is lent in the fleet's token, and `InputError` where it is no loan.
    """
    market = system.credit(system.registry.fleet(FleetId(asked.fleet_id), block).settlement_token)
    start = block_time(system.web3, block)
    principal = TokenUnits(asked.principal)
    cost = quote_loan(principal, asked.months, Bps(terms.rate_bps), terms.reserve_months, start)
    pledge = pledge_of(system, asked, terms, block)
    limits, untold = None, ""
    try:
        limits = market.health.draw_limits(pledge, block)
    except RevertedError as error:
        untold = error.reason
    return LoanOffer(FleetId(asked.fleet_id), terms, cost, pledge, limits, untold)


def usual_terms(asked: LoanRequest) -> LoanTerms:
    """Return the terms by which a request is shown before the risk role has said anything: the design's defaults."""
    return default_terms(TokenUnits(asked.principal), EPOCH, EPOCH, months=asked.months)


def cost_of(market: CreditSystem, loan_id: LoanId, principal: TokenUnits | None = None) -> LoanQuote:
    """Return what an approved loan costs if `principal`, or its whole ceiling, is drawn now."""
    loan = market.credit.loan(loan_id)
    terms = loan.terms
    amount = principal if principal is not None else TokenUnits(terms.ceiling)
    start = block_time(market.credit.web3, "latest")
    return quote_loan(amount, terms.months, Bps(terms.rate_bps), terms.reserve_months, start)


def draw(system: System, market: CreditSystem, lane: Lane, loan_id: LoanId, principal: TokenUnits, to: str) -> Receipt:
    """Approve custody for title, shares and collateral, exactly as asked, and draw."""
    loan = market.credit.loan(loan_id)
    fleet_id, custody = FleetId(loan.fleet_id), market.custody.address
    approved = read("FleetRegistry", system.registry.address, "getApproved", fleet_id, web3=system.web3)
    if parse_address(approved) != custody:
        send(lane, system.registry, "approve", custody, fleet_id)
    give_shares(system, lane, fleet_id, custody, ShareUnits(loan.shares))
    if loan.collateral_amount:
        make_payable(lane, system.token(loan.collateral), custody, TokenUnits(loan.collateral_amount), "approve")
    return market.credit.draw(lane, loan_id, principal, to)


def give_shares(system: System, lane: Lane, fleet_id: FleetId, custody: str, amount: ShareUnits) -> None:
    """Let custody take exactly `amount` of the lane's shares. Raises `NotEnoughSharesError`; nothing was sent then."""
    if not amount:
        return
    shares = system.shares(fleet_id)
    held = shares.balance_of(lane.address)
    if held < amount:
        raise NotEnoughSharesError(f"{amount} share units are needed, {lane.address} holds {held}")
    if read("FleetShares", shares.address, "allowance", lane.address, custody, web3=system.web3) < amount:
        send(lane, shares, "approve", custody, amount)


def repay(market: CreditSystem, lane: Lane, loan_id: LoanId, amount: TokenUnits | None, pay: Pay) -> Receipt:
    """Pay `amount`, or all that is owed where None; the contract takes what is owed where that is less."""
    if amount is None:
        owed = market.credit.debt(loan_id)
        loan = market.credit.loan(loan_id)
        lingering = interest_up(accrue(owed.principal, Bps(loan.accrual_bps), LINGERS_S))
        held = market.token.balance_of(lane.address)
        amount = TokenUnits(max(owed.total, min(held, owed.total + lingering)))
    make_payable(lane, market.token, market.credit.address, amount, pay)
    return market.credit.repay(lane, loan_id, amount)


def show(market: CreditSystem, loan_id: LoanId, block: Block = "latest") -> LoanView:
    """Return a loan as of `block`; one block for everything. Raises `RevertedError` `UnknownLoan`."""
    web3, credit = market.credit.web3, market.credit
    number = block_number(web3, block)
    loan, at = credit.loan(loan_id, number), block_time(web3, number)
    is_open = loan.state is LoanState.OPEN
    evidence, since = credit.evidence(loan_id, number) if is_open else (Evidence.NONE, UnixSeconds(0))
    health, untold = None, ""
    if is_open:
        try:
            health = credit.health(loan_id, number)
        except RevertedError as error:
            untold = error.reason
    sale = market.auction.sale(loan_id, number)
    asking = None
    if is_open and sale.touched_at and loan.breached_since:
        try:
            asking = market.auction.asking(loan_id, number)
        except RevertedError as error:
            untold = untold or error.reason
    start = UnixSeconds(loan.started_at or at)
    drawn, terms = TokenUnits(loan.drawn or loan.terms.ceiling), loan.terms
    return LoanView(
        loan_id=loan_id,
        block=number,
        at=at,
        loan=loan,
        debt=credit.debt(loan_id, number),
        arrears=credit.arrears(loan_id, number),
        needed=needed(loan, at) if is_open else TokenUnits(0),
        evidence=evidence,
        since=since,
        health=health,
        untold=untold,
        schedule=payments(drawn, terms.months, Bps(terms.rate_bps), start) if terms.months else (),
        sale=sale,
        asking=asking,
    )


def loans(market: CreditSystem, block: Block = "latest") -> Iterator[tuple[LoanId, Loan]]:
    """Yield all loans of a market, oldest first."""
    for number in range(1, market.credit.loan_count(block) + 1):
        yield LoanId(number), market.credit.loan(LoanId(number), block)
