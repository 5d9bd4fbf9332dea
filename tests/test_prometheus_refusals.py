"""Servers that refuse, fail, hang, answer in part or talk nonsense; and secrets, which are shown to nobody."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyutils.errors import InputError
from pyutils.meter import SourceError
from pyutils.meter.dcgm import DUTY_METRIC, UnknownDutyMetricError
from pyutils.meter.page_size import GROWS_AFTER, SHORTEST_MS, PageSize
from pyutils.meter.prometheus import MatchersError, PrometheusPolicy, PrometheusSource, TokenFileError
from pyutils.units import Ms

if TYPE_CHECKING:
    from tests.prometheus_stub import (
        QUICK,
        SELECTOR,
        Answer,
        Stub,
        board,
        failure,
        read,
        serving,
        success,
        without_energy,
    )
else:
    # pytest puts this folder on the path, not the one above it.
    from prometheus_stub import QUICK, SELECTOR, Answer, Stub, board, failure, read, serving, success, without_energy


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


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
