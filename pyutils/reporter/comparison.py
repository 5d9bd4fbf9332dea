"""Whether a report can be believed: against a verifier's own meter, and against what one fleet can deliver.

Two honest meters of one GPU take their samples at different moments. Where the GPU was there without a break they agree
to the millisecond, since intervals are clipped to the lease's bounds; at each edge of a gap they may differ by one
cadence. So a lease may differ by 0.5 % and one cadence for each such edge, and by nothing for edges that nobody saw. A
gap that is made up costs its maker at least what its edges let it claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pyutils.errors import GpuRwaError
from pyutils.meter import FleetMeter, LeafFile
from pyutils.models import Allocation
from pyutils.units import MS_PER_SECOND, GpuMs, LeaseId, Ms, UnixSeconds

TOLERANCE_PER_MILLE: Final = 5


class NotBelievedError(GpuRwaError):
    """A report says what a verifier cannot sign."""

    remedy = "Nobody signs it; compare the meters, mend the one that is wrong, and report again"


class MetersDifferError(NotBelievedError):
    """Published and own samples give a lease, or the fleet, different times."""

    def __init__(self, what: str, told: GpuMs, own: GpuMs, allowed: GpuMs) -> None:
        super().__init__(f"{what} got {told} GPU-ms by the report and {own} by our own meter; {allowed} may differ")
        self.what, self.told, self.own, self.allowed = what, told, own, allowed


class OverdeliveredError(NotBelievedError):
    """Leases got more in sum than the fleet was available."""

    def __init__(self, delivered: GpuMs, available: GpuMs) -> None:
        super().__init__(f"since the head leases got {delivered} GPU-ms, and the fleet was available for {available}")
        self.delivered, self.available = delivered, available


def check_believable(told: LeafFile, published: FleetMeter, own: FleetMeter, allocations: Iterable[Allocation]) -> None:
    """Hold a report against the verifier's own meter, lease by lease and for the whole fleet.

    Args:
        told: what the report commits to.
        published: the meter fed with the published samples, which gave `told`.
        own: the meter fed with the verifier's samples.
        allocations: who served whom, by the chain.

    Raises `MetersDifferError` where a lease, or the fleet's availability, differs by more than is allowed.

    """
    as_of, kept = UnixSeconds(told.header.as_of), tuple(allocations)
    cadence_ms = Ms(told.header.cadence_ms)
    ours = own.delivered([LeaseId(leaf.lease_id) for leaf in told.leaves], kept, as_of)
    edges = [_lease_edges(meter, kept, as_of) for meter in (published, own)]
    for leaf in told.leaves:
        lease_id = LeaseId(leaf.lease_id)
        most = max(counted.get(lease_id, 0) for counted in edges)
        _compare(f"lease {lease_id}", leaf.delivered_gpu_ms, ours[lease_id], most * cadence_ms)
    available = GpuMs(sum(gpu.available_ms for gpu in own.counters(as_of)))
    most = max(sum(_edges(meter, one.gpu_id, 0, as_of) for one in meter.enrolments) for meter in (published, own))
    _compare(f"fleet {told.header.fleet_id}", told.available_gpu_ms, available, most * cadence_ms)


def check_capacity(told: LeafFile, head: LeafFile | None) -> None:
    """Raise `OverdeliveredError` where leases grew by more since the head than the fleet was available."""
    before: Mapping[int, int] = {} if head is None else {leaf.lease_id: leaf.delivered_gpu_ms for leaf in head.leaves}
    delivered = sum(leaf.delivered_gpu_ms - before.get(leaf.lease_id, 0) for leaf in told.leaves)
    available = told.available_gpu_ms - (0 if head is None else head.available_gpu_ms)
    if delivered > available:
        raise OverdeliveredError(GpuMs(delivered), GpuMs(available))


def _compare(what: str, told: GpuMs, own: GpuMs, edges_ms: int) -> None:
    # Rounds down: the fraction of a millisecond is the operator's loss.
    allowed = GpuMs(max(told, own) * TOLERANCE_PER_MILLE // 1_000 + edges_ms)
    if abs(told - own) > allowed:
        raise MetersDifferError(what, told, own, allowed)


def _lease_edges(meter: FleetMeter, allocations: Iterable[Allocation], as_of: UnixSeconds) -> dict[LeaseId, int]:
    edges: dict[LeaseId, int] = {}
    for one in allocations:
        found = _edges(meter, one.gpu_id, one.start, min(one.end, as_of))
        edges[one.lease_id] = edges.get(one.lease_id, 0) + found
    return edges


def _edges(meter: FleetMeter, gpu_id: str, start: int, end: int) -> int:
    """Return how often the GPU came or went within `(start, end)`, given in seconds."""
    begin_ms, end_ms = start * MS_PER_SECOND, end * MS_PER_SECOND
    runs = meter.reading(gpu_id, UnixSeconds(max(end, meter.sealed))).runs
    return sum(begin_ms < edge < end_ms for run in runs for edge in run)
