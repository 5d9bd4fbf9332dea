"""`gpurwa lease close`, and what the two sides sign to close a lease without a report."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.parameters import FILE
from pyutils.cli.report_checking import FROM, head_leaf_file
from pyutils.cli.session import Session, writes
from pyutils.errors import InputError
from pyutils.operations import leases, settlements
from pyutils.operations.calls import send
from pyutils.operations.fleets import settlement_token
from pyutils.operations.report_files import AgreementFile
from pyutils.units import LeaseId, parse_gpu_hours


@click.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@click.option("--delivered", required=True, metavar="GPU-HOURS", help="What the lease got.")
@click.option("--out", type=FILE, required=True, help="File for the signature.")
@writes
def agree(session: Session, lease_id: int, delivered: str, out: Path) -> None:
    """Sign what a lease got, as its operator or owner, to close it by `lease close --agreed` without a report."""
    time = parse_gpu_hours(delivered)
    agreement = settlements.agree(session.system, session.signer, LeaseId(lease_id), time)
    agreement.write(out)
    session.show(agreement, lambda: click.echo(f"{agreement.signer} agrees to {delivered} GPU-hours: {out}"))


@click.command("revoke-agreement")
@click.argument("lease_id", metavar="LEASE", type=int)
@writes
def revoke_agreement(session: Session, lease_id: int) -> None:
    """Make earlier signatures of `lease agree` worthless. For the operator or the lease's owner."""
    receipt = send(session.lane, session.system.lease_book, "revokeMutual", lease_id)
    session.done(receipt, f"earlier agreements on lease {lease_id} are worthless")


@click.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@click.option("--leaf-files", type=FILE, help="Leaf file of the fleet's head, or a folder that has it.")
@FROM
@click.option("--unproved", is_flag=True, help="No report proved it before the deadline: refund everything.")
@click.option("--agreed", type=FILE, multiple=True, help="The two sides' signatures of `lease agree`; twice.")
@writes
def close(
    session: Session,
    lease_id: int,
    leaf_files: Path | None,
    publisher: str | None,
    unproved: bool,
    agreed: tuple[Path, ...],
) -> None:
    """Close a lease that has ended: the last rent, and the rest of the deposit back. For anyone."""
    system, lane, ident = session.system, session.lane, LeaseId(lease_id)
    if unproved and agreed:
        raise InputError("--unproved and --agreed exclude each other", remedy="Give one of them")
    fleet_id = leases.fleet_of(ident)
    if unproved:
        receipt = system.lease_book.close_unproved(lane, ident)
    elif agreed:
        if len(agreed) != 2:
            raise InputError(f"{len(agreed)} signatures", remedy="Give --agreed twice: the operator's and the owner's")
        files = [AgreementFile.read(path) for path in agreed]
        needed = settlements.needs_head(system, ident)
        head = head_leaf_file(session, fleet_id, leaf_files, publisher) if needed else None
        receipt = settlements.close_agreed(system, lane, files, head)
    else:
        head = head_leaf_file(session, fleet_id, leaf_files, publisher)
        receipt = settlements.close(system, lane, ident, head)
    event = system.lease_book.event(receipt, "Close")
    token = settlement_token(system, fleet_id)
    said = f"lease {lease_id} is closed, {session.coins(event['refund'], token)} go back"
    if event["slaCredit"]:
        said += f", and {session.coins(event['slaCredit'], token)} for missed availability"
    names = {"refund": "refund", "slaCredit": "sla_credit", "compensation": "compensation"}
    session.done(receipt, said, lease=lease_id, **{ours: event[theirs] for theirs, ours in names.items()})
