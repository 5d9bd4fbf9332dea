"""All that a store holds, as one JSON value and the meters beside it, and how a store takes it over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Final, Literal

import orjson
from pydantic import Field

from pyutils.errors import ChainError, InputError, SigningError
from pyutils.models import Address, Bytes32, FrozenModel, PageRef, parse_address
from pyutils.models.base import IN_UINT40, IN_UINT64, HexBytes
from pyutils.operations.report_files import ReportFileError, SignatureFile
from pyutils.reporter.store import hearsay, lineage, promises, records, transactions
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.lineage import Checkpoint
from pyutils.reporter.store.promises import DoubleSignError, Promise, Watermark
from pyutils.reporter.store.records import Record
from pyutils.reporter.store.transactions import SavedForm
from pyutils.units import FleetId, UnixSeconds

FORMAT: Final = "gpu-rwa-signing-history/1"


class ContradictionError(InputError):
    """A history says that another digest was signed for a moment than the store says. Nothing was changed."""

    remedy = "Sign nothing more with this key: keep both files, and name a new key on chain"

    def __init__(self, error: DoubleSignError) -> None:
        super().__init__(
            f"fleet {error.fleet_id}: as of {error.as_of} the store promised 0x{error.promised.hex()},"
            f" the history 0x{error.asked.hex()}"
        )
        self.fleet_id, self.as_of = error.fleet_id, error.as_of


class HistoryError(InputError):
    """A history does not fit together. Nothing was changed."""

    remedy = "Export again from the store that it is of"


class SavedReport(FrozenModel):
    """A report with what it adds to the one that it went on from."""

    record: Record
    base: Annotated[UnixSeconds, IN_UINT40] | None
    pages: tuple[PageRef, ...]


class SavedSignature(FrozenModel):
    """A signature of a report."""

    digest: Bytes32
    signer: Address
    signature: Annotated[HexBytes, Field(min_length=65, max_length=65)]


class SavedProposal(FrozenModel):
    """The newest proposal of a proposer."""

    fleet_id: Annotated[FleetId, IN_UINT64]
    proposer: Address
    as_of: Annotated[UnixSeconds, IN_UINT40]
    body: HexBytes


class SavedCheckpoint(FrozenModel):
    """Which meter one of the archive's checkpoints is of; they stand in this order."""

    fleet_id: Annotated[FleetId, IN_UINT64]
    meter: Annotated[str, Field(min_length=1, max_length=64)]
    as_of: Annotated[UnixSeconds, IN_UINT40]
    seal: Bytes32
    """SHA-256 of its bytes."""


class History(FrozenModel):
    """All that a store holds but the meters' bytes; of the transactions those that are not settled."""

    format: Literal["gpu-rwa-signing-history/1"] = FORMAT
    identity: Identity
    files: Annotated[int, Field(ge=0)]
    """How many published files stand in the archive."""
    watermarks: tuple[Watermark, ...]
    promises: tuple[Promise, ...]
    reports: tuple[SavedReport, ...]
    signatures: tuple[SavedSignature, ...]
    proposals: tuple[SavedProposal, ...]
    transactions: tuple[SavedForm, ...]
    checkpoints: tuple[SavedCheckpoint, ...]


def read_history(connection: sqlite3.Connection, identity: Identity, files: int) -> History:
    """Return what a store holds. Raises `DamagedRecordError` where it was altered."""
    reports = connection.execute("SELECT fleet_id, as_of, base FROM reports").fetchall()
    bases = {(int(row["fleet_id"]), row["as_of"]): row["base"] for row in reports}
    signatures = connection.execute("SELECT * FROM signatures ORDER BY digest, signer").fetchall()
    proposals = connection.execute("SELECT * FROM proposals ORDER BY fleet_id, proposer").fetchall()
    checkpoints = connection.execute("SELECT fleet_id, meter, as_of, seal FROM checkpoints ORDER BY rowid").fetchall()
    return History(
        identity=identity,
        files=files,
        watermarks=tuple(promises.watermarks(connection)),
        promises=tuple(promises.all_promises(connection)),
        reports=tuple(
            SavedReport(
                record=one,
                base=bases[one.fleet_id, one.as_of],
                pages=lineage.own_pages(connection, one.fleet_id, one.as_of),
            )
            for one in records.select(connection, identity, "ORDER BY fleet_id, as_of")
        ),
        signatures=tuple(SavedSignature.model_validate(dict(row)) for row in signatures),
        proposals=tuple(
            SavedProposal.model_validate(dict(row) | {"fleet_id": int(row["fleet_id"])}) for row in proposals
        ),
        transactions=tuple(transactions.unsettled(connection)),
        checkpoints=tuple(
            SavedCheckpoint.model_validate(dict(row) | {"fleet_id": int(row["fleet_id"])}) for row in checkpoints
        ),
    )


def checkpoint_data(connection: sqlite3.Connection, history: History) -> Iterator[bytes]:
    """Yield the meters' bytes in the order in which the history names them. Raises `DamagedRecordError`."""
    for one in history.checkpoints:
        found = lineage.newest_checkpoint(connection, one.fleet_id, one.meter, one.as_of)
        assert found is not None, "the history was read from this store"
        yield found.data


def merge_history(connection: sqlite3.Connection, identity: Identity, history: History) -> None:
    """Take over all but the meters, within a transaction: of one report, what was written later.

    Nothing new is signed as of times up to the latest that either side promised. Raises `ContradictionError` and
    `HistoryError`; the transaction is to be undone then.
    """
    _check(history)
    connection.execute("DELETE FROM moved")
    for promise in history.promises:
        try:
            promises.promise(connection, identity, promise, above_watermark=False)
        except DoubleSignError as error:
            raise ContradictionError(error) from error
    latest = connection.execute("SELECT fleet_id, max(as_of) AS as_of FROM promises GROUP BY fleet_id").fetchall()
    promises.raise_watermarks(connection, history.watermarks)
    promises.raise_watermarks(
        connection,
        [Watermark(fleet_id=FleetId(int(row["fleet_id"])), as_of=UnixSeconds(row["as_of"])) for row in latest],
    )
    try:
        for report in history.reports:
            _merge_report(connection, identity, report)
    except sqlite3.IntegrityError as error:
        raise HistoryError(f"the history's reports do not fit together: {error}") from error
    for form in history.transactions:
        transactions.restore(connection, form)
    _merge_heard(connection, history)


def merge_checkpoints(connection: sqlite3.Connection, history: History, data: Iterator[bytes]) -> None:
    """Take over the meters that are at least as far as the store's own. Raises `HistoryError`."""
    newest: dict[tuple[FleetId, str], UnixSeconds] = {}
    for one in history.checkpoints:
        key = (one.fleet_id, one.meter)
        newest[key] = max(one.as_of, newest.get(key, one.as_of))
    for fleet_id, meter in list(newest):
        times = lineage.checkpoint_times(connection, fleet_id, meter)
        if times and times[0] > newest[fleet_id, meter]:
            del newest[fleet_id, meter]
        else:
            connection.execute("DELETE FROM checkpoints WHERE fleet_id = ? AND meter = ?", (str(fleet_id), meter))
    for one, body in zip(history.checkpoints, data, strict=True):
        if lineage.seal(body) != one.seal:
            raise HistoryError(f"fleet {one.fleet_id}: the checkpoint as of {one.as_of} is not what was exported")
        if (one.fleet_id, one.meter) in newest:
            lineage.keep_checkpoint(connection, Checkpoint(one.fleet_id, one.meter, one.as_of, body))


def _check(history: History) -> None:
    """Raise `HistoryError` where something in a history would only be found wrong when it is used."""
    _check_records(history)
    reports = {(saved.record.fleet_id, saved.record.as_of) for saved in history.reports}
    for kept in history.checkpoints:
        if (kept.fleet_id, kept.as_of) not in reports:
            raise HistoryError(f"fleet {kept.fleet_id}: a checkpoint as of {kept.as_of} is of no report")
    try:
        for account, forms in groupby(history.transactions, lambda form: form.account):
            for sent in transactions.to_sents(list(forms)):
                sent.check(parse_address(account), history.identity.chain_id)
        for one in history.signatures:
            SignatureFile(digest=one.digest, signer=one.signer, signature=one.signature).check(one.digest)
        for proposal in history.proposals:
            orjson.loads(proposal.body)
    except (ChainError, SigningError, ReportFileError) as error:
        raise HistoryError(error.message) from error
    except orjson.JSONDecodeError as error:
        raise HistoryError(f"a proposal is no JSON: {error}") from error


def _check_records(history: History) -> None:
    for saved in history.reports:
        record, report = saved.record, saved.record.report
        digest = None if report is None else records.digest_of(history.identity, report)
        named = (record.fleet_id, record.as_of) if report is None else (report.fleet_id, report.as_of)
        if digest != record.digest or named != (record.fleet_id, record.as_of):
            raise HistoryError(f"fleet {record.fleet_id}: the report as of {record.as_of} has another digest")


def _merge_report(connection: sqlite3.Connection, identity: Identity, saved: SavedReport) -> None:
    theirs = saved.record
    ours = records.record(connection, identity, theirs.fleet_id, theirs.as_of)
    promised = promises.promised(connection, theirs.fleet_id, theirs.as_of)
    if ours is not None:
        if ours.digest != theirs.digest and promised is not None:
            stays = ours.digest == promised
        else:
            stays = ours.updated_at > theirs.updated_at
        if stays:
            return
    told = {
        "report": None if theirs.report is None else theirs.report.model_dump_json(),
        "digest": theirs.digest,
        "mined_block": theirs.mined_block,
        "mined_hash": theirs.mined_hash,
        "fee_wei": None if theirs.fee_wei is None else str(theirs.fee_wei),
        "reason": theirs.reason,
        "updated_at": theirs.updated_at,
    }
    records.write(connection, theirs.fleet_id, theirs.as_of, theirs.state, **told)
    lineage.set_pages(connection, theirs.fleet_id, theirs.as_of, saved.base, saved.pages)


def _merge_heard(connection: sqlite3.Connection, history: History) -> None:
    for one in history.signatures:
        hearsay.keep_signature(connection, one.digest, one.signer, one.signature)
    for told in history.proposals:
        hearsay.keep_proposal(connection, told.fleet_id, told.proposer, told.as_of, told.body)
