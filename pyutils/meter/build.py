"""From samples and allocations to a meter report: one function for the reporter, another way round for verifiers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from pyutils.errors import LeafFileError
from pyutils.meter.fleet import FleetMeter
from pyutils.meter.leaf_file import Header, LeafFile, sort_parts
from pyutils.meter.series import GpuSeries
from pyutils.models import Allocation, Enrolment, LeaseLeaf, PowerModel
from pyutils.units import FleetId, LeaseId, Ms, UnixSeconds


def build_leaf_file(
    meter: FleetMeter,
    fleet_id: FleetId,
    as_of: UnixSeconds,
    leases: Iterable[LeaseId],
    allocations: Iterable[Allocation],
) -> LeafFile:
    """Return what a report as of a time commits to; `LeafFile.report` makes the report. Seals nothing.

    Args:
        meter: fed with the samples stamped up to `as_of` + 2 × cadence.
        fleet_id: the fleet.
        as_of: the time.
        leases: exactly those granted and not closed at the last block stamped ≤ `as_of`.
        allocations: which GPU served which lease when, up to the leases' ends. Those of other leases may be among
            them: they are held against the rule of one lease at a time, and then left out.

    """
    granted = frozenset(leases)
    known = tuple(allocations)
    delivered = meter.delivered(granted, known, as_of)
    kept, leaves = sort_parts(
        [one for one in known if one.lease_id in granted],
        [LeaseLeaf(lease_id=lease_id, delivered_gpu_ms=served) for lease_id, served in delivered.items()],
    )
    header = Header(
        fleet_id=fleet_id,
        as_of=as_of,
        cadence_ms=meter.cadence_ms,
        power=meter.power,
        samples_hash=meter.samples_hash(as_of),
    )
    return LeafFile(header, meter.enrolments, meter.counters(as_of), kept, leaves)


def build_report_data(
    series: Iterable[GpuSeries],
    enrolments: Iterable[Enrolment],
    cadence_ms: Ms,
    power: PowerModel | None,
    fleet_id: FleetId,
    as_of: UnixSeconds,
    leases: Iterable[LeaseId],
    allocations: Iterable[Allocation],
) -> LeafFile:
    """Return what `build_leaf_file` does, from all samples at once. Later samples than it may read do no harm."""
    meter = FleetMeter(enrolments, cadence_ms, power)
    meter.feed(series)
    return build_leaf_file(meter, fleet_id, as_of, leases, allocations)


def verify_leaf_file(leaf_file: LeafFile, series: Iterable[GpuSeries]) -> None:
    """Build the file again from the published samples. Raises `LeafFileError` at the first line that differs."""
    header = leaf_file.header
    ours = build_report_data(
        series,
        leaf_file.enrolments,
        Ms(header.cadence_ms),
        header.power,
        FleetId(header.fleet_id),
        UnixSeconds(header.as_of),
        [leaf.lease_id for leaf in leaf_file.leaves],
        leaf_file.allocations,
    )
    if ours.data == leaf_file.data:
        return
    for number, expected, found in zip(count(1), ours.data.splitlines(), leaf_file.data.splitlines(), strict=False):
        if expected != found:
            raise LeafFileError(f"the samples give {expected.decode()}, the file says {found.decode()}", number)
    raise LeafFileError("it has allocations of leases that it does not list")
