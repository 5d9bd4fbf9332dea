"""Fleets: running them; looking at them, enrolling them and their GPUs have modules of their own."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.fleet_enrolment import enroll, hash_deed, parse_price, read_documents
from pyutils.cli.fleet_gpus import gpus, grow, prove_double, replace_boards, shrink
from pyutils.cli.fleet_view import list_, show
from pyutils.cli.output import print_facts
from pyutils.cli.parameters import FILE, TIME, format_time
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts.base import Block
from pyutils.operations import fleets, reports
from pyutils.operations.calls import send
from pyutils.operations.custody import owner_contract
from pyutils.units import FleetId


@click.group()
def fleet() -> None:
    """Fleets: GPUs of one class at one site under one operator."""


for _command in (list_, show, enroll, gpus, grow, shrink, replace_boards, prove_double):
    fleet.add_command(_command)


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@reads
def documents(session: Session, block: Block, fleet_id: int) -> None:
    """Show a fleet's documents, as ERC-7578 has them."""
    found = fleets.documents(session.system, FleetId(fleet_id), block)
    session.show(found, lambda: print_facts(f"Documents of fleet {fleet_id}", dict(found)))


@fleet.command("set-documents")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("file", type=FILE)
@writes
def set_documents(session: Session, fleet_id: int, file: Path) -> None:
    """Set a fleet's documents from a JSON file, as `fleet documents --json` prints them. For its controller."""
    receipt = session.system.registry.set_documents(session.lane, FleetId(fleet_id), read_documents(file))
    session.done(receipt, f"fleet {fleet_id} has other documents")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("price")
@writes
def price(session: Session, fleet_id: int, price: str) -> None:
    """Set the price per GPU-hour, in coins, of leases opened from now on. For the fleet's controller."""
    token = fleets.settlement_token(session.system, FleetId(fleet_id))
    cost = parse_price(price, token.decimals())
    receipt = session.system.pricing.set_price(session.lane, FleetId(fleet_id), cost)
    session.done(receipt, f"fleet {fleet_id} costs {session.coins(cost, token)} per GPU-hour")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("contract")
@writes
def pricing(session: Session, fleet_id: int, contract: str) -> None:
    """Choose the contract that quotes the next lease. For the fleet's controller."""
    receipt = send(session.lane, session.system.registry, "setPricing", fleet_id, session.address(contract))
    session.done(receipt, f"{contract} quotes leases of fleet {fleet_id}")


@fleet.command("wind-down")
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def wind_down(session: Session, fleet_id: int) -> None:
    """End a fleet with nothing leased, for ever. For the title's owner; in custody for its controller, with consent."""
    session.confirm(f"End fleet {fleet_id} for ever")
    owner = owner_contract(session.system, FleetId(fleet_id))
    session.done(send(session.lane, owner, "windDown", fleet_id), f"fleet {fleet_id} is wound down")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--insured-until", type=TIME, required=True, help="End of the insurance.")
@click.option("--deed", type=FILE, required=True, help="Deed that ties title to lien register; its hash goes on chain.")
@writes
def insure(session: Session, fleet_id: int, insured_until: int, deed: Path) -> None:
    """Set the end of the insurance and the deed. For the fleet's controller."""
    deed_hash = hash_deed(deed)
    receipt = send(session.lane, session.system.registry, "setInsurance", fleet_id, insured_until, deed_hash)
    session.done(receipt, f"fleet {fleet_id} is insured until {format_time(insured_until)}")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("account_of_key", metavar="REPORTER")
@writes
def reporter(session: Session, fleet_id: int, account_of_key: str) -> None:
    """Set the key that signs the fleet's reports. For its operator."""
    key = session.address(account_of_key)
    receipt = session.system.oracle.set_reporter(session.lane, FleetId(fleet_id), key)
    session.done(receipt, f"{key} reports for fleet {fleet_id}")


@fleet.command("propose-operator")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("operator")
@writes
def propose_operator(session: Session, fleet_id: int, operator: str) -> None:
    """Give the operator at least 7 days' notice for another; the zero address withdraws it. For the controller."""
    receipt = send(session.lane, session.system.registry, "proposeOperator", fleet_id, session.address(operator))
    session.done(receipt, f"{operator} shall run fleet {fleet_id}")


@fleet.command("replace-operator")
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def replace_operator(session: Session, fleet_id: int) -> None:
    """Complete a change of operator after its notice, once the new bond covers every lease. For anyone."""
    receipt = send(session.lane, session.system.registry, "replaceOperator", fleet_id)
    session.done(receipt, f"fleet {fleet_id} has another operator")


@fleet.command("operating-share")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("basis_points", type=click.IntRange(0, 10_000))
@writes
def operating_share(session: Session, fleet_id: int, basis_points: int) -> None:
    """Lower the operator's part of the rent; it never rises again. For the fleet's controller."""
    receipt = send(session.lane, session.system.router, "lowerOperatingShare", fleet_id, basis_points)
    session.done(receipt, f"the operating share of fleet {fleet_id} is {basis_points} basis points")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("to")
@writes
def transfer(session: Session, fleet_id: int, to: str) -> None:
    """Hand the title on, and with it the shares bound to it. For the title's owner."""
    receiver = session.address(to)
    session.confirm(f"Hand the title of fleet {fleet_id} to {receiver}")
    receipt = send(
        session.lane,
        session.system.registry,
        "transferFrom",
        session.lane.address,
        receiver,
        fleet_id,
    )
    session.done(receipt, f"the title of fleet {fleet_id} is {receiver}'s")


@fleet.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@reads
def head(session: Session, block: Block, fleet_id: int) -> None:
    """Show the report that is the fleet's head, with the hash of its leaf file."""
    report = reports.head_report(session.system, FleetId(fleet_id), block)

    def people() -> None:
        rows = {name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in report}
        print_facts(f"Head of fleet {fleet_id}", rows)

    session.show(report, people)
