"""Loans as people read them: the schedule before anyone signs, and how a loan stands."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import format_duration, format_time
from pyutils.cli.session import Session
from pyutils.contracts import CreditSystem, Stablecoin
from pyutils.credit import LoanQuote, Payment
from pyutils.models import Evidence, Loan, LoanState
from pyutils.operations.loans import LoanOffer, LoanView
from pyutils.units import SHARE_DECIMALS, LoanId, TokenUnits, format_bps, format_fixed, format_money


def print_cost(session: Session, title: str, cost: LoanQuote, token: Stablecoin) -> None:
    """Print what a loan costs, and every payment with its date and amounts."""
    print_facts(
        title,
        {
            "principal": session.coins(cost.principal, token),
            "kept as reserve": session.coins(cost.reserve, token),
            "received": session.coins(cost.received, token),
            "interest": f"{session.coins(cost.interest, token)} in all, at {format_bps(cost.rate_bps)} a year",
            "paid back": f"{session.coins(cost.total, token)} in {cost.months} months, at most"
            f" {session.coins(cost.dearest, token)} at once",
        },
    )
    print_schedule(cost.payments, token)


def print_schedule(lines: Sequence[Payment], token: Stablecoin) -> None:
    """Print payments, in coins to the last digit."""
    decimals, symbol = token.decimals(), token.symbol()
    rows = [
        (
            line.number,
            format_time(line.due_at),
            *(
                format_money(TokenUnits(amount), decimals, decimals)
                for amount in (line.principal, line.interest, line.total, line.balance)
            ),
        )
        for line in lines
    ]
    columns = ("#n", "due", "#principal", "#interest", "#to pay", "#left")
    print_table(f"Schedule in {symbol}, if each instalment is paid on its due date", columns, rows)


def print_offer(session: Session, offer: LoanOffer, token: Stablecoin) -> None:
    """Print what a loan would cost, and what it would be tested by."""
    print_cost(session, f"A loan against fleet {offer.fleet_id}, drawn now", offer.cost, token)
    if offer.limits is None:
        print_facts("Limits", {"not known": offer.untold})
        return
    limits, terms = offer.limits, offer.terms
    coverage = "no history of 30 days yet" if limits.young else _ratio(offer.coverage_bps)
    print_facts(
        "Limits",
        {
            "pledged hardware": session.coins(limits.hardware, token),
            "pledged collateral": session.coins(limits.collateral, token),
            "may be borrowed": session.coins(limits.borrow_limit, token),
            "breach above": session.coins(limits.breach_limit, token),
            "loan to value": _ratio(offer.ltv_bps),
            "revenue a month": session.coins(limits.revenue_per_month, token),
            "coverage": f"{coverage}, needed {format_bps(terms.coverage_bps)}",
        },
    )


def print_loans(session: Session, found: Sequence[tuple[LoanId, Loan]], token: Stablecoin) -> None:
    """Print all loans of a market."""
    rows = [
        (
            loan_id,
            loan.fleet_id,
            state_of(loan),
            session.coins(loan.principal, token),
            format_time(loan.next_due_at),
            format_time(loan.marked_since),
            format_time(loan.breached_since),
        )
        for loan_id, loan in found
    ]
    columns = ("#loan", "#fleet", "state", "#principal", "next due", "marked since", "in breach since")
    print_table(f"Loans in {token.symbol()}", columns, rows)


def print_loan(session: Session, market: CreditSystem, view: LoanView) -> None:
    """Print how a loan stands."""
    token, loan = market.token, view.loan
    facts: dict[str, object] = {
        "state": state_of(loan),
        "fleet": loan.fleet_id,
        "borrower": loan.borrower,
        "principal": session.coins(view.debt.principal, token),
        "interest": session.coins(view.debt.interest, token),
        "due and not paid": f"{session.coins(view.arrears.total, token)},"
        f" met by {session.coins(view.needed, token)} now",
        "next due": _next_due(session, view, token),
        "set aside for it": session.coins(loan.set_aside, token),
        "reserve": f"{session.coins(loan.reserve, token)} of {session.coins(loan.reserve_target, token)}",
        "accrues": f"{format_bps(loan.accrual_bps)} a year",
        "excess revenue": "prepays" if loan.sweep else "is the borrower's",
        "insured until": format_time(loan.terms.insured_until),
        "pledged": _pledged(session, loan),
        **_health(session, view, token),
        "evidence": _evidence(view),
        "marked since": format_time(loan.marked_since),
        "in breach since": format_time(loan.breached_since),
        **({"controlled by": f"{loan.steward} for the lenders"} if int(loan.steward, 16) else {}),
        **sale_facts(session, view, token),
    }
    if loan.state is LoanState.HELD:
        facts["the vault's lot owes"] = session.coins(loan.held_owed, token)
        facts["asked for it"] = session.coins(loan.asking_price, token) if loan.asking_price else "not on offer"
    print_facts(f"Loan {view.loan_id} at {format_time(view.at)}", facts)
    rest = [line for line in view.schedule if line.number >= loan.next_due]
    if rest and loan.state in {LoanState.REQUESTED, LoanState.APPROVED, LoanState.OPEN}:
        print_schedule(rest, token)


def state_of(loan: Loan) -> str:
    """Return where a loan stands, in a word."""
    if loan.state is LoanState.OPEN and loan.breached_since:
        return "in breach"
    if loan.state is LoanState.OPEN and loan.marked_since:
        return "marked"
    return loan.state.name.lower()


def sale_facts(session: Session, view: LoanView, token: Stablecoin) -> dict[str, object]:
    """Return what there is to say of a sale; nothing where there never was one."""
    if not view.sale.touched_at:
        return {}
    facts: dict[str, object] = {
        "sale": f"clocks ran {format_duration(view.sale.collateral_elapsed)} and"
        f" {format_duration(view.sale.lot_elapsed)}, last moved {format_time(view.sale.touched_at)}",
    }
    if view.asking is not None and view.asking.collateral_for_sale:
        coin = session.system.token(view.loan.collateral)
        facts["all collateral costs"] = session.coins(view.asking.collateral_price, token)
        facts["a bid takes at least"] = session.coins(view.asking.least_collateral, coin)
    if view.asking is not None and view.asking.lot_for_sale:
        facts["title and shares cost"] = session.coins(view.asking.lot_price, token)
    return facts


def _next_due(session: Session, view: LoanView, token: Stablecoin) -> str:
    loan = view.loan
    if loan.state is not LoanState.OPEN or loan.next_due > loan.terms.months:
        return "–"
    line = view.schedule[loan.next_due - 1]
    scheduled = session.coins(line.total, token)
    return f"{loan.next_due} of {loan.terms.months}, {format_time(loan.next_due_at)}, {scheduled} by the schedule"


def _pledged(session: Session, loan: Loan) -> str:
    parts = ["the title"] if loan.state is LoanState.OPEN else []
    if loan.shares:
        parts.append(f"{format_fixed(loan.shares, SHARE_DECIMALS)} shares")
    if loan.collateral_amount:
        parts.append(session.coins(loan.collateral_amount, session.system.token(loan.collateral)))
    return ", ".join(parts) or "nothing"


def _health(session: Session, view: LoanView, token: Stablecoin) -> dict[str, object]:
    if view.health is None:
        return {"health": f"not known: {view.untold}"} if view.untold else {}
    health = view.health
    return {
        "worth": f"hardware {session.coins(health.hardware, token)}, collateral"
        f" {session.coins(health.collateral, token)}",
        "owed": f"{session.coins(health.debt, token)}, may be {session.coins(health.borrow_limit, token)}, breach above"
        f" {session.coins(health.breach_limit, token)}",
    }


def _evidence(view: LoanView) -> str:
    if view.evidence is Evidence.NONE:
        return "none"
    return f"{view.evidence.name.lower().replace('_', ' ')}, since {format_time(view.since)}"


def _ratio(bps: int | None) -> str:
    return "not known" if bps is None else format_bps(bps)
