"""What secures a loan, more of it or less."""

from __future__ import annotations

import click

from pyutils.cli.credit_options import COIN, LOAN, market
from pyutils.cli.session import Session, writes
from pyutils.errors import InputError
from pyutils.operations import loans
from pyutils.operations.calls import send
from pyutils.operations.money import make_payable
from pyutils.units import SHARE_DECIMALS, FleetId, LoanId, ShareUnits, parse_money

SHARES = click.option("--shares", help="So many of the fleet's shares.")
COLLATERAL = click.option("--collateral", help="So much of the loan's liquid collateral.")


@click.command()
@LOAN
@SHARES
@COLLATERAL
@COIN
@writes
def pledge(session: Session, loan_id: int, shares: str | None, collateral: str | None, coin: str | None) -> None:
    """Pledge more shares or collateral for a loan. For anyone."""
    found, one = market(session, coin), _one(shares, collateral)
    loan, custody = found.credit.loan(LoanId(loan_id)), found.custody.address
    if shares is not None:
        units = ShareUnits(parse_money(shares, SHARE_DECIMALS))
        session.confirm(f"Pledge {shares} shares for loan {loan_id}")
        loans.give_shares(session.system, session.lane, FleetId(loan.fleet_id), custody, units)
        receipt = found.credit.add_shares(session.lane, LoanId(loan_id), units)
    else:
        token = session.system.token(loan.collateral)
        amount = session.money(one, token)
        session.confirm(f"Pledge {session.coins(amount, token)} for loan {loan_id}")
        make_payable(session.lane, token, custody, amount, "approve")
        receipt = found.credit.add_collateral(session.lane, LoanId(loan_id), amount)
    session.done(receipt, f"{one} more secure loan {loan_id}", loan=loan_id)


@click.command("take-back")
@LOAN
@SHARES
@COLLATERAL
@click.option("--to", help="Who gets it; the account that signs by default.")
@COIN
@writes
def take_back(
    session: Session, loan_id: int, shares: str | None, collateral: str | None, to: str | None, coin: str | None
) -> None:
    """Take back shares or collateral that the loan's limits leave free. For the borrower."""
    found, one = market(session, coin), _one(shares, collateral)
    receiver = session.address(to) if to is not None else session.lane.address
    session.confirm(f"Send {one} of loan {loan_id}'s pledge to {receiver}")
    if shares is not None:
        units = ShareUnits(parse_money(shares, SHARE_DECIMALS))
        receipt = found.credit.withdraw_shares(session.lane, LoanId(loan_id), units, receiver)
    else:
        token = session.system.token(found.credit.loan(LoanId(loan_id)).collateral)
        receipt = found.credit.withdraw_collateral(session.lane, LoanId(loan_id), session.money(one, token), receiver)
    session.done(receipt, f"{one} of loan {loan_id}'s pledge sent to {receiver}", loan=loan_id)


@click.command()
@LOAN
@click.option("--lot", "part", flag_value="reclaimLot", help="Title and shares.")
@click.option("--collateral", "part", flag_value="reclaimCollateral", help="Liquid collateral.")
@click.option("--to", help="Who gets it; the account that signs by default.")
@COIN
@writes
def reclaim(session: Session, loan_id: int, part: str | None, to: str | None, coin: str | None) -> None:
    """Take what a closed loan could not send back, because a gate or a token refused the borrower. For the borrower."""
    if part is None:
        raise InputError("the lot or the collateral, one at a time", remedy="Give either --lot or --collateral")
    receiver = session.address(to) if to is not None else session.lane.address
    what = "lot" if part == "reclaimLot" else "collateral"
    session.confirm(f"Send the {what} of loan {loan_id} to {receiver}")
    receipt = send(session.lane, market(session, coin).credit, part, loan_id, receiver)
    session.done(receipt, f"the {what} of loan {loan_id} is {receiver}'s", loan=loan_id)


def _one(shares: str | None, collateral: str | None) -> str:
    """Return the amount that was given. Raises `InputError` where both were, or none."""
    amount = shares if shares is not None else collateral
    if amount is None or (shares is not None and collateral is not None):
        raise InputError("shares or collateral, one at a time", remedy="Give either --shares or --collateral")
    return amount
