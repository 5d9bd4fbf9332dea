"""Pay rent for everything that a fleet's head proves."""

from pathlib import Path

import click
from ape.cli import account_option

from pyutils.ape_script import RECORD, ScriptCommand
from pyutils.ape_signer import ApeSigner
from pyutils.ape_system import system_on
from pyutils.operations.reports import head_leaf_file
from pyutils.operations.settlements import settle


@click.command(cls=ScriptCommand)
@account_option()
@click.argument("fleet_id", type=int)
@click.option(
    "--leaf-files",
    type=click.Path(path_type=Path),
    default=Path("out/leaf_files"),
    show_default=True,
    help="Leaf file of the head, or a folder that has it.",
)
@RECORD
def cli(account, ecosystem, provider, fleet_id, leaf_files, record):
    """Settle the leases of FLEET_ID by the leaf file of its head."""
    system = system_on(provider, record)
    lane = system.lane(ApeSigner(account, ecosystem))
    receipts = settle(system, lane, fleet_id, head_leaf_file(system, fleet_id, leaf_files))
    events = [event for receipt in receipts for event in system.lease_book.events(receipt, "Settle")]
    click.echo(f"{len(events)} leases settled, {sum(event['rent'] for event in events)} units of rent")
