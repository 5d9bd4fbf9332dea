"""A day of a thousand GPUs at 15 s, from a real Prometheus into counters, hour by hour as the reporter collects it."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stopwatch import Figure, show

from pyutils.meter import FleetMeter, write_page
from pyutils.meter.dcgm import DUTY_METRIC
from pyutils.meter.prometheus import PrometheusSource
from pyutils.models import Enrolment, PowerModel
from pyutils.prometheus_server import PrometheusServer
from pyutils.reporter.draft import feed_from_source
from pyutils.toolchain import promtool
from pyutils.units import SECONDS_PER_HOUR, Ms, UnixSeconds, Watts

GPUS = 1_000
CADENCE_S = 15
HOURS = 24
START = UnixSeconds(1_700_000_400 - 1_700_000_400 % 3_600)
POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))


def open_metrics() -> Iterator[str]:
    """Yield the samples as promtool reads them."""
    dice = random.Random(1)
    yield f"# TYPE {DUTY_METRIC} gauge\n"
    for gpu in range(GPUS):
        labels = f'{{UUID="gpu-{gpu}",gpu="{gpu % 8}",Hostname="node-{gpu // 8}"}}'
        offset = dice.randrange(CADENCE_S)
        yield "".join(
            f"{DUTY_METRIC}{labels} {dice.randrange(101)} {at}\n"
            for at in range(START + offset, START + HOURS * SECONDS_PER_HOUR + 60, CADENCE_S)
        )
    yield "# EOF\n"


def collect(url: str, samples: Path) -> int:
    """Collect the day hour by hour: read, publish, count, seal, keep. Returns the fleet's available time."""
    enrolments = [Enrolment(gpu_id=f"gpu-{gpu}", since=START) for gpu in range(GPUS)]
    meter, source = FleetMeter(enrolments, Ms(CADENCE_S * 1_000), POWER), PrometheusSource(url, energy=False)
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


def main() -> None:
    """Make the day, then collect it."""
    amount = GPUS * HOURS * SECONDS_PER_HOUR // CADENCE_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = folder / "samples.txt"
        with text.open("w") as out:
            out.writelines(open_metrics())
        began = time.perf_counter()
        made = [str(promtool()), "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
        subprocess.run(made, check=True, capture_output=True)
        importing = time.perf_counter() - began
        text.unlink()
        with PrometheusServer.start(folder, {}) as server:
            began = time.perf_counter()
            available = collect(server.url, folder / "samples")
            collecting = time.perf_counter() - began
        if available < 0.999 * GPUS * HOURS * SECONDS_PER_HOUR * 1_000:
            raise SystemExit("backfill: samples are missing")
        show(
            f"A day of {GPUS:,} GPUs at {CADENCE_S} s, out of Prometheus and into it",
            [
                Figure("backfill", amount, "samples", collecting),
                Figure("promtool's import of the same", amount, "samples", importing),
            ],
        )


if __name__ == "__main__":
    main()
