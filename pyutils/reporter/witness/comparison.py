"""Whether a report can be believed: against a verifier's own meter, and against what one fleet can deliver.

Two honest meters of one GPU take their samples at different moments. While the GPU answers, each takes them at most
2 × cadence apart, and a GPU that comes back answers for more than 4 cadences, so that both meters see two samples or
more; nothing else is asked of them, neither phase nor regularity. Then

- where the GPU was there without a break they agree to the millisecond, since intervals are clipped to the lease's
  bounds;
- where both see it go and come back, their last samples before are within 2 × cadence of each other, and so are their
  first ones after: what one calls available within the other's gap is at most 4 cadences;
- where one sees a gap and the other none, two samples at most 2 × cadence apart lie around it. So the GPU was away for
  no longer than that, and the gap reaches at most 2 × cadence further at either end: it is 6 cadences at most;
- where it goes so soon after it joined that one meter has one sample of it or none, the other one has less than
  4 cadences before, and then comes back at most 2 cadences earlier: 6 cadences.

No less will do: there are honest meters that differ by as much. So a meter may show more than the other one by 0.5 %
and, for each gap that the *other* one shows, by 6 cadences or its length, whichever is less. A report that says more
than the verifier's own meter gets nothing for its own gaps: making them up only costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pyutils.errors import GpuRwaError
from pyutils.meter import FleetMeter, LeafFile
from pyutils.meter.reading import Run
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import Allocation, Enrolment
from pyutils.units import MS_PER_SECOND, GpuMs, LeaseId, UnixSeconds

TOLERANCE_PER_MILLE: Final = 5
GAP_CADENCES: Final = 3 * MAX_GAP_CADENCES
"""What one meter may show within a gap of the other's, in cadences."""


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
    ours = own.delivered([LeaseId(leaf.lease_id) for leaf in told.leaves], kept, as_of)
    gaps = [_Gaps(meter, as_of) for meter in (published, own)]
    in_leases = [each.of_leases(kept) for each in gaps]
    for leaf in told.leaves:
        lease_id = LeaseId(leaf.lease_id)
        theirs_ms, ours_ms = (each.get(lease_id, 0) for each in in_leases)
        _compare(f"lease {lease_id}", leaf.delivered_gpu_ms, ours[lease_id], theirs_ms, ours_ms)
    available = GpuMs(sum(gpu.available_ms for gpu in own.counters(as_of)))
    theirs_ms, ours_ms = (each.of_fleet() for each in gaps)
    _compare(f"fleet {told.header.fleet_id}", told.available_gpu_ms, available, theirs_ms, ours_ms)


def check_capacity(told: LeafFile, head: LeafFile | None) -> None:
    """Raise `OverdeliveredError` where leases grew by more since the head than the fleet was available."""
    before: Mapping[int, int] = {} if head is None else {leaf.lease_id: leaf.delivered_gpu_ms for leaf in head.leaves}
    # A lease that falls, as only a restatement can make it, takes nothing off what others grew by.
    delivered = sum(max(0, leaf.delivered_gpu_ms - before.get(leaf.lease_id, 0)) for leaf in told.leaves)
    available = told.available_gpu_ms - (0 if head is None else head.available_gpu_ms)
    if delivered > available:
        raise OverdeliveredError(GpuMs(delivered), GpuMs(available))


def _compare(what: str, told: GpuMs, own: GpuMs, told_gaps_ms: int, own_gaps_ms: int) -> None:
    # Rounds down: the fraction of a millisecond is the operator's loss.
    allowed = GpuMs(max(told, own) * TOLERANCE_PER_MILLE // 1_000 + (own_gaps_ms if told > own else told_gaps_ms))
    if abs(told - own) > allowed:
        raise MetersDifferError(what, told, own, allowed)


class _Gaps:
    """What a meter's gaps let the other meter show on top, in GPU-milliseconds."""

    def __init__(self, meter: FleetMeter, as_of: UnixSeconds) -> None:
        self._meter, self._as_of_ms = meter, as_of * MS_PER_SECOND
        self._gaps = {one.gpu_id: list(self._breaks(one)) for one in meter.enrolments}

    def of_fleet(self) -> int:
        return sum(self._within(one.gpu_id, 0, self._as_of_ms) for one in self._meter.enrolments)

    def of_leases(self, allocations: Iterable[Allocation]) -> dict[LeaseId, int]:
        total: dict[LeaseId, int] = {}
        for one in allocations:
            slack = self._within(one.gpu_id, one.start * MS_PER_SECOND, one.end * MS_PER_SECOND)
            total[one.lease_id] = total.get(one.lease_id, 0) + slack
        return total

    def _breaks(self, one: Enrolment) -> Iterator[Run]:
        """Yield when a GPU was away during its time in the fleet."""
        place = one.since * MS_PER_SECOND
        for begin, end in self._meter.reading(one.gpu_id, UnixSeconds(self._as_of_ms // MS_PER_SECOND)).runs:
            if begin > place:
                yield place, begin
            place = end
        stop = self._as_of_ms if one.until is None else min(self._as_of_ms, one.until * MS_PER_SECOND)
        if stop > place:
            yield place, stop

    def _within(self, gpu_id: str, begin_ms: int, end_ms: int) -> int:
        most_ms = GAP_CADENCES * self._meter.cadence_ms
        overlaps = (min(end, end_ms) - max(begin, begin_ms) for begin, end in self._gaps[gpu_id])
        return sum(max(0, min(overlap, most_ms)) for overlap in overlaps)
