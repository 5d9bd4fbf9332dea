"""What a store says: promises, reports, pages, kept meters, signatures and proposals. Nothing here writes."""

from __future__ import annotations

from pathlib import Path

from pyutils.models import PageRef
from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.store import hearsay, lineage, promises, records
from pyutils.reporter.store.database import Database
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.promises import Promise
from pyutils.reporter.store.records import UNFINISHED, Record, State
from pyutils.units import FleetId, UnixSeconds


class StoreReader:
    """The reading half of a store. Methods may raise `StoreError`, and `DamagedRecordError` for what was altered."""

    def __init__(self, database: Database, identity: Identity) -> None:
        """Read an open database; `Store.open` opens one."""
        self.database = database
        self.identity = identity

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.database.path

    # promises

    def promised(self, fleet_id: FleetId, as_of: UnixSeconds) -> bytes | None:
        """Return the digest that is promised for a moment."""
        with self.database.read() as connection:
            return promises.promised(connection, fleet_id, as_of)

    def promised_between(self, fleet_id: FleetId, first: UnixSeconds, last: UnixSeconds) -> Promise | None:
        """Return the fleet's earliest promise from one time to another, both included."""
        with self.database.read() as connection:
            return promises.promised_between(connection, fleet_id, first, last)

    def latest_promise(self, fleet_id: FleetId) -> Promise | None:
        """Return the fleet's promise with the latest time."""
        with self.database.read() as connection:
            return promises.latest_promise(connection, fleet_id)

    # reports

    def record(self, fleet_id: FleetId, as_of: UnixSeconds) -> Record | None:
        """Return the report as of a time."""
        with self.database.read() as connection:
            return records.record(connection, self.identity, fleet_id, as_of)

    def record_of(self, digest: bytes) -> Record | None:
        """Return the report with a digest."""
        with self.database.read() as connection:
            return records.record_of(connection, self.identity, digest)

    def latest(self, fleet_id: FleetId, *states: State) -> Record | None:
        """Return the report with the latest time; of those in `states` where any is given."""
        wanted = f"AND state IN {records.in_states(*(states or State))}"
        return next(iter(self._select(f"WHERE fleet_id = ? {wanted} ORDER BY as_of DESC LIMIT 1", str(fleet_id))), None)

    def unfinished(self, fleet_id: FleetId) -> tuple[Record, ...]:
        """Return the reports between COLLECTED and MINED, oldest first."""
        wanted = f"AND state IN {records.in_states(*UNFINISHED)}"
        return self._select(f"WHERE fleet_id = ? {wanted} ORDER BY as_of", str(fleet_id))

    def newest(self, fleet_id: FleetId, limit: int) -> tuple[Record, ...]:
        """Return the reports with the latest times, newest first, whatever became of them."""
        return self._select("WHERE fleet_id = ? ORDER BY as_of DESC LIMIT ?", str(fleet_id), limit)

    def counts(self, fleet_id: FleetId) -> dict[State, int]:
        """Return how many reports are in each state; states with none are left out."""
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT state, count(*) AS reports FROM reports WHERE fleet_id = ? GROUP BY state", (str(fleet_id),)
            )
            return {State(row["state"]): row["reports"] for row in rows}

    def pages_of(self, fleet_id: FleetId, as_of: UnixSeconds, from_hour: int = 0) -> tuple[PageRef, ...]:
        """Return the pages of samples that a report is built from, by hour, from a UTC hour since 1970 on."""
        with self.database.read() as connection:
            return lineage.pages_of(connection, fleet_id, as_of, from_hour)

    def checkpoint(
        self, fleet_id: FleetId, meter: str, at_or_before: UnixSeconds | None = None
    ) -> tuple[UnixSeconds, bytes] | None:
        """Return the newest kept checkpoint of a meter up to a time, and its time."""
        with self.database.read() as connection:
            found = lineage.newest_checkpoint(connection, fleet_id, meter, at_or_before)
        return None if found is None else (found.as_of, found.data)

    def goes_on_from(self, digest: bytes) -> bool:
        """Return whether what is collected next adds to the samples of the report with this digest.

        Not so for a report that is not here, and for one of one's own that a head of others took the place of.
        """
        with self.database.read() as connection:
            found = records.record_of(connection, self.identity, digest)
            if found is None:
                return False
            times = lineage.checkpoint_times(connection, found.fleet_id, PUBLISHED)
            return bool(times) and lineage.descends(connection, found.fleet_id, times[0], found.as_of)

    def signatures(self, digest: bytes) -> tuple[SignatureFile, ...]:
        """Return the kept signatures of a report, by signer."""
        with self.database.read() as connection:
            return hearsay.signatures(connection, digest)

    def seen(self, fleet_id: FleetId, proposer: str | None = None) -> bytes | None:
        """Return the kept proposal for the latest time, of one proposer or of all."""
        with self.database.read() as connection:
            return hearsay.newest_proposal(connection, fleet_id, proposer)

    def _select(self, tail: str, *values: object) -> tuple[Record, ...]:
        with self.database.read() as connection:
            return tuple(records.select(connection, self.identity, tail, *values))
