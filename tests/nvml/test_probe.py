"""One look at the boards: what their duty, energy and names are, and what every fault of the driver comes to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyutils.meter import Sample
from pyutils.meter.nvml import Board, NoGpuError, NvmlProbe
from pyutils.units import UnixMs, Watts

from .fake import FakeNvml
from .stage import CADENCE, EPOCH, SCENARIOS, A, B, Machine

PERIOD_US, RING = 166_667, 100

Fake = Callable[[str], FakeNvml]
Start = Callable[[str], Machine]


def stage(boards: int, *lines: str) -> str:
    """Return a scenario of some boards named GPU-0, GPU-1 …, and what is said of them."""
    named = [f"board {number} uuid GPU-{number}\nboard {number} name H100\n" for number in range(boards)]
    return "\n".join([f"epoch {EPOCH}", f"sampling {PERIOD_US} {RING}", f"boards {boards}", *named, *lines, ""])


def at(second: float) -> UnixMs:
    return UnixMs(EPOCH + round(second * 1000))


def look(fake: FakeNvml, probe: NvmlProbe, second: float) -> list[Sample]:
    fake.set_time(at(second))
    return probe.sample(at(second))


def mean_ppm(percents: list[int], begin: float, end: float) -> int:
    """Return the mean, rounded down, of what the driver sampled in `(begin, end]`, as far as its ring reaches."""
    first, last = at(begin) * 1000 // PERIOD_US + 1, at(end) * 1000 // PERIOD_US
    taken = [percents[i % len(percents)] * 10_000 for i in range(max(first, last - RING + 1), last + 1)]
    return sum(taken) // len(taken)


# --- duty ----------------------------------------------------------------------------------------------------------


def test_sample__utilization_samples__duty_is_their_mean_since_the_last_look(fake: Fake) -> None:
    pattern = [0, 35, 80, 62, 0, 0, 41]
    nvml = fake(stage(1, "board 0 util " + " ".join(map(str, pattern))))
    probe = NvmlProbe(nvml.module)
    seen = 0
    for second in (15, 30, 45, 52, 60):
        (sample,) = look(nvml, probe, second)
        assert sample.duty_ppm == mean_ppm(pattern, seen, second)
        assert sample.duty_ppm % 10_000, "a mean of percents, which no percent is"
        seen = second


def test_sample__ring_shorter_than_the_pause__duty_is_that_of_the_ring(fake: Fake) -> None:
    nvml = fake(stage(1, "board 0 util 0", "at 40000", "board 0 util 100"))
    probe = NvmlProbe(nvml.module)
    look(nvml, probe, 15)
    (sample,) = look(nvml, probe, 60)
    assert sample.duty_ppm == 1_000_000, "16.7 s of full duty are all that the driver remembers"
    (sample,) = look(nvml, probe, 61)
    assert sample.duty_ppm == 1_000_000


def test_sample__driver_gives_samples_again__each_counts_once(fake: Fake) -> None:
    nvml = fake(stage(1, "board 0 repeats 1", "board 0 util 100", "at 15000", "board 0 util 0"))
    probe = NvmlProbe(nvml.module)
    assert [one.duty_ppm for second in (15, 25) for one in look(nvml, probe, second)] == [1_000_000, 0]


@pytest.mark.parametrize("code", [2, 3, 4, 6, 13, 21, 27])
def test_sample__no_utilization_samples__the_latest_rate_stands_in(fake: Fake, code: int) -> None:
    nvml = fake(stage(1, "board 0 util 42", f"board 0 fail samples {code}"))
    probe = NvmlProbe(nvml.module)
    assert [one.duty_ppm for one in look(nvml, probe, 15)] == [420_000]
    assert probe.counts.unknown_duty == 0


def test_sample__no_news_since_the_last_look__the_latest_rate_stands_in(fake: Fake) -> None:
    nvml = fake(stage(1, "board 0 util 42"))
    probe = NvmlProbe(nvml.module)
    look(nvml, probe, 15)
    assert [one.duty_ppm for one in look(nvml, probe, 15)] == [420_000]


def test_sample__driver_tells_no_duty__is_idle_and_counted_never_busy(fake: Fake) -> None:
    nvml = fake(stage(2, "board * util 100", "board 1 fail samples 3", "board 1 fail rates 3"))
    probe = NvmlProbe(nvml.module)
    assert [one.duty_ppm for one in look(nvml, probe, 15)] == [1_000_000, 0]
    assert [one.duty_ppm for one in look(nvml, probe, 30)] == [1_000_000, 0]
    assert probe.counts.unknown_duty == 2


def test_sample__nonsense_percents__are_left_out(fake: Fake) -> None:
    nvml = fake(stage(2, "board 0 util 50 101 50", "board 1 util 255"))
    probe = NvmlProbe(nvml.module)
    assert [one.duty_ppm for one in look(nvml, probe, 15)] == [500_000, 0]
    assert probe.counts.unknown_duty == 1


def test_sample__clock_steps_back_an_hour__duty_is_a_mean_again_at_the_second_look(fake: Fake) -> None:
    nvml = fake(stage(1, "board 0 util 20 30"))
    probe = NvmlProbe(nvml.module)
    look(nvml, probe, 7200)
    (sample,) = look(nvml, probe, 3600)
    assert sample.duty_ppm in (200_000, 300_000), "nothing is newer than what was seen: the latest rate stands in"
    (sample,) = look(nvml, probe, 3616)
    assert sample.duty_ppm == mean_ppm([20, 30], 3600, 3616)


# --- energy and MIG ------------------------------------------------------------------------------------------------


def test_sample__energy_counter__is_passed_on_in_millijoules(fake: Fake) -> None:
    nvml = fake("h100x8")
    probe = NvmlProbe(nvml.module)
    first = {one.gpu_id: one.energy_mj or 0 for one in look(nvml, probe, 285)}
    later = {one.gpu_id: one.energy_mj or 0 for one in look(nvml, probe, 315)}
    assert later[A] - first[A] == 15 * 70_000 + 15 * 671_000
    assert later[B] - first[B] == 15 * 71_000 + 15 * 664_000


@pytest.mark.parametrize("nonsense", ["board 0 energy 18446744073709551615", "board 0 uuid GPU-0,1"])
def test_sample__answer_that_cannot_be_true__is_missed_and_the_others_go_on(fake: Fake, nonsense: str) -> None:
    nvml = fake(stage(2, nonsense))
    probe = NvmlProbe(nvml.module)
    assert [one.gpu_id for one in look(nvml, probe, 15)] == ["GPU-1"]
    assert probe.counts.missed == 1


def test_sample__mig_switched_on_and_off__one_row_and_energy_once(machine: Start) -> None:
    one = machine("mig_switch")
    assert one.tick(*range(15, 181, 15)) == [2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2]
    rows = {(row.at_ms - EPOCH) // 1000: row for row in one.samples(B)}
    assert [second for second, row in rows.items() if row.duty_ppm == 0] == [75, 90, 105, 120]
    assert one.counts.unknown_duty == 4
    assert one.counts.lost == 1, "it was gone while it was reset"
    # 650 W up to 50 s, 65 W while it is reset, 480 W thereafter, in one counter and one row.
    assert (rows[180].energy_mj or 0) - (rows[15].energy_mj or 0) == 35 * 650_000 + 15 * 65_000 + 115 * 480_000
    (counted,) = one.counters(165, B)
    assert counted.available_ms == 150_000
    assert counted.resets == 0


# --- boards --------------------------------------------------------------------------------------------------------


def test_boards__a_data_centre_board__says_all(fake: Fake) -> None:
    nvml = fake("mig_switch")
    probe = NvmlProbe(nvml.module)
    assert probe.boards()[0] == Board(
        gpu_id=A,
        serial="1651705159078",
        name="NVIDIA H100 80GB HBM3",
        max_watts=Watts(700),
        default_watts=Watts(700),
        mig=False,
        has_energy=True,
    )
    nvml.set_time(at(70))
    assert [board.mig for board in probe.boards()] == [False, True]


def test_boards__a_board_that_tells_little__leaves_it_open(fake: Fake) -> None:
    nvml = fake(stage(1, "board 0 fail limit 3", "board 0 fail mig 3", "board 0 fail energy 3"))
    assert NvmlProbe(nvml.module).boards() == (Board("GPU-0", None, "H100", None, None, None, has_energy=False),)


def test_boards__limits_in_milliwatts__are_rounded_up(fake: Fake) -> None:
    (board,) = NvmlProbe(fake(stage(1, "board 0 limit 300001 250000")).module).boards()
    assert (board.max_watts, board.default_watts) == (301, 250)


def test_boards__one_lost__lists_the_others(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    probe = NvmlProbe(fake(stage(2, "board 0 fail all 15")).module)
    assert [board.gpu_id for board in probe.boards()] == ["GPU-1"]
    assert caplog.messages == ["GPU 0 does not answer: GPU is lost"]


def test_boards__driver_reloaded__opens_it_again(fake: Fake) -> None:
    nvml = fake(stage(1, "at 1000", "reload", "at 9000", "reload", "fail init 9", "fail all 9"))
    probe = NvmlProbe(nvml.module)
    nvml.set_time(at(5))
    assert len(probe.boards()) == 1
    nvml.set_time(at(10))
    with pytest.raises(NoGpuError, match="driver is not loaded"):
        probe.boards()


def test_boards__none_answers__is_one_line(fake: Fake) -> None:
    with pytest.raises(NoGpuError, match="fell off the bus"):
        NvmlProbe(fake(stage(1, "board 0 fail all 15")).module).boards()


# --- no driver, no GPU, no permission ------------------------------------------------------------------------------

ONE_LINE = {
    9: "NVIDIA's driver is not loaded. Load it with `modprobe nvidia`, or reboot",
    4: "no permission to ask NVIDIA's driver. Let this user read and write /dev/nvidiactl, /dev/nvidia0 and so on",
    18: "NVIDIA's driver and its library are of different versions, as after an upgrade. Reboot, or reload the driver",
    28: "NVIDIA's driver finds no GPU. See whether `lspci` shows one, and what `dmesg` says of it",
    999: "NVIDIA's driver cannot be asked: Unknown Error. See what `nvidia-smi` says",
    17: "NVIDIA's driver cannot be asked: The operating system has blocked the request.. See what `nvidia-smi` says",
}


@pytest.mark.parametrize(("code", "line"), ONE_LINE.items())
def test_init__driver_refuses__is_one_clear_line(fake: Fake, code: int, line: str) -> None:
    with pytest.raises(NoGpuError) as caught:
        NvmlProbe(fake(stage(1, f"fail init {code}")).module)
    assert caught.value.line() == line


def test_init__upgraded_but_not_reloaded__says_so(fake: Fake) -> None:
    with pytest.raises(NoGpuError, match="different versions"):
        NvmlProbe(fake("version_mismatch").module)


def test_init__no_boards__is_one_clear_line(fake: Fake) -> None:
    with pytest.raises(NoGpuError, match="finds no GPU"):
        NvmlProbe(fake(stage(0)).module)


def test_init__package_missing__says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NoGpuError) as caught:
        NvmlProbe()
    assert caught.value.line() == "the package nvidia-ml-py is not installed. Run `pip install 'gpu-rwa[gpu]'`"


# --- faults while it runs ------------------------------------------------------------------------------------------


def test_sample__driver_reloaded_between_looks__goes_on_and_counts(fake: Fake) -> None:
    nvml = fake(stage(2, "board * energy 500", "board * util 30", "at 20000", "reload", "board * energy 7"))
    probe = NvmlProbe(nvml.module)
    assert [one.energy_mj for one in look(nvml, probe, 15)] == [500, 500]
    assert [one.energy_mj for one in look(nvml, probe, 30)] == [7, 7]
    assert [one.duty_ppm for one in look(nvml, probe, 45)] == [300_000, 300_000]
    assert probe.counts.reinits == 1


@pytest.mark.parametrize("code", [1, 9, 18, 999])
def test_sample__driver_away_for_a_while__is_one_line_each_time_and_then_goes_on(fake: Fake, code: int) -> None:
    away = ("at 20000", "reload", f"fail init {code}", f"fail all {code}", "at 50000", "fail init 0", "fail all 0")
    nvml = fake(stage(1, "board 0 util 30", *away))
    probe = NvmlProbe(nvml.module)
    look(nvml, probe, 15)
    for second in (30, 45):
        with pytest.raises(NoGpuError) as caught:
            look(nvml, probe, second)
        assert "\n" not in caught.value.line()
    assert len(look(nvml, probe, 60)) == 1
    assert probe.counts.reinits == 3
    assert probe.counts.lost == 0, "the driver was away, not the board"


def test_sample__one_board_breaks_for_good__is_left_alone_after_one_reopening(fake: Fake) -> None:
    nvml = fake(stage(3, "at 20000", "board 1 fail energy 999", "at 80000", "board 2 fail energy 999"))
    probe = NvmlProbe(nvml.module)
    assert [len(look(nvml, probe, second)) for second in (15, 30, 45, 60, 75, 90, 105)] == [3, 2, 2, 2, 2, 1, 1]
    assert probe.counts.reinits == 2, "one for each board that broke"
    assert probe.counts.missed == 4 + 2 * 2
    assert probe.counts.lost == 0


def test_sample__nothing_answers__the_driver_is_opened_again_each_time(fake: Fake) -> None:
    nvml = fake(stage(1, "at 20000", "board 0 fail energy 999", "at 50000", "board 0 fail energy 0"))
    probe = NvmlProbe(nvml.module)
    look(nvml, probe, 15)
    for second in (30, 45):
        with pytest.raises(NoGpuError, match="Unknown Error"):
            look(nvml, probe, second)
    assert len(look(nvml, probe, 60)) == 1
    assert probe.counts.reinits == 2


def test_sample__another_board_in_the_slot_does_not_say_its_name__is_not_taken_for_the_old_one(fake: Fake) -> None:
    nvml = fake(stage(2, "at 20000", "reload", "board 1 uuid GPU-new", "board 1 fail uuid 10"))
    probe = NvmlProbe(nvml.module)
    assert [len(look(nvml, probe, second)) for second in (15, 30)] == [2, 1]
    assert (probe.counts.lost, probe.counts.missed) == (1, 0)


def test_sample__transient_fault_of_a_board__misses_one_sample(fake: Fake) -> None:
    nvml = fake(stage(2, "at 20000", "board 0 fail samples 10", "at 40000", "board 0 fail samples 0"))
    probe = NvmlProbe(nvml.module)
    assert [len(look(nvml, probe, second)) for second in (15, 30, 45)] == [2, 1, 2]
    assert (probe.counts.missed, probe.counts.lost, probe.counts.reinits) == (1, 0, 0)


@pytest.mark.parametrize("function", ["all", "handle", "uuid", "energy", "samples"])
@pytest.mark.parametrize("code", [15, 16])
def test_sample__board_lost__the_others_go_on(fake: Fake, function: str, code: int) -> None:
    fall = ("at 20000", f"board 1 fail {function} {code}", "at 60000", "board 1 fail all 0")
    nvml = fake(stage(3, *fall))
    probe = NvmlProbe(nvml.module)
    assert [len(look(nvml, probe, second)) for second in (15, 30, 45, 60, 75)] == [3, 2, 2, 3, 3]
    assert (probe.counts.lost, probe.counts.missed, probe.counts.swapped) == (1, 0, 0)


def test_sample__board_lost_twice__is_counted_twice(fake: Fake) -> None:
    once = ("at 20000", "board 1 fail all 15", "at 40000", "board 1 fail all 0")
    nvml = fake(stage(2, *once, "at 50000", "board 1 fail all 15"))
    probe = NvmlProbe(nvml.module)
    assert [len(look(nvml, probe, second)) for second in (15, 30, 45, 60)] == [2, 1, 2, 1]
    assert probe.counts.lost == 2


def test_sample__board_that_missed_a_sample_is_lost_at_the_next__is_counted(fake: Fake) -> None:
    nvml = fake(stage(2, "at 20000", "board 1 fail energy 10", "at 40000", "board 1 fail all 15"))
    probe = NvmlProbe(nvml.module)
    assert [len(look(nvml, probe, second)) for second in (15, 30, 45)] == [2, 1, 1]
    assert (probe.counts.missed, probe.counts.lost) == (1, 1)


def test_sample__every_board_lost__is_one_line(fake: Fake) -> None:
    nvml = fake(stage(2, "at 20000", "board * fail all 15"))
    probe = NvmlProbe(nvml.module)
    look(nvml, probe, 15)
    with pytest.raises(NoGpuError, match="fell off the bus"):
        look(nvml, probe, 30)
    assert probe.counts.lost == 2


def test_sample__board_taken_out_and_another_put_in__is_counted_and_sampled(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    nvml = fake(stage(2, "at 20000", "reload", "board 1 uuid GPU-new", "at 40000", "reload", "boards 1"))
    probe = NvmlProbe(nvml.module)
    assert [[one.gpu_id for one in look(nvml, probe, second)] for second in (15, 30, 45)] == [
        ["GPU-0", "GPU-1"],
        ["GPU-0", "GPU-new"],
        ["GPU-0"],
    ]
    assert (probe.counts.lost, probe.counts.swapped) == (2, 1)
    assert caplog.messages == [
        "GPU GPU-1 is lost",
        "GPU GPU-new is new on this machine; it counts once it is enrolled",
        "GPU GPU-new is lost",
    ]


def test_expect__board_swapped_while_no_meter_ran__is_counted_at_the_first_look(fake: Fake) -> None:
    nvml = fake(stage(2))
    probe = NvmlProbe(nvml.module)
    probe.expect(["GPU-0", "GPU-old"])
    look(nvml, probe, 15)
    assert (probe.counts.lost, probe.counts.swapped) == (1, 1)


def test_close__then_again__lets_go_of_the_driver(fake: Fake) -> None:
    nvml = fake(stage(1))
    probe = NvmlProbe(nvml.module)
    probe.close()
    with pytest.raises(nvml.module.NVMLError_Uninitialized):
        nvml.module.nvmlDeviceGetCount()
    probe.close()


def test_scenarios__every_file__is_played_to_its_end(library: Path, tmp_path: Path) -> None:
    for path in sorted(SCENARIOS.glob("*.txt")):
        nvml = FakeNvml(library, tmp_path, path)
        nvml.set_time(EPOCH + 400 * CADENCE)
        if path.stem != "version_mismatch":
            assert NvmlProbe(nvml.module).boards(), path
