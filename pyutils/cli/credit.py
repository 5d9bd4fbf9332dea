"""Loans against fleets: quoting, asking, drawing, paying, and how they stand."""

from __future__ import annotations

from typing import Any

import click

from pyutils.cli.credit_auction import auction, bid
from pyutils.cli.credit_options import (
    COIN,
    EXPIRES,
    LOAN,
    MONTHS,
    PAY,
    asked_options,
    market,
    take_asked,
    terms_of,
    terms_options,
)
from pyutils.cli.credit_pledge import pledge, reclaim, take_back
from pyutils.cli.credit_roles import ROLE_COMMANDS
from pyutils.cli.credit_tables import print_cost, print_loan, print_loans, print_offer
from pyutils.cli.credit_values import appraise, caps, collateral
from pyutils.cli.parameters import TIME, format_time
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts.base import Block
from pyutils.credit.office import check_terms
from pyutils.models import Debt, Evidence
from pyutils.operations import loans, markets
from pyutils.operations.calls import act
from pyutils.operations.history import block_time
from pyutils.operations.money import Pay
from pyutils.units import FleetId, LoanId, TokenUnits, format_bps


@click.group()
def credit() -> None:
    """Loans against fleets, served by the pledged shares' own revenue."""


for _command in (appraise, auction, bid, caps, collateral, pledge, reclaim, take_back, *ROLE_COMMANDS):
    credit.add_command(_command)


@credit.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@asked_options
@terms_options
@reads
def quote(session: Session, block: Block, fleet_id: int, **arguments: Any) -> None:
    """Say what a loan would cost, with every date and amount, and what it would be tested by."""
    asked = take_asked(session, fleet_id, arguments)
    terms = terms_of(arguments, ceiling=asked.principal, months=asked.months, expiry=0, insured_until=0)
    offer = loans.quote(session.system, asked, terms, block)
    token = markets.market_of(session.system, FleetId(fleet_id)).token
    facts = {"ltv_bps": offer.ltv_bps, "coverage_bps": offer.coverage_bps}
    row = {name: getattr(offer, name) for name in ("fleet_id", "terms", "cost", "pledge", "limits", "untold")}
    session.show({**row, **facts}, lambda: print_offer(session, offer, token))


@credit.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@asked_options
@writes
def request(session: Session, fleet_id: int, **arguments: Any) -> None:
    """Ask for a loan against a fleet whose title one owns. Shows what it would cost on the usual terms."""
    asked = take_asked(session, fleet_id, arguments)
    found = markets.market_of(session.system, FleetId(fleet_id))
    offer = loans.quote(session.system, asked, loans.usual_terms(asked))
    if not session.as_json:
        print_offer(session, offer, found.token)
    session.confirm(f"Ask for {session.coins(asked.principal, found.token)} against fleet {fleet_id}")
    loan_id, receipt = found.credit.request(session.lane, asked)
    said = f"loan {loan_id} is asked for, the risk role decides"
    session.done(receipt, said, loan=loan_id, request=asked, usual=offer.cost)


@credit.command()
@LOAN
@COIN
@writes
def cancel(session: Session, loan_id: int, coin: str | None) -> None:
    """Take back a request or an approval. For the borrower."""
    receipt = market(session, coin).credit.cancel(session.lane, LoanId(loan_id))
    session.done(receipt, f"loan {loan_id} is not asked for any more")


@credit.command()
@LOAN
@click.option("--ceiling", help="The most that may be drawn, in coins; what was asked for by default.")
@click.option("--months", type=MONTHS, help="Term; what was asked for by default.")
@EXPIRES
@click.option("--insured-until", type=TIME, required=True, help="End of the insurance that the risk role has seen.")
@terms_options
@COIN
@writes
def approve(
    session: Session,
    loan_id: int,
    ceiling: str | None,
    months: int | None,
    expires: int,
    insured_until: int,
    coin: str | None,
    **arguments: Any,
) -> None:
    """Grant a request: ceiling, rate, term and limits. For the risk role."""
    found = market(session, coin)
    asked = found.credit.loan(LoanId(loan_id))
    most = session.money(ceiling, found.token) if ceiling is not None else TokenUnits(asked.terms.ceiling)
    term = months if months is not None else asked.terms.months
    terms = terms_of(arguments, ceiling=most, months=term, expiry=expires, insured_until=insured_until)
    # Before it is announced: the contract would say so only once the role's delay is over.
    check_terms(terms, block_time(session.system.web3, "latest"))
    session.confirm(f"Lend up to {session.coins(most, found.token)} against fleet {asked.fleet_id}")
    outcome = act(session.system.authority, session.lane, found.credit, "approve", loan_id, terms.row())
    said = f"loan {loan_id} may be drawn up to {session.coins(most, found.token)} until {format_time(expires)}"
    session.acted(outcome, f"{said}, at {format_bps(terms.rate_bps)}", loan=loan_id, terms=terms)


@credit.command()
@LOAN
@click.option("--principal", help="Coins to draw; all that is granted by default.")
@click.option("--to", help="Who gets the money; the account that signs by default.")
@COIN
@writes
def draw(session: Session, loan_id: int, principal: str | None, to: str | None, coin: str | None) -> None:
    """Give title, shares and collateral into custody, and take the money. For the borrower.

    Shows every date and amount first.
    """
    found = market(session, coin)
    amount = session.money(principal, found.token) if principal is not None else None
    cost = loans.cost_of(found, LoanId(loan_id), amount)
    receiver = session.address(to) if to is not None else session.lane.address
    if not session.as_json:
        print_cost(session, f"Loan {loan_id}, drawn now", cost, found.token)
    session.confirm(f"Pledge the fleet and borrow {session.coins(cost.principal, found.token)}")
    receipt = loans.draw(session.system, found, session.lane, LoanId(loan_id), cost.principal, receiver)
    event = found.credit.event(receipt, "DrawLoan")
    received = TokenUnits(event["principal"] - event["reserve"])
    kept = session.coins(event["reserve"], found.token)
    said = f"{session.coins(received, found.token)} sent to {receiver}, {kept} kept as reserve"
    session.done(receipt, said, loan=loan_id, received=received, cost=cost)


@credit.command()
@LOAN
@click.argument("amount")
@PAY
@COIN
@writes
def repay(session: Session, loan_id: int, amount: str, pay: Pay, coin: str | None) -> None:
    """Pay coins, or `all` that is owed. For anyone; what is paid last closes the loan."""
    found = market(session, coin)
    units = None if amount == "all" else session.money(amount, found.token)
    what = "all that is owed" if units is None else session.coins(units, found.token)
    session.confirm(f"Pay {what} for loan {loan_id}")
    receipt = loans.repay(found, session.lane, LoanId(loan_id), units, pay)
    event = found.credit.event(receipt, "RepayLoan")
    paid = Debt(TokenUnits(event["principal"]), TokenUnits(event["interest"]))
    closed = bool(found.credit.events(receipt, "CloseLoan"))
    said = f"{session.coins(paid.principal, found.token)} of principal and {session.coins(paid.interest, found.token)}"
    end = ", which closes the loan" if closed else ""
    session.done(
        receipt, f"{said} of interest paid{end}", principal=paid.principal, interest=paid.interest, closed=closed
    )


@credit.command()
@LOAN
@COIN
@writes
def service(session: Session, loan_id: int, coin: str | None) -> None:
    """Bring the pledge's revenue and pay with it: what is due, the reserve, the next instalment. For anyone."""
    found = market(session, coin)
    receipt = found.credit.service(session.lane, LoanId(loan_id))
    rows = found.credit.events(receipt, "ServeLoan")
    facts = {name: value for name, value in (rows[0] if rows else {}).items() if name != "loanId"}
    revenue, paid = facts.get("revenue", 0), facts.get("paid", 0)
    said = f"{session.coins(revenue, found.token)} of revenue came, {session.coins(paid, found.token)} paid"
    session.done(receipt, said, loan=loan_id, **{_snake(name): value for name, value in facts.items()})


@credit.command()
@LOAN
@COIN
@writes
def mark(session: Session, loan_id: int, coin: str | None) -> None:
    """Write a loan down on evidence, and declare a breach where the evidence is one. For anyone."""
    found = market(session, coin)
    receipt = found.credit.mark(session.lane, LoanId(loan_id))
    event = found.credit.event(receipt, "MarkLoan")
    evidence = Evidence(event["evidence"])
    breached = bool(found.credit.loan(LoanId(loan_id), receipt.block_number).breached_since)
    said = f"loan {loan_id} falls to {session.coins(event['floor'], found.token)}: {evidence.name.lower()}"
    session.done(receipt, said, evidence=evidence, since=event["since"], floor=event["floor"], breached=breached)


@credit.command()
@LOAN
@COIN
@writes
def cure(session: Session, loan_id: int, coin: str | None) -> None:
    """End mark and breach once nothing is wrong any more. For anyone."""
    receipt = market(session, coin).credit.cure(session.lane, LoanId(loan_id))
    session.done(receipt, f"nothing is wrong with loan {loan_id} any more")


@credit.command()
@LOAN
@click.option("--prepay/--release", required=True, default=None, help="What revenue beyond the next instalment does.")
@COIN
@writes
def sweep(session: Session, loan_id: int, prepay: bool, coin: str | None) -> None:
    """Let excess revenue prepay, or go to the borrower. For the borrower."""
    receipt = market(session, coin).credit.set_sweep(session.lane, LoanId(loan_id), prepay)
    what = "prepays" if prepay else "goes to the borrower"
    session.done(receipt, f"excess revenue of loan {loan_id} {what}", loan=loan_id, sweep=prepay)


@credit.command("list")
@COIN
@reads
def list_(session: Session, block: Block, coin: str | None) -> None:
    """List all loans of a market."""
    found = market(session, coin)
    rows = list(loans.loans(found, block))
    session.show(
        [{"loan": loan_id, **dict(one)} for loan_id, one in rows], lambda: print_loans(session, rows, found.token)
    )


@credit.command()
@LOAN
@COIN
@reads
def status(session: Session, block: Block, loan_id: int, coin: str | None) -> None:
    """Show how a loan stands: debt, what is due, health, evidence, marks, sale, and the payments to come."""
    found = market(session, coin)
    view = loans.show(found, LoanId(loan_id), block)
    session.show(view, lambda: print_loan(session, found, view))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
