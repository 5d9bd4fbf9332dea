"""A machine whose clock the test moves: the fake library, a meter on it, and what the meter's samples come to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyutils.meter import FleetMeter, Sample, to_samples, to_series
from pyutils.meter.journal import SampleJournal
from pyutils.meter.nvml import MeterCounts, NvmlProbe, NvmlSampler, NvmlSource
from pyutils.models import Enrolment, GpuCounters
from pyutils.units import MS_PER_SECOND, Ms, UnixMs, UnixSeconds

from .fake import FakeNvml

SCENARIOS = Path(__file__).parent / "scenarios"
EPOCH = 1_767_225_600_000
"""The first millisecond of 2026, at which scenarios begin."""
CADENCE = Ms(15_000)
FOREVER = UnixMs(2**45)
A, B = "GPU-72bcf73b-311b-5dbb-e70f-c50c2a8d077d", "GPU-87e73349-d5a8-4567-3706-c112b3289859"
"""The first two boards of every scenario."""


class Machine:
    """Boards, a meter on them, and a clock."""

    def __init__(self, fake: FakeNvml, journal: SampleJournal) -> None:
        self.fake, self.journal = fake, journal
        self.start()

    def start(self) -> None:
        """Start the meter, as after a boot or a restart."""
        self.probe = NvmlProbe(self.fake.module)
        self.sampler = NvmlSampler(self.probe, self.journal, CADENCE)
        self.source = NvmlSource(self.journal, CADENCE, has_energy=True)

    def restart(self) -> None:
        """Stop the meter and start it again on what is on disk."""
        self.stop()
        self.journal = SampleJournal(self.journal.folder)
        self.start()

    def stop(self) -> None:
        """Stop the meter."""
        self.sampler.stop()
        self.journal.close()

    @property
    def counts(self) -> MeterCounts:
        """What went wrong since the meter started."""
        return self.probe.counts

    def tick(self, *seconds: int) -> list[int]:
        """Let ticks come at these seconds of the scenario, and return how many samples each kept."""
        kept = []
        for second in seconds:
            at_ms = EPOCH + second * MS_PER_SECOND
            self.fake.set_time(at_ms)
            kept.append(self.sampler.tick(UnixMs(at_ms)))
        return kept

    def samples(self, *gpu_ids: str) -> list[Sample]:
        """Return what was sampled of some GPUs, by time and GPU."""
        batches = self.source.read(gpu_ids, UnixMs(-1), FOREVER)
        return to_samples(series for batch in batches for series in batch)

    def counters(self, second: int, *gpu_ids: str) -> list[GpuCounters]:
        """Return what a fleet of some GPUs reports as of a second of the scenario, in the order asked for."""
        return counters(self.samples(*gpu_ids), second, *gpu_ids)


def counters(samples: Iterable[Sample], second: int, *gpu_ids: str) -> list[GpuCounters]:
    """Return what samples come to as of a second of the scenario, in the order asked for."""
    start = UnixSeconds(EPOCH // MS_PER_SECOND)
    meter = FleetMeter([Enrolment(gpu_id=gpu_id, since=start) for gpu_id in gpu_ids], CADENCE)
    meter.feed(to_series(samples))
    of_gpu = {one.gpu_id: one for one in meter.counters(UnixSeconds(start + second))}
    return [of_gpu[gpu_id] for gpu_id in gpu_ids]
