"""What the meters see: an exporter that replays the trace, and a Prometheus with a view of its own for everybody."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyutils.demo.exporter import METRICS_PATH, ReplayExporter
from pyutils.meter import Trace
from pyutils.meter.dcgm import DUTY_METRIC
from pyutils.meter.prometheus_api import PrometheusApi, PrometheusPolicy
from pyutils.prometheus_server import PrometheusServer
from pyutils.units import MS_PER_SECOND, UnixSeconds

SCRAPE_MS: Final = 100


@dataclass(frozen=True)
class Feed:
    """Samples on their way from the trace to everybody's meter."""

    trace: Trace
    exporter: ReplayExporter
    server: PrometheusServer
    views: tuple[str, ...]
    api: PrometheusApi

    @classmethod
    @contextmanager
    def start(cls, trace: Trace, folder: Path, views: Sequence[str]) -> Iterator[Feed]:
        """Start exporter and server, which scrapes once for each view; both are gone afterwards."""
        with ReplayExporter.of(trace) as exporter:
            targets = {view: [f"{exporter.target}{METRICS_PATH}/{view}"] for view in views}
            with PrometheusServer.start(folder, targets, scrape_interval_ms=SCRAPE_MS) as server:
                api = PrometheusApi(server.url, {}, None, PrometheusPolicy())
                try:
                    yield cls(trace, exporter, server, tuple(views), api)
                finally:
                    api.close()

    @staticmethod
    def matchers(view: str) -> str:
        """Return the label matchers that single a view out."""
        return f'job="{view}"'

    @property
    def is_scraped(self) -> bool:
        """Whether the server found the exporter."""
        return len(self.exporter.paths) == len(self.views)

    def advance(self, until: UnixSeconds) -> None:
        """Let samples stamped up to a time be scraped."""
        self.exporter.advance(until)

    def arrived(self, until: UnixSeconds) -> bool:
        """Return whether every view holds every sample stamped up to a time. Raises `SourceError`."""
        if self.exporter.pending:
            return False
        wanted = sum(bisect_right(one.at_ms, until * MS_PER_SECOND) for one in self.trace.series)
        range_s = until - self.trace.first + 1
        query = f"sum by (job) (count_over_time({DUTY_METRIC}[{range_s}s]))"
        held = {row["metric"]["job"]: int(row["value"][1]) for row in self.api.query(query, str(until))}
        return all(held.get(view, 0) == wanted for view in self.views)
