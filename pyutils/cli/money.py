"""Rent to revenue to holders: settling, sharing, claiming, withdrawing."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import FILE
from pyutils.cli.report_checking import FROM, head_leaf_file
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.operations import money, settlements
from pyutils.operations.calls import send
from pyutils.operations.fleets import settlement_token
from pyutils.operations.leases import fleet_of
from pyutils.units import (
    SHARE_DECIMALS,
    FleetId,
    LeaseId,
    ShareUnits,
    format_fixed,
    parse_money,
)


@click.command()
@click.argument("lease_ids", metavar="[LEASE]...", type=int, nargs=-1)
@click.option("--fleet", "fleet_id", type=int, help="Settle everything that this fleet's head lists.")
@click.option("--leaf-files", type=FILE, help="Leaf file of the fleet's head, or a folder that has it.")
@FROM
@writes
def settle(
    session: Session,
    lease_ids: tuple[int, ...],
    fleet_id: int | None,
    leaf_files: Path | None,
    publisher: str | None,
) -> None:
    """Pay rent for what a fleet's head proves. For anyone; settling twice pays once."""
    wanted = [LeaseId(lease_id) for lease_id in lease_ids]
    found = {fleet_of(lease_id) for lease_id in wanted} | ({FleetId(fleet_id)} if fleet_id is not None else set())
    if len(found) != 1:
        raise InputError(f"{len(found)} fleets to settle", remedy="Name leases of one fleet, or the fleet with --fleet")
    (fleet,) = found
    leaf_file = head_leaf_file(session, fleet, leaf_files, publisher)
    receipts = settlements.settle(session.system, session.lane, fleet, leaf_file, wanted)
    rows = [event for receipt in receipts for event in session.system.lease_book.events(receipt, "Settle")]
    rent = sum(row["rent"] for row in rows)
    token = settlement_token(session.system, fleet)
    if not receipts:
        session.show({"rent": 0, "settled": 0}, lambda: click.echo("the head lists no lease"))
        return
    session.done(receipts[-1], f"{session.coins(rent, token)} of rent paid", rent=rent, settled=len(rows))


@click.group()
def shares() -> None:
    """A fleet's shares: its whole economic interest."""


@shares.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@reads
def show(session: Session, block: Block, fleet_id: int) -> None:
    """Show a fleet's shares and revenue."""
    system = session.system
    token = system.shares(FleetId(fleet_id))
    revenue = system.router.revenue(FleetId(fleet_id), block)
    coin = settlement_token(system, FleetId(fleet_id))
    rows = {
        "address": token.address,
        "supply": token.total_supply(block),
        "bound_to_title": token.bound_shares(block),
        "collected": token.collected(block),
        "unreleased": token.unreleased(block),
        "revenue": revenue,
    }

    def people() -> None:
        print_facts(
            f"Shares of fleet {fleet_id}",
            {
                "address": token.address,
                "supply": _whole(token.total_supply(block)),
                "bound to the title": _whole(token.bound_shares(block)),
                "rent split so far": session.coins(revenue.routed, coin),
                "of it protocol fee": session.coins(revenue.protocol_fee, coin),
                "of it the operator's": session.coins(revenue.operating, coin),
                "of it the shares'": session.coins(revenue.shares, coin),
                "not split yet": session.coins(revenue.pending, coin),
                "split and not collected": session.coins(revenue.uncollected, coin),
                "collected and not released": session.coins(token.unreleased(block), coin),
            },
        )

    session.show(rows, people)


@shares.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def route(session: Session, fleet_id: int) -> None:
    """Split a fleet's rent into protocol fee, the operator's share and the shares' leg. For anyone."""
    session.done(session.system.router.route(session.lane, FleetId(fleet_id)), f"the rent of fleet {fleet_id} is split")


@shares.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def collect(session: Session, fleet_id: int) -> None:
    """Split a fleet's rent and bring the shares' leg to the shares; it is released during the next UTC day."""
    token = session.system.shares(FleetId(fleet_id))
    before = token.collected()
    receipt = token.collect(session.lane)
    amount = token.collected(receipt.block_number) - before
    coin = settlement_token(session.system, FleetId(fleet_id))
    session.done(receipt, f"{session.coins(amount, coin)} arrived at the shares", amount=amount)


@shares.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("amount")
@writes
def distribute(session: Session, fleet_id: int, amount: str) -> None:
    """Give coins to a fleet's shareholders, such as the proceeds of hardware; shared out like rent. For anyone."""
    token = settlement_token(session.system, FleetId(fleet_id))
    units = session.money(amount, token)
    session.confirm(f"Give {session.coins(units, token)} to the shareholders of fleet {fleet_id}")
    money.make_payable(session.lane, token, session.system.router.address, units, "approve")
    receipt = send(session.lane, session.system.router, "distribute", fleet_id, units)
    session.done(receipt, f"{session.coins(units, token)} are the shareholders' of fleet {fleet_id}", amount=units)


@shares.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("to")
@click.argument("amount")
@writes
def transfer(session: Session, fleet_id: int, to: str, amount: str) -> None:
    """Send shares; what they earned so far stays with the sender."""
    receiver = session.address(to)
    units = ShareUnits(parse_money(amount, SHARE_DECIMALS))
    session.confirm(f"Send {amount} shares of fleet {fleet_id} to {receiver}")
    receipt = session.system.shares(FleetId(fleet_id)).transfer(session.lane, receiver, units)
    session.done(receipt, f"{amount} shares of fleet {fleet_id} sent to {receiver}")


@click.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--to", help="Who gets it; the account that signs by default.")
@click.option("--title", is_flag=True, help="Claim for the shares that are bound to the title.")
@writes
def claim(session: Session, fleet_id: int, to: str | None, title: bool) -> None:
    """Claim what one's shares of a fleet have earned."""
    token = session.system.shares(FleetId(fleet_id))
    receiver = session.address(to) if to else session.lane.address
    session.confirm(f"Send the earnings to {receiver}")
    receipt = (token.claim_title if title else token.claim)(session.lane, receiver)
    amount = token.event(receipt, "ClaimTitle" if title else "Claim")["amount"]
    coin = settlement_token(session.system, FleetId(fleet_id))
    session.done(receipt, f"{session.coins(amount, coin)} sent to {receiver}", amount=amount)


@click.command()
@click.option("--to", help="Who gets it; the account that signs by default.")
@writes
def withdraw(session: Session, to: str | None) -> None:
    """Withdraw all that the contracts owe: refunds, credits, fees, the operator's share, returned stakes."""
    receiver = session.address(to) if to else session.lane.address
    session.confirm(f"Send all that is owed to {receiver}")
    sent = money.withdraw(session.system, session.lane, receiver)

    def people() -> None:
        rows = [(one.contract, session.coins(one.amount, session.system.token(one.token))) for one in sent]
        print_table(f"Sent to {receiver}", ("from", "#amount"), rows)

    if not sent:
        raise InputError(f"nothing is owed to {session.lane.address}", remedy="Settle, close or route first")
    session.show(sent, people)


def _whole(units: int) -> str:
    return format_fixed(units, SHARE_DECIMALS)
