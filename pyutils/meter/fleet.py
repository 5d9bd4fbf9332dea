"""Counters of a whole fleet, delivery of its leases, and the hash of the samples behind them."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, Self

import orjson

from pyutils.errors import GpuRwaError, InputError
from pyutils.meter.page import SamplePage
from pyutils.meter.rule import MAX_GAP_CADENCES, GpuMeter, Reading
from pyutils.meter.series import GpuSeries
from pyutils.models import Allocation, Enrolment, GpuCounters, PowerModel
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, GpuMs, LeaseId, Ms, UnixMs, UnixSeconds

CHECKPOINT_FORMAT: Final = "gpu-rwa-fleet-meter/1"


class AllocationError(InputError):
    """Allocations that cannot be: a GPU that serves two leases at once, or that is not of the fleet."""

    remedy = "Give each GPU to one lease at a time, and only GPUs that are enrolled"


class EnrolmentError(InputError):
    """A GPU is enrolled twice, or not as it was before."""

    remedy = "Enrol each GPU once; one that comes back needs another id"


class CheckpointError(GpuRwaError):
    """A kept meter cannot be read."""

    remedy = "Restore the store from its newest copy, or build the meter again from the published samples"

    def __init__(self, reason: str) -> None:
        super().__init__(f"a meter's checkpoint cannot be used: {reason}")


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

    @property
    def dropped_late(self) -> int:
        """Samples that arrived after their interval was reported."""
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
            if (begin := max(meter.closed_until_ms, meter.since_ms - meter.max_gap_ms))
            < meter.until_ms + meter.max_gap_ms
        }

    def reading(self, gpu_id: str, as_of: UnixSeconds) -> Reading:
        """Return one GPU's sums as of a time, at full resolution. Changes nothing."""
        return self._meters[gpu_id].read(as_of * MS_PER_SECOND)

    def enrol(self, enrolments: Iterable[Enrolment]) -> None:
        """Take the fleet's GPUs as they are now: new ones are metered from here on, leaving ones to their end.

        Raises `EnrolmentError` where a GPU that was metered is not among them, joined at another time, or is there
        twice.
        """
        fresh = tuple(sorted(enrolments, key=lambda enrolment: enrolment.gpu_id))
        _check_once(fresh)
        by_id = {one.gpu_id: one for one in fresh}
        for old in self.enrolments:
            new = by_id.get(old.gpu_id)
            if new is None or new.since != old.since or (old.until is not None and new.until != old.until):
                raise EnrolmentError(f"GPU {old.gpu_id} was enrolled from {old.since} to {old.until}, not as {new}")
            if new.until is not None:
                self._meters[old.gpu_id].until_ms = new.until * MS_PER_SECOND
        self._meters = {gpu_id: self._meters.get(gpu_id) or self._meter(one) for gpu_id, one in by_id.items()}
        self.enrolments, self._paged = fresh, None

    def feed(self, series: Iterable[GpuSeries]) -> None:
        """Take samples, in any order."""
        self._paged = None
        for one in series:
            meter = self._meters.get(one.gpu_id)
            if meter is not None:
                meter.extend(one.at_ms, one.duty_ppm, one.energy_mj)

    def counters(self, as_of: UnixSeconds) -> tuple[GpuCounters, ...]:
        """Return each GPU's counters as of a time, sorted by GPU. Changes nothing."""
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
        """Return the samples that counters as of a time are built from, hour by hour, without hours chained already."""
        if self._paged is None or self._paged[0] != as_of:
            self._paged = as_of, tuple(self._make_pages(self._closed_ms(as_of)))
        return self._paged[1]

    def seal(self, as_of: UnixSeconds) -> None:
        """Close what a report as of a time was built from: samples stamped up to it + 2 × cadence."""
        for page in self.pages(as_of):
            if page.whole:
                self._chain = page.chained(self._chain)
        # An hour is whole once its last millisecond is closed.
        self._chained_hours = max(self._chained_hours, (self._closed_ms(as_of) + 1) // MS_PER_HOUR)
        self._sealed, self._paged = as_of, None
        for meter in self._meters.values():
            meter.seal(as_of * MS_PER_SECOND, keep_from_ms=self._chained_hours * MS_PER_HOUR)

    def _closed_ms(self, as_of: UnixSeconds) -> int:
        return as_of * MS_PER_SECOND + MAX_GAP_CADENCES * self.cadence_ms

    def _make_pages(self, closed_ms: int) -> Iterator[SamplePage]:
        firsts = [meter.at_ms[0] // MS_PER_HOUR for meter in self._meters.values() if meter.at_ms]
        if not firsts:
            return
        for hour in range(max(self._chained_hours, min(firsts)), closed_ms // MS_PER_HOUR + 1):
            last_ms = (hour + 1) * MS_PER_HOUR - 1
            stop = min(last_ms, closed_ms)
            rows = "".join([_rows(meter, hour * MS_PER_HOUR, stop) for meter in self._meters.values()])
            if rows:
                yield SamplePage(hour, rows.encode("ascii"), whole=last_ms <= closed_ms)

    def _meter(self, one: Enrolment) -> GpuMeter:
        until_ms = None if one.until is None else one.until * MS_PER_SECOND
        # No hour from this one on can have been chained by a report that did not know the GPU yet.
        opened_ms = self._closed_ms(one.since) // MS_PER_HOUR * MS_PER_HOUR
        return GpuMeter(one.gpu_id, self.cadence_ms, one.since * MS_PER_SECOND, until_ms, self.power, opened_ms)

    def checkpoint(self) -> bytes:
        """Return all that `restored` needs to go on from the last seal; samples not closed yet are asked for again.

        Grows with the fleet and with its open hour, not with its age. Raises `InputError` before the first seal.
        """
        if self._sealed < 0:
            raise InputError("a meter that sealed nothing has no checkpoint", remedy="Seal a report first")
        state = {
            "format": CHECKPOINT_FORMAT,
            "cadence_ms": self.cadence_ms,
            "power": None if self.power is None else self.power.model_dump(),
            "sealed": self._sealed,
            "chain": self._chain.hex(),
            "chained_hours": self._chained_hours,
            "enrolments": [one.model_dump() for one in self.enrolments],
            "gpus": [meter.state() for meter in self._meters.values()],
        }
        return zlib.compress(orjson.dumps(state), 1)

    @classmethod
    def restored(cls, checkpoint: bytes, power: PowerModel | None = None) -> Self:
        """Return the meter as it was when `checkpoint` was taken; with `power`, energy is derived from here on.

        Raises `CheckpointError` where it is none.
        """
        try:
            state = orjson.loads(zlib.decompress(checkpoint))
            if state["format"] != CHECKPOINT_FORMAT:
                raise CheckpointError(f"its format is {state['format']!r}, not {CHECKPOINT_FORMAT!r}")
            if power is None and state["power"] is not None:
                power = PowerModel.model_validate(state["power"])
            meter = cls([Enrolment.model_validate(one) for one in state["enrolments"]], state["cadence_ms"], power)
            gpus = [GpuMeter.restored(one, meter.cadence_ms, power) for one in state["gpus"]]
            meter._meters = {one.gpu_id: one for one in gpus}
            meter._sealed, meter._chained_hours = UnixSeconds(state["sealed"]), state["chained_hours"]
            meter._chain = bytes.fromhex(state["chain"])
        except (zlib.error, ValueError, KeyError, TypeError) as error:
            raise CheckpointError("it is damaged") from error
        return meter

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
    return GpuCounters(
        gpu_id=gpu_id,
        available_ms=GpuMs(reading.available_ms),
        busy_ms=reading.busy_ms,
        energy_joules=reading.energy_joules,
        resets=reading.resets,
    )


def _rows(meter: GpuMeter, first_ms: int, last_ms: int) -> str:
    begin, end = bisect_left(meter.at_ms, first_ms), bisect_right(meter.at_ms, last_ms)
    at, duty = meter.at_ms[begin:end], meter.duty_ppm[begin:end]
    if meter.power is None:
        energy = meter.energy_mj[begin:end]
        return "".join([f"{meter.gpu_id},{a},{d},{e}\n" for a, d, e in zip(at, duty, energy, strict=True)])
    return "".join([f"{meter.gpu_id},{a},{d}\n" for a, d in zip(at, duty, strict=True)])
