"""A day of a thousand GPUs at 15 s, from a real Prometheus into counters, hour by hour as the reporter collects it."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stopwatch import Figure, show

from pyutils.errors import ToolchainError
from pyutils.meter import FleetMeter, write_page
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC
from pyutils.meter.prometheus import PrometheusSource
from pyutils.models import Enrolment, PowerModel
from pyutils.prometheus_server import PrometheusServer, import_samples
from pyutils.reporter.draft import feed_from_source
from pyutils.units import SECONDS_PER_HOUR, Ms, UnixSeconds, Watts

GPUS = 1_000
CADENCE_S = 15
HOURS = 24
LIMIT_S = 60
BLOCK_S = 2 * SECONDS_PER_HOUR
START = UnixSeconds(1_700_006_400 - 1_700_006_400 % BLOCK_S)
END = UnixSeconds(START + HOURS * SECONDS_PER_HOUR)
POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
NAMES = [f"gpu-{gpu}" for gpu in range(GPUS)]


def open_metrics(begin: int, end: int) -> Iterator[str]:
    """Yield the samples of a span as promtool reads them: energy is what boards of 70 to 700 W use."""
    dice = random.Random(begin)
    offsets = [random.Random(gpu_id).randrange(CADENCE_S * 1_000) for gpu_id in NAMES]
    for metric, kind in ((DUTY_METRIC, "gauge"), (ENERGY_METRIC, "counter")):
        yield f"# TYPE {metric} {kind}\n"
        for gpu, gpu_id in enumerate(NAMES):
            labels = f'{{UUID="{gpu_id}",gpu="{gpu % 8}",Hostname="node-{gpu // 8}"}}'
            times = range(begin * 1_000 + offsets[gpu], end * 1_000, CADENCE_S * 1_000)
            if metric == DUTY_METRIC:
                numbers = [dice.randrange(101) for _ in times]
            else:
                numbers = [(at - START * 1_000) * 385 + dice.randrange(1_000_000) for at in times]
            yield "".join(
                [f"{metric}{labels} {number} {at / 1_000:.3f}\n" for at, number in zip(times, numbers, strict=True)]
            )
    yield "# EOF\n"


def collect(url: str, samples: Path, power: PowerModel | None) -> int:
    """Collect the day hour by hour: read, publish, count, seal, keep. Returns the fleet's available time."""
    meter = FleetMeter([Enrolment(gpu_id=gpu_id, since=START) for gpu_id in NAMES], Ms(CADENCE_S * 1_000), power)
    source = PrometheusSource(url, energy=power is None)
    for hour in range(1, HOURS + 1):
        as_of = UnixSeconds(START + hour * SECONDS_PER_HOUR)
        feed_from_source(meter, source, as_of)
        for page in meter.pages(as_of):
            write_page(page, samples)
        meter.samples_hash(as_of)
        available = sum(gpu.available_ms for gpu in meter.counters(as_of))
        meter.seal(as_of)
        meter = FleetMeter.restored(meter.checkpoint())
    source.close()
    return available


def measured(url: str, samples: Path, power: PowerModel | None) -> float:
    """Return how long the day takes, in seconds; it must be all there, and in time."""
    began = time.perf_counter()
    available = collect(url, samples, power)
    seconds = time.perf_counter() - began
    if available < GPUS * (HOURS * SECONDS_PER_HOUR - CADENCE_S) * 1_000:
        raise SystemExit("backfill: samples are missing")
    if seconds > LIMIT_S:
        raise SystemExit(f"backfill: took {seconds:.0f} s, {LIMIT_S} s are allowed")
    return seconds


def main() -> None:
    """Make the day, then collect it, with energy derived and with energy measured."""
    amount = GPUS * HOURS * SECONDS_PER_HOUR // CADENCE_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        # A little more than the day: counters as of its end want two samples beyond it.
        for begin in range(START, END + BLOCK_S, BLOCK_S):
            import_samples(folder, open_metrics(begin, min(begin + BLOCK_S, END + 4 * CADENCE_S)))
        importing = time.perf_counter() - began
        with PrometheusServer.start(folder, {}) as server:
            derived = measured(server.url, folder / "derived", POWER)
            counted = measured(server.url, folder / "counted", None)
    show(
        f"A day of {GPUS:,} GPUs at {CADENCE_S} s, backfilled from Prometheus",
        [
            Figure("duty, power model", amount, "samples", derived),
            Figure("duty and energy", amount, "samples", counted),
            Figure("promtool, importing both", amount, "samples", importing),
        ],
    )


if __name__ == "__main__":
    try:
        main()
    except ToolchainError as error:
        raise SystemExit(f"backfill: {error.line()}") from None
