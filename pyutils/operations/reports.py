"""Meter reports: built by operators, verified and signed by verifiers, carried to the chain by anyone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyutils.chain import Lane, Receipt
from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.contracts.meter_oracle import report_row, verifier_rows
from pyutils.eip712 import Signature
from pyutils.errors import ContractError, InputError, TraceError
from pyutils.meter import FleetMeter, LeafFile, Trace, build_leaf_file, read_leaf_file, verify_leaf_file
from pyutils.models import MeterReport, PowerModel
from pyutils.operations import leases
from pyutils.operations.commitments import (
    Progress,
    ReportTimeError,
    final_block_at,
    read_commitments,
    samples_close_at,
)
from pyutils.operations.fleets import settlement_token
from pyutils.operations.gpu_lists import GpuLists, gpu_tree
from pyutils.operations.history import block_time, events, topic
from pyutils.operations.money import Pay, make_payable
from pyutils.operations.report_files import ReportFile, SignatureFile
from pyutils.units import MS_PER_SECOND, FleetId, LeaseId, TokenUnits, UnixSeconds


class NotASignerError(InputError):
    """A signature is of nobody whose signature counts for the fleet."""

    remedy = "Gather signatures of the fleet's reporter and verifiers: `gpurwa fleet show`"


class DuplicateSignatureError(InputError):
    """One account's signature is given twice."""

    remedy = "Give each signature once; nobody counts twice"


class VerificationError(InputError):
    """A leaf file does not say what the chain says."""

    remedy = "Do not sign; ask the operator"


class StaleProofError(ContractError):
    """A leaf file is not the one that the fleet's head commits to."""

    remedy = "Fetch the leaf file of the head: `gpurwa fleet show` names its report"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a leaf file was found to say, and who signed the report over it."""

    file: LeafFile
    gpus: int
    leases: int
    against_samples: bool
    signers: tuple[tuple[str, str], ...]
    """Account and what it is to the fleet: reporter, or verifier n."""


def build(
    system: System,
    lists: GpuLists,
    trace: Trace,
    fleet_id: FleetId,
    as_of: UnixSeconds,
    power: PowerModel,
    progress: Progress = lambda _done, _all: None,
) -> tuple[LeafFile, ReportFile]:
    """Build what a fleet's meters showed up to `as_of`, from a trace and from what the chain says of its leases.

    Raises `ReportTimeError` where the time goes back or is too young, and `TraceError` where the trace ends before it.
    """
    head = system.oracle.head(fleet_id)
    if as_of <= head.as_of:
        raise ReportTimeError(f"fleet {fleet_id}: {as_of} is not after the head, which is as of {head.as_of}")
    now = block_time(system.web3, "latest")
    if now < samples_close_at(system.registry.fleet(fleet_id), as_of):
        raise ReportTimeError(f"fleet {fleet_id}: at {now} samples up to 2 × cadence after {as_of} are not all there")
    if trace.last < as_of:
        raise TraceError(trace.name, f"ends at {trace.last}, before {as_of}", remedy="Give a longer trace")
    told = read_commitments(system, lists, fleet_id, as_of, progress)
    meter = FleetMeter(told.enrolments, told.cadence_ms, power)
    meter.feed(trace.series)
    leaf_file = build_leaf_file(meter, fleet_id, as_of, told.leases, told.allocations)
    return leaf_file, _report_file(system, leaf_file.report(head.digest))


def verify(
    system: System,
    report_file: ReportFile,
    leaf_file: LeafFile,
    *,
    trace: Trace | None = None,
    signatures: Iterable[SignatureFile] = (),
) -> Verified:
    """Recompute what a verifier signs for: the counters from the samples, the GPUs and leases from the chain.

    Args:
        system: where the fleet is.
        report_file: the report.
        leaf_file: what it commits to.
        trace: the verifier's own or the published samples; without them only the commitments are checked.
        signatures: those gathered so far.

    Raises `LeafFileError`, `VerificationError` or `ReportFileError` at the first difference.

    """
    report = report_file.report
    fleet_id, as_of = FleetId(report.fleet_id), UnixSeconds(report.as_of)
    if (report_file.chain_id, report_file.oracle) != (system.manifest.chain_id, system.oracle.address):
        raise VerificationError(f"the report is for {report_file.oracle} on chain {report_file.chain_id}")
    if system.oracle.digest_of(report) != report_file.digest:
        raise VerificationError("the contract gives the report another digest")
    leaf_file.check_report(report)
    block = final_block_at(system, as_of)
    fleet = system.registry.fleet(fleet_id, block)
    if leaf_file.header.cadence_ms != fleet.sample_cadence * MS_PER_SECOND:
        raise VerificationError(f"cadence is {leaf_file.header.cadence_ms} ms, the fleet's {fleet.sample_cadence} s")
    present = [one.gpu_id for one in leaf_file.enrolments if one.until is None]
    if (gpu_tree(present).root if present else bytes(32)) != fleet.gpu_root:
        raise VerificationError("its GPUs are not those that the registry commits to")
    granted = [lease_id for lease_id, _ in leases.granted_at(system, fleet_id, block)]
    listed = [leaf.lease_id for leaf in leaf_file.leaves]
    if granted != listed:
        raise VerificationError(f"its leases are {listed}, granted and not closed were {granted}")
    if trace is not None:
        verify_leaf_file(leaf_file, trace.series)
    names = _signers(system, fleet_id)
    found = []
    for one in signatures:
        one.check(report_file.digest)
        found.append((one.signer, names.get(one.signer, "stranger")))
    return Verified(leaf_file, len(leaf_file.counters), len(listed), trace is not None, tuple(found))


def submit(system: System, lane: Lane, report_file: ReportFile, signatures: Sequence[SignatureFile]) -> Receipt:
    """Carry a report to the chain: with the reporter's signature among them as usual, else as verifiers alone.

    Raises `NotASignerError` and `DuplicateSignatureError` before anything is sent.
    """
    fleet_id = FleetId(report_file.report.fleet_id)
    reporter, verifiers = _sort(system, fleet_id, report_file.digest, signatures)
    if reporter is None:
        return system.oracle.submit_without_operator(lane, report_file.report, verifiers)
    return system.oracle.submit(lane, report_file.report, reporter, verifiers)


def post(system: System, lane: Lane, report_file: ReportFile, signature: SignatureFile, pay: Pay) -> Receipt:
    """Post a pending report on the reporter's word alone, and put up its stake."""
    fleet_id = FleetId(report_file.report.fleet_id)
    reporter, _ = _sort(system, fleet_id, report_file.digest, [signature])
    if reporter is None:
        raise NotASignerError(f"{signature.signer} is not the reporter of fleet {fleet_id}")
    make_stake_payable(system, lane, fleet_id, pay)
    return system.oracle.post(lane, report_file.report, reporter)


def dispute(system: System, lane: Lane, fleet_id: FleetId, pay: Pay) -> Receipt:
    """Dispute the fleet's pending report, and put up an equal stake."""
    pending = system.oracle.pending(fleet_id)
    if pending.stake:
        make_payable(lane, settlement_token(system, fleet_id), system.oracle.address, TokenUnits(pending.stake), pay)
    return system.oracle.dispute(lane, fleet_id)


def restatement(
    system: System, report_file: ReportFile, signatures: Sequence[SignatureFile]
) -> tuple[tuple[Any, ...], list[tuple[int, bytes, bytes]]]:
    """Return what `MeterOracle.restate` takes, once the signatures were checked: verifiers' alone."""
    fleet_id = FleetId(report_file.report.fleet_id)
    reporter, verifiers = _sort(system, fleet_id, report_file.digest, signatures)
    if reporter is not None:
        raise NotASignerError("a restatement is signed by verifiers alone, not by the operator's reporter")
    return report_row(report_file.report), verifier_rows(verifiers)


def prove_lie(system: System, lane: Lane, signed: Sequence[tuple[ReportFile, SignatureFile]]) -> Receipt:
    """Prove that one reporter key signed two contradicting reports; the finder earns a tenth of the lie stake."""
    (first, by_first), (second, by_second) = signed
    by_first.check(first.digest)
    by_second.check(second.digest)
    return system.oracle.prove_lie(lane, first.report, by_first.value, second.report, by_second.value)


def head_report(system: System, fleet_id: FleetId, block: Block = "latest") -> MeterReport:
    """Return the report that is the fleet's head as of `block`, from the event that told it."""
    head = system.oracle.head(fleet_id, block)
    for name in ("AdvanceHead", "PostPending"):
        indexed = [topic(fleet_id), topic(head.as_of)]
        for event in events(system.oracle, name, indexed, first=system.manifest.first_block, block=block):
            if event.arguments["digest"] == head.digest:
                fields = dict(zip(MeterReport.model_fields, event.arguments["report"], strict=True))
                return MeterReport.model_validate(fields)
    raise StaleProofError(f"fleet {fleet_id} has no report", remedy="Wait for its first report")


def head_leaf_file(system: System, fleet_id: FleetId, place: Path) -> LeafFile:
    """Return the leaf file of the fleet's head, from a file or from a folder of them.

    Raises `StaleProofError` where it is another report's, or is not there.
    """
    report = head_report(system, fleet_id)
    name = f"0x{report.data_hash.hex()}.jsonl.gz"
    path = place / name if place.is_dir() else place
    if not path.exists():
        raise StaleProofError(f"{path} is not there, and the head of fleet {fleet_id} is of {name}")
    if path.name != name:
        raise StaleProofError(f"{path.name} is not the leaf file of the head of fleet {fleet_id}, which is {name}")
    return read_leaf_file(path, report.data_hash)


def proof(leaf_file: LeafFile, lease_id: LeaseId) -> tuple[int, tuple[bytes, ...]]:
    """Return what a lease got by a leaf file, in GPU-milliseconds, and the Merkle proof of it.

    Raises `UnknownLeafError` where the file does not list the lease.
    """
    for index, leaf in enumerate(leaf_file.leaves):
        if leaf.lease_id == lease_id:
            return leaf.delivered_gpu_ms, leaf_file.tree.proof(index)
    raise InputError(
        f"the report does not list lease {lease_id}", remedy="It lists what was granted and not closed at its time"
    )


def _report_file(system: System, report: MeterReport) -> ReportFile:
    return ReportFile(chain_id=system.manifest.chain_id, oracle=system.oracle.address, report=report)


def _signers(system: System, fleet_id: FleetId) -> dict[str, str]:
    verifiers, _ = system.oracle.verifiers_of(fleet_id)
    names = {verifier: f"verifier {place}" for place, verifier in enumerate(verifiers)}
    return names | {system.oracle.reporter_of(fleet_id): "reporter"}


def _sort(
    system: System, fleet_id: FleetId, digest: bytes, signatures: Sequence[SignatureFile]
) -> tuple[Signature | None, dict[int, Signature]]:
    reporter = system.oracle.reporter_of(fleet_id)
    places = {verifier: place for place, verifier in enumerate(system.oracle.verifiers_of(fleet_id)[0])}
    by_reporter: Signature | None = None
    by_verifiers: dict[int, Signature] = {}
    seen: set[str] = set()
    for one in signatures:
        one.check(digest)
        if one.signer in seen:
            raise DuplicateSignatureError(f"{one.signer} signed twice")
        seen.add(one.signer)
        if one.signer == reporter:
            by_reporter = one.value
        elif one.signer in places:
            by_verifiers[places[one.signer]] = one.value
        else:
            raise NotASignerError(f"{one.signer} is neither the reporter nor a verifier of fleet {fleet_id}")
    return by_reporter, by_verifiers


def make_stake_payable(system: System, lane: Lane, fleet_id: FleetId, pay: Pay) -> None:
    """Let the oracle pull the stake of a pending report from the lane's account, as `make_payable` does."""
    amount = system.bond.stake_requirement(fleet_id)
    make_payable(lane, settlement_token(system, fleet_id), system.oracle.address, amount, pay)
