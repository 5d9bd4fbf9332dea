"""Calls of people's roles. One whose role has a delay is announced first, and made when it is given again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from pyutils.cli.parameters import DURATION, FILE, HASH, format_duration
from pyutils.cli.session import Session, writes
from pyutils.contracts import Contract
from pyutils.deployment.holders import require_able
from pyutils.deployment.roles import Role
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.models import Terms
from pyutils.operations import reports
from pyutils.operations.calls import act
from pyutils.operations.fleets import settlement_token
from pyutils.operations.gpu_lists import read_gpu_list
from pyutils.operations.history import events
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.units import SHARE_DECIMALS, FleetId, parse_money

ROLE = click.Choice([role.name.lower().replace("_", "-") for role in Role])
KIND = click.Choice(["operator", "lessee"])


class TokenError(InputError):
    """A coin cannot be listed."""

    remedy = "List an ERC-20 with 6 to 18 decimals that takes no fee on transfer"


class OperationError(InputError):
    """No such call is announced."""

    remedy = "Give the operation that the announcement printed, in its week"


@click.group()
def admin() -> None:
    """Calls of people's roles: registrar, guardian, parameters, arbiter, risk and their like."""


@admin.command()
@writes
def pause(session: Session) -> None:
    """Stop new business everywhere; settlement, refunds and claims go on. For the guardian."""
    _act(session, session.system.registry, "pause", said="new business is stopped")


@admin.command()
@writes
def unpause(session: Session) -> None:
    """Let new business go on. For the parameters role."""
    _act(session, session.system.registry, "unpause", said="new business goes on")


@admin.command("list-token")
@click.argument("token")
@writes
def list_token(session: Session, token: str) -> None:
    """Let new fleets settle in a coin. For the parameters role."""
    address = session.address(token)
    coin = session.system.token(address)
    decimals = coin.decimals()
    if not 6 <= decimals <= 18:
        raise TokenError(f"{coin.symbol()} has {decimals} decimals")
    _act(session, session.system.registry, "listToken", address, said=f"{coin.symbol()} is listed")


@admin.command("delist-token")
@click.argument("token")
@writes
def delist_token(session: Session, token: str) -> None:
    """Keep new fleets from settling in a coin. For the guardian."""
    _act(session, session.system.registry, "delistToken", session.address(token), said=f"{token} is not listed")


@admin.command()
@click.argument("kind", type=KIND)
@click.argument("who")
@click.option("--checked", type=FILE, required=True, help="What was checked of them; its hash goes on chain.")
@writes
def admit(session: Session, kind: str, who: str, checked: Path) -> None:
    """Admit an operator, or put a lessee on record. For the registrar."""
    function = {"operator": "admitOperator", "lessee": "admitLessee"}[kind]
    try:
        checked_hash = keccak256(checked.read_bytes())
    except OSError as error:
        raise InputError(f"{checked} cannot be read: {error.strerror}", remedy="Check the path") from error
    said = f"{who} is an admitted {kind}"
    _act(session, session.system.registry, function, session.address(who), checked_hash, said=said)


@admin.command()
@click.argument("kind", type=KIND)
@click.argument("who")
@writes
def dismiss(session: Session, kind: str, who: str) -> None:
    """Take an operator or lessee off the record. For the registrar."""
    function = {"operator": "dismissOperator", "lessee": "dismissLessee"}[kind]
    _act(session, session.system.registry, function, session.address(who), said=f"{who} is no admitted {kind}")


@admin.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--gpus", type=FILE, required=True, help="The GPUs that were checked, one id a line.")
@writes
def confirm(session: Session, fleet_id: int, gpus: Path) -> None:
    """Make a fleet's requested GPUs real, exactly those that were checked. For the registrar's delayed hand."""
    ids = read_gpu_list(gpus)
    root = session.gpu_lists.file(ids)
    said = f"fleet {fleet_id} has {len(ids)} GPUs"
    _act(session, session.system.registry, "confirmGrowth", fleet_id, len(ids), root, said=said)


@admin.command("lower-floor")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("price")
@writes
def lower_floor(session: Session, fleet_id: int, price: str) -> None:
    """Lower the least price of a fleet, in coins per GPU-hour. For the registrar's delayed hand."""
    floor = session.money(price, settlement_token(session.system, FleetId(fleet_id)))
    _act(session, session.system.registry, "lowerFloor", fleet_id, floor, said=f"the floor of {fleet_id} is {price}")


@admin.command("consent-floor")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("price")
@writes
def consent_floor(session: Session, fleet_id: int, price: str) -> None:
    """Agree that the floor of a fleet in custody be lowered. For the risk role."""
    floor = session.money(price, settlement_token(session.system, FleetId(fleet_id)))
    _act(session, session.system.registry, "consentToFloor", fleet_id, floor, said=f"{price} is agreed to")


@admin.command("clear-double")
@click.argument("fleet_id", metavar="FLEET", type=int)
@writes
def clear_double(session: Session, fleet_id: int) -> None:
    """End a suspension for double enrolment. For the registrar."""
    _act(session, session.system.registry, "clearDoubleEnrolment", fleet_id, said=f"fleet {fleet_id} goes on")


@admin.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.option("--upheld/--struck", required=True, default=None, help="Whether the report was right.")
@writes
def rule(session: Session, fleet_id: int, upheld: bool) -> None:
    """Decide an open dispute. For the arbiter."""
    said = f"the report is {'upheld' if upheld else 'struck'}"
    _act(session, session.system.oracle, "rule", fleet_id, upheld, said=said)


@admin.command()
@click.argument("report", type=FILE)
@click.argument("signatures", type=FILE, nargs=-1, required=True)
@writes
def restate(session: Session, report: Path, signatures: tuple[Path, ...]) -> None:
    """Lower a fleet's counters with a quorum of verifiers, without the operator. For the arbiter."""
    file = ReportFile.read(report)
    row, rows = reports.restatement(session.system, file, [SignatureFile.read(path) for path in signatures])
    _act(session, session.system.oracle, "restate", row, rows, said=f"fleet {file.report.fleet_id} is restated")


@admin.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("accounts", nargs=-1, required=True)
@click.option("--quorum", type=click.IntRange(1, 32), required=True, help="How many must sign.")
@writes
def verifiers(session: Session, fleet_id: int, accounts: tuple[str, ...], quorum: int) -> None:
    """Appoint a fleet's verifiers, in any order. For the verifier admin."""
    found = sorted((session.address(account) for account in accounts), key=str.lower)
    said = f"{quorum} of {len(found)} verifiers sign for fleet {fleet_id}"
    _act(session, session.system.oracle, "setVerifiers", fleet_id, found, quorum, said=said)


@admin.command()
@click.argument("duration", type=DURATION)
@writes
def liveness(session: Session, duration: int) -> None:
    """Set how long a pending report may be disputed. For the parameters role."""
    said = f"pending reports may be disputed for {format_duration(duration)}"
    _act(session, session.system.oracle, "setLiveness", duration, said=said)


@admin.command()
@click.argument("file", type=FILE)
@writes
def terms(session: Session, file: Path) -> None:
    """Set the terms of leases opened from now on, from a JSON file as `lease quote --json` shows them."""
    try:
        found = Terms.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", remedy="Check the path") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{file}: {where}: {first['msg']}", remedy="Mend the field named") from error
    _act(session, session.system.lease_terms, "setTerms", found.row(), said="leases open under new terms")


@admin.command("protocol-fee")
@click.argument("basis_points", type=click.IntRange(0, 1_000))
@writes
def protocol_fee(session: Session, basis_points: int) -> None:
    """Set the protocol fee of fleets enrolled from now on. For the parameters role."""
    said = f"new fleets pay {basis_points} basis points"
    _act(session, session.system.router, "setProtocolFee", basis_points, said=said)


@admin.command("fee-recipient")
@click.argument("who")
@writes
def fee_recipient(session: Session, who: str) -> None:
    """Set who is credited with fees. For the parameters role."""
    _act(session, session.system.router, "setFeeRecipient", session.address(who), said=f"fees are {who}'s")


@admin.command()
@click.argument("who")
@click.option("--permitted/--forbidden", default=True, help="Whether they may hold gated shares.")
@writes
def holder(session: Session, who: str, permitted: bool) -> None:
    """Permit or forbid an account to hold gated shares. For the registrar."""
    said = f"{who} may {'' if permitted else 'not '}hold gated shares"
    _act(session, session.system.transfer_gate, "setPermitted", session.address(who), permitted, said=said)


@admin.command()
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("who")
@click.argument("shares")
@writes
def freeze(session: Session, fleet_id: int, who: str, shares: str) -> None:
    """Freeze so many of an account's gated shares; 0 frees them. For the registrar."""
    arguments = session.system.shares(FleetId(fleet_id)).address, session.address(who), _shares(shares)
    _act(session, session.system.transfer_gate, "freeze", *arguments, said=f"{shares} shares of {who} are frozen")


@admin.command("approve-forced")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("from_")
@click.argument("to")
@click.argument("shares")
@writes
def approve_forced(session: Session, fleet_id: int, from_: str, to: str, shares: str) -> None:
    """Agree to exactly one forced transfer of gated shares. For the enforcer."""
    said = f"a forced transfer of {shares} shares is agreed to"
    _forced(session, "approveForcedTransfer", fleet_id, from_, to, shares, said)


@admin.command("force-transfer")
@click.argument("fleet_id", metavar="FLEET", type=int)
@click.argument("from_")
@click.argument("to")
@click.argument("shares")
@writes
def force_transfer(session: Session, fleet_id: int, from_: str, to: str, shares: str) -> None:
    """Make a forced transfer that was agreed to. For the registrar's delayed hand."""
    _forced(session, "forceTransfer", fleet_id, from_, to, shares, f"{shares} shares are {to}'s")


@admin.command("allow-losses")
@click.argument("booker")
@click.argument("token")
@click.argument("amount")
@writes
def allow_losses(session: Session, booker: str, token: str, amount: str) -> None:
    """Let a contract draw on the loss fund, so much in all. For the risk role."""
    coin = session.system.token(session.address(token))
    units = session.money(amount, coin)
    said = f"{booker} may draw {amount} {coin.symbol()}"
    _act(session, session.system.loss_fund, "allow", session.address(booker), coin.address, units, said=said)


@admin.command("grant-role")
@click.argument("role", type=ROLE)
@click.argument("who")
@click.option("--delay", type=DURATION, required=True, help="Between announcing and making its calls.")
@writes
def grant_role(session: Session, role: str, who: str, delay: int) -> None:
    """Give an account a role that can make its calls; it holds it after the role's grant delay. For the admin."""
    ours = {record.address: name for name, record in session.manifest.everything}
    require_able(session.system.web3, role, session.address(who), ours=ours)
    arguments = _role(role), session.address(who), delay
    _act(session, session.system.authority, "grantRole", *arguments, said=f"{who} becomes {role}")


@admin.command("revoke-role")
@click.argument("role", type=ROLE)
@click.argument("who")
@writes
def revoke_role(session: Session, role: str, who: str) -> None:
    """Take a role from an account. For the admin."""
    _act(session, session.system.authority, "revokeRole", _role(role), session.address(who), said=f"{who} is no {role}")


@admin.command("renounce-role")
@click.argument("role", type=ROLE)
@writes
def renounce_role(session: Session, role: str) -> None:
    """Give up one's own role, at once."""
    receipt = session.system.authority.renounce_role(session.lane, Role(_role(role)))
    session.done(receipt, f"{session.lane.address} is no {role}")


@admin.command("cancel-call")
@click.argument("operation", type=HASH)
@writes
def cancel_call(session: Session, operation: bytes) -> None:
    """Cancel a call that was announced. For who announced it, and the guardian."""
    topics = ["0x" + operation.hex()]
    authority = session.system.authority
    found = list(events(authority, "OperationScheduled", topics, first=session.manifest.first_block))
    if not found or not authority.scheduled_for(operation):
        raise OperationError(f"0x{operation.hex()} is not announced")
    call = found[-1].arguments
    receipt = authority.cancel(session.lane, call["caller"], call["target"], call["data"])
    session.done(receipt, f"0x{operation.hex()} is cancelled")


def _act(session: Session, contract: Contract, function: str, *arguments: Any, said: str) -> None:
    session.acted(act(session.system.authority, session.lane, contract, function, *arguments), said)


def _forced(session: Session, function: str, fleet_id: int, from_: str, to: str, shares: str, said: str) -> None:
    address = session.system.shares(FleetId(fleet_id)).address
    arguments = address, session.address(from_), session.address(to), _shares(shares)
    _act(session, session.system.transfer_gate, function, *arguments, said=said)


def _shares(text: str) -> int:
    return parse_money(text, SHARE_DECIMALS)


def _role(name: str) -> int:
    return int(Role[name.upper().replace("-", "_")])
