"""Prove that the deployer can do nothing on the connected chain any more."""

import click

from pyutils.ape_script import RECORD, ScriptCommand
from pyutils.ape_system import system_on
from pyutils.cli.session import find_address
from pyutils.deployment.handover import read_handover


@click.command(cls=ScriptCommand)
@click.option("--of", "account", help="Whose rights are looked for; the deployer's by default.")
@RECORD
def cli(provider, account, record):
    """Name whatever the deployer can still do; status 1 where that is anything."""
    system = system_on(provider, record)
    who = find_address(account, system.manifest) if account is not None else system.manifest.deployer
    proof = read_handover(system, who)
    for check in proof.checks:
        click.echo(f"{check.what}: {'; '.join(check.left) or f'none of {check.count}'}")
    proof.require_nothing()
