"""A report in the making: a meter brought from its checkpoint to a time, and what it then says.

Nothing here is kept in memory between reports: each draft begins at the newest checkpoint in the store, so that a
process that starts anew and one that ran for years make the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from pyutils.errors import InputError
from pyutils.meter import FleetMeter, LeafFile, SampleSource, build_leaf_file, parse_rows
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import PowerModel
from pyutils.operations.commitments import Commitments
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, SECONDS_PER_HOUR, FleetId, UnixMs, UnixSeconds

_RECOUNTED_AT_ONCE: Final = 256
"""GPUs whose samples are looked through a second time at once, which bounds the memory of it."""


class PowerChangedError(InputError):
    """Energy would be derived in another way than in the reports before, on which counters stand."""

    remedy = "Put [power] and the meter's energy back as they were; a verifier's own meter begins anew with `rebase`"


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

    Raises `CheckpointError`, `EnrolmentError`, and `PowerChangedError` where energy was derived in another way.

    """
    kept = checkpoints.checkpoint(told.fleet_id, name, UnixSeconds(told.as_of - 1) if at is None else at)
    if kept is None or (at is not None and kept[0] != at):
        return FleetMeter(told.enrolments, told.cadence_ms, power)
    meter = FleetMeter.restored(kept[1])
    if meter.power != power:
        raise PowerChangedError(
            f"fleet {told.fleet_id}: energy was {_how(meter.power)} until now, and is {_how(power)}"
        )
    meter.enrol(told.enrolments)
    return meter


def _how(power: PowerModel | None) -> str:
    return "measured" if power is None else f"derived from {power.idle_watts} to {power.max_watts} W"


def feed_from_source(meter: FleetMeter, source: SampleSource, as_of: UnixSeconds) -> None:
    """Feed a meter with all that a source has for a report as of a time and the meter still takes.

    One that was just restored learns first what came too late for its last seal, which is dropped and counted. Raises
    `SourceError` where the source fails on the way.
    """
    _count_late(meter, source)
    until = UnixMs(as_of * MS_PER_SECOND + MAX_GAP_CADENCES * meter.cadence_ms)
    gpus_from: dict[UnixMs, list[str]] = defaultdict(list)
    for gpu_id, begin in meter.wanted_ms().items():
        gpus_from[begin].append(gpu_id)
    for begin, gpu_ids in sorted(gpus_from.items()):
        if begin < until:
            for batch in source.read(gpu_ids, begin, until):
                meter.feed(batch)


def _count_late(meter: FleetMeter, source: SampleSource) -> None:
    gpus_of: dict[tuple[UnixMs, UnixMs], list[str]] = defaultdict(list)
    for gpu_id, span in meter.recountable_ms().items():
        gpus_of[span].append(gpu_id)
    for (after, until), gpu_ids in sorted(gpus_of.items()):
        for place in range(0, len(gpu_ids), _RECOUNTED_AT_ONCE):
            stamps: dict[str, set[int]] = {one: set() for one in gpu_ids[place : place + _RECOUNTED_AT_ONCE]}
            for batch in source.read(list(stamps), after, until):
                for one in batch:
                    stamps[one.gpu_id].update(one.at_ms)
            for gpu_id, at_ms in stamps.items():
                meter.recount(gpu_id, at_ms)


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
