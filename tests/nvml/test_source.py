"""The source as a reporter uses it, and whole processes on the library that the loader finds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from pyutils.meter import FleetMeter, SampleSource, SourceError, to_samples
from pyutils.meter.journal import JournalLockedError, SampleJournal
from pyutils.meter.nvml import NoEnergyCounterError, NoGpuError, NvmlSource
from pyutils.models import Enrolment, PowerModel
from pyutils.units import MS_PER_SECOND, Ms, UnixMs, UnixSeconds, Watts

from .fake import FakeNvml
from .stage import CADENCE, EPOCH, FOREVER, SCENARIOS, A, B, Machine

Start = Callable[[str], Machine]
Fake = Callable[[str], FakeNvml]


# --- reading -------------------------------------------------------------------------------------------------------


def test_read__names_as_a_registry_may_spell_them__are_found_and_kept(machine: Start) -> None:
    one = machine("h100x8")
    one.tick(15)
    asked = [A.lower(), f" {B}\n"]
    (batch,) = one.source.read(asked, UnixMs(-1), FOREVER)
    assert sorted(series.gpu_id for series in batch) == sorted(asked)


def test_source__is_a_sample_source(machine: Start) -> None:
    one = machine("h100x8")
    source: SampleSource = one.source
    assert source.has_energy
    assert source.cadence_ms() == CADENCE
    assert abs(source.clock_ms() - time.time() * 1000) < 5_000
    source.close()


def test_read__a_board_lost_its_energy_counter__is_refused_in_one_line(machine: Start) -> None:
    one = machine("mixed_energy")
    one.tick(15)
    without = one.probe.boards()[2].gpu_id
    assert len(one.samples(A, B)) == 2, "only boards that are asked for matter"
    with pytest.raises(NoEnergyCounterError) as caught:
        one.samples(A, without)
    assert caught.value.line() == (
        f"GPU {without} does not count its energy. "
        "Give the fleet a power model, from which the energy of all its GPUs is derived"
    )


def test_read__with_a_power_model__leaves_energy_out_of_all(machine: Start) -> None:
    one = machine("mixed_energy")
    one.tick(15, 30)
    source = NvmlSource(one.journal, CADENCE, has_energy=False)
    gpu_ids = [board.gpu_id for board in one.probe.boards()]
    rows = to_samples(series for batch in source.read(gpu_ids, UnixMs(-1), FOREVER) for series in batch)
    assert len(rows) == 6
    assert {row.energy_mj for row in rows} == {None}
    since = UnixSeconds(EPOCH // MS_PER_SECOND)
    power = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
    meter = FleetMeter([Enrolment(gpu_id=gpu_id, since=since) for gpu_id in gpu_ids], CADENCE, power)
    for batch in source.read(gpu_ids, UnixMs(-1), FOREVER):
        meter.feed(batch)
    assert [one.available_ms for one in meter.counters(UnixSeconds(since + 30))] == [15_000] * 3


def test_dropped__line_damaged_on_disk__is_told_once_read(machine: Start) -> None:
    one = machine("h100x8")
    one.tick(15, 30)
    (path,) = one.journal.folder.iterdir()
    path.write_bytes(path.read_bytes().replace(A.encode(), b"GPU-?" + A[5:].encode(), 1))
    assert one.source.dropped == {"damaged": 0, "torn": 0}
    assert [(row.at_ms - EPOCH) // 1000 for row in one.samples(A)] == [30]
    assert one.source.dropped == {"damaged": 1, "torn": 0}


def test_dropped__write_cut_off_and_clock_stepped_back__are_told(machine: Start) -> None:
    one = machine("h100x8")
    one.tick(15, 30)
    (path,) = one.journal.folder.iterdir()
    path.write_bytes(path.read_bytes() + b"GPU-1,17")
    one.restart()
    source = NvmlSource(one.journal, CADENCE, has_energy=True, sampler=one.sampler)
    one.tick(30, 45)
    assert source.dropped == {"damaged": 0, "torn": 1, "missed": 0, "stamped_back": 8}


def test_check__newest_look_failed__raises_until_one_goes_well(machine: Start) -> None:
    one = machine("h100x8")
    source: SampleSource = NvmlSource(one.journal, CADENCE, has_energy=True, sampler=one.sampler)
    one.tick(15)
    source.check()
    one.tick(15)
    with pytest.raises(SourceError, match="not after the newest sample"):
        source.check()
    one.tick(30)
    source.check()
    one.source.check()


# --- starting ------------------------------------------------------------------------------------------------------


def test_start__boards_of_two_kinds_and_no_power_model__is_refused_in_one_line(fake: Fake, tmp_path: Path) -> None:
    nvml = fake("mixed_energy")
    with pytest.raises(NoEnergyCounterError, match="does not count its energy"):
        NvmlSource.start(tmp_path / "s", CADENCE, has_energy=True, nvml=nvml.module)
    assert not (tmp_path / "s").exists()
    source = NvmlSource.start(tmp_path / "s", CADENCE, has_energy=False, nvml=nvml.module)
    source.close()


def test_start__no_board_counts_energy__names_one_and_how_many_more(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(NoEnergyCounterError, match=r"GPU GPU-72bcf73b\S+ and 1 more does not count"):
        NvmlSource.start(tmp_path / "s", CADENCE, has_energy=True, nvml=fake("no_energy_counter").module)


def test_start__another_meter_writes_there__lets_go_of_the_driver(fake: Fake, tmp_path: Path) -> None:
    nvml = fake("h100x8")
    with SampleJournal(tmp_path / "s"), pytest.raises(JournalLockedError):
        NvmlSource.start(tmp_path / "s", CADENCE, has_energy=True, nvml=nvml.module)
    with pytest.raises(nvml.module.NVMLError_Uninitialized):
        nvml.module.nvmlDeviceGetCount()


def test_start__no_driver__leaves_no_folder(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(NoGpuError):
        NvmlSource.start(tmp_path / "s", CADENCE, has_energy=True, nvml=fake("version_mismatch").module)
    assert not (tmp_path / "s").exists()


def test_start__in_real_time__samples_until_closed(fake: Fake, tmp_path: Path) -> None:
    nvml = fake("h100x8")
    source = NvmlSource.start(tmp_path / "s", Ms(50), has_energy=True, nvml=nvml.module)
    assert source.sampler is not None
    deadline = time.monotonic() + 20
    while not list(source.read([A], UnixMs(-1), FOREVER)) and time.monotonic() < deadline:
        time.sleep(0.02)
    source.sampler.check()
    source.close()
    source.close()
    with pytest.raises(nvml.module.NVMLError_Uninitialized):
        nvml.module.nvmlDeviceGetCount()
    with SampleJournal(tmp_path / "s") as journal:
        assert list(journal.read([A], UnixMs(-1), FOREVER))


# --- whole processes -----------------------------------------------------------------------------------------------

PRELUDE = """
import sys, time
from pathlib import Path
from pyutils.errors import GpuRwaError
from pyutils.meter.nvml import NvmlProbe, NvmlSource
from pyutils.units import Ms
"""
ASK = (
    PRELUDE
    + """
try:
    for board in NvmlProbe().boards():
        print(board.gpu_id, board.name)
except GpuRwaError as error:
    print(error.line())
    sys.exit(error.exit_status)
"""
)
METER = (
    PRELUDE
    + """
source = NvmlSource.start(Path(sys.argv[1]), Ms(40), has_energy=True)
print("started", flush=True)
while True:
    time.sleep(0.05)
    source.sampler.check()
"""
)


def environment(library: Path | None, scenario: str = "h100x8") -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    if library is not None:
        found |= {"LD_LIBRARY_PATH": str(library.parent), "FAKE_NVML_SCENARIO": str(SCENARIOS / f"{scenario}.txt")}
    return found


def ask(library: Path | None, scenario: str = "h100x8") -> tuple[int, list[str], str]:
    run = subprocess.run(
        [sys.executable, "-c", ASK], env=environment(library, scenario), capture_output=True, text=True, check=False
    )
    return run.returncode, run.stdout.splitlines(), run.stderr


def test_probe__library_found_by_the_loader__is_asked(library: Path) -> None:
    status, lines, errors = ask(library)
    assert (status, errors) == (0, "")
    assert len(lines) == 8
    assert lines[0] == f"{A} NVIDIA H100 80GB HBM3"


def test_probe__upgraded_driver__is_exactly_one_line(library: Path) -> None:
    status, lines, errors = ask(library, "version_mismatch")
    assert (status, errors) == (1, "")
    (line,) = lines
    assert line.startswith("NVIDIA's driver and its library are of different versions")


def test_probe__machine_without_gpu__is_exactly_one_line() -> None:
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    status, lines, errors = ask(None)
    if status == 0:
        pytest.skip("this machine has a GPU")
    assert (status, errors) == (1, "")
    (line,) = lines
    assert line == (
        "no GPU driver: libnvidia-ml.so.1 is not on this machine. Install NVIDIA's driver, run the meter on the machine"
        " that has the GPUs, or meter through Prometheus"
    )


def test_meter__killed_and_started_again__goes_on_where_it_was(library: Path, tmp_path: Path) -> None:
    dice = random.Random(9)
    folder = tmp_path / "samples"
    rows: list[int] = []
    for _ in range(3):
        meter = subprocess.Popen(
            [sys.executable, "-c", METER, str(folder)],
            env=environment(library),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert meter.stdout is not None
        assert meter.stderr is not None
        assert meter.stdout.readline() == "started\n", meter.stderr.read()
        time.sleep(dice.uniform(0.3, 0.8))
        with SampleJournal(folder, read_only=True) as beside:
            seen = [at for batch in beside.read([A], UnixMs(-1), FOREVER) for one in batch for at in one.at_ms]
        assert len(seen) > len(rows), "it takes samples"
        meter.send_signal(signal.SIGKILL)
        meter.wait()
        assert meter.stderr.read() == ""
        meter.stdout.close()
        meter.stderr.close()
        with SampleJournal(folder) as journal:
            assert (journal.torn_tails, journal.damaged_lines) == (0, 0)
            batches = [one for batch in journal.read([A, B], UnixMs(-1), FOREVER) for one in batch]
        rows = [at for one in batches if one.gpu_id == A for at in one.at_ms]
        assert rows[: len(seen)] == seen, "what a reader saw is still there"
        assert rows == sorted(set(rows))
    gaps = [later - earlier for earlier, later in pairwise(rows)]
    assert max(gaps) > 80, "a process takes longer to start than two cadences"
    power = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
    since = UnixSeconds(rows[0] // MS_PER_SECOND)
    meter_of_fleet = FleetMeter([Enrolment(gpu_id=A, since=since)], Ms(40), power)
    meter_of_fleet.feed(batches)
    (counted,) = meter_of_fleet.counters(UnixSeconds(rows[-1] // MS_PER_SECOND + 1))
    assert counted.available_ms == sum(gap for gap in gaps if gap <= 80)
