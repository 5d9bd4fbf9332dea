"""`gpurwa deploy`: shows what a deployment comes to, asks, and carries it out, or finishes one that stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress
from web3 import Web3

from pyutils.chain import DEV_CHAINS, LocalSigner, RpcPolicy, Signer, connect, rpc
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import FILE, format_duration
from pyutils.cli.session import NotConfirmedError, OtherNetworkError, Session, open_account, writes
from pyutils.deployment.launch import launch, plan_on, prepare, standing
from pyutils.deployment.network import DEVELOPMENT_NETWORK, name_of
from pyutils.deployment.plan_file import Draft, example_plan, example_text, find_plan, plan_path
from pyutils.deployment.preflight import check_holders_offline
from pyutils.deployment.preview import Onlooker, Preview, check_funds, deployer_of, preview_offline, preview_on
from pyutils.errors import InputError, SettingsError
from pyutils.manifest import Manifest, user_path
from pyutils.units import format_fixed

KEY_VARIABLE: Final = "GPURWA_DEPLOYER_KEY"
_KEY_BYTES: Final = 32
EXAMPLE_NETWORK: Final = "base-sepolia"
_PATIENT: Final = RpcPolicy(rounds=8)
"""Public endpoints let a client ask some ten times a second, and a deployment asks more."""


@click.command()
@click.option("--plan", "file", type=FILE, help="TOML file of the plan. [deployments/NETWORK.plan.toml]")
@click.option("--dry-run", is_flag=True, help="Print steps, addresses, cost and roles; sign and send nothing.")
@click.option("--example", is_flag=True, help="Print a plan to begin with, each entry explained, and end.")
@click.option("--mainnet", is_flag=True, help="Deploy even where money is worth something.")
@writes
def deploy(session: Session, file: Path | None, *, dry_run: bool, example: bool, mainnet: bool) -> None:
    """Put the system on a chain, or finish a deployment that stopped half way.

    Shows the plan with addresses and cost, and asks before it sends anything. Whatever stops it, the same command goes
    on where it was. Writes deployments/NETWORK.json, and keeps a journal beside it until it is done.
    """
    if example:
        network = session.settings.network
        click.echo(example_text(EXAMPLE_NETWORK if network == DEVELOPMENT_NETWORK else network), nl=False)
    elif dry_run:
        _dry_run(session, file)
    else:
        _deploy(session, file, mainnet=mainnet)


def _deploy(session: Session, file: Path | None, *, mainnet: bool) -> None:
    settings = session.settings
    if not settings.rpc_urls:
        raise InputError("no RPC endpoint to deploy to", remedy="Name one with --rpc or GPURWA_RPC_URLS")
    draft = _found(session, file)
    web3 = connect(settings.rpc_urls, None if draft is None else draft.plan.chain_id, _PATIENT)
    draft = draft or plan_on(web3, settings.network)
    signer = _open_deployer(session, draft)
    record = settings.manifest or user_path(draft.plan.network)
    done = standing(draft, signer.address, web3, record)
    if done is not None:
        session.show(done, lambda: _show_done(done, record, draft.network.explorer))
        return
    preview = prepare(draft, signer, web3, mainnet=mainnet)
    if preview.remaining:
        if not session.as_json:
            show_preview(preview)
        check_funds(preview)
        _confirm(session, preview)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=session.as_json or not console.is_terminal) as bar:
        task = bar.add_task("deploying", total=len(preview.steps))

        def step(name: str, skipped: bool) -> None:
            bar.update(task, advance=1, description=f"{name} stands" if skipped else name)

        manifest = launch(draft, signer, web3, record, step, settings.rpc_urls)
    session.show(manifest, lambda: _show_done(manifest, record, draft.network.explorer))


def _show_done(manifest: Manifest, record: Path, explorer: str | None) -> None:
    click.echo(f"{manifest.summary()}\nrecord: {record}")
    if explorer is not None:
        click.echo(f"on the explorer: {explorer}/address/{manifest.address('FleetRegistry')}")


def _dry_run(session: Session, file: Path | None) -> None:
    settings = session.settings
    draft, web3 = _found(session, file), None
    if settings.rpc_urls:
        web3 = connect(settings.rpc_urls, None if draft is None else draft.plan.chain_id, _PATIENT)
        if draft is None and rpc.chain_id(web3) in DEV_CHAINS:
            draft = plan_on(web3, settings.network)
    if draft is None:
        there = None if web3 is None else name_of(rpc.chain_id(web3))
        draft = example_plan(_named_network(session) or there or EXAMPLE_NETWORK)
    preview = _look(session, draft, web3)
    session.show(preview, lambda: show_preview(preview))


def _look(session: Session, draft: Draft, web3: Web3 | None) -> Preview:
    """Return what a plan comes to; the signer is asked for only where nobody else says who deploys."""
    signer = None
    if not draft.is_example and (session.account is not None or draft.plan.deployer is None):
        signer = _open_deployer(session, draft)
    deployer = deployer_of(draft, None if signer is None else signer.address)
    if draft.is_example and web3 is not None:
        return preview_on(draft, Onlooker(deployer), web3)
    if web3 is not None:
        return prepare(draft, signer or Onlooker(deployer), web3, mainnet=True)
    if not draft.is_example:
        check_holders_offline(draft.plan, deployer)
    return preview_offline(draft, deployer)


def _found(session: Session, file: Path | None) -> Draft | None:
    """Return the plan that the user has or named. Raises `OtherNetworkError` where it is for another network."""
    named = _named_network(session)
    draft = find_plan(session.settings.network, file)
    if draft is not None and named is not None and draft.plan.network != named:
        raise OtherNetworkError(f"{draft.source} is for the network {draft.plan.network}, not for {named}")
    return draft


def _named_network(session: Session) -> str | None:
    settings = session.settings
    return settings.network if "network" in settings.model_fields_set else None


def _open_deployer(session: Session, draft: Draft) -> Signer:
    """Return who signs: what --account or the settings name, or on a testnet the key in the environment."""
    key = os.environ.get(KEY_VARIABLE)
    if not key or session.account is not None:
        return open_account(session.account, session.settings, draft.plan.chain_id)
    if draft.network.mainnet:
        raise SettingsError(f"{KEY_VARIABLE}: a raw key is for testnets alone", remedy="Put the key into a keystore")
    click.echo(
        f"gpurwa: warning: the deployer's key is taken from {KEY_VARIABLE}, where other programs can read it;"
        " a keystore is safer",
        err=True,
    )
    try:
        raw = bytes.fromhex(key.removeprefix("0x"))
        if len(raw) == _KEY_BYTES:
            return LocalSigner(raw)
    except ValueError:
        pass  # said below, without the key
    raise SettingsError(f"{KEY_VARIABLE}: it holds no private key of 32 bytes in hex")


def _confirm(session: Session, preview: Preview) -> None:
    """Ask before anything is sent, but on a development chain. Raises `NotConfirmedError`."""
    if preview.chain_id in DEV_CHAINS or session.yes:
        return
    cost = f" for about {preview.coins(preview.cost.expected)}" if preview.cost is not None else ""
    what = f"Send {preview.remaining} transactions to {preview.title}{cost}"
    if not click.confirm(f"{what}?", err=True):
        raise NotConfirmedError(f"{what}: not confirmed")


def show_preview(preview: Preview) -> None:
    """Print what a deployment comes to."""
    rows = [
        (number, step.name, step.address or "", f"{step.gas:,}", "stands" if step.done else "")
        for number, step in enumerate(preview.steps, 1)
    ]
    title = f"Deployment to {preview.title} (network {preview.network}, chain {preview.chain_id})"
    print_table(title, ("#", "step", "address", "#gas", "state"), rows)
    print_table(
        "Roles once it is done",
        ("role", "holder", "announces", "may call"),
        [
            (
                role.role,
                role.holder,
                format_duration(role.delay_s) if role.delay_s else "at once",
                "\n".join(role.functions),
            )
            for role in preview.roles
        ],
    )
    facts = {
        "plan": f"{preview.source}, hash 0x{preview.plan_hash.hex()}",
        "deployer": f"{preview.deployer}, which holds no right in the end",
        "steps": f"{preview.remaining} of {len(preview.steps)} to be done",
        "gas": f"{preview.gas:,}",
    }
    if preview.cost is None:
        facts["cost"] = "not known without an RPC endpoint (--rpc)"
    else:
        facts |= _cost_facts(preview)
    print_facts("Together", facts)
    if preview.is_example:
        click.echo(
            "This is the example that comes with the package: the keys of its accounts are public. Make it yours with"
            f"\n  gpurwa deploy --network {preview.network} --example > {plan_path(preview.network)}"
        )


def _cost_facts(preview: Preview) -> dict[str, str]:
    cost = preview.cost
    assert cost is not None, "asked for only where it is known"
    facts = {"price": f"{format_fixed(cost.price, 9)} gwei per gas"}
    if cost.data_fee is None:
        facts["data"] = "the node does not say what the rollup's data costs"
    elif cost.data_fee:
        facts["data"] = f"{preview.coins(cost.data_fee)} for the rollup's data, at most"
    facts["cost"] = f"about {preview.coins(cost.expected)} now; have {preview.coins(cost.needed)} ready"
    if preview.balance is not None:
        facts["balance"] = preview.coins(preview.balance)
    return facts
