"""Replays a trace as dcgm-exporter would have shown it: the same metrics and labels, each sample with its own time.

A real exporter shows the newest value alone, and Prometheus takes one a scrape. Here many samples of a GPU stand in
one page, oldest first, each with its timestamp, and every page is read whole twice: whoever read the first may have
died before it kept it, and of equal samples a server keeps one. Each path is replayed by itself, so that several
servers may scrape.
"""

from __future__ import annotations

import socket
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from pyutils.demo.replay_faults import Fault, Shown
from pyutils.meter import GpuSeries, Trace
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC, POWER_METRIC
from pyutils.models import PowerModel
from pyutils.units import MS_PER_SECOND, GpuMs, UnixSeconds, format_fixed

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
METRICS_PATH: Final = "/metrics"
PAGE_SAMPLES: Final = 10_000
SHOWN: Final = 2
"""How often a page is shown."""
STUCK_S: Final = 10
"""Who takes no byte for so many seconds is gone."""

_POLL_S: Final = 0.05
_GPUS_PER_HOST: Final = 8
_PERCENT_DECIMALS: Final = 4
_MICROWATTS_DECIMALS: Final = 6
_NJ_PER_MJ: Final = 1_000_000
_HELP: Final = {
    DUTY_METRIC: ("gauge", "GPU utilization (in %)."),
    ENERGY_METRIC: ("counter", "Total energy consumption since boot (in mJ), derived from duty cycles."),
    POWER_METRIC: ("gauge", "Power draw (in W), derived from duty cycles."),
}

_Lines = dict[str, str]
"""A sample's lines by their metric."""


@dataclass(slots=True)
class _Place:
    """How far one path got: the page that is due, and how often it was shown."""

    begin: int = 0
    end: int = 0
    shown: int = 0


@dataclass
class ReplayExporter:
    """An exporter on this machine. `advance` lets samples be scraped; leaving its `with` block ends it.

    Args:
        series: what is replayed, each in order of time.
        power: derives the boards' energy counters and power draw from duty, where they are wanted; labelled so in the
            metrics' help.
        host: begins the hosts' names; eight GPUs make a host.
        faults: what goes wrong, one after the other.
        page_samples: what one scrape is shown at most.

    """

    series: tuple[GpuSeries, ...]
    power: PowerModel | None = None
    host: str = "replay"
    faults: Sequence[Fault] = ()
    page_samples: int = PAGE_SAMPLES
    _until_ms: int = field(default=-1, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    serving: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held while a page is on its way: whoever looks next knows whether it arrived."""

    def __post_init__(self) -> None:
        rows = [row for place, one in enumerate(self.series) for row in self._rows(place, one)]
        rows.sort(key=lambda row: row[0])
        self._times = [at for at, _ in rows]
        self._lines = [lines for _, lines in rows]
        self._places: dict[str, _Place] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()

    @classmethod
    def of(
        cls,
        trace: Trace,
        gpu_ids: Iterable[str] | None = None,
        power: PowerModel | None = None,
        faults: Sequence[Fault] = (),
    ) -> Self:
        """Return an exporter of a trace, or of some of its GPUs."""
        return cls(trace.series if gpu_ids is None else trace.only(gpu_ids), power, faults=faults)

    @property
    def target(self) -> str:
        """Where it is scraped, `host:port`; any path that begins with `/metrics` may follow."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths that were scraped so far."""
        with self._lock:
            return tuple(self._places)

    @property
    def pending(self) -> int:
        """Samples that may be scraped and were not shown twice yet, on the path that has most of them."""
        with self.serving, self._lock:
            ready = bisect_right(self._times, self._until_ms)
            return max((ready - place.begin for place in self._places.values()), default=ready)

    def advance(self, until: UnixSeconds) -> None:
        """Let all samples stamped up to a time be scraped."""
        with self._lock:
            self._until_ms = max(self._until_ms, until * MS_PER_SECOND)

    def page(self, path: str = METRICS_PATH) -> tuple[str, int]:
        """Return the page that is due on a path, and where it ends."""
        with self._lock:
            place = self._places.setdefault(path, _Place())
            if not place.shown:
                place.end = min(place.begin + self.page_samples, bisect_right(self._times, self._until_ms))
            lines = self._lines[place.begin : place.end]
            end = place.end
        return _text(lines), end

    def showed(self, end: int, path: str = METRICS_PATH) -> None:
        """Tell that a page was read whole; after the second time the next one is due."""
        with self._lock:
            place = self._places[path]
            if end != place.end or end == place.begin:
                return
            place.shown += 1
            if place.shown == SHOWN:
                place.begin, place.shown = end, 0

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

    def _rows(self, place: int, one: GpuSeries) -> Iterator[tuple[int, _Lines]]:
        """Yield a GPU's samples as lines, with their times; what is scraped together stands in one."""
        energies = [None] * len(one) if self.power is None else _energies_mj(one, self.power)
        for at, duty, energy in zip(one.at_ms, one.duty_ppm, energies, strict=True):
            seen: Iterable[Shown] = [
                Shown(one.gpu_id, at, format_fixed(duty, _PERCENT_DECIMALS), None if energy is None else str(energy))
            ]
            for fault in self.faults:
                seen = [shown for before in seen for shown in fault(before)]
            for shown in seen:
                yield shown.at_ms, self._sample_lines(place, shown, duty)

    def _sample_lines(self, place: int, shown: Shown, duty_ppm: int) -> _Lines:
        gpu, host = place % _GPUS_PER_HOST, f"{self.host}-{place // _GPUS_PER_HOST}"
        cut = "" if shown.instance is None else f',GPU_I_PROFILE="1g.10gb",GPU_I_ID="{shown.instance}"'
        uuid = shown.gpu_id.replace("\\", "\\\\").replace('"', '\\"')
        labels = f'{{gpu="{gpu}",UUID="{uuid}",device="nvidia{gpu}",modelName="replayed"{cut},Hostname="{host}"}}'
        lines = {DUTY_METRIC: f"{DUTY_METRIC}{labels} {shown.duty_percent} {shown.at_ms}"}
        if shown.energy_mj is not None and self.power is not None:
            lines[ENERGY_METRIC] = f"{ENERGY_METRIC}{labels} {shown.energy_mj} {shown.at_ms}"
            watts = format_fixed(self.power.nanojoules(GpuMs(1), duty_ppm), _MICROWATTS_DECIMALS)
            lines[POWER_METRIC] = f"{POWER_METRIC}{labels} {watts} {shown.at_ms}"
        return lines


def _handler(exporter: ReplayExporter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = STUCK_S

        def do_GET(self) -> None:
            if not self.path.startswith(METRICS_PATH):
                self.send_error(404)
                return
            with exporter.serving:
                page, end = exporter.page(self.path)
                body = page.encode("ascii")
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", CONTENT_TYPE)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    self._await_close()
                except (BrokenPipeError, ConnectionResetError, TimeoutError):
                    return  # whoever scraped is gone; the page is shown again
                exporter.showed(end, self.path)

        def _await_close(self) -> None:
            """Wait until the other side read all and closes: one that gives up earlier resets the connection."""
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(1_024):
                pass

        def log_message(self, *_: object) -> None:
            """Say nothing: scrapes are many."""

    return Handler


def _text(lines: Sequence[_Lines]) -> str:
    """Return a page: all lines of a metric stand together, below what it is."""
    parts = []
    for metric, (kind, meaning) in _HELP.items():
        rows = [one[metric] for one in lines if metric in one]
        if rows:
            parts += [f"# HELP {metric} {meaning}", f"# TYPE {metric} {kind}", *rows]
    return "".join(f"{part}\n" for part in parts)


def _energies_mj(one: GpuSeries, power: PowerModel) -> list[int]:
    """Return a board's energy counter at each sample, as if it had worked on between any two; rounds down."""
    total, found = 0, []
    for place, at in enumerate(one.at_ms):
        if place:
            length = at - one.at_ms[place - 1]
            total += power.nanojoules(GpuMs(length), length * one.duty_ppm[place - 1])
        found.append(total // _NJ_PER_MJ)
    return found
