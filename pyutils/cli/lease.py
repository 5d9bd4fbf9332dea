"""Leases: quoting, opening, granting and ending them; closing has a module of its own."""

from __future__ import annotations

from pathlib import Path

import click

from pyutils.cli.lease_closing import agree, close, revoke_agreement
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import DURATION, FILE, TIME, format_duration, format_time
from pyutils.cli.session import Session, asks, reads, writes
from pyutils.contracts.base import Block
from pyutils.models import Lease
from pyutils.operations import leases
from pyutils.operations.calls import send
from pyutils.operations.fleets import settlement_token
from pyutils.operations.gpu_lists import check_gpu_ids, read_gpu_list
from pyutils.units import FleetId, GpuMs, LeaseId, format_gpu_hours, format_wad_percent

PAY = click.option(
    "--pay",
    type=click.Choice(["approve", "allowance", "permit"]),
    default="approve",
    show_default=True,
    help="Approve exactly the amount first, use what was approved before, or sign a permit in the same call.",
)


@click.group()
def lease() -> None:
    """Leases: N GPUs of a fleet for a term at a locked price, prepaid."""


for _command in (agree, revoke_agreement, close):
    lease.add_command(_command)


@lease.command("list")
@click.argument("account")
@reads
def list_(session: Session, block: Block, account: str) -> None:
    """List the leases of an account."""
    found = leases.leases_of(session.system, session.address(account), block)

    def people() -> None:
        columns = ("#lease", "#fleet", "#GPUs", "term", "granted", "ends", "#GPU-hours", "state")
        print_table(f"Leases of {account}", columns, [_row(lease_id, one) for lease_id, one in found])

    session.show([{"lease": lease_id, **dict(one)} for lease_id, one in found], people)


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@reads
def show(session: Session, block: Block, lease_id: int) -> None:
    """Show one lease and its money."""
    one = session.system.lease_book.lease(LeaseId(lease_id), block)
    token = settlement_token(session.system, FleetId(one.fleet_id))
    owner = session.system.lease_book.owner_of(LeaseId(lease_id), block)

    def people() -> None:
        print_facts(
            f"Lease {lease_id}",
            {
                "owner": owner,
                "GPUs": f"{one.gpus} of fleet {one.fleet_id}",
                "price per GPU-hour": session.coins(one.price_per_gpu_hour, token),
                "opened": format_time(one.opened_at),
                "granted": format_time(one.granted_at),
                "ends": format_time(one.end) if one.granted_at else f"{format_duration(one.duration)} after the grant",
                "state": _state(one),
                "delivered": f"{format_gpu_hours(GpuMs(one.delivered_gpu_ms))} GPU-hours",
                "deposit": session.coins(one.deposit, token),
                "paid": session.coins(one.paid, token),
                "fee": session.coins(one.fee, token),
                "refunded": session.coins(one.refunded, token),
                "held": session.coins(one.held, token),
            },
        )

    session.show({"lease": lease_id, "owner": owner, **dict(one)}, people)


@lease.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=click.IntRange(1), required=True, help="How many GPUs.")
@click.option("--for", "duration", type=DURATION, required=True, help="For how long, such as 8h.")
@reads
def quote(session: Session, block: Block, fleet_id: int, gpus: int, duration: int) -> None:
    """Say what a lease would cost now: deposit, what the bond reserves for it, and fees."""
    offer = leases.quote(session.system, FleetId(fleet_id), gpus, duration, block)
    token = settlement_token(session.system, FleetId(fleet_id))

    def people() -> None:
        print_facts(
            f"{gpus} GPUs of fleet {fleet_id} for {format_duration(duration)}",
            {
                "price per GPU-hour": session.coins(offer.price_per_gpu_hour, token),
                "deposit": session.coins(offer.deposit, token),
                "reserved in the bond": session.coins(offer.reservation, token),
                "cancelling in the first hour": session.coins(offer.cancel_fee, token),
                "ending early, at most": session.coins(offer.early_end_fee_most, token),
                "free GPUs": offer.free_gpus,
                **{
                    f"below {format_wad_percent(tier.below_wad)} available": (  # type: ignore[arg-type]
                        f"{format_wad_percent(tier.credit_wad)} of the deposit back"  # type: ignore[arg-type]
                    )
                    for tier in offer.terms.tiers
                },
            },
        )

    session.show(offer, people)


@lease.command("open")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=click.IntRange(1), required=True, help="How many GPUs.")
@click.option("--for", "duration", type=DURATION, required=True, help="For how long from the grant, such as 8h.")
@click.option("--max-price", help="The most per GPU-hour, in coins; the quote by default.")
@click.option("--to", help="Who gets the lease; the account that signs by default.")
@PAY
@writes
def open_(
    session: Session, fleet_id: int, gpus: int, duration: int, max_price: str | None, to: str | None, pay: str
) -> None:
    """Open a lease: pay the whole deposit and publish an access key, whose private half stays here."""
    token = settlement_token(session.system, FleetId(fleet_id))
    offer = leases.quote(session.system, FleetId(fleet_id), gpus, duration)
    most = session.money(max_price, token) if max_price is not None else offer.price_per_gpu_hour
    session.confirm(f"Pay a deposit of {session.coins(offer.deposit, token)}")
    lease_id, receipt = leases.open_lease(
        session.system,
        session.lane,
        session.access_keys,
        FleetId(fleet_id),
        gpus,
        duration,
        most,
        to=session.address(to) if to is not None else None,
        pay=None if pay == "permit" else "allowance" if pay == "allowance" else "approve",
    )
    said = f"lease {lease_id} opened, deposit {session.coins(offer.deposit, token)}"
    session.done(receipt, said, lease=lease_id, deposit=offer.deposit)


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@click.option("--gpu", "named", multiple=True, metavar="ID", help="A GPU that serves the lease; once for each.")
@click.option("--gpus", type=FILE, help="File with one GPU id a line, instead of --gpu.")
@click.option("--connection", type=FILE, required=True, help="File with the connection data; - is standard input.")
@writes
def grant(session: Session, lease_id: int, named: tuple[str, ...], gpus: Path | None, connection: Path) -> None:
    """Grant access, or give other GPUs: publish connection data that only the lessee can read. For the operator."""
    ids = read_gpu_list(gpus) if gpus is not None else check_gpu_ids(named)
    with click.open_file(str(connection), encoding="utf-8") as file:
        text = file.read()
    receipt = leases.grant(session.system, session.lane, session.gpu_lists, LeaseId(lease_id), ids, text)
    session.done(receipt, f"lease {lease_id} is served by {', '.join(ids)}")


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@asks
def access(session: Session, lease_id: int) -> None:
    """Decrypt the newest connection data of a lease, with the key that is kept here."""
    text = leases.access(session.system, session.access_keys, LeaseId(lease_id))
    session.show({"lease": lease_id, "connection": text}, lambda: click.echo(text))


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@writes
def rekey(session: Session, lease_id: int) -> None:
    """Publish a new access key, as after a transfer; the operator then grants again. For owner or user."""
    receipt = leases.rekey(session.system, session.lane, session.access_keys, LeaseId(lease_id))
    session.done(receipt, f"lease {lease_id} has a new access key")


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@writes
def end(session: Session, lease_id: int) -> None:
    """End a granted lease early, with the notice of its terms. For its owner or the fleet's operator."""
    session.confirm(f"End lease {lease_id} early")
    receipt = leases.end(session.system, session.lane, LeaseId(lease_id))
    event = session.system.lease_book.event(receipt, "EndEarly")
    session.done(receipt, f"lease {lease_id} ends at {format_time(event['end'])}", end=event["end"], fee=event["fee"])


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@writes
def cancel(session: Session, lease_id: int) -> None:
    """Give up a lease that was never granted: in the first hour for one hour's rent, later for nothing."""
    session.done(session.system.lease_book.cancel(session.lane, LeaseId(lease_id)), f"lease {lease_id} is cancelled")


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@writes
def release(session: Session, lease_id: int) -> None:
    """Free the GPUs of a lease that has ended for others. For anyone."""
    receipt = send(session.lane, session.system.lease_book, "releaseCapacity", lease_id)
    session.done(receipt, f"the GPUs of lease {lease_id} are free")


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@click.argument("to")
@writes
def transfer(session: Session, lease_id: int, to: str) -> None:
    """Hand a lease on; user and access key are cleared, the new owner publishes its own by `lease rekey`."""
    receiver = session.address(to)
    session.confirm(f"Hand lease {lease_id} to {receiver}")
    receipt = session.system.lease_book.transfer(session.lane, receiver, LeaseId(lease_id))
    session.done(receipt, f"lease {lease_id} is {receiver}'s")


@lease.command()
@click.argument("lease_id", metavar="LEASE", type=int)
@click.argument("account_of_user", metavar="USER")
@click.option("--until", type=TIME, required=True, help="End of the use.")
@writes
def user(session: Session, lease_id: int, account_of_user: str, until: int) -> None:
    """Let somebody use a lease for a time (ERC-4907). For its owner."""
    who = session.address(account_of_user)
    receipt = send(session.lane, session.system.lease_book, "setUser", lease_id, who, until)
    session.done(receipt, f"{who} uses lease {lease_id} until {format_time(until)}")


def _state(one: Lease) -> str:
    if one.closed:
        return "closed"
    if not one.granted_at:
        return "waits for access"
    return "granted" if not one.ended_by else f"ended early by the {one.ended_by.name.lower()}"


def _row(lease_id: LeaseId, one: Lease) -> tuple[object, ...]:
    return (
        lease_id,
        one.fleet_id,
        one.gpus,
        format_duration(one.duration),
        format_time(one.granted_at),
        format_time(one.end),
        format_gpu_hours(GpuMs(one.delivered_gpu_ms)),
        _state(one),
    )
