"""CPU time of metering a machine of eight GPUs, beside a meter that asks the driver by a new process at every tick.

The driver is the tests' stand-in, so its own work is not in the figures: they are what the meter costs on top of it,
90 utilization samples per board and tick and the fsync included.
"""

from __future__ import annotations

import os
import resource
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stopwatch import Figure, show

from pyutils.meter.journal import SampleJournal
from pyutils.meter.nvml import NvmlProbe, NvmlSampler
from pyutils.units import Ms, UnixMs

CADENCE = Ms(15_000)
EPOCH = 1_767_225_600_000
BOARDS = 8
ALLOWED_PERCENT = 0.5
TESTS = Path(__file__).parents[1] / "tests" / "nvml"

ONE_LOOK = """
import pynvml
pynvml.nvmlInit()
for index in range(pynvml.nvmlDeviceGetCount()):
    board = pynvml.nvmlDeviceGetHandleByIndex(index)
    duty = pynvml.nvmlDeviceGetUtilizationRates(board).gpu
    print(pynvml.nvmlDeviceGetUUID(board), duty, pynvml.nvmlDeviceGetTotalEnergyConsumption(board))
"""


def cpu_s() -> float:
    """Return the processor time of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def cpu_of(ticks: int, tick: Callable[[UnixMs], int], set_time: Callable[[int], None]) -> float:
    """Return the processor time of so many ticks. Each must keep a sample of every board."""
    begun_s = cpu_s()
    for number in range(1, ticks + 1):
        at_ms = UnixMs(EPOCH + number * CADENCE)
        set_time(at_ms)
        if tick(at_ms) != BOARDS:
            raise SystemExit(f"nvml: tick {number} lost samples")
    return cpu_s() - begun_s


def main() -> None:
    """Meter a working day with the sampler, and a few minutes of it by a process per tick."""
    stand_in: dict[str, Any] = runpy.run_path(str(TESTS / "fake.py"))
    if stand_in["compiler"]() is None:
        raise SystemExit("nvml: no C compiler to build the stand-in for the driver with")
    scenario = TESTS / "scenarios" / "h100x8.txt"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library: Path = stand_in["build"](folder)
        fake = stand_in["FakeNvml"](library, folder, scenario)
        fake.set_time(EPOCH)
        probe = NvmlProbe(fake.module)
        environment = os.environ | {"LD_LIBRARY_PATH": name, "FAKE_NVML_SCENARIO": str(scenario)}

        def by_process(_: UnixMs) -> int:
            command = [sys.executable, "-c", ONE_LOOK]
            rows = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            with (folder / "naive.csv").open("a") as out:
                out.write(rows)
            return len(rows.splitlines())

        with SampleJournal(folder / "samples") as journal:
            sampler = NvmlSampler(probe, journal, CADENCE)
            figures = [
                Figure("NvmlSampler, fsync at each tick", 1920, "ticks", cpu_of(1920, sampler.tick, fake.set_time)),
                Figure("a process per tick, no fsync", 20, "ticks", cpu_of(20, by_process, fake.set_time)),
            ]
    show(f"Processor time of ticks, {BOARDS} GPUs", figures)
    for figure in figures:
        percent = 100 * figure.seconds / figure.amount * 1000 / CADENCE
        print(f"{figure.name}: {percent:.4f} % of one core at a cadence of {CADENCE // 1000} s")
        if figure is figures[0] and percent > ALLOWED_PERCENT:
            raise SystemExit(f"nvml: more than {ALLOWED_PERCENT} % of one core")


if __name__ == "__main__":
    main()
