"""When each GPU of a trace was there: what scenes are chosen from."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.meter import Trace
from pyutils.meter.rule import MAX_GAP_CADENCES, GpuMeter, Reading
from pyutils.models import PowerModel
from pyutils.units import MS_PER_SECOND, GpuMs, UnixSeconds, Watts

_NO_POWER = PowerModel(idle_watts=Watts(0), max_watts=Watts(1))
"""Presence asks for no energy, and a meter wants a source of it."""


@dataclass(frozen=True, slots=True)
class Presence:
    """One GPU's availability over a whole trace, by the published rule."""

    gpu_id: str
    reading: Reading

    @property
    def arrives(self) -> UnixSeconds:
        """Begin of its first available stretch, rounded down to a second; 0 where it has none."""
        return UnixSeconds(self.reading.runs[0][0] // MS_PER_SECOND if self.reading.runs else 0)

    @property
    def leaves(self) -> UnixSeconds:
        """End of its last available stretch, rounded down to a second; 0 where it has none."""
        return UnixSeconds(self.reading.runs[-1][1] // MS_PER_SECOND if self.reading.runs else 0)

    @property
    def stretches(self) -> int:
        """How many stretches of availability there are, with gaps between them."""
        return len(self.reading.runs)

    def available_ms(self, start: int, end: int) -> GpuMs:
        """Return the time available within `[start, end)`, given in Unix seconds."""
        return self.reading.delivered_ms(start * MS_PER_SECOND, end * MS_PER_SECOND)

    def available_ppm(self, start: int, end: int) -> int:
        """Return the part of `[start, end)` that it was available, in parts per million, rounded down."""
        return self.available_ms(start, end) * 1_000 // (end - start)


def presences(trace: Trace) -> tuple[Presence, ...]:
    """Return the presence of each GPU of a trace, in order of name."""
    found = []
    for one in trace.series:
        meter = GpuMeter(one.gpu_id, trace.cadence_ms, trace.first * MS_PER_SECOND, None, _NO_POWER)
        meter.extend(one.at_ms, one.duty_ppm)
        found.append(Presence(one.gpu_id, meter.read(trace.last * MS_PER_SECOND)))
    return tuple(found)


def patience_s(trace: Trace) -> int:
    """Return how long after a time its report is built: 2 × cadence, in whole seconds, rounded up."""
    return -(-MAX_GAP_CADENCES * trace.cadence_ms // MS_PER_SECOND)
