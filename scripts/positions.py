"""Show all that an account has on the connected chain."""

from pathlib import Path

import click

from pyutils.ape_script import ScriptCommand
from pyutils.cli.output import print_json
from pyutils.cli.session import find_address
from pyutils.contracts import System
from pyutils.manifest import read_manifest
from pyutils.operations.positions import positions


@click.command(cls=ScriptCommand)
@click.argument("account")
@click.option("--record", type=click.Path(path_type=Path), default=Path("deployments/devnet.json"), show_default=True)
def cli(account, provider, record):
    """Print the position of ACCOUNT as JSON."""
    manifest = read_manifest(record)
    print_json(positions(System.at(provider.web3, manifest), find_address(account, manifest)))
