"""Meters as they were kept, and the pages of samples behind each report.

A report goes on from the checkpoint of another, its base, and adds the pages that are new or newly whole since. So a
report's pages are its own, and before its first hour those of its base. A head that others made may have other pages
in the same hours; reports before and after it keep their own.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from pyutils.models import PageRef
from pyutils.reporter.store.records import UNFINISHED, DamagedRecordError, RecordError, State, in_states
from pyutils.units import FleetId, UnixSeconds

PUBLISHED: Final = "published"
"""Name of the meter that is fed with what is published: the operator's own samples, for a verifier the operator's."""
KEPT: Final = 4
"""So many checkpoints of each meter are kept whatever became of their reports."""
KEPT_UNFINISHED: Final = 64
"""So many more are kept at most, of reports that are not final: a verifier may not hear what became of them."""


_LINE: Final = (
    "line (as_of) AS (VALUES (:newest) UNION ALL SELECT base FROM reports JOIN line USING (as_of)"
    " WHERE fleet_id = :fleet AND base >= :oldest AND NOT EXISTS"
    " (SELECT 1 FROM pages WHERE fleet_id = :fleet AND pages.as_of = line.as_of AND hour <= :hour))"
)
"""A report, its base and so on, down to the one that has the hour itself."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A meter as it was kept."""

    fleet_id: FleetId
    meter: str
    as_of: UnixSeconds
    data: bytes


def newest_checkpoint(
    connection: sqlite3.Connection, fleet_id: FleetId, meter: str, at_or_before: UnixSeconds | None = None
) -> Checkpoint | None:
    """Return a meter's newest checkpoint up to a time. Raises `DamagedRecordError`."""
    row = connection.execute(
        "SELECT as_of, data, seal FROM checkpoints WHERE fleet_id = ? AND meter = ? AND as_of <= ?"
        " ORDER BY as_of DESC LIMIT 1",
        (str(fleet_id), meter, 2**62 if at_or_before is None else at_or_before),
    ).fetchone()
    if row is None:
        return None
    if row["seal"] != seal(row["data"]):
        raise DamagedRecordError(f"fleet {fleet_id}: the checkpoint as of {row['as_of']} is not what was written")
    return Checkpoint(fleet_id, meter, UnixSeconds(row["as_of"]), row["data"])


def keep_checkpoint(connection: sqlite3.Connection, one: Checkpoint) -> None:
    """Keep a meter, in place of what was kept of it as of the same time."""
    connection.execute(
        "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (fleet_id, meter, as_of) DO UPDATE SET data = excluded.data, seal = excluded.seal",
        (str(one.fleet_id), one.meter, one.as_of, one.data, seal(one.data)),
    )


def checkpoint_times(connection: sqlite3.Connection, fleet_id: FleetId, meter: str) -> list[UnixSeconds]:
    """Return the times of a meter's checkpoints, newest first."""
    rows = connection.execute(
        "SELECT as_of FROM checkpoints WHERE fleet_id = ? AND meter = ? ORDER BY as_of DESC", (str(fleet_id), meter)
    )
    return [UnixSeconds(row["as_of"]) for row in rows]


def drop_later(
    connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds, meters: Iterable[str], reason: str
) -> None:
    """Drop the checkpoints after a time, and give up what could be built on them alone."""
    for meter in meters:
        connection.execute(
            "DELETE FROM checkpoints WHERE fleet_id = ? AND meter = ? AND as_of > ?", (str(fleet_id), meter, as_of)
        )
    connection.execute(
        "UPDATE reports SET state = ?, reason = ?, updated_at = ?"
        f" WHERE fleet_id = ? AND as_of > ? AND state IN {in_states(State.COLLECTED, State.BUILT)}",
        (State.SKIPPED.value, reason, int(time.time()), str(fleet_id), as_of),
    )


def prune_checkpoints(connection: sqlite3.Connection, fleet_id: FleetId) -> None:
    """Drop old checkpoints; the newest few, the newest final report's and those of reports not final yet stay."""
    connection.execute(
        "DELETE FROM checkpoints AS old WHERE fleet_id = :fleet"
        " AND as_of NOT IN (SELECT as_of FROM checkpoints WHERE fleet_id = :fleet AND meter = old.meter"
        f" ORDER BY as_of DESC LIMIT {KEPT})"
        f" AND as_of NOT IN (SELECT as_of FROM reports WHERE fleet_id = :fleet AND state IN {in_states(*UNFINISHED)}"
        f" ORDER BY as_of DESC LIMIT {KEPT_UNFINISHED})"
        " AND as_of NOT IN (SELECT coalesce(max(as_of), -1) FROM reports WHERE fleet_id = :fleet AND state = 'FINAL')",
        {"fleet": str(fleet_id)},
    )


def next_base(connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds) -> UnixSeconds | None:
    """Return the report that one's own samples go on from. Raises `RecordError` where they are past a time already."""
    times = checkpoint_times(connection, fleet_id, PUBLISHED)
    if times and times[0] >= as_of:
        raise RecordError(f"fleet {fleet_id}: samples are collected up to {times[0]}, so not up to {as_of} any more")
    return times[0] if times else None


def parent_base(
    connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds, parent: bytes
) -> UnixSeconds | None:
    """Return the report that another's was built again from: its parent, where its checkpoint is kept."""
    row = connection.execute(
        "SELECT reports.as_of FROM reports JOIN checkpoints USING (fleet_id, as_of)"
        " WHERE digest = ? AND fleet_id = ? AND meter = ? AND as_of < ?",
        (parent, str(fleet_id), PUBLISHED, as_of),
    ).fetchone()
    return None if row is None else UnixSeconds(row["as_of"])


def set_pages(
    connection: sqlite3.Connection,
    fleet_id: FleetId,
    as_of: UnixSeconds,
    base: UnixSeconds | None,
    pages: Iterable[PageRef],
) -> None:
    """Say what a report adds to its base."""
    key = (str(fleet_id), as_of)
    connection.execute("UPDATE reports SET base = ? WHERE fleet_id = ? AND as_of = ?", (base, *key))
    connection.execute("DELETE FROM pages WHERE fleet_id = ? AND as_of = ?", key)
    connection.executemany(
        "INSERT INTO pages VALUES (?, ?, ?, ?, ?)", [(*key, page.hour, page.rows_hash, page.whole) for page in pages]
    )


def own_pages(connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds) -> tuple[PageRef, ...]:
    """Return what a report adds to its base, by hour."""
    rows = connection.execute(
        "SELECT hour, rows_hash, whole FROM pages WHERE fleet_id = ? AND as_of = ? ORDER BY hour",
        (str(fleet_id), as_of),
    )
    return tuple(_page(row) for row in rows)


def pages_of(
    connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds, from_hour: int
) -> tuple[PageRef, ...]:
    """Return all pages behind a report, by hour, from a UTC hour since 1970 on."""
    rows = connection.execute(
        f"WITH RECURSIVE {_LINE}"
        " SELECT line.as_of, hour, rows_hash, whole FROM line JOIN pages USING (as_of) WHERE fleet_id = :fleet"
        " ORDER BY line.as_of DESC, hour",
        {"fleet": str(fleet_id), "newest": as_of, "oldest": 0, "hour": from_hour},
    )
    found: dict[int, PageRef] = {}
    end = 2**32
    for _, group in groupby(rows, itemgetter("as_of")):
        pages = [_page(row) for row in group]
        found |= {page.hour: page for page in pages if from_hour <= page.hour < end}
        # Hours before the first that a report names are its base's.
        end = min(end, pages[0].hour)
        if end <= from_hour:
            break
    return tuple(found[hour] for hour in sorted(found))


def descends(connection: sqlite3.Connection, fleet_id: FleetId, newest: UnixSeconds, oldest: UnixSeconds) -> bool:
    """Return whether the samples of the report as of `newest` go on from those of the one as of `oldest`."""
    rows = connection.execute(
        f"WITH RECURSIVE {_LINE} SELECT 1 FROM line WHERE as_of = :oldest",
        {"fleet": str(fleet_id), "newest": newest, "oldest": oldest, "hour": -1},
    )
    return rows.fetchone() is not None


def seal(data: bytes) -> bytes:
    """Return a hash by which altered data is found."""
    return hashlib.sha256(data).digest()


def _page(row: sqlite3.Row) -> PageRef:
    return PageRef(hour=row["hour"], rows_hash=row["rows_hash"], whole=bool(row["whole"]))
