"""Show all that an account has on the connected chain."""

import click

from pyutils.ape_script import RECORD, ScriptCommand
from pyutils.ape_system import system_on
from pyutils.cli.output import print_json
from pyutils.cli.parameters import BLOCK
from pyutils.cli.session import find_address
from pyutils.portfolio import read_position


@click.command(cls=ScriptCommand)
@click.argument("account")
@RECORD
@click.option("--block", type=BLOCK, default="latest", show_default=True, help="Read as of this block.")
@click.option("--contract", is_flag=True, help="Also where the account is a contract, such as a multisig wallet.")
def cli(account, provider, record, block, contract):
    """Print the position of ACCOUNT as JSON, as of a block."""
    system = system_on(provider, record)
    found = read_position(system, find_address(account, system.manifest), block, contract=contract)
    print_json({**dict(found), "claimables": found.claimables})
