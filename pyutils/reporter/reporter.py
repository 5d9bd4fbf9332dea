"""Makes one fleet's reports, one after the other, and sees each of them to the head.

collect → canonicalize → build the tree → promise → sign → gather → submit → watch. Each step is on disk before the next
begins, and each begins by asking the chain: what became the head needs nothing more, what stands on the head goes out
again as it was signed, and what stands on anything else is given up, since the next report says all that it said. So it
does not matter where a process ends. What a step needs and does not get now, it gets at a later tick.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyutils.chain import Signer
from pyutils.contracts import System
from pyutils.errors import GpuRwaError
from pyutils.meter import FleetMeter, LeafFile, SampleSource, build_leaf_file, write_leaf_file, write_page
from pyutils.models import MeterReport, PageRef, PowerModel
from pyutils.operations.commitments import ReportTimeError, read_commitments, samples_close_at
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.reporter import failpoints
from pyutils.reporter.adoption import adopt, rebuild_head
from pyutils.reporter.courier import Courier
from pyutils.reporter.draft import feed_from_source, restored_meter
from pyutils.reporter.publishing.fetch import Fetcher
from pyutils.reporter.settings.config import RulesConfig
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.starting import FleetOverError, check_reporter
from pyutils.reporter.store.lineage import PUBLISHED
from pyutils.reporter.store.promises import BelowWatermarkError, DoubleSignError
from pyutils.reporter.store.records import Record, State
from pyutils.reporter.store.store import Store
from pyutils.reporter.upkeep.alarms import Alarm, Alarms
from pyutils.reporter.upkeep.telemetry import Counts, Telemetry
from pyutils.reporter.view import NO_DIGEST, View, due_times, is_over, was_posted
from pyutils.reporter.witness.peers import PeerClient, gather
from pyutils.reporter.witness.proposal import Proposal
from pyutils.units import EPOCH, SECONDS_PER_HOUR, FleetId, UnixSeconds

_LOG = logging.getLogger(__name__)

OPEN: Final = (State.COLLECTED, State.BUILT, State.SIGNED)
"""Reports that are not on their way to the chain yet."""


class ClockSkewError(GpuRwaError):
    """The meter's clock and the chain's differ, so samples would count at the wrong time."""

    remedy = "Set the meter's clock by NTP; reports go on by themselves and lose nothing"


@dataclass(frozen=True)
class Reporter:
    """One fleet's reporter: the operator's, or a verifier that reports while the operator is silent.

    Args:
        fleet_id: the fleet.
        system: the contracts, over endpoints that must agree.
        store: promises, reports and meters.
        folders: where published files go.
        lists: lists of GPUs behind the roots on chain.
        source: samples.
        power: how energy is derived; None where boards measure it.
        signer: the attestation key.
        courier: takes reports to the chain.
        clients: verifiers who are asked to sign.
        publishers: where samples of others' reports are found.
        rules: when, and at what cost.
        silence_s: None for the operator; for a verifier, how long after it may it waits before it reports alone.

    """

    fleet_id: FleetId
    system: System
    store: Store
    folders: Folders
    lists: GpuLists
    source: SampleSource
    power: PowerModel | None
    signer: Signer
    courier: Courier
    clients: Sequence[PeerClient]
    publishers: Sequence[Fetcher]
    rules: RulesConfig
    telemetry: Telemetry
    alarms: Alarms
    silence_s: int | None = None
    _over: set[bytes] = field(default_factory=set)
    """Heads after which there is nothing to report; finding that out is costly."""

    @property
    def alone(self) -> bool:
        """Whether this is a verifier that reports without the operator."""
        return self.silence_s is not None

    def tick(self, view: View) -> None:
        """Do what can be done now. Raises what stopped it; a later tick goes on from there."""
        self.courier.carry(view)
        self._check_may_report(view)
        record = self._in_hand(view)
        if record is not None:
            self._bring_on(record, view)

    def _check_may_report(self, view: View) -> None:
        """Raise where nobody wants to hear of this reporter any more; what is on its way was looked after before.

        Raises `NotTheReporterError` where another key, or another operator's, took its place, and `FleetOverError`
        where the fleet was wound down and its head is as of a time after that: nothing can be delivered any more.
        """
        if not self.alone:
            check_reporter(view, self.signer)
        if view.head.digest not in self._over and is_over(self.system, view):
            self._over.add(view.head.digest)
        if view.head.digest in self._over:
            raise FleetOverError(
                f"fleet {self.fleet_id} is wound down, and its head as of {view.head.as_of} says it all"
            )

    # which report

    def next_due(self, view: View, after: UnixSeconds) -> UnixSeconds | None:
        """Return the newest time as of which a report can be made now, later than `after`; None where there is none."""
        if self._must_wait(view):
            return None
        if not view.fleet.commissioned_at:
            return None
        begin = max(after, view.head.as_of, view.fleet.commissioned_at)
        times = due_times(UnixSeconds(begin), view.now, self.rules.interval_s, self.rules.phase_s)
        while times and not view.can_build(times[-1], self.rules.settle_s):
            times.pop()
        return times[-1] if times else None

    def _must_wait(self, view: View) -> bool:
        """Return whether it is the operator's turn still, or another verifier's."""
        return self.silence_s is not None and view.now < view.silent_from + self.silence_s

    def _in_hand(self, view: View) -> Record | None:
        """Return the report to work on; a newer one that is due takes the place of one that did not get away."""
        if self._must_wait(view):
            return None  # what a verifier signed for the operator is the operator's to send
        held = self.store.latest(self.fleet_id, *OPEN)
        newest = self.store.latest(self.fleet_id)
        due = self.next_due(view, UnixSeconds(0) if newest is None else newest.as_of)
        if due is not None:
            if held is not None:
                self._give_up(held, f"the report as of {due} says what it said")
            return self.collect(view, due)
        if held is not None and held.as_of <= view.head.as_of and held.digest != view.head.digest:
            self._give_up(held, f"the head is as of {view.head.as_of} already")
            return None
        return held

    def _give_up(self, record: Record, reason: str) -> None:
        self.store.skip(self.fleet_id, record.as_of, reason)
        _LOG.warning("fleet %d: the report as of %d is given up: %s", self.fleet_id, record.as_of, reason)
        if record.state is State.SIGNED:
            text = (
                f"fleet {self.fleet_id}: the report as of {record.as_of} was signed and will not be the head: {reason}"
            )
            self.alarms.tell(Alarm.REPORT_GIVEN_UP, str(record.as_of), text, {"as_of": record.as_of})

    # collecting

    def collect(
        self, view: View, as_of: UnixSeconds, told_step: Callable[[UnixSeconds], None] = lambda _: None
    ) -> Record:
        """Read samples up to a report's, hour by hour in bounded memory, publish them, and keep the meter."""
        self._check_clock(view)
        self.stand_on_head(view)
        told = read_commitments(self.system, self.lists, self.fleet_id, as_of)
        meter = restored_meter(self.store, PUBLISHED, told, self.power)
        begin = max(meter.sealed, told.fleet.commissioned_at)
        between = due_times(UnixSeconds(begin), UnixSeconds(as_of - 1), self.rules.interval_s, self.rules.phase_s)
        for step in [*between, as_of]:
            self._collect_step(meter, step)
            if step != as_of:
                self.store.skip(self.fleet_id, step, f"the report as of {as_of} says what it would have said")
            told_step(step)
        record = self.store.record(self.fleet_id, as_of)
        assert record is not None, "it was collected just now"
        return record

    def _collect_step(self, meter: FleetMeter, as_of: UnixSeconds) -> None:
        before = Counts.of(meter, max(meter.sealed, EPOCH))
        feed_from_source(meter, self.source, as_of)
        failpoints.reach("sampled")
        pages = meter.pages(as_of)
        for page in pages:
            write_page(page, self.folders.samples)
        meter.seal(as_of)
        self.telemetry.collected(before, Counts.of(meter, as_of))
        self.store.collect(self.fleet_id, as_of, meter.checkpoint(), [page.ref for page in pages])

    def _check_clock(self, view: View) -> None:
        most = self.rules.max_clock_skew_s
        if most is None:
            return
        skew = self.source.clock_ms() // 1_000 - view.now
        self.telemetry.metrics.set_clock_skew(skew)
        if abs(skew) > most:
            text = f"fleet {self.fleet_id}: the meter's clock is {skew} s ahead of the chain's, {most} s are allowed"
            self.alarms.tell(Alarm.CLOCK_SKEW, "skew", text, {"skew_s": skew})
            raise ClockSkewError(text)

    def stand_on_head(self, view: View) -> None:
        """Take over the samples of a head that others made, so that the next report adds to them."""
        if view.head.digest != NO_DIGEST and not self.store.goes_on_from(view.head.digest):
            rebuilt = rebuild_head(self.system, self.store, self.publishers, view, self.power)
            adopt(self.store, view, rebuilt, {PUBLISHED: rebuilt.draft.checkpoint})

    # signing and sending

    def _bring_on(self, record: Record, view: View) -> None:
        """Take a report as far as it goes now: built, promised, signed, gathered, sent."""
        if record.report is None or (record.state is State.BUILT and self._has_other_parent(record, view)):
            record = self._build(record, view)
        if record.state is State.BUILT:
            if self.courier.has_underway(view) and not self._is_late(record, view):
                # What is signed now stands on this head, and would be lost if the one before gets in after all.
                return
            try:
                record = self.store.sign_off(self.fleet_id, record.as_of)
            except (DoubleSignError, BelowWatermarkError) as error:
                self._give_up(record, error.message)
                return
        if self._has_other_parent(record, view):
            # It may be a reorg that takes our own parent back for a while; whatever else it is, this report is lost.
            if not self.courier.expects(_report(record).previous_digest):
                self._give_up(record, f"the head is 0x{view.head.digest.hex()}, which it does not stand on")
            return
        self._sign_and_send(record, view)

    def _has_other_parent(self, record: Record, view: View) -> bool:
        return _report(record).previous_digest != view.head.digest

    def _build(self, record: Record, view: View) -> Record:
        """Build what the kept meter says, on the head as it is now. Nothing is signed yet, so it may be built again."""
        self.stand_on_head(view)
        leaf_file = self.leaf_file(record.as_of)
        write_leaf_file(leaf_file, self.folders.leaf_files)
        failpoints.reach("leaf_file_written")
        return self.store.build(self.fleet_id, record.as_of, leaf_file.report(view.head.digest))

    def leaf_file(self, as_of: UnixSeconds) -> LeafFile:
        """Return what the meter that was kept for a report says, together with the chain."""
        told = read_commitments(self.system, self.lists, self.fleet_id, as_of)
        meter = restored_meter(self.store, PUBLISHED, told, self.power, at=as_of)
        return build_leaf_file(meter, self.fleet_id, as_of, told.leases, told.allocations)

    def _sign_and_send(self, record: Record, view: View) -> None:
        proposal = self.proposal(record)
        own = proposal.signature
        failpoints.reach("signed")
        self.store.keep_signature(own)
        failpoints.reach("asked_verifiers")
        gathered = self._gather(proposal, view)
        by_verifiers = [one for one in gathered if one.signer in view.verifiers]
        if len(by_verifiers) >= view.quorum > 0:
            self.courier.send(record, view, None if self.alone else own, by_verifiers)
        elif self._may_post(record, view):
            self.courier.post(record, own)

    def proposal(self, record: Record) -> Proposal:
        """Sign a promised report, and return what verifiers are asked."""
        report_file = self.report_file(record)
        return Proposal(report_file=report_file, signature=report_file.sign(self.signer), pages=self._new_pages(record))

    def report_file(self, record: Record) -> ReportFile:
        """Return a built report with the contract that it is for."""
        oracle = self.system.oracle.address
        return ReportFile(chain_id=self.system.manifest.chain_id, oracle=oracle, report=_report(record))

    def _new_pages(self, record: Record) -> tuple[PageRef, ...]:
        """Return the pages since the head's hour; verifiers who need older ones ask the publisher."""
        parent = self.store.record_of(_report(record).previous_digest)
        first = 0 if parent is None else parent.as_of // SECONDS_PER_HOUR
        return self.store.pages_of(self.fleet_id, record.as_of, from_hour=first)

    def _gather(self, proposal: Proposal, view: View) -> Sequence[SignatureFile]:
        """Return the signatures that there are, and keep them; asks only verifiers whose signature is missing."""
        have = [one for one in self.store.signatures(proposal.digest) if one.signer in view.verifiers]
        asked = [client for client in self.clients if client.peer.address in view.verifiers]
        found = gather(asked, proposal, view.quorum, self.rules.gather_s, have)
        for one in found.signatures:
            self.store.keep_signature(one)
        self.telemetry.asked(found)
        return found.signatures

    def _may_post(self, record: Record, view: View) -> bool:
        """Return whether the operator may now put its word alone on chain, with a stake.

        Once on each head: where that was struck, the next stake is a person's to risk, or a quorum moves the head.
        """
        free = view.pending.digest == NO_DIGEST and view.dispute.digest == NO_DIGEST
        wanted = self.rules.post_alone and not self.alone and free and self._is_late(record, view)
        return wanted and not was_posted(self.system, view)

    def _is_late(self, record: Record, view: View) -> bool:
        """Return whether verifiers had long enough: counted in final blocks, since none can build before those."""
        waits_s = self.rules.settle_s + self.rules.quorum_deadline_s
        return view.settled >= samples_close_at(view.fleet, record.as_of) + waits_s

    # one report that a person asks for

    def begin(
        self, view: View, as_of: UnixSeconds, told_step: Callable[[UnixSeconds], None] = lambda _: None
    ) -> Record:
        """Collect a report as of a time that somebody named, in place of what did not get away.

        Raises `ReportTimeError` where samples are collected up to then already, or cannot all be there yet.
        """
        newest = self.store.latest(self.fleet_id)
        least = max(view.head.as_of, view.fleet.commissioned_at, 0 if newest is None else newest.as_of)
        if as_of <= least:
            raise ReportTimeError(f"fleet {self.fleet_id}: {as_of} is not after {least}, up to when it was reported")
        if not view.can_build(as_of, self.rules.settle_s):
            soon = view.now < samples_close_at(view.fleet, as_of) + self.rules.settle_s
            lacking = f"not all samples of {as_of} can be there" if soon else f"no block after {as_of} is final yet"
            raise ReportTimeError(f"fleet {self.fleet_id}: at {view.now} {lacking}")
        for held in self.store.unfinished(self.fleet_id):
            if held.state in OPEN:
                self._give_up(held, f"the report as of {as_of} says what it said")
        return self.collect(view, as_of, told_step)

    def go_on(self, view: View, as_of: UnixSeconds) -> None:
        """Take the report as of a time as far as it goes now, whether or not a newer one is due."""
        self.courier.carry(view)
        self._check_may_report(view)
        record = self.store.record(self.fleet_id, as_of)
        if record is not None and record.state in OPEN and as_of > view.head.as_of:
            self._bring_on(record, view)


def _report(record: Record) -> MeterReport:
    assert record.report is not None, "a report that is built says something"
    return record.report
