"""Building a report again from what its proposer published, bit for bit, trusting hashes and the chain alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.contracts import System
from pyutils.errors import InputError, LeafFileError
from pyutils.meter import FleetMeter, write_leaf_file
from pyutils.models import MeterReport, PageRef, PowerModel
from pyutils.operations.commitments import Commitments, read_commitments, samples_close_at
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.draft import Checkpoints, Draft, feed_from_pages, finish, restored_meter
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.units import SECONDS_PER_HOUR, FleetId, UnixSeconds

_PATIENCE_S: Final = 900.0
"""A publisher may take so long for a report, and so much longer for each of its pages."""
_PAGE_S: Final = 10.0
_NUMBERS_BYTES: Final = 48
"""Bytes of a row beside the GPU's id, at most: a time, a duty, an energy, and what stands between."""


class PublishedGpuLists(GpuLists):
    """Lists of GPUs, fetched from a publisher where they are not here yet."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__(fetcher.gpu_lists.folder)
        self._fetcher = fetcher

    def ids(self, root: bytes) -> tuple[str, ...]:
        """Return the GPUs behind a root. Raises `PublisherError` where the publisher does not give their list."""
        return self._fetcher.gpu_list(root)


@dataclass(frozen=True)
class Rebuilt:
    """A report built again: what it commits to, and the meter that gave it."""

    report: MeterReport
    draft: Draft
    meter: FleetMeter
    pages: tuple[PageRef, ...]
    """What the meter was fed with: pages that are new, or newly whole, since the checkpoint that it went on from."""
    errand: Fetcher
    """What the pages were fetched by; `let_go` where they are not wanted after all."""


def rebuild(
    system: System,
    checkpoints: Checkpoints,
    fetcher: Fetcher,
    report_file: ReportFile,
    power: PowerModel | None,
    parent_as_of: UnixSeconds,
    refs: Sequence[PageRef] = (),
) -> Rebuilt:
    """Build a report again from its published samples and from the chain, and see that it says the same.

    Args:
        system: where the fleet is.
        checkpoints: where the published meter is kept.
        fetcher: the proposer's publisher.
        report_file: what is to be built.
        power: how the operator derives energy; None where its boards measure it.
        parent_as_of: time of the head that the report stands on, 0 for none. Its checkpoint is gone on from; where it
            is not kept, all samples since the enrolment are fetched.
        refs: pages as a proposal names them; the publisher is asked for all where the meter needs older ones.

    The chain bounds what is fetched: a page for each hour of the fleet's time, of a size for its GPUs, in a time for so
    many. Pages that gave another report are not kept.

    Raises `LeafFileError`, naming the field, where the report says something else; `PublisherError`.

    """
    report = report_file.report
    told = read_commitments(system, PublishedGpuLists(fetcher), FleetId(report.fleet_id), UnixSeconds(report.as_of))
    meter = restored_meter(checkpoints, PUBLISHED, told, power, at=parent_as_of)
    first, last = _first_hour(meter, told), samples_close_at(told.fleet, told.as_of) // SECONDS_PER_HOUR
    errand = fetcher.within(_PATIENCE_S + _PAGE_S * (last - first + 1))
    if not refs or refs[0].hour > first:
        refs = errand.entry(told.fleet_id, report_file.digest, first).pages or ()
    if refs and refs[-1].hour > last:
        raise LeafFileError(f"a page of hour {refs[-1].hour} is behind it, as of {told.as_of} hour {last} is the last")
    wanted = tuple(ref for ref in refs if ref.hour >= first)
    try:
        most = page_limit(one.gpu_id for one in told.enrolments)
        feed_from_pages(meter, ((ref.hour, errand.page(ref.rows_hash, most)) for ref in wanted), told.as_of)
        draft = finish(meter, told)
        draft.leaf_file.check_report(report)
    except InputError:
        errand.let_go()
        raise
    write_leaf_file(draft.leaf_file, fetcher.leaf_files)
    return Rebuilt(report, draft, meter, wanted, errand)


def page_limit(gpu_ids: Iterable[str]) -> int:
    """Return how many bytes a page of some GPUs has at most: two samples a second of each, with energy."""
    return sum(len(gpu_id) + _NUMBERS_BYTES for gpu_id in gpu_ids) * 2 * SECONDS_PER_HOUR


def _first_hour(meter: FleetMeter, told: Commitments) -> int:
    """Return the first UTC hour whose samples the meter still takes."""
    if meter.chained_hours:
        return meter.chained_hours
    joined = min((one.since for one in told.enrolments), default=UnixSeconds(0))
    return max(0, joined // SECONDS_PER_HOUR - 1)
