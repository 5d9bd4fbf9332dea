"""What one GPU's meter has counted, at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.units import PPM, GpuMs, Joules

_NJ_PER_JOULE = 1_000_000_000

Run = tuple[int, int]
"""A stretch of time `[begin, end)` in Unix milliseconds during which a GPU was available without a break."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Cumulative sums of one GPU, at full resolution; nothing in it is rounded but the properties."""

    available_ms: int = 0
    busy_ppm_ms: int = 0
    energy_nj: int = 0
    resets: int = 0
    runs: tuple[Run, ...] = ()

    @property
    def busy_ms(self) -> GpuMs:
        """Busy time, rounded down."""
        return GpuMs(self.busy_ppm_ms // PPM)

    @property
    def energy_joules(self) -> Joules:
        """Energy, rounded down."""
        return Joules(self.energy_nj // _NJ_PER_JOULE)

    def delivered_ms(self, start_ms: int, end_ms: int) -> GpuMs:
        """Return the time available within `[start_ms, end_ms)`."""
        return GpuMs(sum(max(0, min(end, end_ms) - max(begin, start_ms)) for begin, end in self.runs))

    def __add__(self, later: Reading) -> Reading:
        return Reading(
            self.available_ms + later.available_ms,
            self.busy_ppm_ms + later.busy_ppm_ms,
            self.energy_nj + later.energy_nj,
            self.resets + later.resets,
            _join(self.runs, later.runs),
        )


def runs_between(begin: int, end: int, at: list[int], breaks: list[int]) -> tuple[Run, ...]:
    """Return what is left of `[begin, end)` without the pairs of samples that begin at an index in `breaks`."""
    runs, start = [], begin
    for i in breaks:
        if at[i] > start:
            runs.append((start, at[i]))
        start = at[i + 1]
    if end > start:
        runs.append((start, end))
    return tuple(runs)


def _join(earlier: tuple[Run, ...], later: tuple[Run, ...]) -> tuple[Run, ...]:
    if earlier and later and earlier[-1][1] == later[0][0]:
        return (*earlier[:-1], (earlier[-1][0], later[0][1]), *later[1:])
    return earlier + later
