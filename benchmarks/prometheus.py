"""Counters from Prometheus' answers, from bytes to fed meters, beside the same sample by sample."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
from stopwatch import Figure, best_of, show

from pyutils.meter import FleetMeter, GpuSeries
from pyutils.meter.dcgm import DUTY_METRIC, duty_texts
from pyutils.meter.prometheus import columns, parse
from pyutils.models import Enrolment, PowerModel
from pyutils.units import Ms, UnixSeconds, Watts

CADENCE_MS = Ms(15_000)
GPUS = 500
SAMPLES = 240
START_MS = 1_700_000_100_000
POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))


def answer() -> bytes:
    """Return one page as a server writes it: an hour of five hundred GPUs."""
    dice = random.Random(1)
    result = []
    for gpu in range(GPUS):
        offset = dice.randrange(15_000)
        values = [[(START_MS + offset + i * CADENCE_MS) / 1_000, str(dice.randrange(101))] for i in range(SAMPLES)]
        result.append({"metric": {"__name__": DUTY_METRIC, "UUID": f"gpu-{gpu}", "gpu": "0"}, "values": values})
    return orjson.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def new_meter() -> FleetMeter:
    """Return a meter that was fed with nothing."""
    since = UnixSeconds(START_MS // 1_000)
    return FleetMeter([Enrolment(gpu_id=f"gpu-{gpu}", since=since) for gpu in range(GPUS)], CADENCE_MS, POWER)


def counted(meter: FleetMeter) -> Sequence[Any]:
    """Return the meter's counters after the page."""
    return meter.counters(UnixSeconds(START_MS // 1_000 + 3_600))


def as_the_source_does(page: bytes) -> Sequence[Any]:
    """Parse, read columns, feed and count, as `PrometheusSource` does."""
    meter, texts = new_meter(), duty_texts(DUTY_METRIC)
    for one in parse(page)["data"]["result"]:
        at, duty = columns(one["values"], texts)
        meter.feed((GpuSeries(one["metric"]["UUID"], at, duty),))
    return counted(meter)


def sample_by_sample(page: bytes) -> Sequence[Any]:
    """Do the same with the standard library's JSON, one sample at a time."""
    meter = new_meter()
    for one in json.loads(page)["data"]["result"]:
        at, duty = [], []
        for when, text in one["values"]:
            at.append(round(when * 1_000))
            duty.append(int(Decimal(text) * 10_000))
        meter.feed((GpuSeries(one["metric"]["UUID"], at, duty),))
    return counted(meter)


def main() -> None:
    """Count one page both ways."""
    page = answer()
    if as_the_source_does(page) != sample_by_sample(page):
        raise SystemExit("prometheus: the two ways count differently")
    amount = GPUS * SAMPLES
    show(
        f"Counters from a page of {amount:,} samples, {len(page) / 1e6:.1f} MB",
        [
            Figure("PrometheusSource", amount, "samples", best_of(5, lambda: as_the_source_does(page))),
            Figure("sample by sample", amount, "samples", best_of(3, lambda: sample_by_sample(page))),
        ],
    )


if __name__ == "__main__":
    main()
