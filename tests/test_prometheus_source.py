"""Samples from a server that speaks Prometheus' HTTP API, and from one that does not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyutils.errors import InputError
from pyutils.meter import GpuSeries, SourceError
from pyutils.meter.dcgm import (
    DROPPED,
    DUTY_METRIC,
    ENERGY_METRIC,
    SM_METRIC,
    UnknownDutyMetricError,
    duty_texts,
    energies_mj,
)
from pyutils.meter.page_size import GROWS_AFTER, SHORTEST_MS, PageSize
from pyutils.meter.prometheus import MatchersError, PrometheusPolicy, PrometheusSource, TokenFileError
from pyutils.units import Ms, UnixMs

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


def test_read__instances_read_a_moment_apart__highest_counter_in_any_order(stub: Stub) -> None:
    one, other = board("a", GPU_I_ID="3"), board("a", GPU_I_ID="5")
    duty = [(DUTY_METRIC, labels, [(1, "0"), (2, "0")]) for labels in (one, other)]
    energy = [
        (ENERGY_METRIC, one, [(1, "126272101025"), (2, "126272209999")]),
        (ENERGY_METRIC, other, [(1, "126272106318"), (2, "126272201025")]),
    ]
    source = PrometheusSource(stub.url, policy=QUICK)
    stub.series = duty + energy
    expected = {"a": [(1, 0, 126272106318), (2, 0, 126272209999)]}
    assert read(source, ["a"], 0, 100, close=False) == expected
    stub.series = duty[::-1] + energy[::-1]
    assert read(source, ["a"], 0, 100) == expected
    assert source.dropped == {"sentinel": 0, "unpaired": 0, "duplicate": 0}


def test_read__instance_that_tells_nothing__leaves_the_others(stub: Stub) -> None:
    stub.series = [
        (DUTY_METRIC, board("a", GPU_I_ID="1"), [(1, "9223372036854775794")]),
        (DUTY_METRIC, board("a", GPU_I_ID="2"), [(1, "40")]),
    ]
    assert read(without_energy(stub), ["a"], 0, 100) == {"a": [(1, 400_000)]}


def test_read__exporter_moved__two_series_are_one_gpu(stub: Stub) -> None:
    stub.series = [
        (DUTY_METRIC, board("a", instance="new"), [(3, "3"), (4, "4")]),
        (DUTY_METRIC, board("a", instance="old"), [(1, "1"), (2, "2"), (3, "1")]),
    ]
    source = without_energy(stub)
    assert read(source, ["a"], 0, 100) == {"a": [(1, 10_000), (2, 20_000), (3, 30_000), (4, 40_000)]}
    assert source.dropped["duplicate"] == 1


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


def test_read__server_gives_more_than_was_asked__is_cut(stub: Stub) -> None:
    values = [[at / 1_000, "1"] for at in (1, 9, 10, 11, 20, 21, 99)]
    stub.answer = lambda _query, _at: success([{"metric": board("a"), "values": values}])
    assert read(without_energy(stub), ["a"], 10, 20) == {"a": [(11, 10_000), (20, 10_000)]}


@pytest.mark.parametrize("gpu_id", ['gpu"} or up{a="', "gpu\\a", "gpu.a|b", "gpu(a)[b]{c}^$?*"])
def test_read__names_with_any_character__stay_names(stub: Stub, gpu_id: str) -> None:
    def select(query: str, _at: float) -> tuple[int, Any]:
        quoted = re.fullmatch(r'\w+\{UUID=~"((?:[^"\\]|\\.)*)"\}\[\d+ms\]', query)
        assert quoted is not None, query
        pattern = re.sub(r"\\(.)", r"\1", quoted[1])
        assert re.fullmatch(pattern, gpu_id.upper())
        return success([{"metric": board(gpu_id.upper()), "values": [[1, "1"]]}])

    stub.answer = select
    assert list(read(without_energy(stub), [gpu_id], 0, 2_000)) == [gpu_id]


def test_read__one_gpu_under_two_names__is_refused_at_once(stub: Stub) -> None:
    with pytest.raises(SourceError, match="name one GPU"):
        without_energy(stub).read(["GPU-a", "gpu-A"], UnixMs(0), UnixMs(10))
    assert not stub.queries


def test_read__no_time_or_no_gpu__asks_nothing(stub: Stub) -> None:
    assert read(without_energy(stub), ["a"], 10, 10) == {}
    assert read(without_energy(stub), [], 0, 10) == {}
    assert not stub.queries


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcde"), st.lists(st.integers(0, 300_000), unique=True, max_size=30).map(sorted), min_size=1
    ),
    st.integers(-1, 300_000),
    st.integers(0, 300_001),
    st.integers(1, 3),
    st.integers(1, 200_000),
    st.booleans(),
)
def test_read__any_paging__gives_each_sample_once(
    times: dict[str, list[int]], after_ms: int, until_ms: int, gpus: int, window_ms: int, left_closed: bool
) -> None:
    server = Stub([(DUTY_METRIC, board(one), [(at, str(at % 101)) for at in rows]) for one, rows in times.items()])
    server.left_closed = left_closed
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.001})
    thread.start()
    try:
        policy = PrometheusPolicy(gpus=gpus, window_ms=max(window_ms, 10_000))
        found = read(PrometheusSource(server.url, energy=False, policy=policy), list(times), after_ms, until_ms)
    finally:
        server.server.shutdown()
        thread.join()
        server.server.server_close()
    expected = {
        one: [(at, at % 101 * 10_000) for at in rows if after_ms < at <= until_ms] for one, rows in times.items()
    }
    assert found == {one: rows for one, rows in expected.items() if rows}


def limit(stub: Stub, gpu_ms: int, reason: str = "query processing would load too many samples into memory") -> Answer:
    """Answer queries over so many GPUs × milliseconds, as Prometheus does with `--query.max-samples`."""

    def answer(query: str, at: float) -> tuple[int, Any]:
        span = int(SELECTOR.match(query)[3])  # type: ignore[index]
        return failure(422, "execution", reason) if span * query.count("gpu-") > gpu_ms else stub.select(query, at)

    return answer


def test_read__after_a_refusal__smaller_pages_are_kept_for_a_while(stub: Stub) -> None:
    stub.answer = limit(stub, 480_000)
    source = PrometheusSource(stub.url, energy=False, policy=PrometheusPolicy(gpus=4, window_ms=240_000))
    ids = [f"gpu-{i}" for i in range(4)]
    read(source, ids, 0, 240_000, close=False)
    refused = len(stub.queries)
    assert refused == 3
    read(source, ids, 0, 240_000)
    assert len(stub.queries) == refused + 2


def test_read__answer_larger_than_memory_may_hold__is_halved(stub: Stub) -> None:
    ids = [f"gpu-{i}" for i in range(4)]
    stub.series = [(DUTY_METRIC, board(one), [(at, "1") for at in range(0, 480_001, 1_000)]) for one in ids]
    policy = PrometheusPolicy(answer_bytes=8_000)
    found = read(PrometheusSource(stub.url, energy=False, policy=policy), ids, 0, 480_000)
    assert {one: len(rows) for one, rows in found.items()} == dict.fromkeys(ids, 480)


@pytest.mark.parametrize(
    "answer",
    [
        failure(422, "execution", "the query exceeded the maximum number of chunks (limit: 10 chunks)"),
        failure(400, "bad_data", "the query time range exceeds the limit (query length: 1h, limit: 1m)"),
        failure(500, "internal", "exceeded samples limit: limit 5 violated"),
        failure(503, "timeout", "query timed out in expression evaluation"),
        (504, b"gateway timeout"),
        (413, b""),
    ],
)
def test_read__servers_ways_to_refuse_a_large_query__are_all_known(stub: Stub, answer: tuple[int, Any]) -> None:
    stub.series = [(DUTY_METRIC, board("a"), [(at, "1") for at in (60_000, 120_000)])]
    stub.answer = lambda query, at: answer if len(stub.queries) == 1 else stub.select(query, at)
    assert read(without_energy(stub), ["a"], 0, 120_000) == {"a": [(60_000, 10_000), (120_000, 10_000)]}
    assert [SELECTOR.match(query)[3] for query in stub.queries] == ["120000", "60000", "60000"]  # type: ignore[index]


@pytest.mark.parametrize(
    "answer",
    [
        (503, b"Service Unavailable"),
        (429, b"Too many requests"),
        (502, b"bad gateway"),
        failure(500, "internal", "tsdb is closed"),
        failure(422, "execution", "attempted to read series from store-gateway: stream has failed"),
        success([], warnings=["receive series from Addr: store-1: connection refused"]),
        (200, b'{"status":"success","da'),
    ],
)
def test_read__failures_that_pass__are_asked_again(stub: Stub, answer: tuple[int, Any]) -> None:
    stub.series = [(DUTY_METRIC, board("a"), [(5, "50")])]
    stub.answer = lambda query, at: answer if len(stub.queries) == 1 else stub.select(query, at)
    assert read(without_energy(stub), ["a"], 0, 10) == {"a": [(5, 500_000)]}
    assert len(stub.queries) == 2


def test_read__answer_in_part__is_no_answer(stub: Stub) -> None:
    rows = [{"metric": board("a"), "values": [[0.005, "1"]]}]
    stub.answer = lambda _query, _at: success(rows, warnings=["store-1 is down"])
    with pytest.raises(SourceError, match=r"in part only.*store-1 is down"):
        read(without_energy(stub), ["a"], 0, 10)
    assert stub.forms[0]["partial_response"] == ["false"]


def test_read__server_that_hangs__is_not_asked_for_ever_less(stub: Stub) -> None:
    def hang(_query: str, _at: float) -> tuple[int, Any]:
        time.sleep(0.4)
        return success([])

    stub.answer = hang
    policy = PrometheusPolicy(timeout_s=0.1, pause_s=0.01)
    with pytest.raises(SourceError, match=r"did not answer within 0\.1 s, 3 times"):
        read(PrometheusSource(stub.url, energy=False, policy=policy), ["a", "b"], 0, 36_000_000)
    assert len(stub.queries) == 3


@pytest.mark.parametrize("matchers", ['cluster="a"} or up{', "cluster=a", 'cluster="a" job="b"', "}", 'a="b\n"'])
def test_source__matchers_that_are_none__are_refused(matchers: str) -> None:
    with pytest.raises(MatchersError, match="no label matchers"):
        PrometheusSource("http://127.0.0.1:1", matchers=matchers)


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://prometheus", "http://", "", "http://h:port"])
def test_source__url_that_is_none__is_refused(url: str) -> None:
    with pytest.raises(SourceError) as error:
        PrometheusSource(url)
    assert "http://HOST:PORT" in error.value.line() or "ASCII" in error.value.line()


def test_source__metric_that_is_no_duty__is_refused() -> None:
    with pytest.raises(UnknownDutyMetricError, match="DCGM_FI_DEV_FB_USED"):
        PrometheusSource("http://127.0.0.1:1", duty_metric="DCGM_FI_DEV_FB_USED")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, b"who are you"), "HTTP status 401.*bearer token"),
        ((403, b""), "HTTP status 403.*bearer token"),
        ((404, b"404 page not found"), "HTTP status 404.*without /api/v1"),
        ((302, b""), "HTTP status 302.*without /api/v1"),
        ((400, {"status": "error", "error": 'parse error: unexpected "limit"'}), "parse error.*Mend the matchers"),
        ((200, []), "no JSON of a Prometheus"),
        ((200, {"status": "success"}), "without a result"),
        ((200, {"status": "success", "data": []}), "without a result"),
        ((200, {"status": "success", "data": {"result": [7]}}), "no samples"),
        ((200, {"status": "success", "data": {"result": [{"metric": {"UUID": 7}, "values": []}]}}), "no samples"),
        ((200, b'{"status":"success","data":{"result":[{"metric":{"UUID":"a"},"values":[[1,["1"]]]}]}}'), "no samples"),
        ((200, b'{"status":"success","data":{"result":[{"metric":{"UUID":"a"},"values":[["1","1"]]}]}}'), "no samples"),
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
    with pytest.raises(SourceError) as error:
        read(without_energy(stub), ["a"], 0, 10)
    assert re.search(said, error.value.line())
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
    with pytest.raises(TokenFileError, match="cannot be read"):
        read(without_energy(stub, bearer_token_file=tmp_path / "none"), ["a"], 0, 10)


@pytest.mark.parametrize("data", [b"", b"\n", b"secret token", b"secret\xff", b"secret\x00x"])
def test_read__token_file_without_a_token__is_refused_and_not_shown(stub: Stub, tmp_path: Path, data: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(data)
    with pytest.raises(TokenFileError, match="holds no token") as error:
        read(without_energy(stub, bearer_token_file=token), ["a"], 0, 10)
    assert "secret" not in error.value.line()
    assert isinstance(error.value, InputError)
    assert error.value.__cause__ is error.value.__context__ is None


def test_read__token_that_rotates__is_read_anew(stub: Stub, tmp_path: Path) -> None:
    token = tmp_path / "token"
    source = without_energy(stub, bearer_token_file=token)
    for text in ("first", "second"):
        token.write_text(text)
        read(source, ["a"], 0, 10, close=False)
    source.close()
    assert [one["Authorization"] for one in stub.headers] == ["Bearer first", "Bearer second"]


def test_read__headers__are_sent_and_never_shown(stub: Stub) -> None:
    source = without_energy(stub, headers={"X-Scope-OrgID": "secret-tenant"})
    read(source, ["a"], 0, 10)
    assert stub.headers[0]["X-Scope-OrgID"] == "secret-tenant"
    # Packing an answer takes a server seven times as long as making it.
    assert stub.headers[0]["Accept-Encoding"] == "identity"
    assert "secret" not in repr(source)
    with pytest.raises(SourceError) as error:
        without_energy(stub, headers={"X-Scope-OrgID": "s\u00e9cret-\u4e2d"})
    assert "cret" not in repr(error.value)
    assert error.value.__cause__ is None


def test_source__url_with_a_password__does_not_show_it() -> None:
    source = PrometheusSource("http://me:secret@127.0.0.1:9/prefix?key=secret", energy=False, policy=QUICK)
    assert "secret" not in repr(source)
    with pytest.raises(SourceError) as error:
        read(source, ["a"], 0, 10)
    assert "secret" not in error.value.line()


def test_clock_ms__is_the_servers(stub: Stub) -> None:
    stub.answer = lambda _query, _at: (200, {"status": "success", "data": {"result": [1.5, "1700000000.123"]}})
    source = without_energy(stub)
    assert source.clock_ms() == 1_700_000_000_123
    assert source.cadence_ms() is None
    assert PrometheusSource(stub.url, cadence_ms=Ms(15_000)).cadence_ms() == 15_000
    stub.answer = lambda _query, _at: (200, {"status": "success", "data": {"result": []}})
    with pytest.raises(SourceError, match="does not tell its time"):
        source.clock_ms()
    stub.answer = lambda _query, _at: failure(503, "timeout", "query timed out")
    with pytest.raises(SourceError, match="query timed out"):
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
        ("2147483631", 2_147_483_631),
        ("2147483632", DROPPED),
        ("2147483647", DROPPED),
        ("2147483648", 2_147_483_648),
        ("9223372036854775808", DROPPED),
        ("-5", DROPPED),
        ("-0.5", DROPPED),
        ("NaN", DROPPED),
        ("+Inf", DROPPED),
        ("", DROPPED),
    ],
)
def test_energies_mj__millijoules__sentinels_are_dropped(text: str, energy: int) -> None:
    assert energies_mj([text]) == [energy]
    assert energies_mj(["7", text, "8"]) == [7, energy, 8]


def floor_ppm(text: str, scale: int) -> int:
    value = Decimal(text) * scale
    return int(value.to_integral_value(ROUND_FLOOR)) if 0 <= value <= 1_000_000 else DROPPED


decimals = st.one_of(
    st.integers(0, 1_000_001).map(lambda ppm: f"{ppm // 1_000_000}.{ppm % 1_000_000:06d}"),
    st.integers(0, 1_000_001).map(lambda ppm: f"{ppm / 1_000_000:.6g}"),
    st.floats(0, 1.001).map(repr),
    st.floats(-1, 101).map(lambda value: f"{value:.9f}"),
    st.sampled_from(["0", "1", "1.0", "9e-7", "1e-05", "-0", "0.9999999", "1.0000001", "100", "100.0001"]),
)


@given(st.lists(decimals, min_size=1, max_size=20))
def test_duty_texts__any_decimals__round_down_exactly(texts: list[str]) -> None:
    for metric, scale in ((DUTY_METRIC, 10_000), (SM_METRIC, 1_000_000)):
        assert duty_texts(metric).all_ppm(texts) == [floor_ppm(text, scale) for text in texts]


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "", "one", "1,0", "[1]", "true", "140737488355328"])
def test_duty_texts__ratio_that_is_none__is_dropped_alone(text: str) -> None:
    assert duty_texts(SM_METRIC).all_ppm(["0.5", text, "0.25"]) == [500_000, DROPPED, 250_000]


def test_page_size__refusals__halve_both_sides_down_to_a_minute_of_a_gpu() -> None:
    size = PageSize(most_gpus=4, longest_ms=8 * SHORTEST_MS)
    seen = [(size.gpus, size.window_ms)]
    while size.refused(size.gpus, size.window_ms):
        seen.append((size.gpus, size.window_ms))
    minutes = [(gpus, window // SHORTEST_MS) for gpus, window in seen]
    assert minutes == [(4, 8), (4, 4), (2, 4), (2, 2), (1, 2), (1, 1)]
    for _ in range(GROWS_AFTER):
        assert (size.gpus, size.window_ms) == (1, SHORTEST_MS)
        size.answered()
    assert (size.gpus, size.window_ms) == (2, 2 * SHORTEST_MS)
    for _ in range(10 * GROWS_AFTER):
        size.answered()
    assert (size.gpus, size.window_ms) == (4, 8 * SHORTEST_MS)


@pytest.mark.parametrize(("gpus", "window_ms"), [(0, 1), (1, 0), (-1, 60_000)])
def test_page_size__nothing__is_no_page(gpus: int, window_ms: int) -> None:
    with pytest.raises(ValueError, match="a page of"):
        PageSize(gpus, window_ms)
