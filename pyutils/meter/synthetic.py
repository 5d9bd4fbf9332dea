"""A seeded trace for those who have none: the same columns and the same faults as recorded ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from pyutils.meter.series import GpuSeries
from pyutils.meter.trace import Trace
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, PPM, Ms, UnixSeconds

Habit = Literal["steady", "leaves", "arrives", "gappy"]

_PPM_STEP = PPM // 10_000


@dataclass(frozen=True, slots=True)
class Cast:
    """How many GPUs of each habit a synthetic trace has."""

    steady: int = 12
    leaves: int = 3
    arrives: int = 3
    gappy: int = 4

    def habits(self) -> tuple[Habit, ...]:
        """Return one habit per GPU."""
        counts: tuple[tuple[Habit, int], ...] = (
            ("steady", self.steady),
            ("leaves", self.leaves),
            ("arrives", self.arrives),
            ("gappy", self.gappy),
        )
        return tuple(habit for habit, count in counts for _ in range(count))


def synthetic_trace(
    seed: int,
    cast: Cast | None = None,
    hours: int = 12,
    cadence_s: int = 57,
    start: UnixSeconds = UnixSeconds(1_700_000_000),  # noqa: B008
) -> Trace:
    """Return a trace that depends on its arguments alone.

    Steady GPUs miss at most single samples; others leave for good after 20–80 % of the time, arrive after 10–60 % of
    it, or lose a stretch of 3–40 samples now and then. GPUs are named so that their order tells nothing of habits.
    """
    dice = random.Random(seed)
    ticks = hours * MS_PER_HOUR // (cadence_s * MS_PER_SECOND) + 1
    series = []
    for habit in (cast or Cast()).habits():
        gpu_id = f"{dice.getrandbits(128):032x}"
        begin = _between(dice, ticks * 10 // 100, ticks * 60 // 100) if habit == "arrives" else 0
        end = _between(dice, ticks * 20 // 100, ticks * 80 // 100) if habit == "leaves" else ticks
        offset_s = _between(dice, 0, cadence_s - 1)
        kept = _present(dice, begin, max(end, begin + 2), gappy=habit == "gappy")
        at_ms = [(start + offset_s + tick * cadence_s) * MS_PER_SECOND for tick in kept]
        series.append(GpuSeries(gpu_id, at_ms, _duties(dice, len(kept))))
    return Trace(
        f"synthetic, seed {seed}", tuple(sorted(series, key=lambda one: one.gpu_id)), Ms(cadence_s * MS_PER_SECOND)
    )


def _between(dice: random.Random, low: int, high: int) -> int:
    """Return a number in `[low, high]`; of `random`, only `getrandbits` and `random` are the same in every version."""
    return low + int(dice.random() * (high - low + 1))


def _present(dice: random.Random, begin: int, end: int, *, gappy: bool) -> list[int]:
    """Return the ticks at which a GPU has a sample."""
    ticks = []
    tick = begin
    while tick < end:
        ticks.append(tick)
        chance = dice.random()
        if gappy and chance < 0.01:
            tick += _between(dice, 3, 40)
        elif chance > 0.995:
            tick += 1  # a single missing sample leaves a gap of 2 × cadence, which still counts
        tick += 1
    return ticks


def _duties(dice: random.Random, count: int) -> list[int]:
    """Return duty cycles that idle, then work for a while, as serving GPUs do."""
    duties = []
    level = 0
    for _ in range(count):
        if dice.random() < 0.05:
            level = 0 if dice.random() < 0.5 else _between(dice, 500, 9_500)
        jitter = _between(dice, -300, 300) if level else 0
        duties.append(min(max(level + jitter, 0), 10_000) * _PPM_STEP)
    return duties
