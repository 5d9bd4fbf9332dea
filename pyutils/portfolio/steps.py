"""Numbers that change at moments and stand still between, such as GPUs that are installed or leased."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pyutils.units import MS_PER_SECOND, GpuMs, UnixSeconds


@dataclass(frozen=True, slots=True)
class Steps:
    """A count of GPUs over time: from each moment on so many, none before the first. Moments rise strictly."""

    steps: tuple[tuple[UnixSeconds, int], ...]

    @classmethod
    def of(cls, counts: Iterable[tuple[UnixSeconds, int]]) -> Self:
        """Return the count of moments in order; the last that is said of a moment holds."""
        return cls(tuple(dict(counts).items()))

    def count_at(self, at: UnixSeconds) -> int:
        """Return the count at a moment, a change at that moment included."""
        place = bisect_right(self.steps, at, key=lambda step: step[0])
        return self.steps[place - 1][1] if place else 0

    def gpu_ms(self, begin: UnixSeconds, end: UnixSeconds) -> GpuMs:
        """Return the GPU time of a span, exactly; none of one that ends before it begins."""
        total, later = 0, bisect_right(self.steps, begin, key=lambda step: step[0])
        for place in range(max(0, later - 1), len(self.steps)):
            since, count = self.steps[place]
            if since >= end:
                break
            until = self.steps[place + 1][0] if place + 1 < len(self.steps) else end
            total += max(0, min(end, until) - max(begin, since)) * count
        return GpuMs(total * MS_PER_SECOND)
