"""The rule from samples to counters, for one GPU; every meter and every verifier uses this one implementation.

- Between two consecutive samples at most 2 × cadence apart the GPU was available for the whole interval, and busy for
  the interval × the duty of the **earlier** sample. A longer interval is unavailable, never guessed.
- A counter as of T is built from samples stamped up to T + 2 × cadence and clips intervals at T, and at the bounds of
  the GPU's time in the fleet. So an interval that straddles T is known in full when T is read.
- Samples 2 × cadence or more outside the GPU's time in the fleet, or before its samples opened, are none.
- Busy time accumulates in milliseconds × ppm and is divided, rounding down, when a counter is read.
- A board's energy counter that falls starts a new segment: nothing is counted across the fall. Energy counts over
  available intervals alone, pro rata where an interval is clipped, rounding down.
- `seal(T)` closes the samples up to T + 2 × cadence. One that arrives later is dropped and counted, so that what was
  reported stays what the published samples give.

Counters as of T are a function of the samples and T, and of no earlier reading.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import lt, mul, sub

from pyutils.errors import InputError
from pyutils.meter.checkpoint import GpuState
from pyutils.meter.reading import Reading, runs_between
from pyutils.models import PowerModel
from pyutils.units import PPM, GpuMs

__all__ = [
    "MAX_ENERGY_MJ",
    "MAX_GAP_CADENCES",
    "GpuMeter",
    "NoEnergySourceError",
    "Reading",
    "SampleError",
    "SealedTimeError",
]

MAX_GAP_CADENCES = 2
"""Consecutive samples further apart than so many cadences leave the time between them unavailable."""
MAX_ENERGY_MJ = 2**63 - 1
"""What a board's energy counter can say; a kilowatt takes 290,000 years to get there."""

_NJ_PER_MJ = 1_000_000
_FOREVER_MS = 2**63


class SealedTimeError(InputError):
    """A counter was asked for as of a time before one that was already reported."""

    remedy = "Ask for a later time, or build the meter again from the published samples"

    def __init__(self, as_of_ms: int, sealed_ms: int) -> None:
        super().__init__(f"counters as of {as_of_ms} ms were asked for, but {sealed_ms} ms is already reported")
        self.as_of_ms, self.sealed_ms = as_of_ms, sealed_ms


class NoEnergySourceError(InputError):
    """Samples carry no energy counter and no power model was given."""

    remedy = "Give the board's idle and maximum power, from which energy is derived"

    def __init__(self, gpu_id: str) -> None:
        super().__init__(f"GPU {gpu_id} has samples without an energy counter")
        self.gpu_id = gpu_id


class SampleError(InputError):
    """A sample says what no board can."""

    remedy = f"Mend its source; a duty is 0 to {PPM} ppm, an energy counter 0 to 2**63 - 1 mJ"

    def __init__(self, gpu_id: str, what: str) -> None:
        super().__init__(f"GPU {gpu_id} has samples with {what}")
        self.gpu_id = gpu_id


class GpuMeter:
    """Counters of one GPU from samples that come in over time, in bounded memory once sealed."""

    def __init__(
        self,
        gpu_id: str,
        cadence_ms: int,
        since_ms: int = 0,
        until_ms: int | None = None,
        power: PowerModel | None = None,
        opened_ms: int = 0,
    ) -> None:
        """Count within `[since_ms, until_ms)`; derive energy by `power`, or read the samples' counter without it.

        Samples stamped before `opened_ms` come too late from the first.
        """
        self.gpu_id, self.power = gpu_id, power
        self.opened_ms = opened_ms
        self.max_gap_ms = MAX_GAP_CADENCES * cadence_ms
        self.since_ms = since_ms
        self.until_ms = _FOREVER_MS if until_ms is None else until_ms
        self.dropped_late = 0
        self.dropped_duplicates = 0
        self.at_ms: list[int] = []
        self.duty_ppm: list[int] = []
        self.energy_mj: list[int] = []
        self.sealed_ms = -1
        self._closed_from_ms, self._closed_count = -1, 0
        self._base = Reading()
        self._folded = 0
        """Index of the sample that ends what `_base` counts."""

    @property
    def closed_until_ms(self) -> int:
        """Samples stamped up to here are closed: later arrivals are dropped. `opened_ms` - 1 before the first seal."""
        # A GPU may be known, and sealed, before it joins; that opens it no earlier.
        opened = self.opened_ms - 1
        return max(opened, self.sealed_ms + self.max_gap_ms) if self.sealed_ms >= 0 else opened

    @property
    def wanted_ms(self) -> int:
        """Samples stamped after it are still taken."""
        return max(self.closed_until_ms, self.since_ms - self.max_gap_ms)

    def extend(self, at_ms: Sequence[int], duty_ppm: Sequence[int], energy_mj: Sequence[int] | None = None) -> None:
        """Take samples in any order. Of two with one time the first stands; late ones are dropped and counted.

        Samples too far outside the GPU's time in the fleet to matter are ignored.
        """
        if self.power is not None:
            energy_mj = None
        elif energy_mj is None and at_ms:
            raise NoEnergySourceError(self.gpu_id)
        if not all(map(lt, at_ms, islice(at_ms, 1, None))):
            at_ms, duty_ppm, energy_mj = self._sort(at_ms, duty_ppm, energy_mj)
        begin = bisect_right(at_ms, self.since_ms - self.max_gap_ms)
        end = bisect_left(at_ms, self.until_ms + self.max_gap_ms)
        late = bisect_right(at_ms, self.closed_until_ms, begin, end)
        self.dropped_late += late - begin
        if late == end:
            return
        at_ms, duty_ppm = at_ms[late:end], duty_ppm[late:end]
        energy_mj = energy_mj[late:end] if energy_mj is not None else None
        self._check(duty_ppm, energy_mj)
        if self.at_ms and at_ms[0] <= self.at_ms[-1]:
            self._merge(at_ms, duty_ppm, energy_mj)
            return
        self.at_ms += at_ms
        self.duty_ppm += duty_ppm
        if energy_mj is not None:
            self.energy_mj += energy_mj

    def read(self, as_of_ms: int) -> Reading:
        """Return the sums as of a time. Changes nothing. Raises `SealedTimeError` before what was sealed."""
        if as_of_ms < self.sealed_ms:
            raise SealedTimeError(as_of_ms, self.sealed_ms)
        stop = bisect_right(self.at_ms, as_of_ms + self.max_gap_ms) - 1
        return self._base + self._fold(stop, min(as_of_ms, self.until_ms))

    def seal(self, as_of_ms: int, keep_from_ms: int | None = None) -> None:
        """Close all that a report as of a time was built from, and forget samples that no counter needs again.

        `keep_from_ms` holds samples from there on although no counter needs them.
        """
        if as_of_ms < self.sealed_ms:
            raise SealedTimeError(as_of_ms, self.sealed_ms)
        self._closed_from_ms = self.wanted_ms
        self.sealed_ms = as_of_ms
        self._closed_count = self._count(self.at_ms)
        stop = bisect_right(self.at_ms, as_of_ms) - 1
        if stop > self._folded:
            self._base += self._fold(stop, self.until_ms)
            self._folded = stop
        drop = self._folded if keep_from_ms is None else min(self._folded, bisect_left(self.at_ms, keep_from_ms))
        del self.at_ms[:drop], self.duty_ppm[:drop], self.energy_mj[:drop]
        self._folded -= drop

    def recount(self, at_ms: Iterable[int]) -> None:
        """Count as late what a source has by now of the time that the last seal closed, beyond what was there then."""
        self.dropped_late += max(0, self._count(sorted(set(at_ms))) - self._closed_count)

    @property
    def closed_ms(self) -> tuple[int, int]:
        """After and up to which moment the last seal closed samples."""
        return self._closed_from_ms, min(self.closed_until_ms, self.until_ms + self.max_gap_ms - 1)

    def _count(self, at_ms: Sequence[int]) -> int:
        after, until = self.closed_ms
        return max(0, bisect_right(at_ms, until) - bisect_right(at_ms, after))

    def leave(self, until_ms: int) -> None:
        """Let the GPU leave at a time after all that was sealed; samples that then no longer matter are forgotten."""
        self.until_ms = until_ms
        end = bisect_left(self.at_ms, until_ms + self.max_gap_ms)
        del self.at_ms[end:], self.duty_ppm[end:], self.energy_mj[end:]

    def state(self) -> GpuState:
        """Return all that `restored` needs, without samples that are not closed yet."""
        end = bisect_right(self.at_ms, self.closed_until_ms)
        return GpuState(
            gpu_id=self.gpu_id,
            since_ms=self.since_ms,
            until_ms=self.until_ms,
            opened_ms=self.opened_ms,
            sealed_ms=self.sealed_ms,
            available_ms=self._base.available_ms,
            busy_ppm_ms=self._base.busy_ppm_ms,
            energy_nj=self._base.energy_nj,
            resets=self._base.resets,
            runs=self._base.runs,
            folded=self._folded,
            at_ms=tuple(self.at_ms[:end]),
            duty_ppm=tuple(self.duty_ppm[:end]),
            energy_mj=tuple(self.energy_mj[:end]),
            closed_from_ms=self._closed_from_ms,
            closed_count=self._closed_count,
            dropped_late=self.dropped_late,
            dropped_duplicates=self.dropped_duplicates,
        )

    @classmethod
    def restored(cls, state: GpuState, cadence_ms: int, power: PowerModel | None) -> GpuMeter:
        """Return the meter whose `state` was kept; with `power`, energy is derived from here on."""
        meter = cls(state.gpu_id, cadence_ms, state.since_ms, state.until_ms, power, state.opened_ms)
        meter.sealed_ms, meter._folded = state.sealed_ms, state.folded
        meter._base = Reading(state.available_ms, state.busy_ppm_ms, state.energy_nj, state.resets, state.runs)
        meter.at_ms, meter.duty_ppm = list(state.at_ms), list(state.duty_ppm)
        meter.energy_mj = list(state.energy_mj) if power is None else []
        meter._closed_from_ms, meter._closed_count = state.closed_from_ms, state.closed_count
        meter.dropped_late, meter.dropped_duplicates = state.dropped_late, state.dropped_duplicates
        return meter

    def _check(self, duty_ppm: Sequence[int], energy_mj: Sequence[int] | None) -> None:
        if min(duty_ppm) < 0 or max(duty_ppm) > PPM:
            raise SampleError(self.gpu_id, f"a duty of {min(duty_ppm)} to {max(duty_ppm)} ppm")
        if energy_mj is not None and (min(energy_mj) < 0 or max(energy_mj) > MAX_ENERGY_MJ):
            raise SampleError(self.gpu_id, f"an energy counter of {min(energy_mj)} to {max(energy_mj)} mJ")

    def _fold(self, stop: int, until_ms: int) -> Reading:
        """Return the sums of the pairs from the last folded sample to sample `stop`, clipped to the bounds."""
        first = max(self._folded, bisect_right(self.at_ms, self.since_ms) - 1)
        last = min(stop, bisect_left(self.at_ms, until_ms))
        if last <= first or until_ms <= self.since_ms:
            return Reading()
        at = self.at_ms[first : last + 1]
        energy = self.energy_mj[first : last + 1]
        lengths = list(map(sub, islice(at, 1, None), at))
        breaks = [i for i, length in enumerate(lengths) if length > self.max_gap_ms] if self._has_gap(lengths) else []
        falls = [i for i, fell in enumerate(map(lt, islice(energy, 1, None), energy)) if fell]
        if falls:
            breaks = sorted({*breaks, *falls})
        # The bounds cut the first and the last pair only, which may be the same one.
        begin_cut = max(0, self.since_ms - at[0])
        end_cut = max(0, at[-1] - until_ms)
        wholes = lengths.copy() if energy else lengths
        lengths[0] -= begin_cut
        lengths[-1] -= end_cut
        for i in breaks:
            lengths[i] = 0
        runs = runs_between(at[0] + begin_cut, at[-1] - end_cut, at, breaks)
        available_ms = sum(lengths)
        busy_ppm_ms = sum(map(mul, lengths, self.duty_ppm[first:last]))
        if self.power is not None:
            energy_nj = self.power.nanojoules(GpuMs(available_ms), busy_ppm_ms)
        else:
            energy_nj = sum(
                (after - before) * _NJ_PER_MJ * length // whole
                for before, after, length, whole in zip(energy, islice(energy, 1, None), lengths, wholes, strict=False)
                if length
            )
        return Reading(available_ms, busy_ppm_ms, energy_nj, len(falls), runs)

    def _has_gap(self, lengths: list[int]) -> bool:
        return max(lengths) > self.max_gap_ms

    def _sort(
        self, at_ms: Sequence[int], duty_ppm: Sequence[int], energy_mj: Sequence[int] | None
    ) -> tuple[list[int], list[int], list[int] | None]:
        """Return the columns in order of time, the first of equal times alone."""
        first_of: dict[int, int] = {}
        for index, at in enumerate(at_ms):
            first_of.setdefault(at, index)
        self.dropped_duplicates += len(at_ms) - len(first_of)
        order = [first_of[at] for at in sorted(first_of)]
        energy = None if energy_mj is None else [energy_mj[i] for i in order]
        return [at_ms[i] for i in order], [duty_ppm[i] for i in order], energy

    def _merge(self, at_ms: Sequence[int], duty_ppm: Sequence[int], energy_mj: Sequence[int] | None) -> None:
        """Put samples that arrived out of order, but before their time was closed, where they belong."""
        cut = bisect_left(self.at_ms, at_ms[0])
        at = [*self.at_ms[cut:], *at_ms]
        duty = [*self.duty_ppm[cut:], *duty_ppm]
        energy = None if energy_mj is None else [*self.energy_mj[cut:], *energy_mj]
        at, duty, energy = self._sort(at, duty, energy)
        self.at_ms[cut:], self.duty_ppm[cut:] = at, duty
        if energy is not None:
            self.energy_mj[cut:] = energy
