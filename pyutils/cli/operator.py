"""`gpurwa operator`: a fleet's meters reported every hour, by a daemon that may crash anywhere and never lies twice."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from pyutils.cli.daemons import (
    CONFIG,
    FLEET,
    NEW_FLEET,
    ask_on_terminal,
    config_fields,
    meter_options,
    open_operator,
    operator_path,
    peer_fields,
    rule_options,
    serve_options,
    signer_fields,
)
from pyutils.cli.extras import extra
from pyutils.cli.findings import show_findings
from pyutils.cli.logs import terminal_log
from pyutils.cli.operator_records import dry_run, export, import_, replay
from pyutils.cli.output import print_facts
from pyutils.cli.parameters import DURATION, FILE, TIME, format_time
from pyutils.cli.session import Session, asks
from pyutils.reporter.settings.config import OperatorConfig, check_config
from pyutils.reporter.settings.folders import Folders
from pyutils.units import FleetId, UnixSeconds

_LOG = logging.getLogger(__name__)


@click.group()
def operator() -> None:
    """A fleet's reporter: samples in, signed reports out, one an hour, through crashes, reorgs and fee spikes."""


operator.add_command(dry_run)
operator.add_command(export)
operator.add_command(import_)
operator.add_command(replay)


@operator.command()
@NEW_FLEET
@click.option("--reporter", required=True, metavar="SIGNER", help="Attestation key: keystore, https://…#0x…, kms:….")
@click.option("--reporter-password-file", type=FILE, help="Its first line opens the attestation keystore.")
@click.option("--gas", required=True, metavar="SIGNER", help="Another key, which pays for transactions and stakes.")
@click.option("--gas-password-file", type=FILE, help="Its first line opens the gas keystore.")
@click.option("--verifier", "verifiers", multiple=True, metavar="ADDRESS=URL", help="A verifier; give each of them.")
@click.option("--old-folder", type=FILE, help="Folder of the key that this one replaces, to go on from its samples.")
@meter_options
@rule_options
@serve_options
@CONFIG
@asks
def init(session: Session, fleet_id: int, file: Path | None, **options: Any) -> None:
    """Write the configuration of a fleet's reporter, with every default, and make its store.

    Refuses where the chain has reports of this key: then bring their history with `gpurwa operator import`.
    """
    from pyutils.reporter.setup import check_no_config, set_up_operator

    path = operator_path(session, fleet_id, file)
    check_no_config(path)
    about_meter, rest = config_fields(options)
    fields = {
        "network": session.manifest.network,
        "fleet": fleet_id,
        "reporter": signer_fields(options["reporter"], options["reporter_password_file"]),
        "gas": signer_fields(options["gas"], options["gas_password_file"]),
        "verifiers": tuple(peer_fields(session, text) for text in options["verifiers"]),
        "old_folder": None if options["old_folder"] is None else options["old_folder"].absolute(),
    }
    config = check_config(fields | about_meter | rest, OperatorConfig, "the configuration")
    account = set_up_operator(session.system, path, config, ask_on_terminal)
    is_named = session.system.oracle.reporter_of(FleetId(fleet_id)) == account
    following = "gpurwa operator doctor" if is_named else f"gpurwa fleet reporter {fleet_id} {account}"
    told = {"configuration": str(path), "store": str(Folders(path.parent).store), "reporter": account}
    session.show(told, lambda: print_facts(f"Reporter of fleet {fleet_id}", {**told, "next": following}))


@operator.command()
@FLEET
@CONFIG
@click.option("--log-json", is_flag=True, help="Write each line of the log as JSON.")
@asks
def run(session: Session, fleet_id: int | None, file: Path | None, log_json: bool) -> None:
    """Report every hour, publish, and show metrics and health, until SIGTERM or Ctrl-C.

    Ends with status 1 where nothing may be signed any more until a person has looked.
    """
    with extra("operator"):
        from pyutils.reporter.operator_daemon import OperatorDaemon
    there, config, folders = open_operator(session, fleet_id, file)
    with (
        terminal_log(as_json=log_json or session.as_json),
        OperatorDaemon(config, folders, there.manifest, there.urls, ask_on_terminal) as daemon,
    ):
        where = daemon.serve()
        _LOG.info("fleet %d on %s: reports are published at %s", config.fleet, config.network, where["public"])
        _LOG.info("metrics and health are shown at %s", where["ops"])
        daemon.run()


@operator.command()
@FLEET
@CONFIG
@click.option("--as-of", type=TIME, help="As of when; the newest report that is due unless given.")
@click.option("--wait", "wait_s", type=DURATION, default="5m", show_default=True, help="Until it is the head.")
@asks
def once(session: Session, fleet_id: int | None, file: Path | None, as_of: int | None, wait_s: int) -> None:
    """Make one report now, and see it to the head."""
    with extra("operator"):
        from pyutils.reporter.errand import report_once
        from pyutils.reporter.operator_daemon import OperatorDaemon
    there, config, folders = open_operator(session, fleet_id, file)
    with (
        terminal_log(for_people_only=True),
        OperatorDaemon(config, folders, there.manifest, there.urls, ask_on_terminal) as daemon,
    ):
        daemon.serve()
        record = report_once(daemon, None if as_of is None else UnixSeconds(as_of), wait_s)
        head = daemon.chain.system.oracle.head(daemon.fleet_id)
    if record is None:
        said = f"nothing is due: the head is as of {format_time(head.as_of)}"
        session.show({"as_of": head.as_of, "digest": head.digest, "made": False}, lambda: click.echo(said))
        return
    said = f"the head of fleet {config.fleet} is as of {format_time(record.as_of)} (block {record.mined_block})"
    facts = {"as_of": record.as_of, "digest": record.digest, "block": record.mined_block, "made": True}
    session.show(facts, lambda: click.echo(said))


@operator.command()
@FLEET
@CONFIG
@click.option("--to", type=TIME, help="Up to when; the newest report that is due unless given.")
@asks
def backfill(session: Session, fleet_id: int | None, file: Path | None, to: int | None) -> None:
    """Collect samples from the last checkpoint on, interval by interval; the next report carries them.

    For a reporter that was away for long. `run` does the same by itself, without saying how far it is.
    """
    with extra("operator"):
        from pyutils.reporter.errand import backfill as collect
        from pyutils.reporter.operator_daemon import OperatorDaemon
    there, config, folders = open_operator(session, fleet_id, file)
    console = Console(stderr=True)
    with (
        OperatorDaemon(config, folders, there.manifest, there.urls, ask_on_terminal) as daemon,
        Progress(console=console, transient=True, disable=session.as_json or not console.is_terminal) as bar,
    ):
        task = bar.add_task("samples", total=None)

        def told(step: UnixSeconds, done: int, steps: int) -> None:
            bar.update(task, completed=done, total=steps, description=f"samples up to {format_time(step)}")
            if bar.disable and not session.as_json:
                click.echo(f"{done}/{steps}: samples up to {format_time(step)}", err=True)

        record = collect(daemon, None if to is None else UnixSeconds(to), told)
    if record is None:
        session.show({"as_of": None}, lambda: click.echo("nothing is due: all samples are collected"))
        return
    said = f"samples are collected up to {format_time(record.as_of)}; the next report carries them"
    session.show({"as_of": record.as_of}, lambda: click.echo(said))


@operator.command()
@FLEET
@CONFIG
@asks
def doctor(session: Session, fleet_id: int | None, file: Path | None) -> None:
    """Look whether all that a reporter needs is in order, and how to mend what is not.

    Clock, keys, roles, money, bond, endpoints, verifiers, meter, store, disk and the published port.
    """
    with extra("operator"):
        from pyutils.reporter.checkups.checkup import operator_checkup
    there, config, folders = open_operator(session, fleet_id, file)
    found = list(operator_checkup(config, folders, there.manifest, there.urls, ask_on_terminal))
    show_findings(there, f"Reporter of fleet {config.fleet} on {config.network}", found)
