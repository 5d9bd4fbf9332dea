"""What a daemon publishes: the signed reports in its store, with the files behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyutils.models import PageRef
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.publishing.entry import ReportEntry
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.records import Record, State
from pyutils.reporter.store.store import Store
from pyutils.units import FleetId


@dataclass(frozen=True, slots=True)
class StoreShelf:
    """A store's signed reports, as `publisher.Shelf` wants them.

    Args:
        store: the reports.
        folders: the files.
        chain_id: the chain that they are for.
        oracle: its oracle.
        heads: digest of each fleet's head, as the daemon saw it last; no request from outside makes it ask the chain.

    """

    store: Store
    folders: Folders
    chain_id: int
    oracle: str
    heads: Mapping[FleetId, bytes]

    @property
    def leaf_files(self) -> Path:
        """Folder of leaf files."""
        return self.folders.leaf_files

    @property
    def samples(self) -> Path:
        """Folder of pages of samples."""
        return self.folders.samples

    @property
    def gpus(self) -> Path:
        """Folder of lists of GPUs."""
        return self.folders.gpu_lists.folder

    def reports(self, fleet_id: FleetId, limit: int) -> Sequence[ReportEntry]:
        """Return a fleet's newest signed reports, newest first, without pages."""
        return [self._entry(record) for record in self.store.newest(fleet_id, limit) if self._is_signed(record)]

    def report(self, digest: bytes) -> ReportEntry | None:
        """Return a signed report without its pages; None where it is not known."""
        record = self.store.record_of(digest)
        return None if record is None or not self._is_signed(record) else self._entry(record)

    def pages(self, digest: bytes, from_hour: int) -> Sequence[PageRef]:
        """Return the pages that a report is built from, by hour, from a UTC hour on."""
        record = self.store.record_of(digest)
        return () if record is None else self.store.pages_of(record.fleet_id, record.as_of, from_hour=from_hour)

    def head(self, fleet_id: FleetId) -> ReportEntry | None:
        """Return the report that is the fleet's head; None where there is none or it is not known."""
        digest = self.heads.get(fleet_id)
        return None if digest is None else self.report(digest)

    def _is_signed(self, record: Record) -> bool:
        """Return whether somebody answers for a report: we do, or those who made it a head."""
        if record.state in (State.MINED, State.FINAL, State.ADOPTED):
            return True
        return record.digest is not None and self.store.promised(record.fleet_id, record.as_of) == record.digest

    def _entry(self, record: Record) -> ReportEntry:
        assert record.report is not None, "only signed reports are published"
        assert record.digest is not None, "only signed reports are published"
        told = ReportFile(chain_id=self.chain_id, oracle=self.oracle, report=record.report)
        return ReportEntry(
            report_file=told, signatures=tuple(self.store.signatures(record.digest)), state=record.state.value
        )
