"""Deployment records: which there are, what they hold, and whether the chain bears them out."""

from __future__ import annotations

from typing import Any

import click

from pyutils.cli.output import plain, print_facts, print_json, print_table
from pyutils.cli.session import Session, asks
from pyutils.errors import GpuRwaError
from pyutils.manifest import Manifest, known_networks, load_manifest, user_path
from pyutils.operations.deployments import OtherCodeError, check_deployment, other_sources

_UNKNOWN = "–"


@click.group()
def deployments() -> None:
    """Records of deployments: list and show them, and compare them with the chain."""


@deployments.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; amounts are integers.")
def list_(as_json: bool) -> None:
    """Name all networks with a record, in ./deployments or shipped with the package."""
    rows = [_row(network) for network in known_networks()]
    if as_json:
        print_json(rows)
        return
    columns = ("network", "#chain", "#contracts", "state", "commit", "record")
    cells = [
        (
            row["network"],
            row["chain_id"],
            row["contracts"],
            row["state"],
            row["git_revision"] or _UNKNOWN,
            row["record"],
        )
        for row in rows
    ]
    print_table("Deployments", columns, cells)


@deployments.command()
@asks
def show(session: Session) -> None:
    """Show the record of a network."""
    manifest = session.manifest

    def people() -> None:
        print_facts(f"Deployment {manifest.network}", _facts(manifest))
        rows = [
            (name, record.artifact, record.address, _UNKNOWN if record.block is None else record.block)
            for name, record in manifest.everything
        ]
        print_table("Contracts", ("contract", "compiled as", "address", "#block"), rows)

    session.show(manifest, people)


@deployments.command()
@asks
def check(session: Session) -> None:
    """Compare code on chain with the package's artifacts, immutables masked, and with the record."""
    manifest = session.manifest
    found = list(check_deployment(session.system.web3, manifest))
    differs = other_sources(manifest)

    def people() -> None:
        rows = [
            (one.name, "well" if one.is_well else "WRONG", "; ".join(one.faults) or "as compiled", one.creation)
            for one in found
        ]
        print_table(f"Network {manifest.network}", ("contract", "is", "because", "creation"), rows)
        if differs is not None:
            click.echo(f"note: {differs}")

    session.show({"network": manifest.network, "differs": differs, "contracts": found}, people)
    wrong = [one.name for one in found if not one.is_well]
    if wrong:
        raise OtherCodeError(f"not as compiled and recorded: {', '.join(wrong)}")


def _row(network: str) -> dict[str, Any]:
    own = user_path(network)
    row: dict[str, Any] = {
        "network": network,
        "chain_id": None,
        "contracts": None,
        "state": "",
        "git_revision": None,
        "record": str(own) if own.is_file() else "shipped",
    }
    try:
        manifest = load_manifest(network)
    except GpuRwaError as error:
        # One broken file must not hide the others.
        return row | {"state": error.message}
    return row | {
        "chain_id": manifest.chain_id,
        "contracts": len(list(manifest.everything)),
        "state": "complete" if manifest.complete else "not finished",
        "git_revision": manifest.git_revision,
    }


def _facts(manifest: Manifest) -> dict[str, object]:
    compiler = manifest.compiler
    said = _UNKNOWN
    if compiler is not None:
        runs = "no optimizer" if compiler.optimizer_runs is None else f"{compiler.optimizer_runs} optimizer runs"
        ir = ", through IR" if compiler.via_ir else ""
        said = f"solc {compiler.version}, {compiler.evm_version}, {runs}{ir}, metadata hash {compiler.bytecode_hash}"
    known = {"sources": manifest.sources_hash, "plan": manifest.plan_hash}
    return {
        "chain": manifest.chain_id,
        "deployer": manifest.deployer,
        "state": "complete" if manifest.complete else "not finished",
        "compiler": said,
        **{what: _UNKNOWN if value is None else plain(value) for what, value in known.items()},
        "commit": manifest.git_revision or _UNKNOWN,
        "settlement tokens": ", ".join(manifest.tokens) or "none",
    }
