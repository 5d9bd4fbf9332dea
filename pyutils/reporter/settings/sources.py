"""Opening the meter that a configuration names."""

from __future__ import annotations

from pathlib import Path

from pyutils.meter import SampleSource, SourceError, TraceSource, read_trace
from pyutils.reporter.settings.config import NvmlConfig, PrometheusConfig, TraceConfig
from pyutils.units import Ms


def open_source(
    config: PrometheusConfig | NvmlConfig | TraceConfig,
    folder: Path,
    journal: Path,
    cadence_ms: Ms,
    *,
    only_reads: bool = False,
) -> SampleSource:
    """Return the source of samples that a configuration names.

    Args:
        config: which meter.
        folder: where the configuration lies; its paths are relative to it.
        journal: where samples that are taken here are kept.
        cadence_ms: the fleet's sampling cadence.
        only_reads: take no samples here, and leave the folder to the daemon that does.

    Raises `SourceError` or `TraceError` where it cannot be opened.

    """
    if isinstance(config, TraceConfig):
        return TraceSource(read_trace(folder / config.file, cadence_ms))
    if isinstance(config, NvmlConfig):
        from pyutils.meter.nvml import NvmlSource, SampleJournal

        if only_reads and not journal.is_dir():
            raise SourceError(f"{journal}: no samples were taken here yet", remedy="`run` takes them, while it runs")
        if only_reads:
            return NvmlSource(SampleJournal(journal, read_only=True), cadence_ms, has_energy=config.energy)
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
