"""Reports by state, from samples that were collected to a head that is final."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from pyutils.errors import GpuRwaError
from pyutils.models import Bytes32, FrozenModel, MeterReport
from pyutils.models.base import IN_UINT40, IN_UINT64
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.store.identity import Identity
from pyutils.units import BlockNumber, FleetId, UnixSeconds


class State(StrEnum):
    """How far a report got."""

    COLLECTED = "COLLECTED"
    """Its samples, and the meter after them, are kept."""
    BUILT = "BUILT"
    """It has a digest. Nothing was signed: on another head it is built again."""
    SIGNED = "SIGNED"
    """Its digest is promised; it may have been signed."""
    BROADCAST = "BROADCAST"
    """A transaction with it is saved and may have been sent."""
    MINED = "MINED"
    """It is the head, in a block that may still be taken back."""
    FINAL = "FINAL"
    """It became the head in a block that is final."""
    SKIPPED = "SKIPPED"
    """It was given up; a later one says what it said."""
    ADOPTED = "ADOPTED"
    """Others made it, it became the head, and this store's meters go on from it. Nothing of it was signed here."""


TRANSITIONS: Final[Mapping[State | None, frozenset[State]]] = {
    None: frozenset({State.COLLECTED}),
    State.COLLECTED: frozenset({State.BUILT, State.SKIPPED}),
    # Built again: on another parent, as long as it is not signed.
    State.BUILT: frozenset({State.BUILT, State.SIGNED, State.SKIPPED}),
    # Anybody may carry what is signed, so it may be mined without a transaction of ours.
    State.SIGNED: frozenset({State.BROADCAST, State.MINED, State.SKIPPED}),
    # Back to signed where its transaction failed and it may be sent again.
    State.BROADCAST: frozenset({State.SIGNED, State.MINED, State.SKIPPED}),
    # A reorg takes it back, or puts it into another block.
    State.MINED: frozenset({State.MINED, State.BROADCAST, State.SKIPPED, State.FINAL}),
    State.FINAL: frozenset(),
    # A transaction that was given up may get in after all, and what was never signed may be collected again.
    State.SKIPPED: frozenset({State.COLLECTED, State.MINED, State.SKIPPED}),
    State.ADOPTED: frozenset(),
}
"""What may follow what; None is before the first."""

TAKEOVERS: Final[Mapping[State, frozenset[State | None]]] = {
    State.SIGNED: frozenset({None, State.COLLECTED, State.BUILT, State.SKIPPED, State.ADOPTED}),
    State.ADOPTED: frozenset(
        {None, State.COLLECTED, State.BUILT, State.SIGNED, State.BROADCAST, State.SKIPPED, State.ADOPTED}
    ),
}
"""What a report that others made may take the place of: one that a verifier signs, and a head that is gone on from."""

UNFINISHED: Final = (State.COLLECTED, State.BUILT, State.SIGNED, State.BROADCAST, State.MINED)


class RecordError(GpuRwaError):
    """A report cannot become what it was to become, or is not there."""

    remedy = "Report this as a bug; the store is as it was"


class DamagedRecordError(GpuRwaError):
    """A record in the store does not hash to its digest."""

    remedy = "The disk or somebody altered it: restore the newest copy, or import the newest export"


class Record(FrozenModel):
    """One report as the store has it."""

    fleet_id: Annotated[FleetId, IN_UINT64]
    as_of: Annotated[UnixSeconds, IN_UINT40]
    state: State
    report: MeterReport | None = None
    """None until it is built."""
    digest: Bytes32 | None = None
    mined_block: Annotated[BlockNumber, Field(ge=0, lt=2**63)] | None = None
    """Block in which it became the head."""
    mined_hash: Bytes32 | None = None
    fee_wei: Annotated[int, Field(ge=0, lt=2**256)] | None = None
    reason: str = ""
    """Why it was given up."""
    updated_at: int
    """When this was written, by this machine's clock, in Unix seconds."""


def digest_of(identity: Identity, report: MeterReport) -> bytes:
    """Return what is signed for a report."""
    return ReportFile(chain_id=identity.chain_id, oracle=identity.oracle, report=report).digest


def checked_digest(
    identity: Identity, fleet_id: FleetId, as_of: UnixSeconds, report: MeterReport, claimed: bytes | None = None
) -> bytes:
    """Return the digest of a report. Raises `RecordError` where fleet, time or the digest claimed are not its own."""
    digest = digest_of(identity, report)
    if (report.fleet_id, report.as_of) != (fleet_id, as_of) or claimed not in (None, digest):
        raise RecordError(
            f"fleet {fleet_id} as of {as_of}: the report is of fleet {report.fleet_id} as of {report.as_of},"
            f" with the digest 0x{digest.hex()}"
        )
    return digest


def move(
    connection: sqlite3.Connection,
    fleet_id: FleetId,
    as_of: UnixSeconds,
    state: State,
    *,
    source: State | None = None,
    **fields: Any,
) -> None:
    """Bring a report into a state; where `source` is given, from there alone. Raises `RecordError` where it stays."""
    before = state_of(connection, fleet_id, as_of)
    if state not in TRANSITIONS[before] or source not in (None, before):
        raise RecordError(_refusal(fleet_id, as_of, before, state))
    write(connection, fleet_id, as_of, state, **fields)


def take_over(connection: sqlite3.Connection, state: State, report: MeterReport, digest: bytes) -> None:
    """Put a report that others made in the place of what is there. Raises `RecordError` where that stands."""
    before = state_of(connection, report.fleet_id, report.as_of)
    if before not in TAKEOVERS[state]:
        raise RecordError(_refusal(report.fleet_id, report.as_of, before, state))
    told = {"report": report.model_dump_json(), "digest": digest, "mined_block": None, "mined_hash": None}
    write(connection, report.fleet_id, report.as_of, state, fee_wei=None, **told)


def state_of(connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds) -> State | None:
    """Return how far a report got; None where there is none."""
    row = connection.execute(
        "SELECT state FROM reports WHERE fleet_id = ? AND as_of = ?", (str(fleet_id), as_of)
    ).fetchone()
    return None if row is None else State(row["state"])


def write(connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds, state: State, **fields: Any) -> None:
    """Write state and fields of a report, whatever they were; fields that are not named stay."""
    values = {"reason": "", "updated_at": int(time.time())} | fields | {"state": state.value}
    changes = ", ".join(f"{name} = ?" for name in values)
    key = (str(fleet_id), as_of)
    found = connection.execute(
        f"UPDATE reports SET {changes} WHERE fleet_id = ? AND as_of = ?", (*values.values(), *key)
    )
    if found.rowcount == 0:
        columns = ", ".join(["fleet_id", "as_of", *values])
        places = ", ".join("?" * (2 + len(values)))
        connection.execute(f"INSERT INTO reports ({columns}) VALUES ({places})", (*key, *values.values()))


def broadcast(connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds) -> None:
    """Make a report BROADCAST where it is SIGNED; elsewhere a transaction changes nothing."""
    if state_of(connection, fleet_id, as_of) is State.SIGNED:
        move(connection, fleet_id, as_of, State.BROADCAST)


def select(connection: sqlite3.Connection, identity: Identity, tail: str, *values: object) -> list[Record]:
    """Return the reports that `tail`, SQL from WHERE on, asks for. Raises `DamagedRecordError`."""
    return [_read(row, identity) for row in connection.execute(f"SELECT * FROM reports {tail}", values)]


def record(connection: sqlite3.Connection, identity: Identity, fleet_id: FleetId, as_of: UnixSeconds) -> Record | None:
    """Return the report of a fleet as of a time."""
    return next(iter(select(connection, identity, "WHERE fleet_id = ? AND as_of = ?", str(fleet_id), as_of)), None)


def record_of(connection: sqlite3.Connection, identity: Identity, digest: bytes) -> Record | None:
    """Return the report with a digest."""
    return next(iter(select(connection, identity, "WHERE digest = ?", digest)), None)


def in_states(*states: State) -> str:
    """Return the states as SQL has a list of them."""
    return f"({', '.join(repr(state.value) for state in states)})"


def _refusal(fleet_id: int, as_of: int, before: State | None, state: State) -> str:
    if before is None:
        return f"fleet {fleet_id}: there is no report as of {as_of} that could become {state}"
    return f"fleet {fleet_id}: the report as of {as_of} is {before} and cannot become {state}"


def _read(row: sqlite3.Row, identity: Identity) -> Record:
    name = f"fleet {row['fleet_id']}: the report as of {row['as_of']}"
    try:
        report = None if row["report"] is None else MeterReport.model_validate_json(row["report"])
        found = Record(
            fleet_id=FleetId(int(row["fleet_id"])),
            as_of=UnixSeconds(row["as_of"]),
            state=State(row["state"]),
            report=report,
            digest=row["digest"],
            mined_block=row["mined_block"],
            mined_hash=row["mined_hash"],
            fee_wei=None if row["fee_wei"] is None else int(row["fee_wei"]),
            reason=row["reason"],
            updated_at=row["updated_at"],
        )
    except (ValidationError, ValueError) as error:
        raise DamagedRecordError(f"{name} is not what was written") from error
    if report is not None:
        whole = (report.fleet_id, report.as_of) == (found.fleet_id, found.as_of)
        if not whole or digest_of(identity, report) != found.digest:
            raise DamagedRecordError(f"{name} does not hash to its digest")
    return found
