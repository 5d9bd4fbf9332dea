"""Put the system on the connected chain, or finish a deployment that stopped half way."""

from pathlib import Path

import click
from ape.cli import account_option

from pyutils.ape_script import ScriptCommand
from pyutils.ape_signer import ApeSigner
from pyutils.chain import DEV_CHAINS
from pyutils.cli.deploy import show_preview
from pyutils.deployment.launch import launch, plan_on, prepare, standing
from pyutils.deployment.plan_file import find_plan
from pyutils.deployment.preview import check_funds
from pyutils.manifest import user_path


@click.command(cls=ScriptCommand)
@account_option()
@click.option("--plan", type=click.Path(path_type=Path, exists=True), help="TOML file of the plan.")
@click.option("--record", type=click.Path(path_type=Path), help="File of the deployment record.")
@click.option("--mainnet", is_flag=True, help="Deploy even where money is worth something.")
@click.option("--yes", is_flag=True, help="Do not ask before anything is sent.")
def cli(account, ecosystem, provider, plan, record, mainnet, yes):
    """Deploy the system, and write its record to deployments/."""
    web3 = provider.web3
    draft = (find_plan("", plan) if plan else None) or plan_on(web3)
    signer = ApeSigner(account, ecosystem)
    path = record or user_path(draft.plan.network)
    done = standing(draft, signer.address, web3, path)
    if done is not None:
        click.echo(done.summary())
        return
    preview = prepare(draft, signer, web3, mainnet=mainnet)
    if preview.remaining and preview.chain_id not in DEV_CHAINS:
        show_preview(preview)
        check_funds(preview)
        if not yes:
            click.confirm(f"Send {preview.remaining} transactions to {preview.title}?", abort=True, err=True)
    manifest = launch(draft, signer, web3, path, lambda name, skipped: None if skipped else click.echo(name), ())
    click.echo(manifest.summary())
