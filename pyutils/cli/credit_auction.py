"""Selling what secures a loan in breach: the sale's clocks, bids, and lots that the vault took."""

from __future__ import annotations

import click

from pyutils.cli.credit_options import COIN, LOAN, PAY, market
from pyutils.cli.credit_tables import sale_facts, state_of
from pyutils.cli.output import print_facts
from pyutils.cli.parameters import format_duration, format_time
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.operations import loans, sales
from pyutils.operations.money import Pay
from pyutils.units import LoanId, TokenUnits


@click.group()
def auction() -> None:
    """The sale of what secures a loan in breach: liquid collateral first, then title and shares as one lot."""


@auction.command()
@LOAN
@COIN
@writes
def start(session: Session, loan_id: int, coin: str | None) -> None:
    """Begin or resume the sale of a loan in breach. For anyone."""
    found = market(session, coin)
    receipt = found.auction.start(session.lane, LoanId(loan_id))
    resumed = found.auction.event(receipt, "StartSale")["resumed"]
    said = f"the sale of loan {loan_id} {'goes on where it stood' if resumed else 'has begun'}"
    session.done(receipt, said, loan=loan_id, resumed=resumed)


@auction.command()
@LOAN
@COIN
@writes
def touch(session: Session, loan_id: int, coin: str | None) -> None:
    """Move a sale's clocks: more than an hour between two moves counts nothing. For anyone."""
    found = market(session, coin)
    receipt = found.auction.touch(session.lane, LoanId(loan_id))
    sale = found.auction.sale(LoanId(loan_id), receipt.block_number)
    ran = f"{format_duration(sale.collateral_elapsed)} and {format_duration(sale.lot_elapsed)}"
    session.done(receipt, f"the clocks of loan {loan_id} ran {ran}", sale=sale)


@auction.command()
@LOAN
@COIN
@writes
def give(session: Session, loan_id: int, coin: str | None) -> None:
    """Give a lot that nobody bought to the vault, for the debt alone. For anyone."""
    found = market(session, coin)
    receipt = found.auction.give_lot_to_vault(session.lane, LoanId(loan_id))
    floor = found.auction.event(receipt, "GiveLotToVault")["floorPrice"]
    said = f"the vault holds the lot of loan {loan_id}, worth {session.coins(floor, found.token)} and falling"
    session.done(receipt, said, loan=loan_id, floor=floor)


@auction.command()
@LOAN
@COIN
@reads
def status(session: Session, block: Block, loan_id: int, coin: str | None) -> None:
    """Show a sale: its clocks, and what is asked now."""
    found = market(session, coin)
    view = loans.show(found, LoanId(loan_id), block)

    def people() -> None:
        facts = {
            "state": state_of(view.loan),
            "owed": session.coins(view.debt.total, found.token),
            "in breach since": format_time(view.loan.breached_since),
            **(sale_facts(session, view, found.token) or {"sale": "none began"}),
            **({"not told": view.untold} if view.untold else {}),
        }
        print_facts(f"Sale of loan {loan_id} at {format_time(view.at)}", facts)

    row = {"loan": loan_id, "state": view.loan.state, "owed": view.debt.total, "sale": view.sale, "asking": view.asking}
    session.show({**row, "untold": view.untold}, people)


@click.command()
@LOAN
@click.option("--collateral", "amount", help="How much of the liquid collateral to buy.")
@click.option("--lot", is_flag=True, help="Buy title and pledged shares.")
@click.option("--most", help="The most to pay in all, in coins; what is asked now by default.")
@click.option("--to", help="Who gets what is bought; the account that signs by default.")
@PAY
@COIN
@writes
def bid(
    session: Session,
    loan_id: int,
    amount: str | None,
    lot: bool,
    most: str | None,
    to: str | None,
    pay: Pay,
    coin: str | None,
) -> None:
    """Buy collateral of a loan in breach, its lot, or a lot that the vault took."""
    if (amount is not None) == lot:
        raise InputError("a bid is for collateral or for the lot", remedy="Give either --collateral AMOUNT or --lot")
    found, loan = market(session, coin), LoanId(loan_id)
    limit = session.money(most, found.token) if most is not None else None
    receiver = session.address(to) if to is not None else session.lane.address
    if lot:
        price = limit if limit is not None else sales.lot_price(found, loan)
        session.confirm(f"Pay up to {session.coins(price, found.token)} for title and shares of loan {loan_id}")
        receipt, paid = sales.buy_lot(found, session.lane, loan, price, receiver, pay)
        said = f"title and shares of loan {loan_id} are {receiver}'s for {session.coins(paid, found.token)}"
        session.done(receipt, said, loan=loan_id, price=paid)
        return
    pledged = found.credit.loan(loan)
    token = session.system.token(pledged.collateral)
    # More than there is would ask for more coins than are paid.
    units = min(session.money(str(amount), token), TokenUnits(pledged.collateral_amount))
    price = limit if limit is not None else sales.collateral_price(found, loan, units)
    session.confirm(f"Pay up to {session.coins(price, found.token)} for {session.coins(units, token)}")
    receipt, event = sales.buy_collateral(found, session.lane, loan, units, price, receiver, pay)
    bought, paid = TokenUnits(event["amount"]), TokenUnits(event["price"])
    said = f"{session.coins(bought, token)} sent to {receiver} for {session.coins(paid, found.token)}"
    session.done(receipt, said, loan=loan_id, amount=bought, price=paid)
