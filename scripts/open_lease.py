"""Lease GPUs of a fleet on the connected chain, paid by an account of ape."""

import click
from ape.cli import account_option

from pyutils.access import AccessKeys
from pyutils.ape_script import RECORD, ScriptCommand
from pyutils.ape_signer import ApeSigner
from pyutils.ape_system import system_on
from pyutils.cli.parameters import DURATION
from pyutils.cli.session import state_folder
from pyutils.operations.leases import open_lease, quote


@click.command(cls=ScriptCommand)
@account_option()
@click.argument("fleet_id", type=int)
@click.option("--gpus", type=int, required=True, help="How many.")
@click.option("--for", "duration", type=DURATION, required=True, help="How long, such as 8h.")
@RECORD
def cli(account, ecosystem, provider, fleet_id, gpus, duration, record):
    """Lease GPUS of FLEET_ID at the price that is asked now, and keep the key that reads their connection data."""
    system = system_on(provider, record)
    keys = AccessKeys(state_folder(system.manifest.network) / "access")
    price = quote(system, fleet_id, gpus, duration).price_per_gpu_hour
    lane = system.lane(ApeSigner(account, ecosystem))
    lease, receipt = open_lease(system, lane, keys, fleet_id, gpus, duration, price, pay="approve")
    click.echo(f"lease {lease} is open, in block {receipt.block_number}")
