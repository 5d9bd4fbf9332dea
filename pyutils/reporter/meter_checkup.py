"""Does a meter answer, on time, with samples of every GPU of the fleet?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyutils.contracts import System
from pyutils.errors import GpuRwaError
from pyutils.meter import SampleSource
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import PowerModel
from pyutils.operations.doctor import Finding, note, well, wrong
from pyutils.operations.fleets import enrolments
from pyutils.operations.gpu_lists import GpuLists
from pyutils.reporter.config import NvmlConfig, PrometheusConfig, TraceConfig
from pyutils.reporter.sources import open_source
from pyutils.reporter.view import View
from pyutils.units import MS_PER_SECOND, Ms, UnixMs

_LOOKED_BACK_S: Final = 300
"""Samples at most so old are recent; older where the fleet is sampled seldom."""
_PATIENCE_S: Final = 30.0
"""A sampler that was started just now gets so long for its first samples."""
_NAMED: Final = 3


@dataclass
class MeterCheckup:
    """One fleet's meter.

    Args:
        system: where the fleet is.
        view: the fleet on chain.
        lists: lists of GPUs behind the roots on chain.
        config: which meter.
        power: how energy is derived; None where boards measure it.
        folder: where the configuration lies.
        journal: where samples that are taken here are kept.
        max_clock_skew_s: what the meter's clock may differ from the chain's; None for anything.
        is_used: whether a daemon runs that uses this meter.

    """

    system: System
    view: View
    lists: GpuLists
    config: PrometheusConfig | NvmlConfig | TraceConfig
    power: PowerModel | None
    folder: Path
    journal: Path
    max_clock_skew_s: int | None
    is_used: bool
    name: str = "meter"
    _cadence_ms: Ms = field(init=False)

    def __post_init__(self) -> None:
        self._cadence_ms = Ms(self.view.fleet.sample_cadence * MS_PER_SECOND)

    def look(self) -> Iterator[Finding]:
        """Yield what was found; the first thing that fails is the last."""
        if self.is_used and isinstance(self.config, NvmlConfig):
            yield well(self.name, "the daemon that runs takes samples itself: see its /readyz")
            return
        try:
            source = open_source(self.config, self.folder, self.journal, self._cadence_ms)
        except GpuRwaError as error:
            yield wrong(self.name, error.line())
            return
        try:
            yield from self._look(source)
        except GpuRwaError as error:
            yield wrong(self.name, error.line())
        finally:
            source.close()

    def _look(self, source: SampleSource) -> Iterator[Finding]:
        yield self._clock(source)
        yield self._cadence(source)
        gpus = [
            one.gpu_id
            for one in enrolments(self.system, self.lists, self.view.fleet_id, self.view.block)
            if one.until is None
        ]
        seen = self._seen(source, gpus)
        missing = [gpu_id for gpu_id in gpus if gpu_id not in seen]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            said = f"of {len(missing)} of {len(gpus)} GPUs there are no recent samples: "
            mend = "Look whether their exporters run, and whether they are named as they were enrolled"
            yield wrong(f"{self.name}: samples", f"{said}{', '.join(missing[:_NAMED])}{more}", mend)
        else:
            yield well(f"{self.name}: samples", f"recent ones of all {len(gpus)} GPUs")
        yield self._energy(source, seen)

    def _clock(self, source: SampleSource) -> Finding:
        what, most = f"{self.name}: clock", self.max_clock_skew_s
        ahead = source.clock_ms() // MS_PER_SECOND - self.view.now
        said = f"{ahead} s ahead of the chain" if ahead >= 0 else f"{-ahead} s behind the chain"
        if most is None or abs(ahead) <= most:
            return well(what, said)
        return wrong(what, f"{said}, {most} s are allowed", "Set the meter's clock by NTP")

    def _cadence(self, source: SampleSource) -> Finding:
        what, ours = f"{self.name}: cadence", source.cadence_ms()
        needed = self._cadence_ms
        if ours is None:
            return well(what, f"not told by the meter; the fleet's is {needed} ms")
        said = f"a sample every {ours} ms, the fleet's cadence is {needed} ms"
        if ours <= needed:
            return well(what, said)
        mend = f"Sample every {needed} ms: intervals over {MAX_GAP_CADENCES * needed} ms count as absence"
        return note(what, said, mend) if ours <= MAX_GAP_CADENCES * needed else wrong(what, said, mend)

    def _seen(self, source: SampleSource, gpus: list[str]) -> dict[str, bool]:
        """Return the GPUs that have recent samples, and whether these have energy."""
        back_ms = max(_LOOKED_BACK_S * MS_PER_SECOND, (MAX_GAP_CADENCES + 1) * self._cadence_ms)
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            until = self.view.now * MS_PER_SECOND if isinstance(self.config, TraceConfig) else source.clock_ms()
            seen = {
                series.gpu_id: series.energy_mj is not None
                for batch in source.read(gpus, UnixMs(until - back_ms), UnixMs(until))
                for series in batch
            }
            is_fresh = isinstance(self.config, NvmlConfig) and time.monotonic() < give_up
            if len(seen) >= len(gpus) or not is_fresh:
                return seen
            time.sleep(0.5)

    def _energy(self, source: SampleSource, seen: dict[str, bool]) -> Finding:
        what = f"{self.name}: energy"
        if not source.has_energy:
            assert self.power is not None, "a configuration without energy has a power model"
            return well(what, f"derived from duty, {self.power.idle_watts} to {self.power.max_watts} W a board")
        lacking = sorted(gpu_id for gpu_id, has_energy in seen.items() if not has_energy)
        if lacking:
            mend = "Set energy = false and give [power]"
            return wrong(what, f"{', '.join(lacking[:_NAMED])} report no energy", mend)
        return well(what, "measured by the boards")
