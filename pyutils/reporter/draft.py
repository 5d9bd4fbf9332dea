"""A report in the making: a meter brought from its checkpoint to a time, and what it then says.

Nothing here is kept in memory between reports: each draft begins at the newest checkpoint in the store, so that a
process that starts anew and one that ran for years make the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pyutils.meter import FleetMeter, LeafFile, SampleSource, build_leaf_file, parse_rows
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import PowerModel
from pyutils.operations.commitments import Commitments
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, SECONDS_PER_HOUR, FleetId, UnixMs, UnixSeconds


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
    checkpoint: bytes


def restored_meter(
    checkpoints: Checkpoints, name: str, told: Commitments, power: PowerModel | None, *, at: UnixSeconds | None = None
) -> FleetMeter:
    """Return a fleet's meter as it was kept, with the GPUs that the chain knows now.

    Args:
        checkpoints: where meters are kept.
        name: which meter of the fleet.
        told: what the chain says as of the report's time.
        power: how energy is derived; None where the samples carry it.
        at: which checkpoint, exactly; the newest before the report unless given. Where it is not there, the meter is
            a new one, which wants all samples since the enrolment.

    """
    kept = checkpoints.checkpoint(told.fleet_id, name, UnixSeconds(told.as_of - 1) if at is None else at)
    if kept is None or (at is not None and kept[0] != at):
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


def feed_from_pages(meter: FleetMeter, pages: Iterable[tuple[int, bytes]], as_of: UnixSeconds) -> None:
    """Feed a meter with published samples, hour by hour, in memory that does not grow with their number.

    Args:
        meter: the meter.
        pages: UTC hours since 1970, rising, and their rows.
        as_of: the report's time; hours before it are sealed once the hour after them is there.

    Raises `SamplePageError` where a row is none.

    """
    # Hours can be sealed one by one only where what closes an hour ends before the next begins.
    steps = MAX_GAP_CADENCES * meter.cadence_ms < MS_PER_HOUR
    for hour, rows in pages:
        meter.feed(parse_rows(rows))
        begin = UnixSeconds(hour * SECONDS_PER_HOUR)
        if steps and meter.sealed < begin < as_of:
            meter.seal(begin)


def finish(meter: FleetMeter, told: Commitments) -> Draft:
    """Build what a report says, and close the samples that it was built from."""
    leaf_file = build_leaf_file(meter, told.fleet_id, told.as_of, told.leases, told.allocations)
    meter.seal(told.as_of)
    return Draft(told, leaf_file, meter.checkpoint())


class NothingKept:
    """Where no meter is kept: everything begins at the enrolment."""

    def checkpoint(
        self, fleet_id: FleetId, meter: str, at_or_before: UnixSeconds | None = None
    ) -> tuple[UnixSeconds, bytes] | None:
        """Return None."""
