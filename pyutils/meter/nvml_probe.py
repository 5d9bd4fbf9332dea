"""One look at all GPUs of this machine: a sample of each that answers, and a count of what went wrong.

One row per physical GPU, under its UUID; MIG instances add no row and no energy. Unknown duty is 0 and counted: what
was not seen is never billed as busy. A driver that was reloaded is opened again. A board that fails has no sample,
while the others go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pyutils.meter.nvml_driver import LOST, NO_GPU_FOUND, NONSENSE, RELOADED, Board, DriverFault, NvmlDriver
from pyutils.meter.segment import is_writable
from pyutils.meter.series import Sample
from pyutils.units import Ppm, UnixMs

_LOG = logging.getLogger(__name__)
_US_PER_MS = 1_000
_ALL = -1
"""Stands for the driver as a whole among indices of boards."""


@dataclass(slots=True)
class MeterCounts:
    """What went wrong since the meter started. Numbers only grow."""

    gaps: int = 0
    """Pauses of a GPU longer than 2 × cadence, which are unavailable."""
    resets: int = 0
    """Falls of a GPU's energy counter, each of which begins a new segment."""
    lost: int = 0
    """GPUs that fell off the bus or were taken out, each counted once until it is back."""
    swapped: int = 0
    """GPUs that came later than the first: boards put in, or put in place of others."""
    missed: int = 0
    """Samples that a GPU which is there did not give."""
    unknown_duty: int = 0
    """Samples whose duty the driver does not tell; they count as idle."""
    reinits: int = 0
    """Times that the driver was opened again."""
    stamped_back: int = 0
    """Samples left out because the wall clock had stepped back."""


@dataclass(slots=True)
class _Look:
    """What a look at all boards showed; nothing of it counts until it is accepted."""

    samples: list[Sample] = field(default_factory=list)
    seen_us: dict[str, int] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    unknown_duty: int = 0
    fault: DriverFault = NO_GPU_FOUND
    """The last one, told where no board answers."""


class NvmlProbe:
    """Looks at the GPUs of this machine. Its methods may be called from several threads."""

    def __init__(self, nvml: Any = None) -> None:
        """Open the driver through the module `pynvml`, or what is given in its place.

        Raises `NoGpuError` where there is no driver, no GPU or no permission.
        """
        self.counts = MeterCounts()
        self._mutex = threading.RLock()
        self._names: dict[int, str] = {}
        self._known: set[str] = set()
        self._here: set[str] = set()
        self._seen_us: dict[str, int] = {}
        self._beyond_repair: set[int] = set()
        try:
            self._driver = NvmlDriver(nvml)
        except DriverFault as fault:
            raise fault.error() from fault

    def expect(self, gpu_ids: Iterable[str]) -> None:
        """Take GPUs for seen, so that one lost or swapped while no meter ran is counted at the first look."""
        with self._mutex:
            self._known |= set(gpu_ids)
            self._here |= self._known

    def sample(self, at_ms: UnixMs) -> list[Sample]:
        """Return what each GPU that answers shows, under the time given.

        Raises `NoGpuError` where none answers.
        """
        with self._mutex:
            look = self._look(at_ms)
            # What opening the driver again did not mend is left alone until more breaks: opening it is costly.
            if look.broken and not (look.samples and look.broken <= self._beyond_repair):
                self._reopen()
                look = self._look(at_ms)
            self._beyond_repair = look.broken
            self._accept(look)
            if not look.samples:
                raise look.fault.error() from look.fault
            return look.samples

    def boards(self) -> tuple[Board, ...]:
        """Return the GPUs that answer. Raises `NoGpuError` where none does."""
        with self._mutex:
            found = []
            fault = NO_GPU_FOUND
            for index in range(self._count()):
                try:
                    found.append(self._driver.board(self._driver.handle(index)))
                except DriverFault as one:
                    fault = one
                    _LOG.warning("GPU %d does not answer: %s", index, one)
            if not found:
                raise fault.error() from fault
            return tuple(found)

    def close(self) -> None:
        """Let go of the driver."""
        with self._mutex:
            self._driver.close()

    def _count(self) -> int:
        try:
            return self._driver.count()
        except DriverFault:
            self._reopen()
        try:
            return self._driver.count()
        except DriverFault as fault:
            raise fault.error() from fault

    def _reopen(self) -> None:
        self.counts.reinits += 1
        self._names.clear()
        self._driver.close()
        try:
            self._driver.open()
        except DriverFault as fault:
            raise fault.error() from fault

    def _look(self, at_ms: UnixMs) -> _Look:
        look = _Look()
        try:
            count = self._driver.count()
        except DriverFault as fault:
            look.fault = fault
            look.broken.add(_ALL)
            return look
        for index in range(count):
            try:
                self._look_at(index, at_ms, look)
            except DriverFault as fault:
                look.fault = fault
                if fault.code in RELOADED:
                    look.broken.add(index)
                if fault.code not in LOST and index in self._names:
                    look.missed.add(self._names[index])
        return look

    def _look_at(self, index: int, at_ms: UnixMs, look: _Look) -> None:
        handle = self._driver.handle(index)
        gpu_id = self._names[index] = self._driver.gpu_id(handle)
        seen_us = self._seen_us.get(gpu_id, 0)
        energy_mj = self._driver.energy_mj(handle)
        duty_ppm, newest_us = self._driver.duty_ppm(handle, seen_us)
        # Without news the driver's clock may have stepped back behind what was seen: then that must not stay ahead.
        look.seen_us[gpu_id] = min(seen_us, at_ms * _US_PER_MS) if newest_us is None else newest_us
        sample = Sample(gpu_id, at_ms, Ppm(0) if duty_ppm is None else duty_ppm, energy_mj)
        if not is_writable(sample):
            raise DriverFault(NONSENSE, f"it says {sample!r}")
        look.unknown_duty += duty_ppm is None
        look.samples.append(sample)

    def _accept(self, look: _Look) -> None:
        here = {sample.gpu_id for sample in look.samples}
        gone = self._here - here - look.missed
        fresh = here - self._known if self._known else set()
        self.counts.lost += len(gone)
        self.counts.swapped += len(fresh)
        self.counts.missed += len(look.missed)
        self.counts.unknown_duty += look.unknown_duty
        for gpu_id in sorted(gone):
            _LOG.warning("GPU %s is lost", gpu_id)
        for gpu_id in sorted(fresh):
            _LOG.warning("GPU %s is new on this machine; it counts once it is enrolled", gpu_id)
        self._known |= here
        self._here = here | (self._here & look.missed)
        self._seen_us |= look.seen_us
