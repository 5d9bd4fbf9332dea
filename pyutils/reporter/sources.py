"""Opening the meter that a configuration names."""

from __future__ import annotations

from pathlib import Path

from pyutils.meter import SampleSource, TraceSource, read_trace
from pyutils.reporter.config import NvmlConfig, PrometheusConfig, TraceConfig
from pyutils.units import Ms


def open_source(
    config: PrometheusConfig | NvmlConfig | TraceConfig, folder: Path, journal: Path, cadence_ms: Ms
) -> SampleSource:
    """Return the source of samples that a configuration names.

    Args:
        config: which meter.
        folder: where the configuration lies; its paths are relative to it.
        journal: where samples that are taken here are kept.
        cadence_ms: the fleet's sampling cadence.

    Raises `SourceError` or `TraceError` where it cannot be opened.

    """
    if isinstance(config, TraceConfig):
        return TraceSource(read_trace(folder / config.file, cadence_ms))
    if isinstance(config, NvmlConfig):
        from pyutils.meter.nvml import NvmlSource

        return NvmlSource.start(journal, cadence_ms, has_energy=config.energy)
    from pyutils.meter.prometheus import PrometheusSource

    token = None if config.bearer_token_file is None else folder / config.bearer_token_file
    return PrometheusSource(
        config.url,
        matchers=config.matchers,
        duty_metric=config.duty_metric,
        energy=config.energy,
        bearer_token_file=token,
    )
