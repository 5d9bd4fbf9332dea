"""Samples from a server that speaks Prometheus' HTTP API: which, of whom, when, and what is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyutils.meter import SourceError
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC, SM_METRIC
from pyutils.meter.prometheus import PrometheusPolicy, PrometheusSource
from pyutils.units import UnixMs

if TYPE_CHECKING:
    from tests.prometheus_stub import QUICK, SELECTOR, Stub, board, read, serving, success, without_energy
else:
    # pytest puts this folder on the path, not the one above it.
    from prometheus_stub import QUICK, SELECTOR, Stub, board, read, serving, success, without_energy


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


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
    series = [(DUTY_METRIC, board(one), [(at, str(at % 101)) for at in rows]) for one, rows in times.items()]
    policy = PrometheusPolicy(gpus=gpus, window_ms=max(window_ms, 10_000))
    with serving(series) as server:
        server.left_closed = left_closed
        found = read(PrometheusSource(server.url, energy=False, policy=policy), list(times), after_ms, until_ms)
    expected = {
        one: [(at, at % 101 * 10_000) for at in rows if after_ms < at <= until_ms] for one, rows in times.items()
    }
    assert found == {one: rows for one, rows in expected.items() if rows}
