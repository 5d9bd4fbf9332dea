"""Exact mirror of `StandstillLib`: when a fleet's proof clock stood still."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from pyutils.units import UnixSeconds


@dataclass(slots=True)
class StandstillClock:
    """Stops and starts in Unix seconds, in order. Nothing rounds."""

    _since: list[UnixSeconds] = field(default_factory=list)
    _total: list[int] = field(default_factory=list)

    @property
    def standing(self) -> bool:
        """Whether the clock stands still since its last tick: ticks alternate, and the first one stops it."""
        return len(self._since) % 2 == 1

    def set(self, time: UnixSeconds, *, standing: bool) -> None:
        """From `time` on, not before the last tick, the clock stands still or runs. No change, no tick."""
        if standing != self.standing:
            total = self._until(time)
            self._since.append(time)
            self._total.append(total)

    def between(self, start: UnixSeconds, end: UnixSeconds) -> int:
        """Return the seconds of standstill from `start` to `end`, where `start <= end`."""
        return self._until(end) - self._until(start)

    def _until(self, time: UnixSeconds) -> int:
        n = bisect_right(self._since, time) - 1
        if n < 0:
            return 0
        standing = n % 2 == 0
        return self._total[n] + (time - self._since[n] if standing else 0)
