"""Exact mirror of `CapacityLib`: a fleet's capacity over time, integrated."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from pyutils.units import MS_PER_SECOND, NO_GPU_TIME, GpuMs, UnixSeconds


@dataclass(slots=True)
class CapacityHistory:
    """Checkpoints of capacity. Times in Unix seconds, integrals in GPU-milliseconds. Nothing rounds."""

    _since: list[UnixSeconds] = field(default_factory=list)
    _gpus: list[int] = field(default_factory=list)
    _gpu_ms: list[int] = field(default_factory=list)

    @property
    def now(self) -> int:
        """GPUs as of the last change."""
        return self._gpus[-1] if self._gpus else 0

    def push(self, gpus: int, time: UnixSeconds) -> None:
        """From `time` on, not before the last change, capacity is `gpus`. A second change in one block replaces it."""
        if self._since and self._since[-1] == time:
            self._gpus[-1] = gpus
            return
        integral = self.until(time)
        self._since.append(time)
        self._gpus.append(gpus)
        self._gpu_ms.append(integral)

    def until(self, time: UnixSeconds) -> GpuMs:
        """Return GPU-milliseconds of capacity from the first change to `time`."""
        n = bisect_right(self._since, time) - 1
        if n < 0:
            return NO_GPU_TIME
        return GpuMs(self._gpu_ms[n] + self._gpus[n] * (time - self._since[n]) * MS_PER_SECOND)

    def between(self, start: UnixSeconds, end: UnixSeconds) -> GpuMs:
        """Return GPU-milliseconds of capacity from `start` to `end`, where `start <= end`."""
        return GpuMs(self.until(end) - self.until(start))
