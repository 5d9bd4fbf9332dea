"""`gpurwa audit fleet | lease`: what the chain says, recomputed by somebody who trusts neither operator nor index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from pyutils.audit import Check, LeafFiles, Verdict, audit_fleet, audit_lease
from pyutils.audit.checks import raise_for
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import FILE, format_time
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.operations.fleets import settlement_token
from pyutils.operations.leases import fleet_of
from pyutils.units import FleetId, LeaseId, format_gpu_hours


class NoFolderError(InputError):
    """A location of leaf files is not there."""

    remedy = "Name a folder of leaf files; an operator's lie in `leaf_files` below its state folder"


def locations(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where leaf files lie."""
    function = click.option(
        "--from",
        "publishers",
        metavar="URL",
        multiple=True,
        help="Where an operator or verifier publishes; repeatable.",
    )(function)
    return click.option("--leaf-files", "folders", type=FILE, multiple=True, help="Folder of leaf files; repeatable.")(
        function
    )


@click.group()
def audit() -> None:
    """Recompute what the chain says of reports and rent; exit status 1 where anything does not hold."""


@audit.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@locations
@reads
def fleet(
    session: Session, fleet_id: int, folders: tuple[Path, ...], publishers: tuple[str, ...], block: Block
) -> None:
    """Audit all of a fleet's reports against their leaf files, and every settlement against its report."""
    files = _leaf_files(session, folders, publishers)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=session.as_json or not console.is_terminal) as bar:
        task = bar.add_task("reports and leases", total=None)
        found = audit_fleet(
            session.system,
            FleetId(fleet_id),
            files,
            block,
            lambda done, of: bar.update(task, completed=done, total=of),
        )

    def people() -> None:
        rows = [(format_time(one.as_of), one.block, *_marks(one.checks)) for one in found.reports]
        print_table(f"Reports of fleet {fleet_id} as of block {found.block}", ("as of", "#block", *_MARKS), rows)
        rows = [(one.lease_id, format_gpu_hours(one.delivered), *_marks(one.checks)) for one in found.leases]
        print_table("Leases", ("#lease", "#GPU-hours", *_MARKS), rows)
        _print_doubts(found.checks)

    session.show(found, people)
    raise_for(found.checks)


@audit.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@locations
@reads
def lease(
    session: Session, lease_id: int, folders: tuple[Path, ...], publishers: tuple[str, ...], block: Block
) -> None:
    """Recompute a lease's deposit, rent, fees and refund to the last unit, from what its events say happened."""
    files = _leaf_files(session, folders, publishers)
    found = audit_lease(session.system, LeaseId(lease_id), files, block)

    def people() -> None:
        token = settlement_token(session.system, fleet_of(found.lease_id))
        money = ("deposit", "rent", "fee", "refunded", "held")
        facts = {name: session.coins(getattr(found, name), token) for name in money}
        delivered = f"{format_gpu_hours(found.delivered)} GPU-hours ({found.delivered} GPU-ms)"
        print_facts(f"Lease {lease_id} as of block {found.block}, recomputed", facts | {"delivered": delivered})
        rows = [(one.event, one.what, one.verdict.value, one.said) for one in found.checks]
        print_table("Checks", ("said by", "what", "is", "because"), rows)

    session.show(found, people)
    raise_for(found.checks)


_MARKS = tuple(f"#{verdict.value}" for verdict in Verdict)


def _marks(checks: Sequence[Check]) -> tuple[int, ...]:
    counts = Counter(check.verdict for check in checks)
    return tuple(counts[verdict] for verdict in Verdict)


def _print_doubts(checks: Sequence[Check]) -> None:
    doubts = [one for one in checks if one.verdict is not Verdict.HOLDS]
    if doubts:
        rows = [(one.event, one.what, one.verdict.value, one.said) for one in doubts]
        print_table("What could not be verified, or is wrong", ("said by", "what", "is", "because"), rows)
    counts = Counter(one.verdict for one in checks)
    click.echo(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict))


def _leaf_files(session: Session, folders: Sequence[Path], publishers: Sequence[str]) -> LeafFiles:
    from pyutils.reporter.publishing.fetch import Fetcher

    for folder in folders:
        if not folder.is_dir():
            raise NoFolderError(f"{folder} is no folder")
    fetchers = [Fetcher(url, session.fetched) for url in publishers]
    own = [session.leaf_files] if not folders and not publishers else []
    return LeafFiles([*folders, *own], fetchers)
