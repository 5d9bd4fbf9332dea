"""The reporter's store: what was promised, how far each report got, and all that is needed to go on after a crash.

A digest is promised on disk before it is signed, one for each moment, and nothing takes a promise back. Each method
that writes is one transaction: when it returns, that is on disk; when it raises or the process dies, nothing of it is.
Methods may be called from threads, which take turns on one connection. A store is used by one process, under a lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from pyutils.models import MeterReport, PageRef
from pyutils.operations.report_files import SignatureFile
from pyutils.reporter.failpoints import reach
from pyutils.reporter.store import hearsay, lineage, promises, records
from pyutils.reporter.store.database import Database
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.journal import StoreJournal
from pyutils.reporter.store.lineage import PUBLISHED, Checkpoint
from pyutils.reporter.store.promises import Promise
from pyutils.reporter.store.reader import StoreReader
from pyutils.reporter.store.records import Record, RecordError, State
from pyutils.units import BlockNumber, FleetId, UnixSeconds

__all__ = ["PUBLISHED", "Identity", "Promise", "Record", "State", "Store", "StoreJournal"]


class Store(StoreReader):
    """One signer's store.

    Every method may raise `StoreError`: a full or failing disk, another program that holds the database. Nothing of
    what was to be written is written then, and the store can be used on.
    """

    @classmethod
    def create(cls, path: Path, identity: Identity) -> Self:
        """Make a store where there is none, whole or not at all.

        Raises `StoreExistsError` where a store or a rest of one is there, `RolledBackStoreError` where promises were
        made with one that is not there any more, or as `open` does.
        """
        return cls(Database.create(path, identity), identity)

    @classmethod
    def open(cls, path: Path, identity: Identity, *, even_if_moved: bool = False) -> Self:
        """Open the store of an identity, after looking whether it is whole.

        Args:
            path: the database; `PATH.lock` beside it is the lock, and says how much was promised.
            identity: whose it must be.
            even_if_moved: open one that was exported too; to export it again. It promises nothing.

        Raises:
            NoStoreError: nothing is there; a store is never made by opening it.
            DamagedStoreError: it is no store, or not what was written.
            RolledBackStoreError: promises are missing that were made with it: it is an older copy.
            NewerStoreError: a newer release made it.
            OtherStoreError: it is another signer's, or of another oracle or chain.
            MovedStoreError: it was exported.
            StoreBusyError: another process has it.
            UnwritableStoreError: folder or file cannot be read or written.

        """
        return cls(Database.open(path, identity, even_if_moved=even_if_moved), identity)

    def close(self) -> None:
        """Let go of file and lock; all that was written is on disk already."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # promises

    def promise(self, fleet_id: FleetId, as_of: UnixSeconds, digest: bytes) -> None:
        """Promise to sign nothing but `digest` for a moment; on disk when it returns. Again is fine.

        Raises `DoubleSignError` where another one is promised, `BelowWatermarkError` where an imported history ends at
        or after the moment and does not have it.
        """
        with self.database.write() as connection:
            promises.promise(connection, self.identity, promises.new_promise(fleet_id, as_of, digest))
        self._mark()
        reach("promised")

    # reports, from samples to a head that is final

    def collect(self, fleet_id: FleetId, as_of: UnixSeconds, checkpoint: bytes, pages: Iterable[PageRef]) -> Record:
        """Keep the meter after a report's samples, and the report as COLLECTED.

        Args:
            fleet_id: the fleet.
            as_of: the report's time, later than that of every kept checkpoint of the meter.
            checkpoint: the published meter, sealed at `as_of`.
            pages: what is new, or newly whole, since the newest checkpoint.

        Raises `RecordError` where samples are collected up to then already.
        """
        with self.database.write() as connection:
            base = lineage.next_base(connection, fleet_id, as_of)
            before = records.record(connection, self.identity, fleet_id, as_of)
            # After a head of others, samples are collected again that a report was signed from before: it stays.
            if before is None or promises.promised(connection, fleet_id, as_of) is None:
                records.move(connection, fleet_id, as_of, State.COLLECTED, report=None, digest=None)
            lineage.set_pages(connection, fleet_id, as_of, base, pages)
            lineage.keep_checkpoint(connection, Checkpoint(fleet_id, PUBLISHED, as_of, checkpoint))
            lineage.prune_checkpoints(connection, fleet_id)
            found = self._record(connection, fleet_id, as_of)
        reach("collected")
        return found

    def build(self, fleet_id: FleetId, as_of: UnixSeconds, report: MeterReport) -> Record:
        """Keep what a collected report says, as BUILT; again, on another parent, as long as it is not signed."""
        digest = records.checked_digest(self.identity, fleet_id, as_of, report)
        with self.database.write() as connection:
            told = report.model_dump_json()
            records.move(connection, fleet_id, as_of, State.BUILT, report=told, digest=digest)
            found = self._record(connection, fleet_id, as_of)
        reach("built")
        return found

    def sign_off(self, fleet_id: FleetId, as_of: UnixSeconds) -> Record:
        """Promise a built report's digest, and make it SIGNED: from here on it may be signed.

        Raises `DoubleSignError`, `BelowWatermarkError`, and `RecordError` where it is not built.
        """
        with self.database.write() as connection:
            found = self._record(connection, fleet_id, as_of)
            if found.digest is None:
                raise RecordError(f"fleet {fleet_id}: the report as of {as_of} has no digest to sign")
            promises.promise(connection, self.identity, promises.new_promise(fleet_id, as_of, found.digest))
            records.move(connection, fleet_id, as_of, State.SIGNED, source=State.BUILT)
            found = self._record(connection, fleet_id, as_of)
        self._mark()
        reach("promised")
        return found

    def attest(
        self,
        fleet_id: FleetId,
        as_of: UnixSeconds,
        digest: bytes,
        report: MeterReport,
        checkpoints: Mapping[str, bytes],
        pages: Iterable[PageRef],
    ) -> Record:
        """Promise, as a verifier, another's report that was built again, and keep it and the meters after it.

        Args:
            fleet_id: the fleet.
            as_of: the report's time.
            digest: what is to be signed; must be the report's.
            report: the report.
            checkpoints: meters by name, sealed at `as_of`.
            pages: what is new, or newly whole, since the parent; all where the parent's checkpoint is not kept.

        Raises `DoubleSignError`, `BelowWatermarkError`, and `RecordError` where the digest is another report's.
        """
        records.checked_digest(self.identity, fleet_id, as_of, report, digest)
        with self.database.write() as connection:
            promises.promise(connection, self.identity, promises.new_promise(fleet_id, as_of, digest))
            self._take_over(connection, State.SIGNED, digest, report, checkpoints, pages)
            lineage.prune_checkpoints(connection, fleet_id)
            found = self._record(connection, fleet_id, as_of)
        self._mark()
        reach("verifier_promised")
        return found

    def adopt(
        self,
        fleet_id: FleetId,
        as_of: UnixSeconds,
        digest: bytes,
        report: MeterReport,
        checkpoints: Mapping[str, bytes],
        pages: Iterable[PageRef],
    ) -> Record:
        """Keep a head that others made, and let the meters named go on from it. Nothing is promised.

        Their later checkpoints are dropped, and reports that stand on those and are not signed are given up. A report
        of one's own as of the same time gives way, unless it is this one. Arguments are as `attest` has them.
        """
        records.checked_digest(self.identity, fleet_id, as_of, report, digest)
        with self.database.write() as connection:
            self._take_over(connection, State.ADOPTED, digest, report, checkpoints, pages)
            lineage.drop_later(
                connection, fleet_id, as_of, checkpoints, f"the head as of {as_of} was made by others, on other samples"
            )
            lineage.prune_checkpoints(connection, fleet_id)
            found = self._record(connection, fleet_id, as_of)
        reach("checkpoint_saved")
        return found

    def mined(
        self,
        fleet_id: FleetId,
        as_of: UnixSeconds,
        block: BlockNumber,
        block_hash: bytes | None = None,
        fee_wei: int | None = None,
    ) -> Record:
        """Say that a report became the head in a block, and what that cost where it is known."""
        with self.database.write() as connection:
            fee = None if fee_wei is None else str(fee_wei)
            move = partial(records.move, connection, fleet_id, as_of, State.MINED)
            move(mined_block=block, mined_hash=block_hash, fee_wei=fee)
            found = self._record(connection, fleet_id, as_of)
        reach("mined")
        return found

    def reorged(self, fleet_id: FleetId, as_of: UnixSeconds) -> Record:
        """Say that a mined report is the head no more: BROADCAST again, or SKIPPED where it was never signed here."""
        with self.database.write() as connection:
            found = self._record(connection, fleet_id, as_of)
            signed = promises.promised(connection, fleet_id, as_of) == found.digest
            state = State.BROADCAST if signed else State.SKIPPED
            move = partial(records.move, connection, fleet_id, as_of, state, source=State.MINED)
            move(mined_block=None, mined_hash=None, reason="a reorg took it back")
            return self._record(connection, fleet_id, as_of)

    def finalized(self, fleet_id: FleetId, as_of: UnixSeconds) -> Record:
        """Say that a mined report's block is final."""
        with self.database.write() as connection:
            records.move(connection, fleet_id, as_of, State.FINAL)
            lineage.prune_checkpoints(connection, fleet_id)
            found = self._record(connection, fleet_id, as_of)
        reach("finalized")
        return found

    def held_back(self, fleet_id: FleetId, as_of: UnixSeconds) -> Record:
        """Say that a report's transaction brought it nowhere: SIGNED again, so that it may be sent in another."""
        with self.database.write() as connection:
            records.move(connection, fleet_id, as_of, State.SIGNED, source=State.BROADCAST)
            return self._record(connection, fleet_id, as_of)

    def skip(self, fleet_id: FleetId, as_of: UnixSeconds, reason: str) -> Record:
        """Give a report up, and say why."""
        with self.database.write() as connection:
            records.move(connection, fleet_id, as_of, State.SKIPPED, reason=reason)
            return self._record(connection, fleet_id, as_of)

    # signatures and proposals

    def keep_signature(self, signature: SignatureFile) -> None:
        """Keep a signature of a report, one's own or a verifier's, in the form of 65 bytes."""
        data = signature.value.to_bytes()
        with self.database.write() as connection:
            hearsay.keep_signature(connection, signature.digest, signature.signer, data)
        reach("signature_stored")

    def keep_proposal(self, fleet_id: FleetId, proposer: str, as_of: UnixSeconds, body: bytes) -> None:
        """Keep a signed proposal, unless one of the same proposer for a later time is kept."""
        with self.database.write() as connection:
            hearsay.keep_proposal(connection, fleet_id, proposer, as_of, body)

    def _mark(self) -> None:
        """Write down beside the database how much was promised, so that an older copy of it is known for one."""
        with self.database.read() as connection:
            self.database.lock.mark(self.identity, *promises.last_link(connection))

    def _record(self, connection: sqlite3.Connection, fleet_id: FleetId, as_of: UnixSeconds) -> Record:
        found = records.record(connection, self.identity, fleet_id, as_of)
        if found is None:
            raise RecordError(f"fleet {fleet_id}: there is no report as of {as_of}")
        return found

    def _take_over(
        self,
        connection: sqlite3.Connection,
        state: State,
        digest: bytes,
        report: MeterReport,
        checkpoints: Mapping[str, bytes],
        pages: Iterable[PageRef],
    ) -> None:
        """Keep a report that was built again from what others published."""
        fleet_id, as_of = report.fleet_id, report.as_of
        before = records.record(connection, self.identity, fleet_id, as_of)
        if not self._is_further(connection, before, state, digest):
            records.take_over(connection, state, report, digest)
        base = lineage.parent_base(connection, fleet_id, as_of, report.previous_digest)
        lineage.set_pages(connection, fleet_id, as_of, base, pages)
        for meter, data in checkpoints.items():
            lineage.keep_checkpoint(connection, Checkpoint(fleet_id, meter, as_of, data))

    def _is_further(self, connection: sqlite3.Connection, before: Record | None, state: State, digest: bytes) -> bool:
        """Return whether this very report is here already, and got at least as far as it is to get."""
        if before is None or before.digest != digest:
            return False
        if before.state is State.SKIPPED:
            signed = promises.promised(connection, before.fleet_id, before.as_of) == digest
            return state is State.ADOPTED and signed
        return before.state in (State.SIGNED, State.BROADCAST, State.MINED, State.FINAL)
