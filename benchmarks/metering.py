"""Counters from samples: the meter's rule over columns, beside the rule as the design words it, sample by sample."""

from __future__ import annotations

import random
from fractions import Fraction

from stopwatch import Figure, best_of, show

from pyutils.meter.rule import GpuMeter
from pyutils.models import PowerModel
from pyutils.units import Watts

CADENCE_MS = 15_000
SAMPLES = 240_000


def as_worded(at_ms: list[int], duty_ppm: list[int], as_of_ms: int) -> tuple[int, int]:
    """Return available and busy milliseconds as of a time, in exact fractions and without any shortcut."""
    available, busy = 0, Fraction(0)
    for (start, duty), end in zip(zip(at_ms, duty_ppm, strict=True), at_ms[1:], strict=False):
        if end - start <= 2 * CADENCE_MS and start < as_of_ms:
            interval = min(end, as_of_ms) - start
            available += interval
            busy += Fraction(interval * duty, 1_000_000)
    return available, int(busy)


def as_metered(at_ms: list[int], duty_ppm: list[int], as_of_ms: int) -> tuple[int, int]:
    """Return the same from the meter."""
    meter = GpuMeter("gpu", CADENCE_MS, power=PowerModel(idle_watts=Watts(70), max_watts=Watts(700)))
    meter.extend(at_ms, duty_ppm)
    reading = meter.read(as_of_ms)
    return reading.available_ms, reading.busy_ms


def main() -> None:
    """Meter some forty days of one GPU both ways."""
    rng = random.Random(1)
    at_ms, now = [], 0
    for _ in range(SAMPLES):
        now += CADENCE_MS if rng.random() > 0.01 else 4 * CADENCE_MS
        at_ms.append(now)
    duty_ppm = [rng.randrange(1_000_001) for _ in at_ms]
    as_of_ms = at_ms[-1] - 1
    if as_metered(at_ms, duty_ppm, as_of_ms) != as_worded(at_ms, duty_ppm, as_of_ms):
        raise SystemExit("metering: the meter and the rule as worded disagree")
    show(
        f"Counters from {SAMPLES:,} samples of one GPU, one in a hundred after a gap",
        [
            Figure("GpuMeter", SAMPLES, "samples", best_of(5, lambda: as_metered(at_ms, duty_ppm, as_of_ms))),
            Figure("as worded", SAMPLES, "samples", best_of(5, lambda: as_worded(at_ms, duty_ppm, as_of_ms))),
        ],
    )


if __name__ == "__main__":
    main()
