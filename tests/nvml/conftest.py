"""The fake library, compiled once for each test process, and ways to run a meter on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyutils.meter.journal import SampleJournal

from .fake import FakeNvml, build, compiler
from .stage import EPOCH, SCENARIOS, Machine


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the fake library; skip where nothing can compile it."""
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    if compiler() is None:
        pytest.skip("no C compiler to build the fake NVML library with")
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def fake(library: Path, tmp_path: Path) -> Callable[[str], FakeNvml]:
    """Return a way to begin a scenario, by the name of its file or as text; its clock stands at its beginning."""

    def begin(scenario: str) -> FakeNvml:
        one = FakeNvml(library, tmp_path, scenario if "\n" in scenario else SCENARIOS / f"{scenario}.txt")
        one.set_time(EPOCH)
        return one

    return begin


@pytest.fixture
def machine(fake: Callable[[str], FakeNvml], tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Return a way to start a metered machine on a scenario; all are stopped afterwards."""
    started: list[Machine] = []

    def start(scenario: str) -> Machine:
        started.append(Machine(fake(scenario), SampleJournal(tmp_path / f"samples{len(started)}")))
        return started[-1]

    yield start
    for one in started:
        one.stop()
