"""Leaving a deployment for a new one: stop new business, and see what runs out."""

from __future__ import annotations

import click

from pyutils.admin import NotPermittedError
from pyutils.cli.output import print_table
from pyutils.cli.parameters import format_time
from pyutils.cli.session import Session, reads, writes
from pyutils.contracts.base import Block
from pyutils.errors import ContractError
from pyutils.migration import Obligation, Remaining, Step, read_remaining
from pyutils.operations.calls import act
from pyutils.operations.roles import read_access
from pyutils.units import TokenUnits, format_money


class StillRunningError(ContractError):
    """Something still runs on a deployment that is to be left."""

    remedy = "Let everybody do what is listed, and look again"


@click.group()
def migrate() -> None:
    """Leave a deployment for a new version: nothing is upgraded, what runs here runs out here."""


@migrate.command()
@writes
def pause(session: Session) -> None:
    """Stop new business, and list what must run out. For the guardian; paused already, nothing is sent."""
    system = session.system
    sent = None
    if not system.registry.is_paused():
        session.confirm("Stop new business everywhere")
        try:
            sent = act(system.authority, session.lane, system.registry, "pause")
        except NotPermittedError as error:
            holders = [one.account for role in read_access(system).roles if role.name == "guardian"
                       for one in role.holders]  # fmt: skip
            raise NotPermittedError(error.account, f"{error.call}; the guardian may, {', '.join(holders)}") from None
    found = read_remaining(system)

    def people() -> None:
        if sent is None:
            click.echo("new business is stopped already; nothing was sent")
        elif sent.scheduled_for is not None:
            click.echo(f"stopping is announced; give the same command again from {format_time(sent.scheduled_for)} on")
        else:
            click.echo(f"new business is stopped (block {sent.receipt.block_number}, {sent.receipt.hash})")
        _print(session, found)

    row = {"transaction": None if sent is None else sent.receipt.hash, **_plain(found)}
    session.show({**row, "scheduled_for": None if sent is None else sent.scheduled_for}, people)


@migrate.command()
@click.option("--of", "account", metavar="ADDRESS", help="Only what this account has to do.")
@reads
def status(session: Session, block: Block, account: str | None) -> None:
    """List what still runs, and who ends it by which command; status 0 once all ran out, else 1."""
    found = read_remaining(session.system, block)
    if account is not None:
        found = found.of(session.address(account))
    session.show(_plain(found), lambda: _print(session, found))
    if not found.ran_out:
        counts = ", ".join(f"{number} × {kind}" for kind, number in found.count().items())
        raise StillRunningError(f"{len(found.obligations)} things still run: {counts}")


def _plain(found: Remaining) -> dict[str, object]:
    return {**dict(found), "ran_out": found.ran_out}


def _print(session: Session, found: Remaining) -> None:
    where = f"{found.network} at block {found.block.number}, {format_time(found.block.at)}"
    if found.ran_out:
        click.echo(f"Nothing runs any more on {where}")
    else:
        rows = [row for one in found.obligations for row in _rows(one)]
        print_table(f"What runs on {where}", ("what", "who", "does", "from"), rows)
    for one in found.loss_fund:
        coin = session.system.token(one.token)
        amount = format_money(TokenUnits(one.amount), coin.decimals())
        click.echo(f"The loss fund keeps {amount} {coin.symbol()} for shortfalls; nobody can withdraw it.")


def _rows(one: Obligation) -> list[tuple[str, str, str, str]]:
    what = f"{one.kind}: {one.what}" + (f", until {format_time(one.ends_at)}" if one.ends_at else "")
    steps = one.steps
    return [(what if n == 0 else "", _who(step), step.command or "waits", _when(step)) for n, step in enumerate(steps)]


def _who(step: Step) -> str:
    return "\n".join([step.role, *step.accounts])


def _when(step: Step) -> str:
    time = [format_time(step.not_before)] if step.not_before is not None else []
    return "\n".join([*time, *([f"once {step.after}"] if step.after else [])]) or "now"
