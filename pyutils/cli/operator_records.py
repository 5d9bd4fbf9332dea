"""`gpurwa operator dry-run | replay | export | import`: what would be said, what was said, and moving house."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from pyutils.cli.daemons import CONFIG, FLEET, ask_on_terminal, open_operator, operator_path
from pyutils.cli.moving import WITHOUT_FILES, YES, export_to, import_from
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import FILE, TIME, format_time
from pyutils.cli.session import Session, asks
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.settings.keys import account_of
from pyutils.reporter.setup import identity_of
from pyutils.units import (
    MS_PER_SECOND,
    FleetId,
    Ms,
    TokenUnits,
    UnixSeconds,
    format_gpu_hours,
    format_money,
)

_WEI_DECIMALS = 18


@click.command("dry-run")
@FLEET
@CONFIG
@click.option("--as-of", type=TIME, help="As of when; the newest report that is due unless given.")
@asks
def dry_run(session: Session, fleet_id: int | None, file: Path | None, as_of: int | None) -> None:
    """Build what would be reported now, and print it with its cost. Needs no key, writes and sends nothing."""
    from pyutils.reporter.rehearsal import Rehearsal, rehearse
    from pyutils.reporter.settings.sources import open_source

    there, config, folders = open_operator(session, fleet_id, file)
    system, fleet = there.system, FleetId(config.fleet)
    cadence_ms = Ms(system.registry.fleet(fleet).sample_cadence * MS_PER_SECOND)
    source = open_source(config.meter, folders.root, folders.journal, cadence_ms, only_reads=True)
    try:
        at = None if as_of is None else UnixSeconds(as_of)
        found: Rehearsal = rehearse(
            system, folders.store, folders.gpu_lists, source, config.power, config.rules, fleet, at
        )
    finally:
        source.close()
    report, leaves = found.report, found.draft.leaf_file.leaves
    facts = {
        **dict(report),
        "digest": found.report_file.digest,
        "goes_on_from": found.begun_at,
        "adds_to_head": found.adds_to_head,
        "quorum": found.quorum,
        "cost_wei": found.cost_wei,
        "leases": leaves,
    }

    def people() -> None:
        energy = "measured" if found.draft.leaf_file.header.power is None else "derived from duty"
        begun = format_time(found.begun_at) if found.begun_at else "the enrolment"
        print_facts(
            f"Report of fleet {fleet} as of {format_time(report.as_of)}, if it were made now",
            {
                "available": f"{format_gpu_hours(report.available_gpu_ms)} GPU-hours",
                "busy": f"{format_gpu_hours(report.busy_gpu_ms)} GPU-hours",
                f"energy ({energy})": f"{report.energy_joules} J",
                "lease root": f"0x{report.lease_root.hex()}",
                "leaf file": f"0x{report.data_hash.hex()}",
                "stands on": f"0x{report.previous_digest.hex()}",
                "digest": f"0x{found.report_file.digest.hex()}",
                "goes on from": begun,
                "signatures needed": f"the reporter's and {found.quorum} verifiers'",
                "cost at the fees of now": f"{format_money(TokenUnits(found.cost_wei), _WEI_DECIMALS, 6)} ether",
            },
        )
        rows = [(leaf.lease_id, format_gpu_hours(leaf.delivered_gpu_ms), leaf.delivered_gpu_ms) for leaf in leaves]
        print_table("Leases", ("#lease", "#GPU-hours", "#GPU-ms"), rows)
        if not found.adds_to_head:
            click.echo("the head was made by others: `run` first fetches its samples, and may say something else")

    there.show(facts, people)


@click.command()
@FLEET
@CONFIG
@click.option("--from", "first", type=TIME, help="Reports as of this time and later.")
@click.option("--to", "last", type=TIME, help="Reports as of this time and earlier.")
@asks
def replay(session: Session, fleet_id: int | None, file: Path | None, first: int | None, last: int | None) -> None:
    """Build reports again from the published pages on disk, and compare them bit for bit with what was said."""
    from pyutils.reporter.publishing.replay import Replay, ReplayError
    from pyutils.reporter.store.view import look_into

    there, config, folders = open_operator(session, fleet_id, file)
    console = Console(stderr=True)
    found = []
    with (
        look_into(folders.store) as store,
        Progress(console=console, transient=True, disable=session.as_json or not console.is_terminal) as bar,
    ):
        again = Replay(there.system, store, folders, FleetId(config.fleet))
        records = again.records(_time(first), _time(last))
        task = bar.add_task("reports", total=len(records))
        for record in records:
            found.append(again.build_again(record))
            bar.advance(task)

    def people() -> None:
        rows = [(format_time(one.as_of), f"0x{one.digest.hex()}", one.difference or "equal") for one in found]
        print_table(f"Reports of fleet {config.fleet}, built again", ("as of", "digest", "result"), rows)

    there.show(found, people)
    different = [one for one in found if one.difference]
    if different:
        one = different[0]
        raise ReplayError(
            f"{len(different)} of {len(found)} reports differ, first that as of {one.as_of}: {one.difference}"
        )


@click.command()
@click.argument("archive", metavar="FILE", type=FILE)
@FLEET
@CONFIG
@WITHOUT_FILES
@YES
@asks
def export(
    session: Session, archive: Path, fleet_id: int | None, file: Path | None, without_files: bool, yes: bool
) -> None:
    """Pack the store into FILE, to be imported on another machine. This one signs nothing any more afterwards."""
    there, config, folders = open_operator(session, fleet_id, file)
    account = account_of(config.reporter, folders.root, there.manifest.chain_id, ask_on_terminal)
    identity = identity_of(there.system, account, "operator")
    export_to(there, folders, identity, archive, with_files=not without_files, yes=yes)


@click.command("import")
@click.argument("archive", metavar="FILE", type=FILE)
@FLEET
@CONFIG
@WITHOUT_FILES
@asks
def import_(session: Session, archive: Path, fleet_id: int | None, file: Path | None, without_files: bool) -> None:
    """Make the store of what was exported into FILE, or take it over into the one that is there.

    Before `init`, name the fleet; `init` then keeps the store, and writes the configuration.
    """
    path = None if fleet_id is None else operator_path(session, fleet_id, file)
    if path is not None and not path.exists():
        folders = Folders(path.parent, session.gpu_lists.folder)
        import_from(session, folders, None, archive, with_files=not without_files)
        return
    there, config, folders = open_operator(session, fleet_id, file)
    account = account_of(config.reporter, folders.root, there.manifest.chain_id, ask_on_terminal)
    identity = identity_of(there.system, account, "operator")
    import_from(there, folders, identity, archive, with_files=not without_files)


def _time(at: int | None) -> UnixSeconds | None:
    return None if at is None else UnixSeconds(at)
