"""The lenders' vault: entering, asking to leave, serving, claiming, and what it is worth."""

from __future__ import annotations

import click

from pyutils.cli.credit_options import COIN, PAY, market
from pyutils.cli.output import print_facts
from pyutils.cli.parameters import format_time
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts import CreditSystem
from pyutils.contracts.base import Block
from pyutils.operations import vaults
from pyutils.operations.calls import send
from pyutils.operations.money import Pay
from pyutils.operations.vaults import LenderPosition, VaultView
from pyutils.units import TokenUnits, VaultShares, format_fixed, parse_money


@click.group()
def vault() -> None:
    """The lenders' vault: enter at once, leave by weekly epochs."""


@vault.command()
@click.argument("amount")
@click.option("--to", help="Who gets the shares; the account that signs by default.")
@PAY
@COIN
@writes
def deposit(session: Session, amount: str, to: str | None, pay: Pay, coin: str | None) -> None:
    """Deposit coins at the vault's optimistic value."""
    found = market(session, coin)
    units = session.money(amount, found.token)
    receiver = session.address(to) if to is not None else session.lane.address
    expected = found.vault.preview_deposit(units)
    session.confirm(f"Deposit {session.coins(units, found.token)} for {_shares(found, expected)}")
    receipt, shares = vaults.deposit(found, session.lane, units, receiver, pay)
    said = f"{session.coins(units, found.token)} deposited, {_shares(found, shares)} for {receiver}"
    session.done(receipt, said, assets=units, shares=shares)


@vault.command("request-redeem")
@click.argument("shares")
@COIN
@writes
def request_redeem(session: Session, shares: str, coin: str | None) -> None:
    """Ask to redeem shares, or `all`: they are escrowed and priced when this week's epoch is served."""
    found = market(session, coin)
    asked = None if shares == "all" else VaultShares(parse_money(shares, found.vault.decimals()))
    session.confirm(f"Redeem {'all shares' if asked is None else _shares(found, asked)}")
    receipt, units = vaults.request_redeem(found, session.lane, asked)
    epoch = found.vault.epoch_of(session.lane.address, receipt.block_number)
    closes = (epoch + 1) * vaults.EPOCH_S
    said = f"{_shares(found, units)} wait in epoch {epoch}, which is served after {format_time(closes)}"
    session.done(receipt, said, shares=units, epoch=epoch, closes_at=closes)


@vault.command()
@COIN
@writes
def cancel(session: Session, coin: str | None) -> None:
    """Take back what was asked to be redeemed, until its week is over; the shares come back at once."""
    found = market(session, coin)
    receipt, shares = vaults.cancel(found, session.lane)
    session.done(receipt, f"{_shares(found, shares)} are back", shares=shares)


@vault.command()
@COIN
@writes
def serve(session: Session, coin: str | None) -> None:
    """Price the oldest closed epoch and set aside what cash allows. For anyone."""
    found = market(session, coin)
    receipt = found.vault.serve(session.lane)
    event = found.vault.event(receipt, "ServeEpoch")
    shares, assets = VaultShares(event["shares"]), TokenUnits(event["assets"])
    rest = "" if event["whole"] else "; the rest waits for cash"
    said = f"epoch {event['epoch']}: {_shares(found, shares)} redeemed for {session.coins(assets, found.token)}{rest}"
    session.done(receipt, said, epoch=event["epoch"], shares=shares, assets=assets, whole=event["whole"])


@vault.command()
@click.option("--to", help="Who gets the coins; the account that signs by default.")
@COIN
@writes
def claim(session: Session, to: str | None, coin: str | None) -> None:
    """Claim what was set aside for one's served requests."""
    found = market(session, coin)
    receiver = session.address(to) if to is not None else session.lane.address
    session.confirm(f"Send what was set aside to {receiver}")
    receipt, assets = vaults.claim(found, session.lane, receiver)
    session.done(receipt, f"{session.coins(assets, found.token)} sent to {receiver}", assets=assets)


@vault.command()
@click.argument("who")
@click.option("--approved/--revoked", default=True, help="Whether they may ask and claim in one's name.")
@COIN
@writes
def operator(session: Session, who: str, approved: bool, coin: str | None) -> None:
    """Let an account ask, cancel and claim in one's name (ERC-7540), or no longer."""
    found, account = market(session, coin), session.address(who)
    session.confirm(f"Let {account} act for all of one's shares" if approved else f"Let {account} act no longer")
    receipt = send(session.lane, found.vault, "setOperator", account, approved)
    session.done(receipt, f"{account} {'acts' if approved else 'does not act'} for {session.lane.address}")


@vault.command()
@click.argument("account", required=False)
@COIN
@reads
def status(session: Session, block: Block, account: str | None, coin: str | None) -> None:
    """Show both values, cash, marks and epochs; and an account's position, where one is named."""
    found = market(session, coin)
    view = vaults.show(found, session.address(account) if account is not None else None, block)

    def people() -> None:
        print_facts(f"Vault in {found.token.symbol()} at {format_time(view.at)}", _facts(session, found, view))
        if view.lender is not None:
            print_facts(f"Position of {view.lender.account}", _position(session, found, view.lender))

    session.show(view, people)


def _facts(session: Session, found: CreditSystem, view: VaultView) -> dict[str, object]:
    coins = {name: session.coins(amount, found.token) for name, amount in view.book}
    facts: dict[str, object] = {
        "value for who leaves": session.coins(view.conservative, found.token),
        "value for who enters": session.coins(view.optimistic, found.token),
        "shares": _shares(found, view.supply),
        "cash": f"{coins['cash']}, of it may be lent {session.coins(view.lendable, found.token)}",
        "loans that perform": f"{coins['performing_principal']} and {coins['performing_interest']} of interest",
        "marked and held": f"{coins['marked_base']}, written down by {coins['written_down']}",
        "owed on them": f"{coins['marked_owed']} by loans, {coins['held_owed']} on lots",
        "set aside for claims": coins["set_aside"],
        "may be deposited": f"{session.coins(view.room, found.token)}, cap {session.coins(view.cap, found.token)}",
        "epoch": f"{view.current_epoch}, closes {format_time(view.closes_at)}",
        "oldest that waits": "none",
    }
    if view.oldest is not None:
        waiting = VaultShares(view.oldest.shares - view.oldest.served_shares)
        facts["oldest that waits"] = f"{view.oldest_epoch}, with {_shares(found, waiting)}"
    if view.serving_from > view.at:
        facts["nothing is served before"] = format_time(view.serving_from)
    return facts


def _position(session: Session, found: CreditSystem, lender: LenderPosition) -> dict[str, object]:
    waits = f" in epoch {lender.pending_epoch}" if lender.pending else ""
    return {
        "shares": f"{_shares(found, lender.shares)}, worth {session.coins(lender.worth, found.token)}",
        "waits to be redeemed": f"{_shares(found, lender.pending)}{waits}",
        "to be claimed": session.coins(lender.claimable, found.token),
        **({"taken back, to be claimed": _shares(found, lender.cancelled)} if lender.cancelled else {}),
    }


def _shares(found: CreditSystem, shares: VaultShares) -> str:
    return f"{format_fixed(shares, found.vault.decimals())} {found.vault.symbol()}"
