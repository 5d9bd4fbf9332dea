"""Reports as the chain tells them: found by their digest, with who signed them, and held against their leaf file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyutils.contracts import System
from pyutils.errors import InputError
from pyutils.meter import LeafFile
from pyutils.models import MeterReport
from pyutils.operations.history import Event, events
from pyutils.operations.report_files import ReportFile
from pyutils.operations.reports import VerificationError, verify
from pyutils.units import BlockNumber, FleetId, UnixSeconds

REPORTER_BIT: Final = 1 << 255
"""Set in `AdvanceHead.signers` where the operator's reporter signed; bit i stands for verifier i."""
MOST_VERIFIERS: Final = 255


class UnknownReportError(InputError):
    """No report on chain has a digest."""

    remedy = "Check the digest and the network; `gpurwa fleet show` names the head's"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """A report that the oracle accepted."""

    report_file: ReportFile
    is_pending: bool
    """Posted on the reporter's word alone; the head only once its liveness has passed undisputed."""
    block: BlockNumber
    at: UnixSeconds
    signers: tuple[tuple[str, str], ...]
    """Account and what it was to the fleet in that block: reporter, or verifier n."""
    quorum: int

    @property
    def report(self) -> MeterReport:
        """What it says."""
        return self.report_file.report


@dataclass(frozen=True, slots=True)
class Checked:
    """A report that was held against chain and leaf file."""

    told: ChainReport
    gpus: int
    leases: int


def find_report(system: System, digest: bytes) -> ChainReport:
    """Return the report with a digest. Raises `UnknownReportError` where the oracle never accepted one."""
    for name in ("AdvanceHead", "PostPending"):
        for event in events(system.oracle, name, first=system.manifest.first_block):
            if event.arguments["digest"] == digest:
                return _read(system, name, event)
    raise UnknownReportError(f"no report on {system.manifest.network} has the digest 0x{digest.hex()}")


def check(system: System, told: ChainReport, leaf_file: LeafFile) -> Checked:
    """Hold a report against its leaf file: hash, root and sums; and against the chain: GPUs, leases and signers.

    Raises `LeafFileError` or `VerificationError` at the first difference.
    """
    found = verify(system, told.report_file, leaf_file)
    by_verifiers = sum(what != "reporter" for _, what in told.signers)
    if not told.is_pending and by_verifiers < told.quorum:
        raise VerificationError(f"{by_verifiers} verifiers signed it, the quorum was {told.quorum}")
    return Checked(told, found.gpus, found.leases)


def _read(system: System, name: str, event: Event) -> ChainReport:
    fields = dict(zip(MeterReport.model_fields, event.arguments["report"], strict=True))
    report = MeterReport.model_validate(fields)
    fleet_id, block = FleetId(report.fleet_id), event.block
    is_pending = name == "PostPending"
    signers = REPORTER_BIT if is_pending else event.arguments["signers"]
    verifiers, quorum = system.oracle.verifiers_of(fleet_id, block)
    named = [(system.oracle.reporter_of(fleet_id, block), "reporter")] if signers & REPORTER_BIT else []
    places = [place for place in range(MOST_VERIFIERS) if signers >> place & 1]
    named += [(verifiers[place] if place < len(verifiers) else "unknown", f"verifier {place}") for place in places]
    report_file = ReportFile(chain_id=system.manifest.chain_id, oracle=system.oracle.address, report=report)
    return ChainReport(report_file, is_pending, block, event.at, tuple(named), quorum)
