"""One lease lived through again by the exact mirror of its contract, event by event, to the last unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.audit.checks import Check, Checks
from pyutils.audit.leaf_files import LeafFiles, NoLeafFileError
from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.leases import LeaseModel, deliverable, lessee_end_s, operator_end_s
from pyutils.leases.refusals import AlreadyEndingError, LeaseEndedError
from pyutils.leases.rent import rent_down
from pyutils.models.lease import EndedBy
from pyutils.operations.event_source import NodeEvents
from pyutils.operations.head_events import HeadEvent, head_before, read_heads
from pyutils.operations.history import Event, block_number
from pyutils.operations.lease_events import read_lease_events
from pyutils.operations.leases import fleet_of
from pyutils.operations.reports import proof
from pyutils.units import BlockNumber, GpuMs, LeaseId, TokenUnits, UnixSeconds

NAMES: Final = ("Open", "GrantAccess", "Settle", "EndEarly", "Close", "Cancel")


class UnknownLeaseError(InputError):
    """No lease was opened under a number."""

    remedy = "Check number and network: `gpurwa fleet show` lists a fleet's leases"


@dataclass(frozen=True, slots=True)
class LeaseAudit:
    """A lease, recomputed as of a block. Money in token units."""

    lease_id: LeaseId
    block: BlockNumber
    deposit: TokenUnits
    rent: TokenUnits
    fee: TokenUnits
    refunded: TokenUnits
    held: TokenUnits
    delivered: GpuMs
    checks: tuple[Check, ...]


def audit_lease(
    system: System,
    lease_id: LeaseId,
    files: LeafFiles,
    block: Block = "latest",
) -> LeaseAudit:
    """Recompute everything that a lease's events say of money, and hold it against the contract's state.

    Args:
        system: where the lease is.
        lease_id: the lease.
        files: where leaf files may lie; a settlement whose file is nowhere stays unproved.
        block: up to which.

    Raises `UnknownLeaseError`.

    """
    number = block_number(system.web3, block)
    source = NodeEvents(system, number)
    happened = read_lease_events(source, [lease_id], NAMES)[lease_id]
    if not happened or happened[0].name != "Open":
        raise UnknownLeaseError(f"there is no lease {lease_id} on {system.manifest.network} as of block {number}")
    heads = read_heads(system, source, fleet_of(lease_id))
    return audit_events(system, lease_id, files, happened, heads, number)


def audit_events(
    system: System,
    lease_id: LeaseId,
    files: LeafFiles,
    happened: Sequence[Event],
    heads: Sequence[HeadEvent],
    number: BlockNumber,
) -> LeaseAudit:
    """Audit a lease whose events, its opening first, and whose fleet's heads were read already."""
    auditor = _Auditor(system, lease_id, files, heads, happened[0], number)
    for event in happened:
        auditor.live(event)
    return auditor.end(number)


class _Auditor:
    def __init__(
        self,
        system: System,
        lease_id: LeaseId,
        files: LeafFiles,
        heads: Sequence[HeadEvent],
        opened: Event,
        block: BlockNumber,
    ) -> None:
        self.files, self.heads, self.checks = files, heads, Checks()
        self.contract = system.lease_book.lease(lease_id, block)
        self.model = LeaseModel(
            lease_id=lease_id,
            owner=str(opened.arguments["lessee"]),
            gpus=opened.arguments["gpus"],
            price_per_gpu_hour=TokenUnits(opened.arguments["pricePerGpuHour"]),
            duration_s=opened.arguments["duration"],
            terms_id=self.contract.terms_id,
            terms=system.lease_terms.terms_of(self.contract.terms_id, block),
            of_record=self.contract.of_record,
            opened_at=opened.at,
        )

    def live(self, event: Event) -> None:
        """Live through one event, and check what it says."""
        steps = {
            "Open": self._open,
            "GrantAccess": self._grant,
            "Settle": self._settle,
            "EndEarly": self._end_early,
            "Close": self._close,
            "Cancel": self._cancel,
        }
        steps[event.name](event)

    def end(self, block: BlockNumber) -> LeaseAudit:
        """Hold what came out against the contract's state."""
        ours, theirs = self.model.view(), self.contract
        for name in ("deposit", "paid", "fee", "refunded", "held", "delivered_gpu_ms", "end", "closed"):
            self.checks.same(
                f"state of lease {self.model.lease_id} in block {block}",
                name,
                getattr(theirs, name),
                getattr(ours, name),
            )
        return LeaseAudit(
            lease_id=self.model.lease_id,
            block=block,
            deposit=TokenUnits(ours.deposit),
            rent=TokenUnits(ours.paid),
            fee=TokenUnits(ours.fee),
            refunded=TokenUnits(ours.refunded),
            held=TokenUnits(ours.held),
            delivered=GpuMs(ours.delivered_gpu_ms),
            checks=tuple(self.checks.made),
        )

    def _open(self, event: Event) -> None:
        self.checks.same(event.label, "deposit", event.arguments["deposit"], self.model.deposit)

    def _grant(self, event: Event) -> None:
        self.model.granted_at = event.at
        self.checks.same(event.label, "end", event.arguments["end"], self.model.end)

    def _settle(self, event: Event) -> None:
        head = head_before(self.heads, event)
        delivered, as_of = GpuMs(event.arguments["deliveredGpuMs"]), UnixSeconds(event.arguments["asOf"])
        if head is None or head.report.as_of != as_of:
            self._settle_agreed(event, delivered)
            return
        try:
            leaf, _ = proof(self.files.find(head.report.data_hash), self.model.lease_id)
        except NoLeafFileError as error:
            self.checks.unknown(event.label, "delivery", error.message)
            leaf = delivered
        except InputError as error:
            self.checks.wrong(event.label, "delivery", f"the head as of {as_of} says otherwise: {error.message}")
            leaf = delivered
        else:
            self.checks.same(event.label, "delivery", delivered, self.model.credited(GpuMs(leaf), as_of))
        self.checks.same(event.label, "rent", event.arguments["rent"], self.model.settle(GpuMs(leaf), as_of).rent)

    def _settle_agreed(self, event: Event, delivered: GpuMs) -> None:
        """Both sides signed what was delivered, while no report covered the end."""
        model = self.model
        most = deliverable(model.gpus, model.term_s)
        if model.delivered <= delivered <= most and event.arguments["asOf"] == model.end:
            self.checks.unknown(event.label, "delivery", "both sides agreed on it; no report says so")
        else:
            self.checks.wrong(event.label, "delivery", f"{delivered} is not between {model.delivered} and {most}")
        rent = rent_down(model.price_per_gpu_hour, delivered) - model.paid
        self.checks.same(event.label, "rent", event.arguments["rent"], rent)
        model.delivered, model.settled_as_of = delivered, model.end

    def _end_early(self, event: Event) -> None:
        model, by = self.model, EndedBy(event.arguments["by"])
        by_lessee = by is EndedBy.LESSEE
        try:
            model.shorten(by, (lessee_end_s if by_lessee else operator_end_s)(model.terms), event.at)
        except (AlreadyEndingError, LeaseEndedError) as error:
            self.checks.wrong(event.label, "early end", error.message)
        if by_lessee:
            model.fee = model.lessee_fee(event.at)
        self.checks.same(event.label, "end", event.arguments["end"], model.end)
        self.checks.same(event.label, "fee", event.arguments["fee"], model.fee)

    def _close(self, event: Event) -> None:
        owed = self.model.closing()
        said = event.arguments
        self.checks.same(event.label, "refund", said["refund"], self.model.rest)
        self.checks.same(event.label, "availability", said["availabilityWad"], self.model.availability_wad)
        self.checks.same(event.label, "SLA credit", said["slaCredit"], owed.sla_credit)
        self.checks.same(event.label, "compensation", said["compensation"], owed.compensation)
        self.model.closed = True

    def _cancel(self, event: Event) -> None:
        self.model.fee = self.model.cancel_fee(event.at)
        self.checks.same(event.label, "fee", event.arguments["fee"], self.model.fee)
        self.checks.same(event.label, "refund", event.arguments["refund"], self.model.rest)
        self.model.closed = True
