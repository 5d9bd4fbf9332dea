"""The operator's bond, and the fund that slashed stakes feed."""

from __future__ import annotations

import click

from pyutils.cli.output import print_facts
from pyutils.cli.parameters import format_time
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts.base import Block
from pyutils.operations.fleets import settlement_token
from pyutils.operations.money import Pay, make_payable
from pyutils.units import FleetId

PAY = click.option(
    "--pay",
    type=click.Choice(["approve", "allowance"]),
    default="approve",
    show_default=True,
    help="Approve exactly the amount first, or use what was approved before.",
)


@click.group()
def bond() -> None:
    """The operator's stake: part reserved per lease, part kept against lies."""


@bond.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--operator", help="Whose; the fleet's operator by default.")
@reads
def show(session: Session, block: Block, fleet_id: int, operator: str | None) -> None:
    """Show an operator's bond for a fleet."""
    system = session.system
    who = session.address(operator) if operator else system.registry.fleet(FleetId(fleet_id), block).operator
    found = system.bond.bond(FleetId(fleet_id), who, block)
    token = settlement_token(system, FleetId(fleet_id))

    def people() -> None:
        facts = {name: session.coins(amount, token) for name, amount in found if name != "unbonds_at"}
        print_facts(f"Bond of {who} for fleet {fleet_id}", {**facts, "unbonds at": format_time(found.unbonds_at)})

    session.show({"operator": who, **dict(found)}, people)


@bond.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("amount")
@click.option("--for", "operator", help="Whose bond; the account that signs by default.")
@PAY
@writes
def stake(session: Session, fleet_id: int, amount: str, operator: str | None, pay: Pay) -> None:
    """Stake coins for a fleet."""
    token = settlement_token(session.system, FleetId(fleet_id))
    units = session.money(amount, token)
    session.confirm(f"Stake {session.coins(units, token)}")
    make_payable(session.lane, token, session.system.bond.address, units, pay)
    who = session.address(operator) if operator else session.lane.address
    receipt = session.system.bond.stake(session.lane, FleetId(fleet_id), who, units)
    session.done(receipt, f"{session.coins(units, token)} staked for {who}")


@bond.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("amount")
@writes
def unbond(session: Session, fleet_id: int, amount: str) -> None:
    """Start to take out free stake; it leaves after 21 days, and more restarts them for all of it."""
    token = settlement_token(session.system, FleetId(fleet_id))
    receipt = session.system.bond.unbond(session.lane, FleetId(fleet_id), session.money(amount, token))
    at = session.system.bond.event(receipt, "Unbond")["unbondsAt"]
    session.done(receipt, f"{amount} {token.symbol()} are free at {format_time(at)}", unbonds_at=at)


@bond.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--to", help="Who gets it; the account that signs by default.")
@writes
def withdraw(session: Session, fleet_id: int, to: str | None) -> None:
    """Take out what has unbonded."""
    token = settlement_token(session.system, FleetId(fleet_id))
    receiver = session.address(to) if to else session.lane.address
    session.confirm(f"Send what has unbonded to {receiver}")
    freed = session.system.bond.finish_unbonding(session.lane, FleetId(fleet_id))
    amount = session.system.bond.event(freed, "Unbonded")["amount"]
    receipt = session.system.bond.withdraw(session.lane, token.address, receiver)
    session.done(receipt, f"{session.coins(amount, token)} sent to {receiver}", amount=amount)


@bond.command("collect-slashed")
@click.argument("contract", type=click.Choice(["MeterOracle", "OperatorBond"]))
@click.argument("token")
@writes
def collect_slashed(session: Session, contract: str, token: str) -> None:
    """Bring slashed stakes to the loss fund. For anyone."""
    coin = session.system.token(session.address(token))
    source = session.manifest.address(contract)
    receipt = session.system.loss_fund.collect(session.lane, source, coin.address)
    amount = session.system.loss_fund.event(receipt, "Collect")["amount"]
    session.done(receipt, f"{session.coins(amount, coin)} are in the loss fund", amount=amount)
