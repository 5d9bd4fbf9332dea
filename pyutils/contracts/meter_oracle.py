"""MeterOracle: what did the fleet really do?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block
from pyutils.contracts.payouts import PayoutContract
from pyutils.eip712 import Domain, Signature, meter_oracle_domain
from pyutils.models import Dispute, Head, MeterReport, Pending, parse_address
from pyutils.units import FleetId, LeaseId


def report_row(report: MeterReport) -> tuple[Any, ...]:
    """Return a report as the ABI takes it."""
    return tuple(getattr(report, name) for name in type(report).model_fields)


def verifier_rows(signatures: Mapping[int, Signature]) -> list[tuple[int, bytes, bytes]]:
    """Return verifiers' signatures as the ABI takes them, in the order of their indices."""
    return [(index, *signatures[index].compact) for index in sorted(signatures)]


class MeterOracle(PayoutContract):
    """The heads of all fleets."""

    NAME = "MeterOracle"

    def domain(self, chain_id: int) -> Domain:
        """Return the EIP-712 domain of its reports."""
        return meter_oracle_domain(chain_id, self.address)

    def set_reporter(self, lane: Lane, fleet_id: FleetId, reporter: str) -> Receipt:
        """Set the operator's reporter key."""
        return self._write(lane, "setReporter", fleet_id, reporter)

    def submit(
        self, lane: Lane, report: MeterReport, reporter: Signature, verifiers: Mapping[int, Signature]
    ) -> Receipt:
        """Move the head at once; `verifiers` are signatures by place in the fleet's set."""
        return self._write(lane, "submit", report_row(report), reporter.compact, verifier_rows(verifiers))

    def submit_without_operator(self, lane: Lane, report: MeterReport, verifiers: Mapping[int, Signature]) -> Receipt:
        """Move the head by verifiers alone, when none advanced for 24 hours."""
        return self._write(lane, "submitWithoutOperator", report_row(report), verifier_rows(verifiers))

    def post(self, lane: Lane, report: MeterReport, reporter: Signature) -> Receipt:
        """Post a pending report on the reporter's word alone; the signer of the transaction pays the stake."""
        return self._write(lane, "post", report_row(report), reporter.compact)

    def dispute(self, lane: Lane, fleet_id: FleetId) -> Receipt:
        """Dispute the pending report with an equal stake."""
        return self._write(lane, "dispute", fleet_id)

    def rule(self, lane: Lane, fleet_id: FleetId, *, upheld: bool) -> Receipt:
        """Decide an open dispute as the arbiter."""
        return self._write(lane, "rule", fleet_id, upheld)

    def prove_lie(
        self, lane: Lane, first: MeterReport, by_first: Signature, second: MeterReport, by_second: Signature
    ) -> Receipt:
        """Prove that one reporter key signed two contradicting reports."""
        rows = report_row(first), by_first.compact, report_row(second), by_second.compact
        return self._write(lane, "proveLie", *rows)

    def digest_of(self, report: MeterReport, block: Block = "latest") -> bytes:
        """Return the digest that signers sign, as the contract computes it."""
        return bytes(self._read("digestOf", report_row(report), block=block))

    def head(self, fleet_id: FleetId, block: Block = "latest") -> Head:
        """Return the fleet's head, with a pending report whose liveness has passed."""
        return Head.from_row(self._read("head", fleet_id, block=block))

    def pending(self, fleet_id: FleetId, block: Block = "latest") -> Pending:
        """Return the pending report; a zero digest where there is none."""
        return Pending.from_row(self._read("pending", fleet_id, block=block))

    def open_dispute(self, fleet_id: FleetId, block: Block = "latest") -> Dispute:
        """Return the open dispute; a zero digest where there is none."""
        return Dispute.from_row(self._read("openDispute", fleet_id, block=block))

    def reporter_of(self, fleet_id: FleetId, block: Block = "latest") -> str:
        """Return the fleet's reporter key."""
        return self._read_address("reporterOf", fleet_id, block=block)

    def verifiers_of(self, fleet_id: FleetId, block: Block = "latest") -> tuple[tuple[str, ...], int]:
        """Return the fleet's verifiers in order, and how many must sign."""
        verifiers, quorum = self._read("verifiersOf", fleet_id, block=block)
        return tuple(parse_address(verifier) for verifier in verifiers), int(quorum)

    def verify_lease(
        self, lease_id: LeaseId, delivered_gpu_ms: int, proof: Sequence[bytes], block: Block = "latest"
    ) -> bool:
        """Return whether the head of the lease's fleet says that the lease got `delivered_gpu_ms`."""
        arguments = lease_id >> 32, lease_id, delivered_gpu_ms, list(proof)
        return bool(self._read("verifyLease", *arguments, block=block))

    def liveness(self, block: Block = "latest") -> int:
        """Return the seconds after which a pending report becomes the head."""
        return int(self._read("liveness", block=block))
