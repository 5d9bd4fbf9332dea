"""What a reporter would say now: built as a report is, without its key, and without writing anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyutils.contracts import System
from pyutils.meter import SampleSource
from pyutils.models import MeterReport, PowerModel
from pyutils.operations.commitments import ReportTimeError, read_commitments, samples_close_at
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.draft import Checkpoints, Draft, NothingKept, feed_from_source, finish, restored_meter
from pyutils.reporter.settings.config import RulesConfig
from pyutils.reporter.settings.costs import report_cost
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.reader import StoreReader
from pyutils.reporter.store.view import look_into
from pyutils.reporter.view import NO_DIGEST, View, due_times, look
from pyutils.units import EPOCH, FleetId, UnixSeconds


@dataclass(frozen=True)
class Rehearsal:
    """A report that nobody promised or signed."""

    report_file: ReportFile
    draft: Draft
    begun_at: UnixSeconds
    """Time of the checkpoint that it goes on from; 0 where it was built from the enrolment on."""
    adds_to_head: bool
    """Whether it adds to the samples of the head. Where not, a reporter first fetches those, and may say otherwise."""
    quorum: int
    cost_wei: int
    """Of bringing it to the head at the fees of now."""

    @property
    def report(self) -> MeterReport:
        """What it says."""
        return self.report_file.report


def rehearse(
    system: System,
    store: Path,
    lists: GpuLists,
    source: SampleSource,
    power: PowerModel | None,
    rules: RulesConfig,
    fleet_id: FleetId,
    as_of: UnixSeconds | None = None,
) -> Rehearsal:
    """Build the report that is due, or one as of a time.

    Args:
        system: where the fleet is.
        store: the reporter's store, which is only read, if it is there.
        lists: lists of GPUs behind the roots on chain.
        source: samples.
        power: how energy is derived; None where boards measure it.
        rules: when reports are made.
        fleet_id: the fleet.
        as_of: the time; the newest one due unless given.

    Raises `ReportTimeError` where none is due, or not all samples can be there yet.

    """
    view = look(system, fleet_id)
    at = _due(view, rules) if as_of is None else as_of
    if at <= view.head.as_of:
        raise ReportTimeError(f"fleet {fleet_id}: {at} is not after the head, which is as of {view.head.as_of}")
    if view.now < samples_close_at(view.fleet, at):
        raise ReportTimeError(f"fleet {fleet_id}: at {view.now} not all samples of {at} can be there")
    told = read_commitments(system, lists, fleet_id, at)
    with _kept(store) as kept:
        meter = restored_meter(kept, PUBLISHED, told, power)
        adds = view.head.digest == NO_DIGEST or (isinstance(kept, StoreReader) and kept.goes_on_from(view.head.digest))
    begun_at = max(meter.sealed, EPOCH)
    # Interval by interval, as a reporter does it: in memory that does not grow with how long it was away.
    begin = UnixSeconds(max(begun_at, view.fleet.commissioned_at))
    for step in due_times(begin, UnixSeconds(at - 1), rules.interval_s, rules.phase_s):
        feed_from_source(meter, source, step)
        meter.seal(step)
    feed_from_source(meter, source, at)
    draft = finish(meter, told)
    report_file = ReportFile(
        chain_id=system.manifest.chain_id,
        oracle=system.oracle.address,
        report=draft.leaf_file.report(view.head.digest),
    )
    return Rehearsal(report_file, draft, begun_at, adds, view.quorum, report_cost(system.web3, view.quorum))


def _due(view: View, rules: RulesConfig) -> UnixSeconds:
    begin = UnixSeconds(max(view.head.as_of, view.fleet.commissioned_at))
    times = due_times(begin, view.now, rules.interval_s, rules.phase_s) if view.fleet.commissioned_at else []
    ready = [at for at in times if view.can_build(at, rules.settle_s)]
    if not ready:
        raise ReportTimeError(
            f"fleet {view.fleet_id}: no report is due at {view.now}", remedy="Wait for the next one, or give --as-of"
        )
    return ready[-1]


@contextmanager
def _kept(store: Path) -> Iterator[Checkpoints]:
    if not store.exists():
        yield NothingKept()
        return
    with look_into(store) as reader:
        yield reader
