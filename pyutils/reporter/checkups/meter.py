"""Does a meter answer, on time, with samples of every GPU of the fleet?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyutils.contracts import System
from pyutils.errors import GpuRwaError
from pyutils.meter import SampleSource
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.meter.segment import plain_gpu_id
from pyutils.models import PowerModel
from pyutils.operations.doctor import Finding, note, well, wrong
from pyutils.operations.fleets import enrolments
from pyutils.operations.gpu_lists import GpuLists
from pyutils.reporter.settings.config import NvmlConfig, PrometheusConfig, TraceConfig
from pyutils.reporter.settings.sources import open_source
from pyutils.reporter.view import View
from pyutils.units import MS_PER_SECOND, Ms, UnixMs

_LOOKED_BACK_S: Final = 300
"""Samples at most so old are recent; older where the fleet is sampled seldom."""
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
    nvml: Any = None
    """Stands in for the module `pynvml`."""
    _cadence_ms: Ms = field(init=False)

    def __post_init__(self) -> None:
        self._cadence_ms = Ms(self.view.fleet.sample_cadence * MS_PER_SECOND)

    def look(self) -> Iterator[Finding]:
        """Yield what was found; the first thing that fails is the last."""
        if isinstance(self.config, NvmlConfig) and not self.is_used:
            yield from self._boards(self.config)
            return
        try:
            source = open_source(self.config, self.folder, self.journal, self._cadence_ms, only_reads=True)
        except GpuRwaError as error:
            yield wrong(self.name, error.line())
            return
        try:
            yield from self._look(source)
        except GpuRwaError as error:
            yield wrong(self.name, error.line())
        finally:
            source.close()

    def _boards(self, config: NvmlConfig) -> Iterator[Finding]:
        """Yield what the driver shows: no daemon runs that would take samples."""
        from pyutils.meter.nvml import NvmlProbe

        try:
            probe = NvmlProbe(self.nvml)
            try:
                boards = {plain_gpu_id(board.gpu_id): board.has_energy for board in probe.boards()}
            finally:
                probe.close()
            gpus = self._gpus()
        except GpuRwaError as error:
            yield wrong(self.name, error.line())
            return
        missing = [gpu_id for gpu_id in gpus if plain_gpu_id(gpu_id) not in boards]
        if missing:
            said = f"{len(missing)} of {len(gpus)} GPUs are not on this machine: {_names(missing)}"
            yield wrong(f"{self.name}: boards", said, "Enrol GPUs as the driver names them, or look for lost boards")
        else:
            yield well(f"{self.name}: boards", f"the driver shows all {len(gpus)} GPUs; `run` takes their samples")
        lacking = [gpu_id for gpu_id in gpus if not boards.get(plain_gpu_id(gpu_id), True)]
        yield self._energy(config.energy, lacking)

    def _gpus(self) -> list[str]:
        found = enrolments(self.system, self.lists, self.view.fleet_id, self.view.block)
        return [one.gpu_id for one in found if one.until is None]

    def _look(self, source: SampleSource) -> Iterator[Finding]:
        yield self._clock(source)
        yield self._cadence(source)
        gpus = self._gpus()
        seen = self._seen(source, gpus)
        missing = [gpu_id for gpu_id in gpus if gpu_id not in seen]
        if missing:
            said = f"of {len(missing)} of {len(gpus)} GPUs there are no recent samples: {_names(missing)}"
            mend = "Look whether their meters run, and whether they are named as they were enrolled"
            yield wrong(f"{self.name}: samples", said, mend)
        else:
            yield well(f"{self.name}: samples", f"recent ones of all {len(gpus)} GPUs")
        yield self._energy(source.has_energy, [gpu_id for gpu_id, has_energy in seen.items() if not has_energy])

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
        until = self.view.now * MS_PER_SECOND if isinstance(self.config, TraceConfig) else source.clock_ms()
        return {
            series.gpu_id: series.energy_mj is not None
            for batch in source.read(gpus, UnixMs(until - back_ms), UnixMs(until))
            for series in batch
        }

    def _energy(self, is_measured: bool, lacking: list[str]) -> Finding:
        """Return where energy comes from, and which GPUs lack it."""
        what = f"{self.name}: energy"
        if not is_measured:
            assert self.power is not None, "a configuration without energy has a power model"
            return well(what, f"derived from duty, {self.power.idle_watts} to {self.power.max_watts} W a board")
        if lacking:
            mend = "Set energy = false and give [power]"
            return wrong(what, f"{_names(sorted(lacking))} report no energy", mend)
        return well(what, "measured by the boards")


def _names(gpu_ids: list[str]) -> str:
    more = f" and {len(gpu_ids) - _NAMED} more" if len(gpu_ids) > _NAMED else ""
    return f"{', '.join(gpu_ids[:_NAMED])}{more}"
