"""Counters of a whole fleet, delivery of its leases, and the hash of the samples behind them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Self

from pydantic import ValidationError

from pyutils.errors import InputError
from pyutils.meter.checkpoint import CheckpointError, FleetState, pack, unpack
from pyutils.meter.page import SamplePage, canonical_rows
from pyutils.meter.rule import MAX_GAP_CADENCES, GpuMeter, Reading, SampleError, SealedTimeError
from pyutils.meter.series import GpuSeries
from pyutils.models import Allocation, Enrolment, GpuCounters, PowerModel
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, SECONDS_PER_HOUR, GpuMs, LeaseId, Ms, UnixMs, UnixSeconds

__all__ = ["AllocationError", "CheckpointError", "EnrolmentError", "FleetMeter"]


class AllocationError(InputError):
    """Allocations that cannot be: a GPU that serves two leases at once, or that is not of the fleet."""

    remedy = "Give each GPU to one lease at a time, and only GPUs that are enrolled"


class EnrolmentError(InputError):
    """A GPU is enrolled twice, or not as it was before."""

    remedy = "Enrol each GPU once; one that comes back needs another id"


class FleetMeter:
    """Turns samples of a fleet's GPUs into what a meter report says. Samples of other GPUs are ignored."""

    def __init__(self, enrolments: Iterable[Enrolment], cadence_ms: Ms, power: PowerModel | None = None) -> None:
        """Meter GPUs during their enrolment. Without `power` samples must carry the boards' energy counters."""
        self.enrolments = tuple(sorted(enrolments, key=lambda enrolment: enrolment.gpu_id))
        self.cadence_ms, self.power = cadence_ms, power
        if cadence_ms <= 0:
            raise InputError(f"a sampling cadence of {cadence_ms} ms", remedy="Give a positive number")
        _check_once(self.enrolments)
        self._chain = bytes(32)
        self._chained_hours = 0
        self._sealed = UnixSeconds(-1)
        self._paged: tuple[UnixSeconds, tuple[SamplePage, ...]] | None = None
        self._meters = {one.gpu_id: self._meter(one) for one in self.enrolments}
        self._recountable: set[str] = set()

    @property
    def dropped_late(self) -> int:
        """Samples that arrived after their interval was reported, as far as they were fed or recounted."""
        return sum(meter.dropped_late for meter in self._meters.values())

    @property
    def dropped_duplicates(self) -> int:
        """Samples of a GPU and a time that were there already."""
        return sum(meter.dropped_duplicates for meter in self._meters.values())

    @property
    def sealed(self) -> UnixSeconds:
        """Time of the last `seal`; -1 before the first."""
        return self._sealed

    @property
    def chained_hours(self) -> int:
        """The first UTC hour since 1970 that the chain of hashes does not hold whole."""
        return self._chained_hours

    def wanted_ms(self) -> dict[str, UnixMs]:
        """Return, for each GPU of which samples are still taken, the moment after which they are."""
        return {
            gpu_id: UnixMs(begin)
            for gpu_id, meter in self._meters.items()
            if (begin := meter.wanted_ms) < meter.until_ms + meter.max_gap_ms
        }

    def recountable_ms(self) -> dict[str, tuple[UnixMs, UnixMs]]:
        """Return, for each GPU, after and up to which moment the last seal closed samples, of a meter just restored.

        What a source has of that time by now, and had not then, came late. Empty once the meter was sealed again.
        """
        spans = {gpu_id: self._meters[gpu_id].closed_ms for gpu_id in sorted(self._recountable)}
        return {gpu_id: (UnixMs(after), UnixMs(until)) for gpu_id, (after, until) in spans.items() if after < until}

    def recount(self, gpu_id: str, at_ms: Iterable[int]) -> None:
        """Count as late what of these moments, all of a GPU within its `recountable_ms`, was not there for the seal."""
        self._meters[gpu_id].recount(at_ms)
        self._recountable.discard(gpu_id)

    def reading(self, gpu_id: str, as_of: UnixSeconds) -> Reading:
        """Return one GPU's sums as of a time, at full resolution. Changes nothing."""
        return self._meters[gpu_id].read(as_of * MS_PER_SECOND)

    def enrol(self, enrolments: Iterable[Enrolment]) -> None:
        """Take the fleet's GPUs as they are now: new ones are metered from here on, leaving ones to their end.

        Raises `EnrolmentError`, and changes nothing, where a GPU that was metered is not among them or joined at
        another time, where one is there twice, and where one joined or left before what is sealed already.
        """
        fresh = tuple(sorted(enrolments, key=lambda enrolment: enrolment.gpu_id))
        _check_once(fresh)
        known = {one.gpu_id: one for one in self.enrolments}
        missing = known.keys() - {one.gpu_id for one in fresh}
        if missing:
            raise EnrolmentError(f"GPU {min(missing)} was metered, and is not among the fleet's GPUs now")
        for one in fresh:
            self._check_change(known.get(one.gpu_id), one)
        meters = {one.gpu_id: self._meters.get(one.gpu_id) or self._meter(one) for one in fresh}
        for one in fresh:
            if one.until is not None:
                meters[one.gpu_id].leave(one.until * MS_PER_SECOND)
        self._meters, self.enrolments, self._paged = meters, fresh, None

    def feed(self, series: Iterable[GpuSeries]) -> None:
        """Take samples, in any order."""
        self._paged = None
        for one in series:
            meter = self._meters.get(one.gpu_id)
            if meter is not None:
                meter.extend(one.at_ms, one.duty_ppm, one.energy_mj)

    def counters(self, as_of: UnixSeconds) -> tuple[GpuCounters, ...]:
        """Return each GPU's counters as of a time, sorted by GPU. Changes nothing.

        Raises `SampleError` where samples give a counter of more than 64 bits.
        """
        return tuple(_counters(gpu_id, meter.read(as_of * MS_PER_SECOND)) for gpu_id, meter in self._meters.items())

    def delivered(
        self, leases: Iterable[LeaseId], allocations: Iterable[Allocation], as_of: UnixSeconds
    ) -> dict[LeaseId, GpuMs]:
        """Return what was delivered to each of `leases` up to `as_of`, by the GPUs allocated to it.

        Raises `AllocationError` where a GPU serves two leases at once or is not of the fleet.
        """
        kept = tuple(allocations)
        self._check(kept)
        totals: dict[LeaseId, GpuMs] = dict.fromkeys(sorted(leases), GpuMs(0))
        wanted = [one for one in kept if one.lease_id in totals]
        readings = {gpu_id: self.reading(gpu_id, as_of) for gpu_id in {one.gpu_id for one in wanted}}
        for one in wanted:
            served = readings[one.gpu_id].delivered_ms(one.start * MS_PER_SECOND, one.end * MS_PER_SECOND)
            totals[one.lease_id] = GpuMs(totals[one.lease_id] + served)
        return totals

    def samples_hash(self, as_of: UnixSeconds) -> bytes:
        """Return the hash of all samples that counters as of a time are built from.

        Per UTC hour with samples, in order: `hash = keccak(hash ‖ keccak(rows))`, from 32 zero bytes; rows are
        `gpu_id,at_ms,duty_ppm` and, where energy is measured, `,energy_mj`, sorted by GPU and time, each ended by a
        line feed. Hours chain, so that a daemon need not keep years of samples, and reports do not, so that the hash
        is the same whichever reports were made before.
        """
        chain = self._chain
        for page in self.pages(as_of):
            chain = page.chained(chain)
        return chain

    def pages(self, as_of: UnixSeconds) -> tuple[SamplePage, ...]:
        """Return the samples that counters as of a time are built from, hour by hour, without hours chained already.

        Raises `SealedTimeError` before the last seal.
        """
        if as_of < self._sealed:
            raise SealedTimeError(as_of * MS_PER_SECOND, self._sealed * MS_PER_SECOND)
        if self._paged is None or self._paged[0] != as_of:
            self._paged = as_of, tuple(self._make_pages(as_of))
        return self._paged[1]

    def seal(self, as_of: UnixSeconds) -> None:
        """Close what a report as of a time was built from: samples stamped up to it + 2 × cadence."""
        for page in self.pages(as_of):
            if page.whole:
                self._chain = page.chained(self._chain)
        self._chained_hours = max(self._chained_hours, as_of // SECONDS_PER_HOUR)
        self._sealed, self._paged = as_of, None
        self._recountable.clear()
        for meter in self._meters.values():
            meter.seal(as_of * MS_PER_SECOND, keep_from_ms=self._chained_hours * MS_PER_HOUR)

    def _closed_ms(self, as_of: UnixSeconds) -> int:
        return as_of * MS_PER_SECOND + MAX_GAP_CADENCES * self.cadence_ms

    def _make_pages(self, as_of: UnixSeconds) -> Iterator[SamplePage]:
        closed_ms = self._closed_ms(as_of)
        firsts = [meter.at_ms[0] // MS_PER_HOUR for meter in self._meters.values() if meter.at_ms]
        if not firsts:
            return
        for hour in range(max(self._chained_hours, min(firsts)), closed_ms // MS_PER_HOUR + 1):
            last_ms = (hour + 1) * MS_PER_HOUR - 1
            stop = min(last_ms, closed_ms)
            rows = "".join([_rows(meter, hour * MS_PER_HOUR, stop) for meter in self._meters.values()])
            if rows:
                yield SamplePage(hour, rows.encode("ascii"), whole=last_ms < as_of * MS_PER_SECOND)

    def _meter(self, one: Enrolment) -> GpuMeter:
        until_ms = None if one.until is None else one.until * MS_PER_SECOND
        # No hour from this one on can have been chained by a report that did not know the GPU yet.
        opened_ms = one.since // SECONDS_PER_HOUR * MS_PER_HOUR
        return GpuMeter(one.gpu_id, self.cadence_ms, one.since * MS_PER_SECOND, until_ms, self.power, opened_ms)

    def checkpoint(self) -> bytes:
        """Return all that `restored` needs to go on from the last seal; samples not closed yet are asked for again.

        Grows with the fleet, its gaps and its open hour. Raises `InputError` before the first seal.
        """
        if self._sealed < 0:
            raise InputError("a meter that sealed nothing has no checkpoint", remedy="Seal a report first")
        return pack(
            FleetState(
                cadence_ms=self.cadence_ms,
                power=self.power,
                sealed=self._sealed,
                chain=self._chain,
                chained_hours=self._chained_hours,
                enrolments=self.enrolments,
                gpus=tuple(meter.state() for meter in self._meters.values()),
            )
        )

    @classmethod
    def restored(cls, checkpoint: bytes, power: PowerModel | None = None) -> Self:
        """Return the meter as it was when `checkpoint` was taken; with `power`, energy is derived from here on.

        Raises `CheckpointError` where it is none.
        """
        state = unpack(checkpoint)
        power = state.power if power is None else power
        meter = cls(state.enrolments, Ms(state.cadence_ms), power)
        meter._sealed, meter._chain = UnixSeconds(state.sealed), state.chain
        meter._chained_hours = meter._sealed // SECONDS_PER_HOUR
        for one in state.gpus:
            fresh = meter._meters[one.gpu_id]
            kept = meter._meters[one.gpu_id] = GpuMeter.restored(one, meter.cadence_ms, power)
            bounds = [(each.since_ms, each.until_ms, each.opened_ms) for each in (fresh, kept)]
            if bounds[0] != bounds[1] or (kept.at_ms and kept.at_ms[-1] > kept.closed_until_ms):
                raise CheckpointError(f"GPU {one.gpu_id}: its samples are not those of its time in the fleet")
        if meter._chained_hours != state.chained_hours:
            raise CheckpointError(f"it has chained {state.chained_hours} hours, and was sealed at {state.sealed}")
        meter._recountable = {one.gpu_id for one in state.gpus}
        return meter

    def _check_change(self, old: Enrolment | None, new: Enrolment) -> None:
        """Raise where a GPU's time in the fleet is not what it was, or changes what is sealed."""
        if old is not None and (new.since != old.since or (old.until is not None and new.until != old.until)):
            told = f"from {new.since} to {new.until}, and was from {old.since} to {old.until}"
            raise EnrolmentError(f"GPU {new.gpu_id} is enrolled {told}")
        if old is None and new.since <= self._sealed:
            raise EnrolmentError(f"GPU {new.gpu_id} joined at {new.since}, and {self._sealed} is sealed without it")
        if new.until is not None and new.until <= self._sealed and (old is None or old.until is None):
            raise EnrolmentError(f"GPU {new.gpu_id} left at {new.until}, and {self._sealed} is sealed with it")

    def _check(self, allocations: tuple[Allocation, ...]) -> None:
        for one in allocations:
            if one.gpu_id not in self._meters:
                raise AllocationError(f"lease {one.lease_id}: GPU {one.gpu_id} is not of the fleet")
        ordered = sorted(allocations, key=lambda one: (one.gpu_id, one.start))
        for one, next_one in pairwise(ordered):
            if one.gpu_id == next_one.gpu_id and next_one.start < one.end:
                raise AllocationError(
                    f"GPU {one.gpu_id} serves lease {one.lease_id} until {one.end}"
                    f" and lease {next_one.lease_id} from {next_one.start}"
                )


def _check_once(enrolments: tuple[Enrolment, ...]) -> None:
    for one, next_one in pairwise(enrolments):
        if one.gpu_id == next_one.gpu_id:
            raise EnrolmentError(f"GPU {one.gpu_id} is enrolled twice")


def _counters(gpu_id: str, reading: Reading) -> GpuCounters:
    try:
        return GpuCounters(
            gpu_id=gpu_id,
            available_ms=GpuMs(reading.available_ms),
            busy_ms=reading.busy_ms,
            energy_joules=reading.energy_joules,
            resets=reading.resets,
        )
    except ValidationError as error:
        raise SampleError(gpu_id, "a sum of more than 64 bits") from error


def _rows(meter: GpuMeter, first_ms: int, last_ms: int) -> str:
    begin, end = bisect_left(meter.at_ms, first_ms), bisect_right(meter.at_ms, last_ms)
    energy = meter.energy_mj[begin:end] if meter.power is None else None
    return canonical_rows(meter.gpu_id, meter.at_ms[begin:end], meter.duty_ppm[begin:end], energy)
