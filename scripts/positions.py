"""Show all that an account has on the connected chain."""

from pathlib import Path

import click

from pyutils.ape_script import ScriptCommand
from pyutils.cli.output import print_json
from pyutils.cli.parameters import BLOCK
from pyutils.cli.session import find_address
from pyutils.contracts import System
from pyutils.manifest import read_manifest
from pyutils.portfolio import read_position


@click.command(cls=ScriptCommand)
@click.argument("account")
@click.option("--record", type=click.Path(path_type=Path), default=Path("deployments/devnet.json"), show_default=True)
@click.option("--block", type=BLOCK, default="latest", show_default=True)
@click.option("--contract", is_flag=True)
def cli(account, provider, record, block, contract):
    """Print the position of ACCOUNT as JSON, as of a block; with --contract also a contract's."""
    manifest = read_manifest(record)
    system = System.at(provider.web3, manifest)
    found = read_position(system, find_address(account, manifest), block, contract=contract)
    print_json({**dict(found), "claimables": found.claimables})
