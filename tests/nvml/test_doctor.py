"""What the doctor says of this machine's boards: by the driver while no daemon runs, by the journal beside one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyutils.meter import Sample
from pyutils.meter.journal import SampleJournal
from pyutils.meter.nvml_sampler import wall_clock_ms
from pyutils.models import Enrolment, PowerModel
from pyutils.reporter.checkups.meter import MeterCheckup
from pyutils.reporter.settings.config import NvmlConfig
from pyutils.units import MS_PER_SECOND, Ppm, UnixMs, UnixSeconds, Watts

from .fake import FakeNvml
from .stage import A, B

Fake = Callable[[str], FakeNvml]
POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))


def found(
    monkeypatch: pytest.MonkeyPatch, folder: Path, gpus: Sequence[str], nvml: Any, *, is_used: bool, energy: bool = True
) -> dict[str, tuple[bool, str]]:
    """Return what is found of a fleet of some GPUs, by thing: whether it is well, and what is said."""
    since = UnixSeconds(1_700_000_000)
    told = tuple(Enrolment(gpu_id=gpu_id, since=since) for gpu_id in gpus)
    monkeypatch.setattr("pyutils.reporter.checkups.meter.enrolments", lambda *_: told)
    view: Any = SimpleNamespace(
        fleet=SimpleNamespace(sample_cadence=15), now=wall_clock_ms() // MS_PER_SECOND, fleet_id=1, block=1
    )
    nothing: Any = None
    checkup = MeterCheckup(
        nothing, view, nothing, NvmlConfig(kind="nvml", energy=energy), None if energy else POWER,
        folder, folder / "journal", 300, is_used, nvml=nvml,
    )  # fmt: skip
    return {one.what: (one.is_well, one.said) for one in checkup.look()}


def test_look__no_daemon_runs__asks_the_driver_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, fake: Fake, tmp_path: Path
) -> None:
    told = found(monkeypatch, tmp_path, [A.lower(), B], fake("h100x8").module, is_used=False)
    assert told == {
        "meter: boards": (True, "the driver shows all 2 GPUs; `run` takes their samples"),
        "meter: energy": (True, "measured by the boards"),
    }
    assert not (tmp_path / "journal").exists()


def test_look__enrolled_board_is_not_here__is_named(
    monkeypatch: pytest.MonkeyPatch, fake: Fake, tmp_path: Path
) -> None:
    told = found(monkeypatch, tmp_path, [A, "GPU-elsewhere"], fake("h100x8").module, is_used=False)
    assert told["meter: boards"][0] is False
    assert told["meter: boards"][1].startswith("1 of 2 GPUs are not on this machine: GPU-elsewhere")


def test_look__board_without_energy_counter__is_named(
    monkeypatch: pytest.MonkeyPatch, fake: Fake, tmp_path: Path
) -> None:
    nvml = fake("no_energy_counter").module
    assert found(monkeypatch, tmp_path, [A], nvml, is_used=False)["meter: energy"][0] is False
    derived = found(monkeypatch, tmp_path, [A], nvml, is_used=False, energy=False)
    assert derived["meter: energy"] == (True, "derived from duty, 70 to 700 W a board")


def test_look__no_driver__one_line(monkeypatch: pytest.MonkeyPatch, fake: Fake, tmp_path: Path) -> None:
    told = found(monkeypatch, tmp_path, [A], fake("version_mismatch").module, is_used=False)
    assert list(told) == ["meter"]
    assert told["meter"][0] is False


def test_look__beside_the_daemon__reads_what_it_wrote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = found(monkeypatch, tmp_path, [A], None, is_used=True)
    assert missing["meter"][1].startswith(f"{tmp_path / 'journal'}: no samples were taken here yet")
    with SampleJournal(tmp_path / "journal") as journal:
        journal.append([Sample(A, UnixMs(wall_clock_ms() - 5_000), Ppm(0), 7)])
        told = found(monkeypatch, tmp_path, [A, B], None, is_used=True)
    is_well, said = told["meter: samples"]
    assert not is_well
    assert said.startswith(f"of 1 of 2 GPUs there are no recent samples: {B}. Look whether their meters run")
    assert told["meter: energy"] == (True, "measured by the boards")
