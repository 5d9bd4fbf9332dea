"""A thread that looks at the GPUs once per cadence and puts what it saw into the journal.

Ticks are the multiples of the cadence on the wall clock, worked out anew each time, so that nothing drifts and a
restart falls into step. A sample bears the time of its tick, or its own where it comes late by more than a tenth of
the cadence. So one tick that was missed leaves a gap of exactly 2 × cadence, which still counts as available.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pyutils.errors import GpuRwaError
from pyutils.meter.journal import SampleJournal
from pyutils.meter.nvml_probe import MeterCounts, NvmlProbe
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.meter.series import Sample
from pyutils.meter.source import SourceError
from pyutils.units import MS_PER_HOUR, MS_PER_SECOND, Ms, UnixMs

_LOG = logging.getLogger(__name__)
_NS_PER_MS = 1_000_000
KEEP_HOURS = 90 * 24
"""Hours with samples that are kept: far longer than any report, or dispute of one, may take."""
_LATE_PARTS = 10
_STUCK_CADENCES = 3


class SamplerError(SourceError):
    """The thread that samples has ended, hangs, or met a fault that nobody foresaw."""

    remedy = "See the log; restart the meter if it does not go on by itself"


def wall_clock_ms() -> UnixMs:
    """Return the time of this machine's clock."""
    return UnixMs(time.time_ns() // _NS_PER_MS)


class NvmlSampler:
    """Samples at every tick until it is stopped. A fault is kept for `check`, and the next tick tries again."""

    def __init__(
        self,
        probe: NvmlProbe,
        journal: SampleJournal,
        cadence_ms: Ms,
        clock: Callable[[], int] = wall_clock_ms,
        stopped: threading.Event | None = None,
        keep_hours: int = KEEP_HOURS,
    ) -> None:
        """Sample what `probe` shows into `journal`.

        Args:
            probe: looks at the GPUs; the sampler closes it.
            journal: open for writing.
            cadence_ms: time between two samples.
            clock: tells Unix milliseconds.
            stopped: ends the sampling when it is set.
            keep_hours: hours with samples that the journal keeps.

        """
        if cadence_ms <= 0:
            raise SamplerError(f"a sampling cadence of {cadence_ms} ms", remedy="Give a positive number")
        self.cadence_ms = cadence_ms
        self._probe, self._journal, self._clock = probe, journal, clock
        self._stopped = threading.Event() if stopped is None else stopped
        self._thread = threading.Thread(target=self.run, name="nvml-sampler", daemon=True)
        self._fault: Exception | None = None
        self._keep_hours = keep_hours
        self._trimmed_at = -1
        self._finished_s = time.monotonic()
        probe.expect(journal.last)

    @property
    def counts(self) -> MeterCounts:
        """What went wrong so far."""
        return self._probe.counts

    def start(self) -> None:
        """Begin; the first sample is taken at the next tick."""
        self._finished_s = time.monotonic()
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End, after the sample in hand, and let go of the driver. Raises `SamplerError` where that sample hangs."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                raise SamplerError(f"the driver or the disk has not answered for {timeout_s:.0f} s")
        self._probe.close()

    def run(self) -> None:
        """Sample at every tick until stopped, in this thread; `start` does it in one of its own."""
        done_ms = self._tick_ms(self._clock())
        while not self._stopped.wait(self._pause_s()):
            now_ms = self._clock()
            due_ms = self._tick_ms(now_ms)
            if due_ms != done_ms:  # the clock was slowed while we slept, so the tick is still to come
                done_ms = due_ms
                self.tick(UnixMs(due_ms if now_ms - due_ms <= self.cadence_ms // _LATE_PARTS else now_ms))

    def check(self) -> None:
        """Raise what went wrong at the newest tick, and nothing once a tick went well.

        Raises `SamplerError` also where no tick has ended for three cadences: then the driver or the disk hangs.
        """
        fault = self._fault
        if isinstance(fault, GpuRwaError):
            raise fault.with_traceback(None)
        if fault is not None:
            raise SamplerError(f"sampling failed: {type(fault).__name__}: {fault}") from fault
        if self._thread.ident is None or self._stopped.is_set():
            return
        if not self._thread.is_alive():
            raise SamplerError("the thread that samples has ended")
        silent_s = time.monotonic() - self._finished_s
        if silent_s * MS_PER_SECOND > _STUCK_CADENCES * self.cadence_ms:
            raise SamplerError(f"no sample was taken for {silent_s:.0f} s: the driver or the disk hangs")

    def tick(self, at_ms: UnixMs) -> int:
        """Sample now, under the time given, and return how many samples were kept. Keeps any fault for `check`."""
        kept = 0
        try:
            kept = self._take(at_ms)
        except Exception as error:  # noqa: BLE001 - kept for the owner; a meter that ends loses delivery
            self._keep(error)
        else:
            self._fault = None
        self._finished_s = time.monotonic()
        return kept

    def _take(self, at_ms: UnixMs) -> int:
        samples = self._probe.sample(at_ms)
        before = self._journal.last
        kept = self._journal.append(samples)
        after = self._journal.last
        self.counts.stamped_back += len(samples) - kept
        for sample in samples:
            earlier = before.get(sample.gpu_id)
            if earlier is not None and after.get(sample.gpu_id) is sample:
                self._compare(earlier, sample)
        if not kept:
            raise SourceError(
                f"the clock shows {at_ms} ms, which is not after the newest sample",
                remedy="Set the clock right; if the samples are from the future, stop the meter and delete their files",
            )
        if at_ms // MS_PER_HOUR != self._trimmed_at:
            self._journal.trim(self._keep_hours)
            self._trimmed_at = at_ms // MS_PER_HOUR
        return kept

    def _compare(self, earlier: Sample, sample: Sample) -> None:
        self.counts.gaps += sample.at_ms - earlier.at_ms > MAX_GAP_CADENCES * self.cadence_ms
        if sample.energy_mj is not None and earlier.energy_mj is not None:
            self.counts.resets += sample.energy_mj < earlier.energy_mj

    def _keep(self, error: Exception) -> None:
        known = self._fault is not None and str(self._fault) == str(error)
        self._fault = error
        if known:
            return
        if isinstance(error, GpuRwaError):
            _LOG.warning("%s", error.line())
        else:
            _LOG.error("sampling failed", exc_info=error)

    def _tick_ms(self, now_ms: int) -> int:
        return now_ms - now_ms % self.cadence_ms

    def _pause_s(self) -> float:
        return (self.cadence_ms - self._clock() % self.cadence_ms) / MS_PER_SECOND
