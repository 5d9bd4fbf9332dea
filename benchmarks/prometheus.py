"""Counters from Prometheus' answers, from bytes to fed meters, beside the same sample by sample."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal

from stopwatch import Figure, best_of, show

from pyutils.meter import FleetMeter, GpuSeries
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC, SM_METRIC
from pyutils.meter.dcgm_rows import DcgmRows
from pyutils.meter.prometheus_api import parse
from pyutils.models import Enrolment, GpuCounters, PowerModel
from pyutils.units import MS_PER_HOUR, Ms, UnixSeconds, Watts

CADENCE_MS = Ms(15_000)
GPUS = 500
SAMPLES = MS_PER_HOUR // CADENCE_MS
START = UnixSeconds(1_700_000_100)
END = UnixSeconds(START + 3_600)
POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
NAMES = {f"gpu-{gpu}": f"gpu-{gpu}" for gpu in range(GPUS)}

Counters = tuple[GpuCounters, ...]


def answer(metric: str, texts: Callable[[random.Random, int], str]) -> bytes:
    """Return one page as a server writes it: an hour of five hundred GPUs."""
    dice = random.Random(1)
    offset_of = {gpu_id: dice.randrange(CADENCE_MS) for gpu_id in NAMES}
    rows = []
    for gpu_id, offset in offset_of.items():
        times = [START * 1_000 + offset + i * CADENCE_MS for i in range(SAMPLES)]
        values = ",".join(f'[{at // 1_000}.{at % 1_000:03d},"{texts(dice, place)}"]' for place, at in enumerate(times))
        labels = json.dumps({"__name__": metric, "Hostname": "node-0", "UUID": gpu_id, "gpu": "0", "job": "dcgm"})
        rows.append(f'{{"metric":{labels},"values":[{values}]}}')
    return f'{{"status":"success","data":{{"resultType":"matrix","result":[{",".join(rows)}]}}}}'.encode()


def new_meter(power: PowerModel | None = POWER) -> FleetMeter:
    """Return a meter that was fed with nothing."""
    return FleetMeter([Enrolment(gpu_id=gpu_id, since=START) for gpu_id in NAMES], CADENCE_MS, power)


def as_the_source_does(metric: str, page: bytes) -> Counters:
    """Parse, read rows, feed and count, as `PrometheusSource` does where energy is derived."""
    meter = new_meter()
    duty = DcgmRows(metric).duties(parse(page)["data"]["result"], NAMES, START * 1_000 - 1, END * 1_000)
    meter.feed([GpuSeries(gpu_id, at, values) for gpu_id, (at, values) in duty.items()])
    return meter.counters(END)


def with_energy(page: bytes, energy_page: bytes) -> Counters:
    """Do the same where energy is measured: two of Prometheus' samples make one of a GPU."""
    meter, rows = new_meter(None), DcgmRows(DUTY_METRIC)
    duty = rows.duties(parse(page)["data"]["result"], NAMES, START * 1_000 - 1, END * 1_000)
    energy = rows.energies(parse(energy_page)["data"]["result"], NAMES, START * 1_000 - 1, END * 1_000)
    meter.feed([rows.paired(gpu_id, columns, energy[gpu_id]) for gpu_id, columns in duty.items()])
    return meter.counters(END)


def sample_by_sample(page: bytes) -> Counters:
    """Do what `as_the_source_does` does with the standard library's JSON, one sample at a time."""
    meter = new_meter()
    for one in json.loads(page)["data"]["result"]:
        at, duty = [], []
        for when, text in one["values"]:
            at.append(round(when * 1_000))
            duty.append(int(Decimal(text) * 10_000))
        meter.feed((GpuSeries(one["metric"]["UUID"], at, duty),))
    return meter.counters(END)


def main() -> None:
    """Count pages of each kind."""
    page = answer(DUTY_METRIC, lambda dice, _: str(dice.randrange(101)))
    ratios = answer(SM_METRIC, lambda dice, _: f"{dice.random():.6f}")
    energy = answer(ENERGY_METRIC, lambda dice, place: str(10**11 + place * 8_000_000 + dice.randrange(1_000_000)))
    if as_the_source_does(DUTY_METRIC, page) != sample_by_sample(page):
        raise SystemExit("prometheus: the two ways count differently")
    amount = GPUS * SAMPLES
    show(
        f"Counters from {amount:,} samples, {len(page) / 1e6:.1f} MB of duty and {len(energy) / 1e6:.1f} MB of energy",
        [
            Figure("duty, power model", amount, "samples", best_of(7, lambda: as_the_source_does(DUTY_METRIC, page))),
            Figure("ratio, power model", amount, "samples", best_of(7, lambda: as_the_source_does(SM_METRIC, ratios))),
            Figure("duty and energy", 2 * amount, "samples", best_of(7, lambda: with_energy(page, energy))),
            Figure("duty, one by one", amount, "samples", best_of(5, lambda: sample_by_sample(page))),
        ],
    )


if __name__ == "__main__":
    main()
