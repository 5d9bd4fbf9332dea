"""Leave the deployment on the connected chain: stop new business, and list what runs out."""

import click
from ape.cli import account_option

from pyutils.ape_script import RECORD, ScriptCommand
from pyutils.ape_signer import ApeSigner
from pyutils.ape_system import system_on
from pyutils.migration import read_remaining
from pyutils.operations.calls import act


@click.command(cls=ScriptCommand)
@account_option()
@RECORD
def cli(account, ecosystem, provider, record):
    """Stop new business as the guardian, and list who ends what by which command."""
    system = system_on(provider, record)
    if not system.registry.is_paused():
        act(system.authority, system.lane(ApeSigner(account, ecosystem)), system.registry, "pause")
    found = read_remaining(system)
    for one in found.obligations:
        click.echo(f"{one.kind}: {one.what}")
        for step in one.steps:
            click.echo(f"    {' '.join([step.role, *step.accounts])}: {step.command or 'waits'}")
    click.echo(f"{len(found.obligations)} things still run")
