"""Meter reports: built, signed, verified, carried, disputed."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from pyutils.cli.bond import PAY
from pyutils.cli.parameters import FILE, TIME, format_time
from pyutils.cli.report_checking import print_report, proof, verify
from pyutils.cli.session import Session, asks, writes
from pyutils.errors import InputError
from pyutils.meter import read_trace, write_leaf_file
from pyutils.models import PowerModel
from pyutils.operations import reports
from pyutils.operations.calls import send
from pyutils.operations.money import Pay
from pyutils.operations.report_files import SIGNATURE_SUFFIX, ReportFile, SignatureFile
from pyutils.units import MS_PER_SECOND, FleetId, Ms, UnixSeconds, Watts


@click.group()
def report() -> None:
    """Meter reports: cumulative counters of a fleet, signed by its reporter and its verifiers."""


report.add_command(proof)
report.add_command(verify)


@report.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--trace", type=FILE, required=True, help="Samples: timestamp_s,pod,gpu_duty_cycle_percent.")
@click.option("--as-of", type=TIME, required=True, help="Up to when.")
@click.option("--idle-watts", type=click.IntRange(0), default=100, show_default=True, help="Power of an idle board.")
@click.option("--out", type=FILE, help="Folder for the report; leaf files go to `leaf_files` in it. [GPURWA_OUT]")
@asks
def build(session: Session, fleet_id: int, trace: Path, as_of: int, idle_watts: int, out: Path | None) -> None:
    """Build a report from a trace and from what the chain says of the fleet's leases. Signs nothing."""
    system = session.system
    fleet = system.registry.fleet(FleetId(fleet_id))
    samples = read_trace(trace, Ms(fleet.sample_cadence * MS_PER_SECOND))
    power = _power(idle_watts, fleet.board_power_watts)
    folder = out or session.settings.out
    with Progress(console=Console(stderr=True), transient=True, disable=session.as_json) as bar:
        task = bar.add_task("leases", total=None)
        leaf_file, file = reports.build(
            system,
            session.gpu_lists,
            samples,
            FleetId(fleet_id),
            UnixSeconds(as_of),
            power,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    leaves = write_leaf_file(leaf_file, folder / "leaf_files")
    path = file.write(folder / file.file_name)
    rows = {"report": str(path), "leaf_file": str(leaves), "digest": file.digest, **dict(file.report)}
    session.show(rows, lambda: print_report(file.report, power, {"report": path, "leaf file": leaves}))


@report.command()
@click.argument("file", metavar="REPORT", type=FILE)
@click.option("--out", type=FILE, help="File for the signature; beside the report by default.")
@writes
def sign(session: Session, file: Path, out: Path | None) -> None:
    """Sign a report, as reporter or verifier. Verifiers verify first."""
    signature = ReportFile.read(file).sign(session.signer)
    path = signature.write(out or file.with_name(f"{file.name.split('.')[0]}-{signature.signer}{SIGNATURE_SUFFIX}"))
    session.show({"file": str(path), **dict(signature)}, lambda: click.echo(f"{signature.signer} signed: {path}"))


@report.command()
@click.argument("file", metavar="REPORT", type=FILE)
@click.argument("signatures", type=FILE, nargs=-1, required=True)
@writes
def submit(session: Session, file: Path, signatures: tuple[Path, ...]) -> None:
    """Carry a signed report to the chain: with the reporter's signature and a quorum it is the head at once."""
    told = ReportFile.read(file)
    signed = [SignatureFile.read(path) for path in signatures]
    receipt = reports.submit(session.system, session.lane, told, signed)
    said = f"fleet {told.report.fleet_id} has a new head as of {format_time(told.report.as_of)}"
    session.done(receipt, said, digest=told.digest)


@report.command()
@click.argument("file", metavar="REPORT", type=FILE)
@click.argument("signature", type=FILE)
@PAY
@writes
def post(session: Session, file: Path, signature: Path, pay: Pay) -> None:
    """Post a pending report on the reporter's word alone, with a stake; it may be disputed for its liveness."""
    told = ReportFile.read(file)
    session.confirm("Put up the stake of a pending report")
    receipt = reports.post(session.system, session.lane, told, SignatureFile.read(signature), pay)
    event = session.system.oracle.event(receipt, "PostPending")
    session.done(receipt, f"pending on fleet {told.report.fleet_id}", digest=told.digest, stake=event["stake"])


@report.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@PAY
@writes
def dispute(session: Session, fleet_id: int, pay: Pay) -> None:
    """Dispute a fleet's pending report with an equal stake; the arbiter rules."""
    session.confirm("Put up the stake of a dispute")
    receipt = reports.dispute(session.system, session.lane, FleetId(fleet_id), pay)
    event = session.system.oracle.event(receipt, "OpenDispute")
    session.done(receipt, f"the pending report of fleet {fleet_id} is disputed", stake=event["stake"])


@report.command("expire-dispute")
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def expire_dispute(session: Session, fleet_id: int) -> None:
    """Strike a report whose dispute nobody ruled on for 14 days; both get their stakes back. For anyone."""
    receipt = send(session.lane, session.system.oracle, "expireDispute", fleet_id)
    session.done(receipt, f"the dispute of fleet {fleet_id} is over")


@report.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def touch(session: Session, fleet_id: int) -> None:
    """Write down a head that became one by time, so that nothing unmakes it. For anyone."""
    receipt = send(session.lane, session.system.oracle, "touch", fleet_id)
    session.done(receipt, f"the head of fleet {fleet_id} is written down")


@report.command("prove-lie")
@click.argument("files", type=FILE, nargs=4, metavar="REPORT SIGNATURE REPORT SIGNATURE")
@writes
def prove_lie(session: Session, files: tuple[Path, Path, Path, Path]) -> None:
    """Prove that one reporter key signed two contradicting reports; the finder earns a tenth of the lie stake."""
    first, by_first, second, by_second = files
    signed = [(ReportFile.read(one), SignatureFile.read(by)) for one, by in ((first, by_first), (second, by_second))]
    receipt = reports.prove_lie(session.system, session.lane, signed)
    event = session.system.oracle.event(receipt, "ProveLie")
    session.done(receipt, f"the lie is proved, {event['slashed']} units are slashed", slashed=event["slashed"])


def _power(idle_watts: int, board_power_watts: int) -> PowerModel:
    if idle_watts > board_power_watts:
        raise InputError(
            f"{idle_watts} W idle are more than the board's {board_power_watts} W", remedy="Give a smaller --idle-watts"
        )
    return PowerModel(idle_watts=Watts(idle_watts), max_watts=Watts(board_power_watts))
