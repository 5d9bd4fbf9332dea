"""Replays a trace as dcgm-exporter would have shown it: the same metrics and labels, each sample with its own time.

A real exporter shows the newest value alone, and Prometheus takes one a scrape. Here many samples of a GPU stand in one
page, oldest first, each with its timestamp, and every page is sent whole twice: the first may have been lost on its
way, and of equal samples a server keeps one.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from pyutils.meter import GpuSeries, Trace
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC
from pyutils.models import PowerModel
from pyutils.units import MS_PER_SECOND, PPM, GpuMs, UnixSeconds, format_fixed

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PAGE_ROWS: Final = 20_000
"""Samples of one page."""
SHOWN: Final = 2
"""How often a page is shown."""
_PERCENT_DECIMALS: Final = 4
_NJ_PER_MJ: Final = 1_000_000


@dataclass
class ReplayExporter:
    """An exporter on this machine. `advance` lets samples be scraped; leaving its `with` block ends it.

    Args:
        series: what is replayed.
        power: derives the boards' energy counters from duty, where they are wanted; labelled so in the metric's help.

    """

    series: tuple[GpuSeries, ...]
    power: PowerModel | None = None
    host: str = "replay"
    _until_ms: int = field(default=-1, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._rows = sorted(row for place, one in enumerate(self.series) for row in self._lines(place, one))
        self._times = [at for at, _ in self._rows]
        self._begin = self._end = 0
        self._shown = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page, end = exporter.page()
                body = page.encode("ascii")
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", CONTENT_TYPE)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    return  # whoever scraped is gone; the page is shown again
                exporter.showed(end)

            def log_message(self, *_: object) -> None:
                """Say nothing: scrapes are many."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, trace: Trace, gpu_ids: Iterable[str] | None = None, power: PowerModel | None = None) -> Self:
        """Return an exporter of a trace, or of some of its GPUs."""
        return cls(trace.series if gpu_ids is None else trace.only(gpu_ids), power)

    @property
    def target(self) -> str:
        """Where it is scraped, `host:port`."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def pending(self) -> int:
        """Rows that may be scraped and were not shown twice yet."""
        with self._lock:
            return bisect_right(self._times, self._until_ms) - self._begin

    def advance(self, until: UnixSeconds) -> None:
        """Let all samples stamped up to a time be scraped."""
        with self._lock:
            self._until_ms = max(self._until_ms, until * MS_PER_SECOND)

    def page(self) -> tuple[str, int]:
        """Return the page that is due, and where it ends."""
        with self._lock:
            if not self._shown:
                self._end = min(self._begin + PAGE_ROWS, bisect_right(self._times, self._until_ms))
            rows = [line for _, line in self._rows[self._begin : self._end]]
            return self._text(rows), self._end

    def showed(self, end: int) -> None:
        """Tell that a page was sent whole; after the second time the next one is due."""
        with self._lock:
            if end != self._end or end == self._begin:
                return
            self._shown += 1
            if self._shown == SHOWN:
                self._begin, self._shown = end, 0

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _text(self, rows: list[str]) -> str:
        duty = [row for row in rows if row.startswith(DUTY_METRIC)]
        energy = [row for row in rows if row.startswith(ENERGY_METRIC)]
        parts = [f"# HELP {DUTY_METRIC} GPU utilization (in %).", f"# TYPE {DUTY_METRIC} gauge", *duty]
        if energy:
            parts += [
                f"# HELP {ENERGY_METRIC} Total energy consumption since boot (in mJ), derived from duty cycles.",
                f"# TYPE {ENERGY_METRIC} counter",
                *energy,
            ]
        return "\n".join(parts) + "\n"

    def _lines(self, place: int, one: GpuSeries) -> list[tuple[int, str]]:
        labels = (
            f'{{gpu="{place}",UUID="{one.gpu_id}",device="nvidia{place}",modelName="replayed",Hostname="{self.host}"}}'
        )
        lines = [
            (at, f"{DUTY_METRIC}{labels} {format_fixed(duty, _PERCENT_DECIMALS)} {at}")
            for at, duty in zip(one.at_ms, one.duty_ppm, strict=True)
        ]
        if self.power is not None:
            lines += [
                (at, f"{ENERGY_METRIC}{labels} {energy} {at}")
                for at, energy in zip(one.at_ms, _energies(one, self.power), strict=True)
            ]
        return lines


def _energies(one: GpuSeries, power: PowerModel) -> list[int]:
    """Return a board's energy counter in millijoules at each sample, as if it had worked on between any two."""
    total, found = 0, []
    for place, at in enumerate(one.at_ms):
        if place:
            length = at - one.at_ms[place - 1]
            total += power.nanojoules(GpuMs(length), length * min(one.duty_ppm[place - 1], PPM))
        found.append(total // _NJ_PER_MJ)
    return found
