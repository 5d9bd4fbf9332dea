"""Samples from a server that speaks Prometheus' HTTP API, and from one that does not."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from pyutils.meter import GpuSeries, SourceError
from pyutils.meter.dcgm import DROPPED, DUTY_METRIC, ENERGY_METRIC, SM_METRIC, duty_texts, energies_mj
from pyutils.meter.prometheus import PrometheusPolicy, PrometheusSource
from pyutils.units import UnixMs

Series = tuple[Mapping[str, str], list[tuple[int, str]]]
Answer = Callable[[str, float], tuple[int, Any]]

QUICK = PrometheusPolicy(attempts=2, pause_s=0.01, timeout_s=2.0)
SELECTOR = re.compile(r"^(\w+)\{(.*)\}\[(\d+)ms\]$")


class Stub:
    """A server with series of our making, or with an answer of our making."""

    def __init__(self, series: list[tuple[str, Mapping[str, str], list[tuple[int, str]]]]) -> None:
        self.series = series
        self.queries: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.answer: Answer = self.select
        self.left_closed = False
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                query = form["query"][0]
                stub.queries.append(query)
                stub.headers.append(dict(self.headers))
                status, body = stub.answer(query, float(form.get("time", ["0"])[0]))
                data = body if isinstance(body, bytes) else orjson.dumps(body)
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
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub([])
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


Rows = dict[str, list[tuple[int, ...]]]


def read(source: PrometheusSource, gpu_ids: list[str], after_ms: int, until_ms: int) -> Rows:
    found: Rows = {}
    for page in source.read(gpu_ids, UnixMs(after_ms), UnixMs(until_ms)):
        for one in page:
            assert isinstance(one, GpuSeries)
            columns = (one.at_ms, one.duty_ppm) if one.energy_mj is None else (one.at_ms, one.duty_ppm, one.energy_mj)
            found.setdefault(one.gpu_id, []).extend(zip(*columns, strict=True))
    source.close()
    return found


def board(uuid: str, **labels: str) -> dict[str, str]:
    return {"UUID": uuid, "gpu": "0", "Hostname": "node-1", **labels}


def without_energy(stub: Stub, **options: Any) -> PrometheusSource:
    return PrometheusSource(stub.url, energy=False, policy=QUICK, **options)


@pytest.mark.parametrize("left_closed", [True, False])
def test_read__bounds__are_open_and_closed_whatever_the_server_does(stub: Stub, left_closed: bool) -> None:
    stub.left_closed = left_closed
    stub.series = [(DUTY_METRIC, board("GPU-a"), [(1_000, "1"), (1_001, "2"), (2_000, "3"), (2_001, "4")])]
    assert read(without_energy(stub), ["GPU-a"], 1_000, 2_000) == {"GPU-a": [(1_001, 20_000), (2_000, 30_000)]}


def test_read__names__are_found_in_any_case_and_given_as_asked(stub: Stub) -> None:
    stub.series = [(DUTY_METRIC, board("GPU-AbC"), [(5, "50")]), (DUTY_METRIC, board("GPU-other"), [(5, "1")])]
    assert read(without_energy(stub), ["gpu-abc"], 0, 10) == {"gpu-abc": [(5, 500_000)]}


def test_read__names_with_regex_characters__match_themselves_alone(stub: Stub) -> None:
    stub.series = [(DUTY_METRIC, board("gpu.a+b"), [(5, "50")]), (DUTY_METRIC, board("gpuxaab"), [(5, "1")])]
    assert read(without_energy(stub), ["gpu.a+b"], 0, 10) == {"gpu.a+b": [(5, 500_000)]}


def test_read__milliseconds__survive_the_doubles_of_json(stub: Stub) -> None:
    times = [1_662_858_720_000 + i for i in range(1_000)]
    stub.series = [(DUTY_METRIC, board("a"), [(at, "0") for at in times])]
    assert [at for at, _ in read(without_energy(stub), ["a"], times[0] - 1, times[-1])["a"]] == times


def test_read__sentinels_and_nonsense__are_dropped_and_counted(stub: Stub) -> None:
    texts = ["9223372036854775794", "9223372036854776000", "2147483632", "140737488355328", "NaN", "+Inf", "-1", "101"]
    rows = [(1 + i, text) for i, text in enumerate(texts)]
    stub.series = [(DUTY_METRIC, board("a"), [*rows, (20, "100"), (21, "0.06667")])]
    source = without_energy(stub)
    assert read(source, ["a"], 0, 100) == {"a": [(20, 1_000_000), (21, 666)]}
    assert source.dropped["sentinel"] == len(texts)


def test_read__energy__is_paired_by_time_and_never_guessed(stub: Stub) -> None:
    stub.series = [
        (DUTY_METRIC, board("a"), [(1, "10"), (2, "20"), (3, "30"), (4, "40")]),
        (ENERGY_METRIC, board("a"), [(1, "1000"), (3, "9223372036854775794"), (4, "1300"), (5, "1400")]),
    ]
    source = PrometheusSource(stub.url, policy=QUICK)
    assert read(source, ["a"], 0, 100) == {"a": [(1, 100_000, 1_000), (4, 400_000, 1_300)]}
    assert source.dropped == {"sentinel": 1, "unpaired": 2, "duplicate": 0}
    assert source.has_energy


def test_read__instances_of_one_board__are_one_gpu_with_energy_once(stub: Stub) -> None:
    instances = [board("a", GPU_I_ID=str(i), GPU_I_PROFILE="1g.10gb") for i in range(3)]
    stub.series = [(DUTY_METRIC, one, [(1, str(10 * i)), (2, str(50 - i))]) for i, one in enumerate(instances)]
    stub.series += [(ENERGY_METRIC, one, [(1, "1000"), (2, "2000")]) for one in instances]
    source = PrometheusSource(stub.url, policy=QUICK)
    assert read(source, ["a"], 0, 100) == {"a": [(1, 200_000, 1_000), (2, 500_000, 2_000)]}


def test_read__exporter_moved__two_series_are_one_gpu(stub: Stub) -> None:
    stub.series = [
        (DUTY_METRIC, board("a", instance="new"), [(3, "3"), (4, "4")]),
        (DUTY_METRIC, board("a", instance="old"), [(1, "1"), (2, "2"), (3, "1")]),
    ]
    assert [at for at, _ in read(without_energy(stub), ["a"], 0, 100)["a"]] == [1, 2, 3, 4]


def test_read__ratio_metric__is_read_as_one(stub: Stub) -> None:
    stub.series = [(SM_METRIC, board("a"), [(1, "0.25"), (2, "1.5")])]
    assert read(without_energy(stub, duty_metric=SM_METRIC), ["a"], 0, 10) == {"a": [(1, 250_000)]}


def test_read__many_gpus_and_hours__are_asked_in_pages(stub: Stub) -> None:
    ids = [f"gpu-{i}" for i in range(7)]
    stub.series = [(DUTY_METRIC, board(one), [(at, "1") for at in range(500, 10_001, 500)]) for one in ids]
    policy = PrometheusPolicy(gpus=3, window_ms=4_000)
    found = read(PrometheusSource(stub.url, energy=False, policy=policy), ids, 0, 10_000)
    assert {len(rows) for rows in found.values()} == {20}
    assert len(stub.queries) == 9
    assert all("rate" not in query and "increase" not in query for query in stub.queries)


def test_read__page_too_large__is_halved_until_it_fits(stub: Stub) -> None:
    ids = [f"gpu-{i}" for i in range(4)]
    stub.series = [(DUTY_METRIC, board(one), [(at, "1") for at in range(60_000, 480_001, 60_000)]) for one in ids]

    def limited(query: str, at: float) -> tuple[int, Any]:
        span = int(SELECTOR.match(query)[3])  # type: ignore[index]
        if span * query.count("gpu-") > 120_000:
            reason = "query processing would load too many samples into memory in query execution"
            return 422, {"status": "error", "errorType": "execution", "error": reason}
        return stub.select(query, at)

    stub.answer = limited
    found = read(without_energy(stub), ids, 0, 480_000)
    assert {one: len(rows) for one, rows in found.items()} == dict.fromkeys(ids, 8)


def test_read__matchers__go_into_the_selector(stub: Stub) -> None:
    read(without_energy(stub, matchers='cluster="a", job=~"dcgm.*"'), ["x"], 0, 10)
    assert 'cluster="a", job=~"dcgm.*", UUID=~' in stub.queries[0]


@pytest.mark.parametrize("matchers", ['cluster="a"} or up{', "cluster=a", 'cluster="a" job="b"', "}", 'a="b\n"'])
def test_source__matchers_that_are_none__are_refused(matchers: str) -> None:
    with pytest.raises(SourceError, match="no label matchers"):
        PrometheusSource("http://127.0.0.1:1", matchers=matchers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, b"who are you"), "HTTP status 401"),
        ((400, {"status": "error", "errorType": "bad_data", "error": "parse error"}), "parse error"),
        ((200, b"<html>"), "no JSON"),
        ((200, {"status": "success", "data": {"result": [{"metric": {}, "values": []}]}}), "no samples"),
        ((200, {"status": "success", "data": {"result": [{"metric": {"UUID": "a"}, "values": [[1]]}]}}), "no samples"),
        ((500, b"down"), "HTTP status 500"),
        ((422, {"status": "error", "error": "too many samples"}), "one minute of one GPU"),
    ],
)
def test_read__server_refuses_or_talks_nonsense__is_one_line(stub: Stub, answer: tuple[int, Any], said: str) -> None:
    stub.answer = lambda _query, _at: answer
    with pytest.raises(SourceError, match=said) as error:
        read(without_energy(stub), ["a"], 0, 10)
    assert "\n" not in error.value.line()


def test_read__nobody_answers__is_one_line() -> None:
    source = PrometheusSource("http://127.0.0.1:9", energy=False, policy=QUICK)
    with pytest.raises(SourceError, match="refused"):
        read(source, ["a"], 0, 10)


def test_read__server_stumbles_once__is_asked_again(stub: Stub) -> None:
    stub.series = [(DUTY_METRIC, board("a"), [(5, "50")])]
    stub.answer = lambda query, at: (429, b"") if len(stub.queries) == 1 else stub.select(query, at)
    assert read(without_energy(stub), ["a"], 0, 10) == {"a": [(5, 500_000)]}


def test_read__token_file__is_sent_and_never_shown(stub: Stub, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\nsecond line\n")
    source = without_energy(stub, bearer_token_file=token)
    assert "secret" not in repr(source)
    read(source, ["a"], 0, 10)
    assert stub.headers[0]["Authorization"] == "Bearer secret-token"
    with pytest.raises(SourceError, match="cannot be read"):
        read(without_energy(stub, bearer_token_file=tmp_path / "none"), ["a"], 0, 10)


def test_clock_ms__is_the_servers(stub: Stub) -> None:
    stub.answer = lambda _query, _at: (200, {"status": "success", "data": {"result": [1.5, "1700000000.123"]}})
    source = without_energy(stub)
    assert source.clock_ms() == 1_700_000_000_123
    assert source.cadence_ms() is None
    stub.answer = lambda _query, _at: (200, {"status": "success", "data": {"result": []}})
    with pytest.raises(SourceError, match="does not tell its time"):
        source.clock_ms()
    source.close()


@pytest.mark.parametrize(
    ("text", "ppm"),
    [("0", 0), ("100", 1_000_000), ("0.00009", 0), ("33.33333", 333_333), ("1e2", 1_000_000), ("", DROPPED)],
)
def test_duty_texts__percent__rounds_down(text: str, ppm: int) -> None:
    assert duty_texts(DUTY_METRIC)[text] == ppm


@pytest.mark.parametrize(
    ("text", "energy"),
    [
        ("0", 0),
        ("123456789012", 123_456_789_012),
        ("1.5", 1),
        ("140737488355327", 140_737_488_355_327),
        ("140737488355328", DROPPED),
        ("140737488355343", DROPPED),
        ("140737488355344", 140_737_488_355_344),
        ("9223372036854775792", DROPPED),
        ("-5", DROPPED),
        ("NaN", DROPPED),
    ],
)
def test_energies_mj__millijoules__sentinels_are_dropped(text: str, energy: int) -> None:
    assert energies_mj([text]) == [energy]
