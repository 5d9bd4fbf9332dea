"""Counters of a whole fleet, delivery of its leases, and the hash of the samples behind them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise

from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.meter.rule import MAX_GAP_CADENCES, GpuMeter, Reading
from pyutils.meter.series import GpuSeries
from pyutils.models import Allocation, Enrolment, GpuCounters, PowerModel
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, GpuMs, LeaseId, Ms, UnixSeconds


class AllocationError(InputError):
    """Allocations that cannot be: a GPU that serves two leases at once, or that is not of the fleet."""

    remedy = "Give each GPU to one lease at a time, and only GPUs that are enrolled"


class EnrolmentError(InputError):
    """A GPU is enrolled twice."""

    remedy = "Enrol each GPU once"


class FleetMeter:
    """Turns samples of a fleet's GPUs into what a meter report says. Samples of other GPUs are ignored."""

    def __init__(self, enrolments: Iterable[Enrolment], cadence_ms: Ms, power: PowerModel | None = None) -> None:
        """Meter GPUs during their enrolment. Without `power` samples must carry the boards' energy counters."""
        self.enrolments = tuple(sorted(enrolments, key=lambda enrolment: enrolment.gpu_id))
        self.cadence_ms, self.power = cadence_ms, power
        if cadence_ms <= 0:
            raise InputError(f"a sampling cadence of {cadence_ms} ms", remedy="Give a positive number")
        for one, next_one in pairwise(self.enrolments):
            if one.gpu_id == next_one.gpu_id:
                raise EnrolmentError(f"GPU {one.gpu_id} is enrolled twice")
        self._meters = {
            one.gpu_id: GpuMeter(
                one.gpu_id,
                cadence_ms,
                one.since * MS_PER_SECOND,
                None if one.until is None else one.until * MS_PER_SECOND,
                power,
            )
            for one in self.enrolments
        }
        self._chain = bytes(32)
        self._chained_hours = 0

    @property
    def dropped_late(self) -> int:
        """Samples that arrived after their interval was reported."""
        return sum(meter.dropped_late for meter in self._meters.values())

    @property
    def dropped_duplicates(self) -> int:
        """Samples of a GPU and a time that were there already."""
        return sum(meter.dropped_duplicates for meter in self._meters.values())

    def feed(self, series: Iterable[GpuSeries]) -> None:
        """Take samples, in any order."""
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
        readings = {gpu_id: self._meters[gpu_id].read(as_of * MS_PER_SECOND) for gpu_id in {w.gpu_id for w in wanted}}
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
        return self._chain_to(self._closed_ms(as_of), whole_hours=False)[0]

    def seal(self, as_of: UnixSeconds) -> None:
        """Close what a report as of a time was built from: samples stamped up to it + 2 × cadence."""
        self._chain, self._chained_hours = self._chain_to(self._closed_ms(as_of), whole_hours=True)
        for meter in self._meters.values():
            meter.seal(as_of * MS_PER_SECOND, keep_from_ms=self._chained_hours * MS_PER_HOUR)

    def _closed_ms(self, as_of: UnixSeconds) -> int:
        return as_of * MS_PER_SECOND + MAX_GAP_CADENCES * self.cadence_ms

    def _chain_to(self, closed_ms: int, *, whole_hours: bool) -> tuple[bytes, int]:
        chain = self._chain
        firsts = [meter.at_ms[0] // MS_PER_HOUR for meter in self._meters.values() if meter.at_ms]
        begin = max(self._chained_hours, min(firsts, default=0)) if firsts else self._chained_hours
        # An hour is whole once its last millisecond is closed.
        end = (closed_ms + 1) // MS_PER_HOUR
        for hour in range(begin, max(begin, end if whole_hours else closed_ms // MS_PER_HOUR + 1)) if firsts else ():
            stop = min((hour + 1) * MS_PER_HOUR - 1, closed_ms)
            rows = "".join([_rows(meter, hour * MS_PER_HOUR, stop) for meter in self._meters.values()])
            if rows:
                chain = keccak256(chain + keccak256(rows.encode("ascii")))
        return chain, max(self._chained_hours, end)

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
