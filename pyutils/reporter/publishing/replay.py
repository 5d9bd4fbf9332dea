"""Reports built again from the pages that were published, and held against what they say, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyutils.contracts import System
from pyutils.errors import GpuRwaError, InputError
from pyutils.meter import FleetMeter, read_leaf_file, read_page
from pyutils.meter.page import page_name
from pyutils.models import MeterReport, PowerModel
from pyutils.operations.commitments import Commitments, read_commitments
from pyutils.reporter.draft import feed_from_pages, finish
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.lineage import descends
from pyutils.reporter.store.reader import StoreReader
from pyutils.reporter.store.records import Record
from pyutils.units import FleetId, UnixSeconds

_ALL: Final = 2**62


class ReplayError(GpuRwaError):
    """What is on disk does not give what was reported."""

    remedy = "Restore samples, leaf files and lists of GPUs from a copy; what was signed stands"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One report built again."""

    as_of: UnixSeconds
    digest: bytes
    difference: str
    """Where the two part, in one line; empty where they are equal."""


class Replay:
    """The reports of one fleet.

    Args:
        system: where the fleet is.
        store: the reports.
        folders: pages, leaf files and lists of GPUs.
        fleet_id: the fleet.

    """

    def __init__(self, system: System, store: StoreReader, folders: Folders, fleet_id: FleetId) -> None:
        self._system, self._store, self._folders, self._fleet_id = system, store, folders, fleet_id
        self._kept: tuple[UnixSeconds, bytes] | None = None

    def records(self, first: UnixSeconds | None = None, last: UnixSeconds | None = None) -> list[Record]:
        """Return the reports with a digest as of times from `first` to `last`, oldest first."""
        return [
            record
            for record in reversed(self._store.newest(self._fleet_id, _ALL))
            if record.digest is not None
            and (first is None or record.as_of >= first)
            and (last is None or record.as_of <= last)
        ]

    def build_again(self, record: Record) -> Replayed:
        """Build one report again. Each goes on from the one before where its samples do, else from the enrolment.

        Raises `ChainError` where the chain does not answer; whatever is wrong on disk is a difference.
        """
        assert record.digest is not None, "only what has a digest is built again"
        assert record.report is not None, "what has a digest has a report"
        try:
            self._check(record, record.report)
        except InputError as error:
            return Replayed(record.as_of, record.digest, error.message)
        return Replayed(record.as_of, record.digest, "")

    def _check(self, record: Record, report: MeterReport) -> None:
        folders = self._folders
        published = read_leaf_file(folders.leaf_files / f"0x{report.data_hash.hex()}.jsonl.gz", report.data_hash)
        told = read_commitments(self._system, folders.gpu_lists, self._fleet_id, record.as_of)
        meter = self._meter(record, told, published.header.power)
        pages = self._store.pages_of(self._fleet_id, record.as_of, from_hour=meter.chained_hours)
        rows = ((page.hour, read_page(folders.samples / page_name(page.rows_hash), page.rows_hash)) for page in pages)
        feed_from_pages(meter, rows, record.as_of)
        draft = finish(meter, told)
        draft.leaf_file.check_report(report)
        self._kept = record.as_of, draft.checkpoint

    def _meter(self, record: Record, told: Commitments, power: PowerModel | None) -> FleetMeter:
        if self._kept is not None:
            as_of, checkpoint = self._kept
            with self._store.database.read() as connection:
                goes_on = descends(connection, self._fleet_id, record.as_of, as_of)
            if goes_on:
                meter = FleetMeter.restored(checkpoint)
                meter.enrol(told.enrolments)
                return meter
        return FleetMeter(told.enrolments, told.cadence_ms, power)
