"""Ticks: when samples are taken, what is counted between them, and that no fault is swallowed or ends the meter."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pyutils.meter import Sample, SourceError
from pyutils.meter.journal import SampleJournal, UnwrittenSamplesError
from pyutils.meter.nvml import NoGpuError, NvmlProbe, NvmlSampler, SamplerError
from pyutils.meter.nvml_sampler import wall_clock_ms
from pyutils.units import Ms, Ppm, UnixMs

from .fake import FakeNvml
from .stage import CADENCE, EPOCH, FOREVER, A, B, Machine

Start = Callable[[str], Machine]
BOARD = f"epoch {EPOCH}\nboards 1\nboard 0 uuid GPU-0\nboard 0 name H100\n"


class StandInProbe(NvmlProbe):
    """A probe whose looks the test decides."""

    def __init__(self, look: Callable[[UnixMs], list[Sample]]) -> None:
        self.look = look

        class Quiet:
            class NVMLError(Exception):
                value = 0

            @staticmethod
            def nvmlInit() -> None: ...  # noqa: N802 - its name in NVML

            nvmlShutdown = nvmlInit  # noqa: N815

        super().__init__(Quiet)

    def sample(self, at_ms: UnixMs) -> list[Sample]:
        return self.look(at_ms)


class Clock(threading.Event):
    """A wall clock, and the sleep of the sampler on it: sleeps end late, and the clock may be set meanwhile."""

    def __init__(self, now_ms: int, steps: list[int]) -> None:
        super().__init__()
        self.now_ms, self.steps = now_ms, steps

    def __call__(self) -> int:
        return self.now_ms

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert 0 < timeout <= CADENCE / 1000
        if not self.steps:
            self.set()
            return True
        self.now_ms += round(timeout * 1000) + self.steps.pop(0)
        return False


def stamps(tmp_path: Path, first_ms: int, steps: list[int]) -> list[int]:
    """Return the stamps of the samples taken when each sleep ends so many ms after its time."""
    looks: list[int] = []
    clock = Clock(first_ms, steps)

    def look(at_ms: UnixMs) -> list[Sample]:
        looks.append(at_ms - EPOCH)
        return [Sample("GPU-0", at_ms, Ppm(0))]

    with SampleJournal(tmp_path) as journal:
        NvmlSampler(StandInProbe(look), journal, CADENCE, clock, clock).run()
    return looks


# --- when ----------------------------------------------------------------------------------------------------------


def test_run__sleeps_that_end_late__stamps_stay_on_multiples_of_the_cadence(tmp_path: Path) -> None:
    late = [3, 900, 14, 1_499, 2, 0, 1_000, 40, 7, 250]
    assert stamps(tmp_path, EPOCH + 4_321, late) == [15_000 * number for number in range(1, 11)]


def test_run__started_on_a_tick__waits_for_the_next(tmp_path: Path) -> None:
    assert stamps(tmp_path, EPOCH, [0, 0]) == [15_000, 30_000]


def test_run__much_too_late__bears_its_own_time_and_the_next_is_in_step(tmp_path: Path) -> None:
    assert stamps(tmp_path, EPOCH, [0, 1_501, 0, 14_000, 0]) == [15_000, 31_501, 45_000, 74_000, 75_000]


def test_run__held_up_over_whole_ticks__goes_on_with_the_one_that_is_due(tmp_path: Path) -> None:
    assert stamps(tmp_path, EPOCH, [0, 45_100, 0]) == [15_000, 75_000, 90_000]


def test_run__clock_slowed_while_it_slept__does_not_sample_a_tick_twice(tmp_path: Path) -> None:
    assert stamps(tmp_path, EPOCH, [0, -2, 0, -7, 0, 0]) == [15_000, 30_000, 45_000, 60_000]


def test_run__clock_set_back_an_hour__keeps_nothing_until_it_is_where_it_was(tmp_path: Path) -> None:
    looks = stamps(tmp_path, EPOCH + 3_600_000, [0, 0, -3_600_000, *[0] * 241])
    assert looks[:3] == [3_615_000, 3_630_000, 45_000]
    assert looks[3:5] == [60_000, 75_000]
    assert looks[-1] == 3_660_000
    with SampleJournal(tmp_path) as journal:
        ((series,),) = journal.read(["GPU-0"], UnixMs(-1), FOREVER)
    assert [at - EPOCH for at in series.at_ms] == [3_615_000, 3_630_000, 3_645_000, 3_660_000]


def test_start__real_time__samples_in_step_and_stops_at_once(tmp_path: Path) -> None:
    def taken() -> list[int]:
        return [at for (series,) in journal.read(["GPU-0"], UnixMs(-1), FOREVER) for at in series.at_ms]

    with SampleJournal(tmp_path) as journal:
        probe = StandInProbe(lambda at_ms: [Sample("GPU-0", at_ms, Ppm(0))])
        sampler = NvmlSampler(probe, journal, Ms(100))
        begun_ms = wall_clock_ms()
        sampler.start()
        time.sleep(1.55)
        begun_s = time.monotonic()
        sampler.stop()
        assert time.monotonic() - begun_s < 1
        before = taken()
        time.sleep(0.25)
        assert taken() == before
    assert 1 <= len(before) <= 16
    assert begun_ms < before[0]
    assert before[-1] <= wall_clock_ms()
    assert [at for at in before if at % 100 == 0], "a busy machine may be late now and then, not always"


# --- what is counted -----------------------------------------------------------------------------------------------


def test_tick__an_hour_of_eight_boards__counters_are_what_the_scenario_says(machine: Start) -> None:
    one = machine("h100x8")
    assert one.tick(*range(0, 3646, 15)) == [8] * 244
    first, second = one.counters(3600, A, B)
    assert (first.available_ms, second.available_ms) == (3_600_000, 3_600_000)
    joules = 300 * 70 + 1200 * 671 + 60 * 121 + 1440 * 668 + 600 * 74
    assert abs(first.energy_joules - joules) <= 1
    # Duty lags by one sample: that of a stretch is what was seen before it.
    busy_s = (1200 * 597 / 600) + (60 * 1.5 / 100) + (1440 * 299 / 300)
    assert abs(first.busy_ms / 1000 - busy_s) < 1
    assert one.counts == type(one.counts)()


def test_tick__driver_away_for_less_than_two_cadences__leaves_no_gap(machine: Start) -> None:
    one = machine("driver_reload")
    assert one.tick(15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180) == [2, 2, 2, 0, 0, *[2] * 7]
    assert (one.counts.gaps, one.counts.resets) == (2, 4), "each of the two boards: one long pause, two falls"
    (counted,) = one.counters(180, A)
    assert counted.resets == 2
    # From 45 to 90 the driver was away for 45 s; between 150 and 165 the counter fell.
    assert counted.available_ms == (180 - 15 - 45 - 15) * 1000
    assert counted.energy_joules == 30 * 650 + (5 * 70 + 55 * 650) + 15 * 650


def test_tick__driver_away__is_told_until_it_is_back(machine: Start) -> None:
    one = machine("driver_reload")
    one.tick(45)
    one.sampler.check()
    one.tick(60)
    for _ in range(2):
        with pytest.raises(NoGpuError, match="driver is not loaded"):
            one.sampler.check()
    one.tick(75, 90)
    one.sampler.check()


def test_tick__lost_board__has_no_samples_and_the_others_do(machine: Start) -> None:
    one = machine("lost_gpu")
    lost = one.probe.boards()[2].gpu_id
    assert one.tick(*range(15, 181, 15)) == [4, 4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4]
    assert (one.counts.lost, one.counts.gaps, one.counts.swapped) == (1, 1, 0)
    counted, other = one.counters(180, lost, A)
    assert counted.available_ms == (30 + 30) * 1000
    assert other.available_ms == (165 - 15) * 1000, "its counter fell once, at the cold start"


def test_tick__one_tick_missed__stays_available_and_two_do_not(machine: Start) -> None:
    one = machine("h100x8")
    one.tick(15, 30, 60, 75, 120, 135)
    (counted,) = one.counters(135, A)
    assert counted.available_ms == (135 - 15 - 45) * 1000
    assert one.counts.gaps == 8


@pytest.mark.parametrize(("away_s", "available_s"), [(15, 45), (30, 60), (45, 30)])
def test_restart__pause_up_to_two_cadences__stays_available(machine: Start, away_s: int, available_s: int) -> None:
    one = machine("h100x8")
    one.tick(15, 30)
    one.restart()
    one.tick(30 + away_s, 45 + away_s)
    counted = one.counters(45 + away_s, A, B)
    assert [board.available_ms for board in counted] == [available_s * 1000] * 2
    assert one.counts.gaps == (8 if away_s > 30 else 0)
    assert one.counts.resets == 0


def test_restart__energy_fell_meanwhile__is_a_reset_on_both_sides(machine: Start) -> None:
    one = machine("driver_reload")
    one.tick(120, 135, 150)
    one.restart()
    one.tick(165, 180)
    assert one.counts.resets == 2
    assert [board.resets for board in one.counters(180, A, B)] == [1, 1]


def test_restart__another_board_is_in_the_slot__is_counted_and_read_only_where_asked_for(machine: Start) -> None:
    one = machine("swapped_board")
    one.tick(15, 30, 45)
    one.stop()
    one.fake.set_time(EPOCH + 60_000)
    one.journal = SampleJournal(one.journal.folder)
    one.start()
    one.tick(60, 75)
    assert (one.counts.lost, one.counts.swapped) == (1, 1)
    put_in = one.probe.boards()[1].gpu_id
    assert put_in != B
    assert [row.at_ms - EPOCH for row in one.samples(B)] == [15_000, 30_000, 45_000]
    assert {row.gpu_id for row in one.samples(A, B)} == {A, B}
    assert [row.at_ms - EPOCH for row in one.samples(put_in)] == [60_000, 75_000]


def test_tick__stamp_that_does_not_advance__is_counted_and_told(machine: Start) -> None:
    one = machine("h100x8")
    one.tick(60)
    assert one.tick(45, 60) == [0, 0]
    assert one.counts.stamped_back == 16
    with pytest.raises(SourceError, match="not after the newest sample"):
        one.sampler.check()
    assert one.counts.gaps == 0
    assert one.tick(75) == [8]
    one.sampler.check()


def test_tick__stamp_before_the_newest_of_another_board__is_no_gap(machine: Start) -> None:
    one = machine("lost_gpu")
    assert one.tick(45, 60, 75, 90, 105, 120, 135) == [4, *[3] * 6]
    one.fake.set_time(EPOCH + 150_000)
    assert one.sampler.tick(UnixMs(EPOCH + 120_000)) == 0
    assert (one.counts.stamped_back, one.counts.gaps, one.counts.resets) == (4, 0, 0)


def test_tick__hour_after_hour__keeps_so_many_of_them(tmp_path: Path) -> None:
    with SampleJournal(tmp_path) as journal:
        probe = StandInProbe(lambda at_ms: [Sample("GPU-0", at_ms, Ppm(0))])
        sampler = NvmlSampler(probe, journal, CADENCE, keep_hours=3)
        for hour in (0, 1, 2, 3, 90_000, 90_001):
            assert sampler.tick(UnixMs(EPOCH + hour * 3_600_000)) == 1
            sampler.check()
        assert len(list(tmp_path.iterdir())) == 3
        batches = journal.read(["GPU-0"], UnixMs(-1), FOREVER)
        assert [one.at_ms[0] - EPOCH for (one,) in batches] == [hour * 3_600_000 for hour in (3, 90_000, 90_001)]


# --- faults --------------------------------------------------------------------------------------------------------


def test_tick__disk_full__is_told_and_the_next_tick_tries_again(
    machine: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    one = machine("h100x8")
    one.tick(15)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert one.tick(30, 45) == [0, 0]
        with pytest.raises(UnwrittenSamplesError, match="No space left on device"):
            one.sampler.check()
    assert len(caplog.messages) == 1, "a fault that lasts is logged once"
    assert one.tick(60) == [8]
    one.sampler.check()
    assert one.counts.gaps == 8


def test_tick__fault_that_nobody_foresaw__is_kept_logged_and_does_not_end_the_meter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looks = iter([ZeroDivisionError("three by zero"), None])

    def look(at_ms: UnixMs) -> list[Sample]:
        fault = next(looks)
        if fault is not None:
            raise fault
        return [Sample("GPU-0", at_ms, Ppm(0))]

    with SampleJournal(tmp_path) as journal:
        sampler = NvmlSampler(StandInProbe(look), journal, CADENCE)
        sampler.tick(UnixMs(EPOCH))
        with pytest.raises(SamplerError, match="sampling failed: ZeroDivisionError: three by zero"):
            sampler.check()
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert sampler.tick(UnixMs(EPOCH + CADENCE)) == 1
        sampler.check()


def test_check__driver_hangs__is_told_and_stop_does_not_hang_with_it(tmp_path: Path) -> None:
    answer = threading.Event()

    def look(at_ms: UnixMs) -> list[Sample]:
        answer.wait(10)
        return [Sample("GPU-0", at_ms, Ppm(0))]

    with SampleJournal(tmp_path) as journal:
        sampler = NvmlSampler(StandInProbe(look), journal, Ms(50))
        sampler.check()
        sampler.start()
        time.sleep(0.5)
        with pytest.raises(SamplerError, match="the driver or the disk hangs"):
            sampler.check()
        with pytest.raises(SamplerError, match="has not answered"):
            sampler.stop(timeout_s=0.05)
        answer.set()
        sampler.stop()
        sampler.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_check__thread_has_ended__is_told(tmp_path: Path) -> None:
    def broken() -> int:
        raise OSError("no clock")

    with SampleJournal(tmp_path) as journal:
        sampler = NvmlSampler(StandInProbe(lambda _: []), journal, Ms(50), clock=broken)
        sampler.start()
        time.sleep(0.3)
        with pytest.raises(SamplerError, match="has ended"):
            sampler.check()


@pytest.mark.parametrize("cadence", [0, -1])
def test_init__no_cadence__is_refused(tmp_path: Path, fake: Callable[[str], FakeNvml], cadence: int) -> None:
    with SampleJournal(tmp_path / "s") as journal, pytest.raises(SamplerError, match="cadence"):
        NvmlSampler(NvmlProbe(fake(BOARD).module), journal, Ms(cadence))
