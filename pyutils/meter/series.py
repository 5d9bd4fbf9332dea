"""Samples as meters yield them: one at a time, or in columns per GPU, which is what the hot loops read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyutils.units import Ppm, UnixMs


class Sample(NamedTuple):
    """What a meter saw of one GPU at one moment."""

    gpu_id: str
    at_ms: UnixMs
    duty_ppm: Ppm
    energy_mj: int | None = None
    """The board's own energy counter in millijoules, where it has one; it may fall when a driver reloads."""


@dataclass(frozen=True, slots=True)
class GpuSeries:
    """Samples of one GPU in columns of equal length, in any order unless said otherwise."""

    gpu_id: str
    at_ms: Sequence[int]
    duty_ppm: Sequence[int]
    energy_mj: Sequence[int] | None = None

    def __post_init__(self) -> None:
        columns = [self.duty_ppm] if self.energy_mj is None else [self.duty_ppm, self.energy_mj]
        if any(len(column) != len(self.at_ms) for column in columns):
            raise ValueError(f"GPU {self.gpu_id}: columns differ in length")

    def __len__(self) -> int:
        return len(self.at_ms)


def to_series(samples: Iterable[Sample]) -> tuple[GpuSeries, ...]:
    """Return samples in columns, one series per GPU, in the order in which they came.

    Where one sample of a GPU has an energy counter, all of that GPU must have one.
    """
    columns: dict[str, tuple[list[int], list[int], list[int]]] = {}
    for sample in samples:
        at_ms, duty_ppm, energy_mj = columns.setdefault(sample.gpu_id, ([], [], []))
        at_ms.append(sample.at_ms)
        duty_ppm.append(sample.duty_ppm)
        if sample.energy_mj is not None:
            energy_mj.append(sample.energy_mj)
    return tuple(
        GpuSeries(gpu_id, at_ms, duty_ppm, energy_mj or None)
        for gpu_id, (at_ms, duty_ppm, energy_mj) in columns.items()
    )


def to_samples(series: Iterable[GpuSeries]) -> list[Sample]:
    """Return columns as samples, sorted by time and then by GPU."""
    rows = [
        Sample(one.gpu_id, UnixMs(at), Ppm(duty), None if one.energy_mj is None else one.energy_mj[index])
        for one in series
        for index, (at, duty) in enumerate(zip(one.at_ms, one.duty_ppm, strict=True))
    ]
    return sorted(rows, key=lambda sample: (sample.at_ms, sample.gpu_id))
