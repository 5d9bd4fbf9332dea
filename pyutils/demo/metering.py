"""One fleet's meters: the reporter builds and signs, each verifier builds again from its own samples and then signs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyutils.chain import Signer
from pyutils.eip712 import Domain, Signature, meter_report_hash
from pyutils.meter import FleetMeter, GpuSeries, LeafFile, Trace, build_leaf_file, write_leaf_file
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import Allocation, Enrolment, MeterReport, PowerModel
from pyutils.units import MS_PER_SECOND, FleetId, LeaseId, UnixSeconds


class Party:
    """Somebody with a meter of its own and a key: samples reach it as they are taken."""

    def __init__(self, trace: Trace, gpu_ids: Iterable[str], power: PowerModel, signer: Signer) -> None:
        self.signer = signer
        self._series = trace.only(gpu_ids)
        self._patience_ms = MAX_GAP_CADENCES * trace.cadence_ms
        self._fed_ms = -1
        enrolments = [Enrolment(gpu_id=one.gpu_id, since=trace.first) for one in self._series]
        self._meter = FleetMeter(enrolments, trace.cadence_ms, power)

    def build(
        self, fleet_id: FleetId, as_of: UnixSeconds, leases: Iterable[LeaseId], allocations: Iterable[Allocation]
    ) -> LeafFile:
        """Return what the samples stamped up to `as_of` + 2 × cadence give."""
        self._feed(as_of * MS_PER_SECOND + self._patience_ms)
        leaf_file = build_leaf_file(self._meter, fleet_id, as_of, leases, allocations)
        self._meter.seal(as_of)
        return leaf_file

    def _feed(self, until_ms: int) -> None:
        fresh = []
        for one in self._series:
            begin, end = bisect_right(one.at_ms, self._fed_ms), bisect_right(one.at_ms, until_ms)
            if begin < end:
                fresh.append(GpuSeries(one.gpu_id, one.at_ms[begin:end], one.duty_ppm[begin:end]))
        self._meter.feed(fresh)
        self._fed_ms = max(self._fed_ms, until_ms)


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report with all signatures, and what it commits to."""

    report: MeterReport
    leaf_file: LeafFile
    by_reporter: Signature
    by_verifiers: Mapping[int, Signature]


class MeterDesk:
    """A fleet's reporter and the verifiers who sign, by their places in the set on chain."""

    def __init__(
        self, fleet_id: FleetId, domain: Domain, reporter: Party, verifiers: Mapping[int, Party], leaf_files: Path
    ) -> None:
        self.fleet_id, self.domain, self.leaf_files = fleet_id, domain, leaf_files
        self.reporter, self.verifiers = reporter, verifiers

    def sign(
        self,
        as_of: UnixSeconds,
        previous_digest: bytes,
        leases: Iterable[LeaseId],
        allocations: Iterable[Allocation],
    ) -> SignedReport:
        """Build, publish, verify and sign the report as of a time.

        Raises `LeafFileError` where a verifier's own samples give another report, and nobody signs.
        """
        granted, known = tuple(leases), tuple(allocations)
        leaf_file = self.reporter.build(self.fleet_id, as_of, granted, known)
        report = leaf_file.report(previous_digest)
        write_leaf_file(leaf_file, self.leaf_files)
        for verifier in self.verifiers.values():
            verifier.build(self.fleet_id, as_of, granted, known).check_report(report)
        preimage = self.preimage(report)
        return SignedReport(
            report,
            leaf_file,
            self.reporter.signer.sign_preimage(preimage),
            {place: verifier.signer.sign_preimage(preimage) for place, verifier in self.verifiers.items()},
        )

    def preimage(self, report: MeterReport) -> bytes:
        """Return what is hashed and signed for a report."""
        return self.domain.preimage(meter_report_hash(report))
