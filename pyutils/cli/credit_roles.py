"""What roles set in a credit market. A call of a role with a delay is announced, and made when it is given again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pyutils.cli.credit_options import COIN, LOAN, RATIO, market
from pyutils.cli.parameters import DURATION, FILE, TIME, format_duration, format_time
from pyutils.cli.session import Session, writes
from pyutils.contracts import Contract
from pyutils.contracts.base import encode_call
from pyutils.credit.ledger import DEFAULT_KEY, cap_key
from pyutils.errors import InputError
from pyutils.models import ZERO_ADDRESS
from pyutils.operations import markets
from pyutils.operations.calls import act, read
from pyutils.operations.custody import Act, act_data
from pyutils.operations.gpu_lists import read_gpu_list
from pyutils.units import FleetId, parse_money, to_bytes32_text

FLEET = click.argument("fleet_id", metavar="FLEET", type=int)


@click.command("cap")
@click.argument("kind", type=click.Choice(["fleet", "operator", "borrower", "vault"]))
@click.argument("amount")
@click.option("--for", "key", help="A fleet's number or an account; the default of all that have no cap of their own.")
@COIN
@writes
def cap(session: Session, kind: str, amount: str, key: str | None, coin: str | None) -> None:
    """Cap what is lent per fleet, operator or borrower, or what the vault takes in. For the risk role."""
    found = market(session, coin)
    units = session.money(amount, found.token)
    if kind == "vault":
        if key is not None:
            raise InputError("a market has one vault", remedy="Leave --for out")
        _act(session, found.vault, "setCap", units, said=f"the vault takes in {session.coins(units, found.token)}")
        return
    whose = "all without a cap of their own" if key is None else key
    said = f"at most {session.coins(units, found.token)} are lent per {kind}, for {whose}"
    _act(session, found.credit, "setCap", to_bytes32_text(kind), _key(session, kind, key), units, said=said)


@click.command("insured")
@LOAN
@click.argument("until", type=TIME)
@COIN
@writes
def insured(session: Session, loan_id: int, until: int, coin: str | None) -> None:
    """Say until when the fleet of a loan is insured, by the papers that the risk role has seen."""
    said = f"loan {loan_id} is insured until {format_time(until)}"
    _act(session, market(session, coin).credit, "setInsuredUntil", loan_id, until, said=said)


@click.command("step-in")
@LOAN
@click.argument("steward", required=False)
@COIN
@writes
def step_in(session: Session, loan_id: int, steward: str | None, coin: str | None) -> None:
    """Name who controls the fleet of a loan in breach for its lenders; nobody for the borrower. For the risk role."""
    who = session.address(steward) if steward is not None else ZERO_ADDRESS
    said = f"{steward or 'the borrower'} controls the fleet of loan {loan_id}"
    _act(session, market(session, coin).credit, "stepIn", loan_id, who, said=said)


@click.command("offer")
@LOAN
@click.argument("price")
@COIN
@writes
def offer(session: Session, loan_id: int, price: str, coin: str | None) -> None:
    """Offer a lot that the vault took at a price, in coins. For the risk role."""
    found = market(session, coin)
    units = session.money(price, found.token)
    said = f"the lot of loan {loan_id} costs {session.coins(units, found.token)}"
    _act(session, found.credit, "offerLot", loan_id, units, said=said)


@click.command("cost-recipient")
@click.argument("who")
@COIN
@writes
def cost_recipient(session: Session, who: str, coin: str | None) -> None:
    """Set who is credited with the costs of sales. For the parameters role."""
    said = f"costs of sales are {who}'s"
    _act(session, market(session, coin).credit, "setCostRecipient", session.address(who), said=said)


@click.command("price-class")
@click.argument("gpu_class", metavar="CLASS")
@click.argument("price")
@COIN
@writes
def price_class(session: Session, gpu_class: str, price: str, coin: str | None) -> None:
    """Set what one new GPU of a class costs, installed, in coins. For the appraiser."""
    found = market(session, coin)
    units = session.money(price, found.token)
    said = f"one {gpu_class} costs {session.coins(units, found.token)}"
    _act(session, found.appraisal, "setPrice", to_bytes32_text(gpu_class), units, said=said)


@click.command("list-collateral")
@click.argument("token")
@click.argument("feed")
@click.option("--max-age", type=DURATION, required=True, help="An older answer of the feed is stale.")
@click.option("--least", required=True, help="Answers below it are refused, in coins for one whole token.")
@click.option("--most", required=True, help="Answers above it are refused, in coins for one whole token.")
@click.option("--most-jump", type=RATIO, default=1_000, metavar="RATIO", help="Between two rounds. [10 %]")
@COIN
@writes
def list_collateral(
    session: Session, token: str, feed: str, max_age: int, least: str, most: str, most_jump: int, coin: str | None
) -> None:
    """Let new loans take a token as collateral, priced by a Chainlink-style feed. For the parameters role."""
    found, address = market(session, coin), session.address(token)
    collateral, source = session.system.token(address), session.address(feed)
    decimals = int(read("TestPriceFeed", source, "decimals", web3=session.system.web3))
    bounds = (parse_money(least, decimals), parse_money(most, decimals))
    row = (source, max_age, decimals, collateral.decimals(), most_jump, *bounds)
    said = f"{collateral.symbol()} is collateral, by answers up to {format_duration(max_age)} old"
    _act(session, found.prices, "list", address, row, said=said)


@click.command("delist-collateral")
@click.argument("token")
@COIN
@writes
def delist_collateral(session: Session, token: str, coin: str | None) -> None:
    """Keep new loans from taking a token as collateral. For the guardian."""
    said = f"{token} is no collateral for new loans"
    _act(session, market(session, coin).prices, "delist", session.address(token), said=said)


@click.command("test-price")
@click.argument("price")
@click.option("--feed", default="TestPriceFeed", show_default=True, help="A feed that anyone may tell what to say.")
@writes
def test_price(session: Session, price: str, feed: str) -> None:
    """Let a test feed say what one whole token costs, in coins. For anyone, where prices are play."""
    source = session.address(feed)
    decimals = int(read("TestPriceFeed", source, "decimals", web3=session.system.web3))
    data = encode_call("TestPriceFeed", "say", parse_money(price, decimals))
    receipt = session.lane.transact(source, data, call="TestPriceFeed.say")
    session.done(receipt, f"{feed} says {price}")


@click.command("consent")
@FLEET
@click.argument("what", type=click.Choice(["shrink", "replace-boards", "wind-down"]))
@click.option("--gpus", type=FILE, help="The GPUs that stay, or that there are afterwards, one id a line.")
@writes
def consent(session: Session, fleet_id: int, what: Act, gpus: Path | None) -> None:
    """Agree to one act that only a title's owner may do, for a fleet in custody. For the risk role."""
    if (gpus is None) != (what == "wind-down"):
        raise InputError(f"{what} and a list of GPUs do not fit", remedy="Give --gpus for all but wind-down")
    found = markets.market_of(session.system, FleetId(fleet_id))
    ids = read_gpu_list(gpus) if gpus is not None else ()
    root = session.gpu_lists.file(ids) if ids else bytes(32)
    act_hash = found.custody.act_hash(act_data(found.custody, FleetId(fleet_id), what, len(ids), root))
    said = f"{what} of fleet {fleet_id} is agreed to"
    _act(session, found.custody, "consent", fleet_id, act_hash, said=said, act=act_hash)


@click.command("return-title")
@FLEET
@click.argument("to")
@writes
def return_title(session: Session, fleet_id: int, to: str) -> None:
    """Send a title that came into custody without a loan to whom it belongs. For the risk role."""
    found = markets.market_of(session.system, FleetId(fleet_id))
    said = f"the title of fleet {fleet_id} is {to}'s"
    _act(session, found.custody, "returnTitle", fleet_id, session.address(to), said=said)


ROLE_COMMANDS = (
    cap,
    consent,
    cost_recipient,
    delist_collateral,
    insured,
    list_collateral,
    offer,
    price_class,
    return_title,
    step_in,
    test_price,
)


def _key(session: Session, kind: str, key: str | None) -> bytes:
    """Return the word that a cap is kept under."""
    if key is None:
        return DEFAULT_KEY
    if kind != "fleet":
        return cap_key(session.address(key))
    if not (key.isascii() and key.isdigit()):
        raise InputError(f"{key!r} is no number of a fleet", remedy="Look it up with `gpurwa fleet list`")
    return cap_key(int(key))


def _act(session: Session, contract: Contract, function: str, *arguments: Any, said: str, **facts: Any) -> None:
    outcome = act(session.system.authority, session.lane, contract, function, *arguments)
    session.acted(outcome, said, **facts)
