"""Put the system on the connected chain, or finish a deployment that stopped half way."""

from pathlib import Path

import click
from ape.cli import account_option

from pyutils.ape_script import ScriptCommand
from pyutils.ape_signer import ApeSigner
from pyutils.chain import rpc
from pyutils.deployment import Plan, deploy_system
from pyutils.manifest import user_path


@click.command(cls=ScriptCommand)
@account_option()
@click.option("--plan", type=click.Path(path_type=Path, exists=True), help="JSON file of the plan.")
@click.option("--record", type=click.Path(path_type=Path), help="File of the deployment record.")
def cli(account, ecosystem, provider, plan, record):
    """Deploy the system, and write its record to deployments/."""
    chosen = Plan.model_validate_json(plan.read_bytes()) if plan else Plan.default(rpc.chain_id(provider.web3))
    manifest = deploy_system(
        ApeSigner(account, ecosystem), chosen, provider.web3, record=record or user_path(chosen.network)
    )
    click.echo(manifest.summary())
