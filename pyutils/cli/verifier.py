"""`gpurwa verifier`: builds an operator's reports again, compares them with its own meter, and signs what holds."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from pyutils.cli.daemons import (
    CONFIG,
    NEW_FLEET,
    ask_on_terminal,
    config_fields,
    meter_options,
    open_verifier,
    peer_fields,
    rule_options,
    serve_options,
    signer_fields,
    verifier_path,
)
from pyutils.cli.extras import extra
from pyutils.cli.findings import show_findings
from pyutils.cli.logs import terminal_log
from pyutils.cli.moving import WITHOUT_FILES, YES, export_to, import_from
from pyutils.cli.output import print_facts
from pyutils.cli.parameters import FILE, format_time
from pyutils.cli.session import NotConfirmedError, Session, asks
from pyutils.errors import InputError
from pyutils.reporter.settings.config import VerifierConfig, check_config
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.settings.keys import account_of
from pyutils.reporter.setup import identity_of
from pyutils.units import FleetId

_LOG = logging.getLogger(__name__)


@click.group()
def verifier() -> None:
    """A verifier: signs an operator's reports once it built them again and its own meter shows the same."""


@verifier.command()
@NEW_FLEET
@click.option("--key", required=True, metavar="SIGNER", help="The verifier's key: keystore, https://…#0x…, kms:….")
@click.option("--key-password-file", type=FILE, help="Its first line opens the keystore.")
@click.option("--gas", metavar="SIGNER", help="Another key, which pays for reports made without the operator.")
@click.option("--gas-password-file", type=FILE, help="Its first line opens the gas keystore.")
@click.option("--operator-url", required=True, metavar="URL", help="Where the fleet's operator publishes.")
@click.option("--peer", "peers", multiple=True, metavar="ADDRESS=URL", help="Another verifier of the fleet; give each.")
@meter_options
@rule_options
@serve_options
@CONFIG
@asks
def init(session: Session, fleet_id: int, file: Path | None, **options: Any) -> None:
    """Write the configuration of a verifier of a fleet, with every default, and make its store.

    More fleets are added to the file by hand.
    """
    from pyutils.reporter.setup import check_no_config, set_up_verifier

    path = verifier_path(session, file)
    check_no_config(path)
    about_meter, rest = config_fields(options)
    fleet = {
        "fleet": fleet_id,
        "operator_url": options["operator_url"],
        "peers": tuple(peer_fields(session, text) for text in options["peers"]),
    }
    fields = {
        "network": session.manifest.network,
        "verifier": signer_fields(options["key"], options["key_password_file"]),
        "fleets": (fleet | about_meter,),
    }
    if options["gas"] is not None:
        fields["gas"] = signer_fields(options["gas"], options["gas_password_file"])
    config = check_config(fields | rest, VerifierConfig, "the configuration")
    account = set_up_verifier(session.system, path, config, ask_on_terminal)
    is_named = account in session.system.oracle.verifiers_of(FleetId(fleet_id))[0]
    following = (
        "gpurwa verifier doctor" if is_named else f"the verifier admin appoints {account}: gpurwa admin verifiers"
    )
    told = {"configuration": str(path), "store": str(Folders(path.parent).store), "verifier": account}
    session.show(told, lambda: print_facts(f"Verifier of fleet {fleet_id}", {**told, "next": following}))


@verifier.command()
@CONFIG
@click.option("--log-json", is_flag=True, help="Write each line of the log as JSON.")
@asks
def run(session: Session, file: Path | None, log_json: bool) -> None:
    """Answer proposals, and report alone where an operator is silent for a day, until SIGTERM or Ctrl-C.

    Ends with status 1 where nothing may be signed any more until a person has looked.
    """
    with extra("operator"):
        from pyutils.reporter.verifier_daemon import VerifierDaemon
    there, config, folders = open_verifier(session, file)
    with (
        terminal_log(as_json=log_json or session.as_json),
        VerifierDaemon(config, folders, there.manifest, there.urls, ask_on_terminal) as daemon,
    ):
        where = daemon.serve()
        fleets = ", ".join(str(one.fleet) for one in config.fleets)
        _LOG.info("fleets %s on %s: proposals are answered at %s", fleets, config.network, where["public"])
        _LOG.info("metrics and health are shown at %s", where["ops"])
        daemon.run()


@verifier.command()
@CONFIG
@asks
def doctor(session: Session, file: Path | None) -> None:
    """Look whether all that a verifier needs is in order, and how to mend what is not.

    Clock, keys, endpoints, operators, peers, meters, store, disk and the published port.
    """
    with extra("operator"):
        from pyutils.reporter.checkups.checkup import verifier_checkup
    there, config, folders = open_verifier(session, file)
    found = list(verifier_checkup(config, folders, there.manifest, there.urls, ask_on_terminal))
    show_findings(there, f"Verifier on {config.network}", found)


@verifier.command()
@NEW_FLEET
@CONFIG
@click.option("--yes", is_flag=True, help="Do not ask first.")
@asks
def rebase(session: Session, fleet_id: int, file: Path | None, yes: bool) -> None:
    """Let the own meter of a fleet go on from the head, after its source lost samples.

    From there on it takes the head's counters for its own. Do it only where the loss was yours: until then this
    verifier signs nothing, which is right where it is the operator's meter that is wrong.
    """
    with extra("operator"):
        from pyutils.reporter.verifier_daemon import VerifierDaemon
    there, config, folders = open_verifier(session, file)
    if fleet_id not in [one.fleet for one in config.fleets]:
        raise InputError(f"fleet {fleet_id} is not in the configuration", remedy="Name one that is")
    what = f"Take the counters of the head of fleet {fleet_id} for what the own meter saw"
    if not yes and not click.confirm(f"{what}?", err=True):
        raise NotConfirmedError(f"{what}: not confirmed", remedy="Nothing was changed; --yes skips the question")
    with VerifierDaemon(config, folders, there.manifest, there.urls, ask_on_terminal) as daemon:
        as_of = daemon.judges[FleetId(fleet_id)].rebase()
    said = f"the own meter of fleet {fleet_id} goes on from the head as of {format_time(as_of)}"
    there.show({"fleet": fleet_id, "as_of": as_of}, lambda: click.echo(said))


@verifier.command()
@click.argument("archive", metavar="FILE", type=FILE)
@CONFIG
@WITHOUT_FILES
@YES
@asks
def export(session: Session, archive: Path, file: Path | None, without_files: bool, yes: bool) -> None:
    """Pack the store into FILE, to be imported on another machine. This one signs nothing any more afterwards."""
    there, config, folders = open_verifier(session, file)
    account = account_of(config.verifier, folders.root, there.manifest.chain_id, ask_on_terminal)
    identity = identity_of(there.system, account, "verifier")
    export_to(there, folders, identity, archive, with_files=not without_files, yes=yes)


@verifier.command("import")
@click.argument("archive", metavar="FILE", type=FILE)
@CONFIG
@WITHOUT_FILES
@asks
def import_(session: Session, archive: Path, file: Path | None, without_files: bool) -> None:
    """Make the store of what was exported into FILE, or take it over into the one that is there."""
    path = verifier_path(session, file)
    if not path.exists():
        import_from(session, Folders(path.parent), None, archive, with_files=not without_files)
        return
    there, config, folders = open_verifier(session, file)
    account = account_of(config.verifier, folders.root, there.manifest.chain_id, ask_on_terminal)
    identity = identity_of(there.system, account, "verifier")
    import_from(there, folders, identity, archive, with_files=not without_files)
