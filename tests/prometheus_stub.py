"""A server that speaks Prometheus' HTTP API as a test wants, and how tests read from it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import orjson

from pyutils.meter import GpuSeries
from pyutils.meter.prometheus import PrometheusPolicy, PrometheusSource
from pyutils.units import UnixMs

Series = tuple[str, Mapping[str, str], list[tuple[int, str]]]
Answer = Callable[[str, float], tuple[int, Any]]

QUICK = PrometheusPolicy(attempts=2, pause_s=0.01, timeout_s=2.0)
SELECTOR = re.compile(r"^(\w+)\{(.*)\}\[(\d+)ms\]$")


class Stub:
    """A server with series of our making, or with an answer of our making."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.series = series
        self.queries: list[str] = []
        self.forms: list[Mapping[str, list[str]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.answer: Answer = self.select
        self.left_closed = False
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                query = form["query"][0]
                stub.queries.append(query)
                stub.forms.append(form)
                stub.headers.append(dict(self.headers))
                status, body = stub.answer(query, float(form.get("time", ["0"])[0]))
                data = body if isinstance(body, bytes) else orjson.dumps(body)
                # Whoever asked may have hung up by now.
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def select(self, query: str, at: float) -> tuple[int, Any]:
        found = SELECTOR.match(query)
        assert found is not None, f"only raw range vectors are asked for: {query}"
        metric, matchers, span = found[1], found[2], int(found[3])
        boards = re.compile(re.search(r'UUID=~"(.*)"', matchers)[1].replace("\\\\", "\\"))  # type: ignore[index]
        until = round(at * 1_000)
        result = []
        for name, labels, rows in self.series:
            if name == metric and boards.fullmatch(labels["UUID"]):
                begin = until - span if self.left_closed else until - span + 1
                values = [[when / 1_000, text] for when, text in rows if begin <= when <= until]
                if values:
                    result.append({"metric": labels, "values": values})
        return success(result)


@contextmanager
def serving(series: Sequence[Series] = ()) -> Iterator[Stub]:
    """Run a stub."""
    stub = Stub(series)
    thread = threading.Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.001})
    thread.start()
    try:
        yield stub
    finally:
        stub.server.shutdown()
        thread.join()
        stub.server.server_close()


Rows = dict[str, list[tuple[int, ...]]]


def read(source: PrometheusSource, gpu_ids: Sequence[str], after_ms: int, until_ms: int, *, close: bool = True) -> Rows:
    found: Rows = {}
    for page in source.read(gpu_ids, UnixMs(after_ms), UnixMs(until_ms)):
        for one in page:
            assert isinstance(one, GpuSeries)
            columns = (one.at_ms, one.duty_ppm) if one.energy_mj is None else (one.at_ms, one.duty_ppm, one.energy_mj)
            found.setdefault(one.gpu_id, []).extend(zip(*columns, strict=True))
    if close:
        source.close()
    return found


def board(uuid: str, **labels: str) -> dict[str, str]:
    return {"UUID": uuid, "gpu": "0", "Hostname": "node-1", **labels}


def success(result: Any, **more: Any) -> tuple[int, Any]:
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}, **more}


def failure(status: int, kind: str, reason: str) -> tuple[int, Any]:
    return status, {"status": "error", "errorType": kind, "error": reason}


def without_energy(stub: Stub, **options: Any) -> PrometheusSource:
    return PrometheusSource(stub.url, energy=False, policy=QUICK, **options)
