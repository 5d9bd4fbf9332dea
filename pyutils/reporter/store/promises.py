"""What the signer may sign, on disk before it does: one digest for one moment of one fleet, in the spirit of EIP-3076.

Promises are numbered, and each is linked to all before it by a hash, so one that is lost or altered is found.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

from pyutils.errors import GpuRwaError
from pyutils.keccak import keccak256
from pyutils.models import Bytes32, FrozenModel
from pyutils.models.base import IN_UINT40, IN_UINT64
from pyutils.reporter.store.errors import DamagedStoreError, RolledBackStoreError
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.lock import StoreLock
from pyutils.units import FleetId, UnixSeconds

_NO_LINK: Final = bytes(32)


class DoubleSignError(GpuRwaError):
    """Another digest is promised for the moment: signing this one would be a lie that costs the stake."""

    remedy = "Let this report go; counters are cumulative, so the next one says all that it said"

    def __init__(self, fleet_id: int, as_of: int, promised: bytes, asked: bytes) -> None:
        super().__init__(
            f"fleet {fleet_id}: as of {as_of} 0x{promised.hex()} is promised, so 0x{asked.hex()} is not signed"
        )
        self.fleet_id, self.as_of, self.promised, self.asked = fleet_id, as_of, promised, asked


class BelowWatermarkError(GpuRwaError):
    """An imported history ends at or after the moment, and does not say what was signed for it."""

    remedy = "Let this report go; the next one says all that it said"

    def __init__(self, fleet_id: int, as_of: int, watermark: int) -> None:
        super().__init__(
            f"fleet {fleet_id}: nothing new is signed as of {as_of}, the imported history goes up to {watermark}"
        )
        self.fleet_id, self.as_of, self.watermark = fleet_id, as_of, watermark


class Promise(FrozenModel):
    """A digest that may be signed."""

    fleet_id: Annotated[FleetId, IN_UINT64]
    as_of: Annotated[UnixSeconds, IN_UINT40]
    digest: Bytes32
    promised_at: int
    """When, by this machine's clock, in Unix seconds."""


class Watermark(FrozenModel):
    """Up to when a fleet's history was imported."""

    fleet_id: Annotated[FleetId, IN_UINT64]
    as_of: Annotated[UnixSeconds, IN_UINT40]


def promise(connection: sqlite3.Connection, identity: Identity, one: Promise, *, above_watermark: bool = True) -> None:
    """Promise a digest, or find that it is promised. Raises `DoubleSignError`, `BelowWatermarkError`."""
    found = promised(connection, one.fleet_id, one.as_of)
    if found == one.digest:
        return
    if found is not None:
        raise DoubleSignError(one.fleet_id, one.as_of, found, one.digest)
    watermark = _watermark(connection, one.fleet_id)
    if above_watermark and watermark is not None and one.as_of <= watermark:
        raise BelowWatermarkError(one.fleet_id, one.as_of, watermark)
    number, link = last_link(connection)
    connection.execute(
        "INSERT INTO promises VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number + 1,
            str(identity.chain_id),
            identity.oracle,
            str(one.fleet_id),
            one.as_of,
            one.digest,
            one.promised_at,
            _link(link, identity, one),
        ),
    )


def new_promise(fleet_id: FleetId, as_of: UnixSeconds, digest: bytes) -> Promise:
    """Return a promise that is made now."""
    return Promise(fleet_id=fleet_id, as_of=as_of, digest=digest, promised_at=int(time.time()))


def promised(connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds) -> bytes | None:
    """Return the digest that is promised for a moment."""
    row = connection.execute(
        "SELECT digest FROM promises WHERE fleet_id = ? AND as_of = ?", (str(fleet_id), as_of)
    ).fetchone()
    return None if row is None else row["digest"]


def latest_promise(connection: sqlite3.Connection, fleet_id: FleetId) -> Promise | None:
    """Return a fleet's promise with the latest time."""
    row = connection.execute(
        "SELECT * FROM promises WHERE fleet_id = ? ORDER BY as_of DESC LIMIT 1", (str(fleet_id),)
    ).fetchone()
    return None if row is None else _read(row)


def promised_between(
    connection: sqlite3.Connection, fleet_id: FleetId, first: UnixSeconds, last: UnixSeconds
) -> Promise | None:
    """Return a fleet's earliest promise from one time to another, both included."""
    row = connection.execute(
        "SELECT * FROM promises WHERE fleet_id = ? AND as_of BETWEEN ? AND ? ORDER BY as_of LIMIT 1",
        (str(fleet_id), first, last),
    ).fetchone()
    return None if row is None else _read(row)


def all_promises(connection: sqlite3.Connection) -> list[Promise]:
    """Return all promises in the order in which they were made."""
    return [_read(row) for row in connection.execute("SELECT * FROM promises ORDER BY number")]


def last_link(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return number and link of the promise made last; 0 and zeros before the first."""
    row = connection.execute("SELECT number, link FROM promises ORDER BY number DESC LIMIT 1").fetchone()
    return (0, _NO_LINK) if row is None else (row["number"], row["link"])


def watermarks(connection: sqlite3.Connection) -> list[Watermark]:
    """Return all watermarks."""
    rows = connection.execute("SELECT fleet_id, as_of FROM watermarks ORDER BY fleet_id")
    return [Watermark(fleet_id=FleetId(int(row["fleet_id"])), as_of=UnixSeconds(row["as_of"])) for row in rows]


def raise_watermarks(connection: sqlite3.Connection, marks: Iterable[Watermark]) -> None:
    """Let nothing new be promised at or below these times. One that is higher stays."""
    for mark in marks:
        found = _watermark(connection, mark.fleet_id)
        if found is None or found < mark.as_of:
            connection.execute(
                "INSERT INTO watermarks VALUES (?, ?, ?)"
                " ON CONFLICT (fleet_id) DO UPDATE SET as_of = excluded.as_of, seal = excluded.seal",
                (str(mark.fleet_id), mark.as_of, _watermark_seal(mark.fleet_id, mark.as_of)),
            )


def check_promises(connection: sqlite3.Connection, identity: Identity, path: Path, lock: StoreLock) -> None:
    """Raise `DamagedStoreError` where a promise is altered or missing, `RolledBackStoreError` where the newest are."""
    marked = lock.marked(identity)
    number, link, link_at_mark = 0, _NO_LINK, _NO_LINK
    for row in connection.execute("SELECT * FROM promises ORDER BY number"):
        number += 1
        try:
            link = _link(link, identity, _read(row))
        except ValueError as error:
            raise DamagedStoreError(path, f"promise {number} is not what was written") from error
        written = (row["number"], row["link"], row["chain_id"], row["oracle"])
        if written != (number, link, str(identity.chain_id), identity.oracle):
            raise DamagedStoreError(path, f"promise {number} is not what was written")
        if marked is not None and number == marked[0]:
            link_at_mark = link
    for row in connection.execute("SELECT fleet_id, as_of, seal FROM watermarks"):
        if row["seal"] != _watermark_seal(row["fleet_id"], row["as_of"]):
            raise DamagedStoreError(path, f"the watermark of fleet {row['fleet_id']} is not what was written")
    if marked is not None and number < marked[0]:
        raise RolledBackStoreError(path, f"the store knows {number} promises, {marked[0]} were made with it")
    if marked is not None and link_at_mark != marked[1]:
        raise RolledBackStoreError(path, f"promise {marked[0]} is another than the one made with this store")
    lock.mark(identity, number, link)


def _read(row: sqlite3.Row) -> Promise:
    return Promise(
        fleet_id=FleetId(int(row["fleet_id"])),
        as_of=UnixSeconds(row["as_of"]),
        digest=row["digest"],
        promised_at=row["promised_at"],
    )


def _link(before: bytes, identity: Identity, one: Promise) -> bytes:
    facts = f"{identity.chain_id},{identity.oracle},{one.fleet_id},{one.as_of},0x{one.digest.hex()},{one.promised_at}"
    return keccak256(before + facts.encode("ascii"))


def _watermark(connection: sqlite3.Connection, fleet_id: FleetId) -> int | None:
    row = connection.execute("SELECT as_of FROM watermarks WHERE fleet_id = ?", (str(fleet_id),)).fetchone()
    return None if row is None else row["as_of"]


def _watermark_seal(fleet_id: int | str, as_of: int) -> bytes:
    return keccak256(f"watermark,{fleet_id},{as_of}".encode("ascii"))
