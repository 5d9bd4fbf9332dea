"""All of a fleet's reports and settlements, held against the files that they commit to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyutils.audit.checks import Check, Checks
from pyutils.audit.leaf_files import LeafFiles, NoLeafFileError
from pyutils.audit.lease import NAMES, LeaseAudit, audit_events
from pyutils.audit.signatures import check_signatures
from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.errors import ChainError, InputError, LeafFileError
from pyutils.meter import LeafFile
from pyutils.operations.event_source import NodeEvents
from pyutils.operations.head_events import HeadEvent, read_heads
from pyutils.operations.history import block_number
from pyutils.operations.lease_events import lease_ids, read_lease_events
from pyutils.operations.reports import VerificationError, verify
from pyutils.units import BlockNumber, FleetId, UnixSeconds

COUNTERS: Final = ("available_gpu_ms", "busy_gpu_ms", "energy_joules")

Progress = Callable[[int, int], None]
"""Told how many of all were looked at."""


@dataclass(frozen=True, slots=True)
class AuditedReport:
    """One head of a fleet."""

    as_of: UnixSeconds
    digest: bytes
    block: BlockNumber
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class FleetAudit:
    """A fleet's reports and leases as of a block."""

    fleet_id: FleetId
    block: BlockNumber
    reports: tuple[AuditedReport, ...]
    leases: tuple[LeaseAudit, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks: of reports, then of leases."""
        parts = [*(one.checks for one in self.reports), *(one.checks for one in self.leases)]
        return tuple(check for part in parts for check in part)


def audit_fleet(
    system: System,
    fleet_id: FleetId,
    files: LeafFiles,
    block: Block = "latest",
    progress: Progress = lambda _done, _all: None,
) -> FleetAudit:
    """Recompute a fleet's reports and what its leases were settled with.

    Args:
        system: where the fleet is.
        fleet_id: the fleet.
        files: where leaf files may lie.
        block: up to which.
        progress: told after each report and each lease.

    Raises `RevertedError` `UnknownFleet` where there is no such fleet.

    """
    number = block_number(system.web3, block)
    system.registry.fleet(fleet_id, number)
    source = NodeEvents(system, number)
    heads, ids = read_heads(system, source, fleet_id), lease_ids(system, source, fleet_id)
    reports: list[AuditedReport] = []
    before: HeadEvent | None = None
    for head in heads:
        checks = Checks()
        _check_digest(head, checks)
        _check_succession(before, head, checks)
        _check_file(system, before, head, files, checks)
        check_signatures(system, head, checks)
        as_of = UnixSeconds(head.report.as_of)
        reports.append(AuditedReport(as_of, head.digest, head.accepted.block, tuple(checks.made)))
        before = head
        progress(len(reports), len(heads) + len(ids))
    leases = []
    for lease_id, happened in read_lease_events(source, ids, NAMES).items():
        leases.append(audit_events(system, lease_id, files, happened, heads, number))
        progress(len(heads) + len(leases), len(heads) + len(ids))
    return FleetAudit(fleet_id, number, tuple(reports), tuple(leases))


def _check_digest(head: HeadEvent, checks: Checks) -> None:
    said, ours = f"0x{head.digest.hex()}", f"0x{head.report_file.digest.hex()}"
    checks.same(head.told.label, "digest", said, ours)


def _check_succession(before: HeadEvent | None, head: HeadEvent, checks: Checks) -> None:
    """Each report stands on the one before, is later, and no counter falls except where the fleet was restated."""
    event, report = head.accepted.label, head.report
    checks.same(event, "previous digest", _hex(report.previous_digest), _hex(before.digest if before else bytes(32)))
    if report.busy_gpu_ms > report.available_gpu_ms:
        checks.wrong(event, "counters", f"busy for {report.busy_gpu_ms}, available for {report.available_gpu_ms}")
    if before is None:
        return
    if report.as_of <= before.report.as_of:
        checks.wrong(event, "time", f"as of {report.as_of}, the one before is as of {before.report.as_of}")
    fell = [name for name in COUNTERS if getattr(report, name) < getattr(before.report, name)]
    if not fell:
        checks.holds(event, "counters", "none fell")
    elif head.restated:
        checks.holds(event, "counters", f"restated by a quorum: {', '.join(fell)} fell")
    else:
        checks.wrong(event, "counters", f"{', '.join(fell)} fell")


def _check_file(system: System, before: HeadEvent | None, head: HeadEvent, files: LeafFiles, checks: Checks) -> None:
    event = head.told.label
    try:
        leaf_file = files.find(head.report.data_hash)
    except NoLeafFileError as error:
        checks.unknown(event, "leaf file", error.message)
        return
    try:
        leaf_file.check_report(head.report)
    except LeafFileError as error:
        checks.wrong(event, "leaf file", error.reason)
        return
    checks.holds(event, "leaf file", f"hash, tree and sums of {len(leaf_file.leaves)} leases")
    try:
        found = verify(system, head.report_file, leaf_file)
        checks.holds(event, "commitments", f"the registry's {found.gpus} GPUs and the book's {found.leases} leases")
    except VerificationError as error:
        checks.wrong(event, "commitments", error.message)
    except ChainError as error:
        checks.unknown(event, "commitments", f"the node does not tell the state of then: {error.message}")
    if before is not None and not head.restated:
        _check_leases(files, before, leaf_file, event, checks)


def _check_leases(files: LeafFiles, before: HeadEvent, leaf_file: LeafFile, event: str, checks: Checks) -> None:
    """No lease's delivery falls from one report to the next."""
    try:
        earlier = {leaf.lease_id: leaf.delivered_gpu_ms for leaf in files.find(before.report.data_hash).leaves}
    except InputError as error:
        checks.unknown(event, "deliveries", f"that of the report before is missing: {error.message}")
        return
    fell = [leaf.lease_id for leaf in leaf_file.leaves if leaf.delivered_gpu_ms < earlier.get(leaf.lease_id, 0)]
    if fell:
        checks.wrong(event, "deliveries", f"that of lease {', '.join(map(str, fell))} fell")
    else:
        checks.holds(event, "deliveries", "none fell")


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
