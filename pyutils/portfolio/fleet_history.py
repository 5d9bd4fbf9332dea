"""What a fleet did, from report to report, and where its leases' money went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pyutils.contracts import System
from pyutils.models import Fleet, Lease
from pyutils.operations.chain_reports import MOST_VERIFIERS, REPORTER_BIT
from pyutils.operations.event_source import EventSource
from pyutils.operations.head_events import HeadEvent, read_heads
from pyutils.operations.lease_events import lease_ids
from pyutils.portfolio.steps import Steps
from pyutils.units import FleetId, GpuMs, Joules, LeaseId, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Interval:
    """What a fleet's meters showed between two heads; `capacity_gpu_ms` is what the registry says was there."""

    begin: UnixSeconds
    end: UnixSeconds
    available_gpu_ms: GpuMs
    busy_gpu_ms: GpuMs
    energy_joules: Joules
    capacity_gpu_ms: GpuMs
    signers: str
    """Who signed it, as its event says: the reporter, and verifiers by their place."""
    event: str
    """The event that told it."""

    @property
    def availability(self) -> float | None:
        """Available time over capacity; None where there was no capacity."""
        return self.available_gpu_ms / self.capacity_gpu_ms if self.capacity_gpu_ms else None

    @property
    def utilization(self) -> float | None:
        """Busy time over available time; None where nothing was available."""
        return self.busy_gpu_ms / self.available_gpu_ms if self.available_gpu_ms else None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Where all that came in is, in token units: `deposits` and `distributed` are the sum of all others, exactly."""

    deposits: TokenUnits
    distributed: TokenUnits
    """Paid in for the shares alone, as from GPUs that were sold."""
    refunded: TokenUnits
    held: TokenUnits
    """In escrow for what can still be delivered."""
    unrouted: TokenUnits
    """Earned, and split by nobody's call yet."""
    protocol_fee: TokenUnits
    operating: TokenUnits
    shares: TokenUnits

    @property
    def earned(self) -> TokenUnits:
        """Rent and fees."""
        return TokenUnits(self.deposits - self.refunded - self.held)


@dataclass(frozen=True, slots=True)
class FleetHistory:
    """A fleet's life up to a block."""

    fleet_id: FleetId
    fleet: Fleet
    intervals: tuple[Interval, ...]
    """Without those across a restatement, whose differences mean nothing."""
    installed: Steps
    """GPUs that the registry says are there, over time."""
    leases: tuple[tuple[LeaseId, Lease], ...]
    waterfall: Waterfall


def read_fleet_history(system: System, source: EventSource, fleet_id: FleetId) -> FleetHistory:
    """Return what a fleet did up to the source's block. Raises `RevertedError` `UnknownFleet`."""
    block = source.block
    fleet = system.registry.fleet(fleet_id, block)
    heads, installed = read_heads(system, source, fleet_id), _installed(source, fleet_id)
    ids = lease_ids(system, source, fleet_id)
    leases = tuple((lease_id, system.lease_book.lease(lease_id, block)) for lease_id in ids)
    return FleetHistory(
        fleet_id=fleet_id,
        fleet=fleet,
        intervals=tuple(_intervals(UnixSeconds(fleet.commissioned_at), heads, installed)),
        installed=installed,
        leases=leases,
        waterfall=_waterfall(system, source, fleet_id, [lease for _, lease in leases]),
    )


def _intervals(commissioned: UnixSeconds, heads: list[HeadEvent], installed: Steps) -> Iterator[Interval]:
    for before, head in pairwise([None, *heads]):
        assert head is not None, "only the first of a pair is none"
        if head.restated:
            continue
        was = None if before is None else before.report
        begin, end = commissioned if was is None else UnixSeconds(was.as_of), UnixSeconds(head.report.as_of)
        yield Interval(
            begin=begin,
            end=end,
            available_gpu_ms=GpuMs(head.report.available_gpu_ms - (was.available_gpu_ms if was else 0)),
            busy_gpu_ms=GpuMs(head.report.busy_gpu_ms - (was.busy_gpu_ms if was else 0)),
            energy_joules=Joules(head.report.energy_joules - (was.energy_joules if was else 0)),
            capacity_gpu_ms=installed.gpu_ms(begin, end),
            signers=_signers(head),
            event=head.told.label,
        )


def _signers(head: HeadEvent) -> str:
    bits = REPORTER_BIT if head.is_optimistic else head.told.arguments["signers"]
    verifiers = [f"verifier {place}" for place in range(MOST_VERIFIERS) if bits >> place & 1]
    return ", ".join([*(["reporter"] if bits & REPORTER_BIT else []), *verifiers])


def _installed(source: EventSource, fleet_id: FleetId) -> Steps:
    told = source.events("FleetRegistry.SetCapacity", fleetId=fleet_id)
    return Steps.of((event.at, event.arguments["capacity"]) for event in told)


def _waterfall(system: System, source: EventSource, fleet_id: FleetId, leases: list[Lease]) -> Waterfall:
    revenue = system.router.revenue(fleet_id, source.block)
    paid_in = source.events("RevenueRouter.Distribute", fleetId=fleet_id)
    distributed = sum(event.arguments["amount"] for event in paid_in)
    split = revenue.protocol_fee + revenue.operating + revenue.shares - distributed
    return Waterfall(
        deposits=TokenUnits(sum(lease.deposit for lease in leases)),
        distributed=TokenUnits(distributed),
        refunded=TokenUnits(sum(lease.refunded for lease in leases)),
        held=TokenUnits(sum(lease.held for lease in leases)),
        unrouted=TokenUnits(sum(lease.paid + lease.fee for lease in leases) - split),
        protocol_fee=TokenUnits(revenue.protocol_fee),
        operating=TokenUnits(revenue.operating),
        shares=TokenUnits(revenue.shares),
    )
