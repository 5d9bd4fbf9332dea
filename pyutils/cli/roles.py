"""Who may call what, and the proof that somebody, above all the deployer, may call nothing."""

from __future__ import annotations

import click

from pyutils.cli.findings import show_findings
from pyutils.cli.output import print_table
from pyutils.cli.parameters import format_duration, format_time
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.deployment.handover import Check, read_handover
from pyutils.operations.doctor import Finding
from pyutils.operations.roles import AccessView, CallView, DelayView, RoleHolding, read_access


@click.command()
@click.option("--check", is_flag=True, help="Prove that the deployer can do nothing; status 1 with what it still can.")
@click.option("--of", "account", metavar="ADDRESS", help="With --check: of this account in place of the deployer.")
@reads
def roles(session: Session, block: Block, check: bool, account: str | None) -> None:
    """Say who may call what, as the chain has it: roles, holders, delays, and announced calls."""
    if check or account is not None:
        _check(session, session.address(account) if account is not None else session.manifest.deployer, block)
        return
    found = read_access(session.system, block)
    session.show(found, lambda: _print(session, found))


def _check(session: Session, account: str, block: Block) -> None:
    proof = read_handover(session.system, account, block)
    what = f"{account} as of block {proof.block}, {format_time(proof.at)}"
    show_findings(session, f"Rights of {what}", [_finding(one) for one in proof.checks])


def _finding(check: Check) -> Finding:
    said = "; ".join(check.left) or f"none of {check.count}"
    return Finding(check.what, is_well=not check.left, said=said)


def _print(session: Session, found: AccessView) -> None:
    where = f"{session.manifest.network} at block {found.block}, {format_time(found.at)}"
    rows = [
        (
            role.name,
            "\n".join(_holder(one, found.at) for one in role.holders) or "nobody",
            "\n".join(role.functions) or "–",
        )
        for role in found.roles
    ]
    print_table(f"Roles on {where}", ("role", "held by", "may call"), rows)
    print_table(
        "How roles change hands",
        ("role", "given and taken by", "a new holder waits", "its announced calls are cancelled by"),
        [(one.name, one.admin, _delay(one.grant_delay), one.guardian) for one in found.roles if one.role_id],
    )
    print_table(
        "Contracts",
        ("contract", "at", "changing whose its functions are waits", "roles may call it"),
        [(one.name, one.address, _delay(one.admin_delay), "no: closed" if one.is_closed else "yes")
         for one in found.targets],
    )  # fmt: skip
    if found.announced:
        print_table(
            "Announced calls",
            ("call", "by", "can be made", "can be cancelled by"),
            [(_call(one), f"{one.caller}, {one.role}", _window(one, found.at), "\n".join(one.may_cancel))
             for one in found.announced],
        )  # fmt: skip


def _holder(one: RoleHolding, at: int) -> str:
    delay = one.execution_delay
    said = "at once" if delay == DelayView(0, None, None) else f"{_delay(delay)} after announcing"
    return f"{one.account}, {said}" + (f", from {format_time(one.since)} on" if one.since > at else "")


def _delay(delay: DelayView) -> str:
    now = format_duration(delay.seconds)
    if delay.next_seconds is None or delay.next_from is None:
        return now
    return f"{now}, from {format_time(delay.next_from)} on {format_duration(delay.next_seconds)}"


def _call(one: CallView) -> str:
    return f"{one.call}\n0x{one.operation.hex()}"


def _window(one: CallView, at: int) -> str:
    begin = "now" if one.ready_at <= at else f"from {format_time(one.ready_at)}"
    return f"{begin}, until {format_time(one.void_at)}"
