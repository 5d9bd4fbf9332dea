"""`gpurwa verify`: the sources of a deployment for explorers, as files or sent to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pyutils.cli.output import print_json
from pyutils.cli.parameters import DURATION, FILE
from pyutils.cli.session import Session, asks
from pyutils.errors import InputError
from pyutils.operations.deployments import OtherCodeError, check_contract
from pyutils.units import FleetId
from pyutils.verification import (
    Explorer,
    Publication,
    PublishingPolicy,
    Service,
    Submission,
    VerificationError,
    open_explorer,
    publish,
    shares_of,
    submissions,
    write_submissions,
)


class NotVerifiedError(VerificationError):
    """Explorers did not verify every contract."""

    remedy = "Each line above says why"


class ServerError(InputError):
    """It is not clear whose URL is given."""

    remedy = (
        "Give --server with one --to, or the URLs in GPURWA_SOURCIFY_URL, GPURWA_ETHERSCAN_URL, GPURWA_BLOCKSCOUT_URL"
    )


@click.command()
@click.argument("contracts", nargs=-1, metavar="[CONTRACT]...")
@click.option(
    "--to", type=click.Choice([one.value for one in Service]), multiple=True, help="Send to this explorer, or several."
)
@click.option("--fleet", "fleets", type=int, multiple=True, help="The shares of this fleet, or of several.")
@click.option("--server", metavar="URL", help="Where the explorer's API is, instead of its well-known place.")
@click.option("--wait", type=DURATION, default="5m", show_default=True, help="Longest wait for one contract.")
@click.option("--out", type=FILE, help="Folder for the files. [out/verification/NETWORK, unless sent]")
@asks
def verify(
    session: Session,
    contracts: tuple[str, ...],
    to: tuple[str, ...],
    fleets: tuple[int, ...],
    server: str | None,
    wait: int,
    out: Path | None,
) -> None:
    """Write what explorers need to verify all contracts, or those named, or send it to them.

    Contracts go by their names in the deployment record; shares of fleets, which are in no record, by --fleet. Sending
    publishes the sources. Contracts that an explorer has verified are not sent to it again; keys are read from
    GPURWA_ETHERSCAN_KEY and GPURWA_BLOCKSCOUT_KEY alone.
    """
    if server is not None and len(to) != 1:
        raise ServerError("--server is for one explorer")
    found = () if fleets and not contracts else submissions(session.manifest, contracts)
    policy = PublishingPolicy(wait_s=float(wait))
    chain_id, settings = session.manifest.chain_id, session.settings
    explorers = [open_explorer(Service(one), chain_id, settings, url=server, policy=policy) for one in to]
    if explorers:
        _compare(session, found)
    # Their addresses prove them already.
    found += tuple(shares_of(session.system, FleetId(fleet)) for fleet in fleets)
    if out is not None or not explorers:
        index = write_submissions(found, out or settings.out / "verification" / session.manifest.network)
        if not explorers:
            session.show({"contracts": str(index)}, lambda: click.echo(f"{len(found)} contracts: {index}"))
    if explorers:
        _send(session, explorers, found)


def _compare(session: Session, found: Sequence[Submission]) -> None:
    """Refuse to send what no explorer could match. Raises `OtherCodeError`."""
    for one in found:
        checked = check_contract(session.system.web3, one.name, one.record)
        if not checked.is_well:
            raise OtherCodeError(f"{one.name} at {one.record.address}: {'; '.join(checked.faults)}")


def _send(session: Session, explorers: Sequence[Explorer], found: Sequence[Submission]) -> None:
    done: list[Publication] = []
    try:
        for explorer in explorers:
            for one in publish(explorer, found):
                done.append(one)
                if not session.as_json:
                    click.echo(f"{one.explorer}: {one.contract} {one.standing}: {one.said}")
    finally:
        # Also where an explorer stops the run: what came out until then counts.
        if session.as_json:
            print_json([_row(one) for one in done])
    refused = [one.contract for one in done if not one.is_done]
    if refused:
        raise NotVerifiedError(f"not verified: {', '.join(refused)}")


def _row(one: Publication) -> dict[str, Any]:
    return {
        "explorer": one.explorer,
        "contract": one.contract,
        "address": one.address,
        "standing": one.standing.value,
        "said": one.said,
    }
