"""Leases that are not closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyutils.chain import RevertedError, rpc
from pyutils.migration.obligation import ANYONE, Kind, Obligation, Step
from pyutils.migration.stage import Stage
from pyutils.models import EndedBy, Lease
from pyutils.operations.commitments import samples_close_at
from pyutils.operations.history import events
from pyutils.operations.leases import fleet_of
from pyutils.portfolio.fleet import FleetRow
from pyutils.units import LeaseId, UnixSeconds

_FREE_FROM_S: Final = 3_600
_ANYONE_FROM_S: Final = 86_400
"""After opening: cancelling costs nothing, and then anyone may (`LeaseBook.cancel`)."""


def leases(stage: Stage) -> Iterator[Obligation]:
    """Yield the leases that run, or wait for access or for being closed."""
    book = stage.system.lease_book
    told = events(book, ("Open", "Close", "Cancel"), first=stage.system.manifest.first_block, block=stage.number)
    running: dict[LeaseId, None] = {}
    for event in told:
        if event.name == "Open":
            running[LeaseId(event.arguments["leaseId"])] = None
        else:
            running.pop(LeaseId(event.arguments["leaseId"]), None)
    rows = {view.row.fleet_id: view.row for view in stage.fleets}
    for lease_id in running:
        lease, owner = book.lease(lease_id, stage.number), book.owner_of(lease_id, stage.number)
        row = rows[fleet_of(lease_id)]
        token = row.fleet.settlement_token
        held = f"lease {lease_id} of {lease.gpus} GPUs of fleet {row.fleet_id}, {stage.money(token, lease.held)} held"
        yield Obligation(
            kind=Kind.LEASE,
            what=f"{held}, {_state(stage, lease)}",
            token=token,
            amount=lease.held,
            ends_at=UnixSeconds(lease.end) if lease.granted_at else None,
            steps=tuple(_steps(stage, row, lease_id, lease, owner)),
        )


def _state(stage: Stage, lease: Lease) -> str:
    if not lease.granted_at:
        return "waits for access"
    return "runs" if lease.end > stage.now else "is over"


def _steps(stage: Stage, row: FleetRow, lease_id: LeaseId, lease: Lease, owner: str) -> Iterator[Step]:
    if not lease.granted_at:
        yield stage.step("lessee", owner, f"gpurwa lease cancel {lease_id}", lease.opened_at + _FREE_FROM_S)
        yield stage.step(ANYONE, (), f"gpurwa lease cancel {lease_id}", lease.opened_at + _ANYONE_FROM_S)
        return
    if lease.end > stage.now and lease.ended_by is EndedBy.NOBODY:
        yield stage.step("lessee, to end it early", owner, f"gpurwa lease end {lease_id}")
    if row.head.as_of >= lease.end:
        yield stage.step(ANYONE, (), f"gpurwa lease close {lease_id} --from PUBLISHER", lease.end)
        return
    ready = samples_close_at(row.fleet, UnixSeconds(lease.end))
    report = f"gpurwa operator once {row.fleet_id} --as-of {lease.end}"
    yield stage.step("operator", row.fleet.operator, report, ready)
    close = f"gpurwa lease close {lease_id} --from PUBLISHER"
    yield stage.step(ANYONE, (), close, ready, after="a report covers its end")
    yield stage.step(ANYONE, (), f"gpurwa lease close {lease_id} --unproved", _unproved_from(stage, lease_id, lease))


def _unproved_from(stage: Stage, lease_id: LeaseId, lease: Lease) -> int:
    """Return from when on the lease can be closed without a proof, if its proof clock does not stand still again."""
    book = stage.system.lease_book
    message = {"to": book.address, "data": "0x" + book.call_data("closeUnproved", lease_id).hex()}
    try:
        rpc.execution(stage.system.web3, "eth_call", "LeaseBook.closeUnproved", message, hex(stage.number))
    except RevertedError as error:
        if error.name == "ProofDeadlineRunning":
            return int(stage.now + error.arguments["needed"] - error.arguments["elapsed"])
        if error.name == "LeaseNotEnded":
            terms = stage.system.lease_terms.terms_of(lease.terms_id, stage.number)
            return int(lease.end + terms.proof_deadline)
        raise
    return stage.now
