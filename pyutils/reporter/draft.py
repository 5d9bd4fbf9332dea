"""A report in the making: a meter brought from its checkpoint to a time, and what it then says.

Nothing here is kept in memory between reports: each draft begins at the newest checkpoint in the store, so that a
process that starts anew and one that ran for years make the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pyutils.meter import FleetMeter, LeafFile, SamplePage, SampleSource, build_leaf_file, parse_rows
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import PowerModel
from pyutils.operations.commitments import Commitments
from pyutils.units import MS_PER_SECOND, FleetId, UnixMs, UnixSeconds


class Checkpoints(Protocol):
    """Kept meters, by fleet and by the name of the meter."""

    def checkpoint(
        self, fleet_id: FleetId, meter: str, at_or_before: UnixSeconds | None = None
    ) -> tuple[UnixSeconds, bytes] | None:
        """Return the newest checkpoint and its time, or None where there is none."""


@dataclass(frozen=True)
class Draft:
    """What a report as of a time will commit to, and the meter's state behind it."""

    told: Commitments
    leaf_file: LeafFile
    pages: tuple[SamplePage, ...]
    """Of the hours that the checkpoint before did not hold whole."""
    checkpoint: bytes
    dropped_late: int
    resets: int


def restored_meter(
    checkpoints: Checkpoints, name: str, told: Commitments, power: PowerModel | None, *, upto: UnixSeconds | None = None
) -> FleetMeter:
    """Return a fleet's meter as of its newest checkpoint before a report, with the GPUs that the chain knows now.

    Args:
        checkpoints: where meters are kept.
        name: which meter of the fleet.
        told: what the chain says as of the report's time.
        power: how energy is derived; None where the samples carry it.
        upto: latest checkpoint to begin from; the newest before the report unless given.

    """
    before = UnixSeconds(told.as_of - 1) if upto is None else upto
    kept = checkpoints.checkpoint(told.fleet_id, name, before)
    if kept is None:
        return FleetMeter(told.enrolments, told.cadence_ms, power)
    meter = FleetMeter.restored(kept[1])
    meter.enrol(told.enrolments)
    return meter


def feed_from_source(meter: FleetMeter, source: SampleSource, as_of: UnixSeconds) -> None:
    """Feed a meter with all that a source has for a report as of a time and the meter still takes.

    Raises `SourceError` where the source fails on the way.
    """
    until = UnixMs(as_of * MS_PER_SECOND + MAX_GAP_CADENCES * meter.cadence_ms)
    gpus_from: dict[UnixMs, list[str]] = defaultdict(list)
    for gpu_id, begin in meter.wanted_ms().items():
        gpus_from[begin].append(gpu_id)
    for begin, gpu_ids in sorted(gpus_from.items()):
        if begin < until:
            for batch in source.read(gpu_ids, begin, until):
                meter.feed(batch)


def feed_from_rows(meter: FleetMeter, rows: Iterable[bytes]) -> None:
    """Feed a meter with published samples. Raises `SamplePageError` where a row is none."""
    for page in rows:
        meter.feed(parse_rows(page))


def finish(meter: FleetMeter, told: Commitments) -> Draft:
    """Build what a report says, and close the samples that it was built from."""
    leaf_file = build_leaf_file(meter, told.fleet_id, told.as_of, told.leases, told.allocations)
    pages = meter.pages(told.as_of)
    meter.seal(told.as_of)
    resets = sum(gpu.resets for gpu in leaf_file.counters)
    return Draft(told, leaf_file, pages, meter.checkpoint(), meter.dropped_late, resets)
