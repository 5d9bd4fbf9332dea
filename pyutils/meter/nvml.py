"""The meter of a machine with NVIDIA GPUs: a sampler writes a journal, and reports are built from the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pyutils.meter.journal import JournalError, JournalLockedError, SampleJournal
from pyutils.meter.nvml_driver import Board, NoGpuError
from pyutils.meter.nvml_probe import MeterCounts, NvmlProbe
from pyutils.meter.nvml_sampler import NvmlSampler, SamplerError, wall_clock_ms
from pyutils.meter.series import GpuSeries
from pyutils.meter.source import SourceError
from pyutils.units import Ms, UnixMs

__all__ = [
    "Board",
    "JournalError",
    "JournalLockedError",
    "MeterCounts",
    "NoEnergyCounterError",
    "NoGpuError",
    "NvmlProbe",
    "NvmlSampler",
    "NvmlSource",
    "SampleJournal",
    "SamplerError",
]


class NoEnergyCounterError(SourceError):
    """A fleet is to be metered by its boards' energy counters, and a board has none."""

    remedy = "Give the fleet a power model, from which the energy of all its GPUs is derived"

    def __init__(self, gpu_ids: Sequence[str]) -> None:
        more = f" and {len(gpu_ids) - 1} more" if len(gpu_ids) > 1 else ""
        super().__init__(f"GPU {gpu_ids[0]}{more} does not count its energy")
        self.gpu_ids = tuple(gpu_ids)


class NvmlSource:
    """Samples of this machine's GPUs, read from the journal."""

    def __init__(
        self,
        journal: SampleJournal,
        cadence_ms: Ms,
        *,
        has_energy: bool,
        sampler: NvmlSampler | None = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """Read `journal`. With `has_energy` a sample without energy is refused, without it energy is left out."""
        self.journal, self.sampler = journal, sampler
        self._cadence_ms, self._has_energy, self._clock = cadence_ms, has_energy, clock

    @classmethod
    def start(cls, folder: Path, cadence_ms: Ms, *, has_energy: bool, nvml: Any = None) -> Self:
        """Open driver and journal, and begin to sample; `close` ends all three.

        Args:
            folder: where samples are kept; no other process may write there.
            cadence_ms: how far apart samples are taken.
            has_energy: whether energy comes from the boards' counters; False where the fleet has a power model.
            nvml: stands in for the module `pynvml`.

        Raises:
            NoGpuError: there is no driver, no GPU or no permission.
            NoEnergyCounterError: energy is wanted, and not every board counts it.
            JournalError: the folder cannot be used, or another meter uses it.

        """
        with ExitStack() as opened:
            probe = NvmlProbe(nvml)
            opened.callback(probe.close)
            lacking = [board.gpu_id for board in probe.boards() if not board.has_energy]
            if has_energy and lacking:
                raise NoEnergyCounterError(lacking)
            journal = opened.enter_context(SampleJournal(folder))
            sampler = NvmlSampler(probe, journal, cadence_ms)
            sampler.start()
            opened.pop_all()
        return cls(journal, cadence_ms, has_energy=has_energy, sampler=sampler)

    @property
    def has_energy(self) -> bool:
        """Whether samples carry the boards' own energy counters."""
        return self._has_energy

    @property
    def dropped(self) -> Mapping[str, int]:
        """What no report gets to see.

        `damaged`: lines of the journal that are not what was written. `torn`: writes that a crash or a full disk cut
        off, each of one look at all boards. `missed`: samples that a board which is there did not give. `stamped_back`:
        samples left out because the clock had stepped back. Gaps and resets are found in the samples that there are.
        """
        told = {"damaged": self.journal.damaged_lines, "torn": self.journal.torn_tails}
        if self.sampler is None:
            return told
        counts = self.sampler.counts
        return told | {"missed": counts.missed, "stamped_back": counts.stamped_back}

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield the samples stamped in `(after_ms, until_ms]` of the GPUs named, an hour at a time.

        Names are compared without regard to case and blanks around them. Samples of other GPUs, such as a board that
        was put in and is not enrolled, are left out. Raises `JournalError`, and `NoEnergyCounterError` where energy
        is wanted and a sample has none.
        """
        for batch in self.journal.read(gpu_ids, after_ms, until_ms):
            if self._has_energy:
                lacking = [series.gpu_id for series in batch if series.energy_mj is None]
                if lacking:
                    raise NoEnergyCounterError(lacking)
                yield batch
            else:
                yield [replace(series, energy_mj=None) for series in batch]

    def check(self) -> None:
        """Raise `SourceError` where the newest look at the boards failed, or the driver or the disk hangs."""
        if self.sampler is not None:
            self.sampler.check()

    def clock_ms(self) -> UnixMs:
        """Return the time of this machine's clock, which stamps the samples."""
        return UnixMs(self._clock())

    def cadence_ms(self) -> Ms | None:
        """Return how far apart samples are taken."""
        return self._cadence_ms

    def close(self) -> None:
        """End the sampling and let go of driver and journal.

        Raises `SamplerError` where the driver hangs; then it holds both until the process ends.
        """
        if self.sampler is not None:
            self.sampler.stop()
        self.journal.close()
