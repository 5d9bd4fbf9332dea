"""A trace replayed as dcgm-exporter would show it: what a scrape gets, when, how often, and what can go wrong."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pyutils.demo.exporter import SHOWN, ReplayExporter
from pyutils.demo.replay_faults import Fault, Shown, counter_reset, cut_into_instances, gap, sentinel
from pyutils.meter import GpuSeries, Trace, synthetic_trace
from pyutils.meter.dcgm import DUTY_METRIC, ENERGY_METRIC, POWER_METRIC
from pyutils.models import PowerModel
from pyutils.units import Ms, UnixSeconds, Watts

POWER = PowerModel(idle_watts=Watts(100), max_watts=Watts(700))
A = GpuSeries("gpu-a", [1_000, 2_000, 3_000, 4_000], [0, 500_000, 123_456, 1_000_000])
B = GpuSeries("gpu-b", [1_500, 3_500], [10_000, 20_000])
TRACE = Trace("two boards", (A, B), Ms(1_000))

Scraped = list[tuple[str, str, int, float]]
"""Metric, GPU, time in milliseconds and value of each line."""


@pytest.fixture
def replay() -> Iterator[Callable[..., ReplayExporter]]:
    started: list[ReplayExporter] = []

    def start(*arguments: Any, **options: Any) -> ReplayExporter:
        started.append(ReplayExporter(*arguments, **options))
        return started[-1]

    yield start
    for exporter in started:
        exporter.close()


def scrape(exporter: ReplayExporter, path: str = "/metrics") -> Scraped:
    with urllib.request.urlopen(f"http://{exporter.target}{path}", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    return [
        (family.name, sample.labels["UUID"], round(float(sample.timestamp or 0) * 1_000), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def duties(scraped: Scraped) -> list[tuple[str, int, float]]:
    return [(gpu_id, at, value) for name, gpu_id, at, value in scraped if name == DUTY_METRIC]


def test_page__before_it_may__is_empty(replay: Callable[..., ReplayExporter]) -> None:
    exporter = replay(TRACE.series)
    assert scrape(exporter) == []
    assert exporter.pending == 0


def test_page__up_to_a_time__has_each_sample_with_its_own_time(replay: Callable[..., ReplayExporter]) -> None:
    exporter = replay(TRACE.series)
    exporter.advance(UnixSeconds(3))
    assert exporter.pending == 4
    assert sorted(duties(scrape(exporter))) == [
        ("gpu-a", 1_000, 0.0),
        ("gpu-a", 2_000, 50.0),
        ("gpu-a", 3_000, 12.3456),
        ("gpu-b", 1_500, 1.0),
    ]


def test_page__every_one__is_shown_twice_and_never_again(replay: Callable[..., ReplayExporter]) -> None:
    exporter = replay(TRACE.series)
    exporter.advance(UnixSeconds(2))
    first = duties(scrape(exporter))
    # What may be scraped by now waits until the page before was shown twice.
    exporter.advance(UnixSeconds(4))
    assert duties(scrape(exporter)) == first
    second = duties(scrape(exporter))
    assert duties(scrape(exporter)) == second
    assert sorted(first + second) == sorted(
        (one.gpu_id, at, duty / 10_000)
        for one in TRACE.series
        for at, duty in zip(one.at_ms, one.duty_ppm, strict=True)
    )
    assert exporter.pending == 0
    assert scrape(exporter) == []


def test_page__going_back__is_nothing(replay: Callable[..., ReplayExporter]) -> None:
    exporter = replay(TRACE.series)
    exporter.advance(UnixSeconds(4))
    exporter.advance(UnixSeconds(1))
    assert exporter.pending == 6


def test_page__long_trace__comes_in_pages_of_whole_samples(replay: Callable[..., ReplayExporter]) -> None:
    trace = synthetic_trace(1, hours=1)
    exporter = replay(trace.series, power=POWER, page_samples=100)
    exporter.advance(trace.last)
    seen: Scraped = []
    while exporter.pending:
        page = scrape(exporter)
        assert 0 < len(duties(page)) <= 100
        assert {(gpu_id, at) for name, gpu_id, at, _ in page if name == ENERGY_METRIC} == {
            (gpu_id, at) for gpu_id, at, _ in duties(page)
        }
        seen += page
    assert len(duties(seen)) == SHOWN * len(trace)


def test_page__answer_that_nobody_took__is_shown_again(replay: Callable[..., ReplayExporter]) -> None:
    # Larger than what the system takes into its buffers by itself.
    trace = synthetic_trace(1, hours=72)
    exporter = replay(trace.series, page_samples=len(trace))
    exporter.advance(trace.last)
    host, port = exporter.target.split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=5) as gone:
            # A receive buffer that holds no page, and an end by reset.
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            gone.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            gone.recv(1)
    assert exporter.pending == len(trace)
    assert len(duties(scrape(exporter))) == len(trace)


def test_page__each_path__goes_on_by_itself(replay: Callable[..., ReplayExporter]) -> None:
    exporter = replay(TRACE.series)
    exporter.advance(UnixSeconds(4))
    first = [scrape(exporter) for _ in range(SHOWN)]
    assert scrape(exporter) == []
    assert exporter.pending == 0
    assert [scrape(exporter, "/metrics/verifier") for _ in range(SHOWN)] == first
    assert exporter.paths == ("/metrics", "/metrics/verifier")


def test_page__slowest_path__is_what_is_pending(replay: Callable[..., ReplayExporter]) -> None:
    exporter = replay(TRACE.series)
    exporter.advance(UnixSeconds(4))
    scrape(exporter, "/metrics/slow")
    for _ in range(SHOWN):
        scrape(exporter)
    assert exporter.pending == 6


def test_server__another_path__is_not_found(replay: Callable[..., ReplayExporter]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as error:
        urllib.request.urlopen(f"http://{replay(TRACE.series).target}/", timeout=5)
    error.value.close()


def test_labels__of_a_board__are_those_of_dcgm_exporter(replay: Callable[..., ReplayExporter]) -> None:
    series = tuple(GpuSeries(f"gpu-{i}", [1_000], [0]) for i in range(10))
    exporter = replay((*series, GpuSeries('odd"\\id', [1_000], [0])), host="node")
    exporter.advance(UnixSeconds(1))
    labels = [
        sample.labels for family in text_string_to_metric_families(exporter.page()[0]) for sample in family.samples
    ]
    assert labels[9] == {
        "gpu": "1",
        "UUID": "gpu-9",
        "device": "nvidia1",
        "modelName": "replayed",
        "Hostname": "node-1",
    }
    assert labels[10]["UUID"] == 'odd"\\id'


def test_energy__with_a_power_model__is_counted_in_millijoules_and_said_to_be_derived(
    replay: Callable[..., ReplayExporter],
) -> None:
    exporter = replay((A,), POWER)
    exporter.advance(UnixSeconds(4))
    text = exporter.page()[0]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counted = [sample.value for sample in families[ENERGY_METRIC].samples]
    assert counted == [0, 100_000, 500_000, 674_073]
    assert [sample.value for sample in families[POWER_METRIC].samples] == [100, 400, 174.0736, 700]
    assert (families[ENERGY_METRIC].type, families[DUTY_METRIC].type) == ("counter", "gauge")
    for metric in (ENERGY_METRIC, POWER_METRIC):
        assert "derived from duty cycles" in families[metric].documentation


def shown(fault: Fault, samples: Iterable[Shown]) -> list[Shown]:
    return [after for before in samples for after in fault(before)]


def samples(gpu_id: str) -> list[Shown]:
    return [Shown(gpu_id, at, "50", str(at)) for at in (1_000, 2_000, 3_000, 4_000)]


@pytest.mark.parametrize(
    "fault",
    [gap("a", 0, 9_000), sentinel("a", 0, 9_000, "NaN"), counter_reset("a", 0), cut_into_instances("a", ("1", "2"))],
)
def test_fault__of_one_gpu__leaves_others_alone(fault: Fault) -> None:
    assert shown(fault, samples("b")) == samples("b")


def test_gap__begin_and_end__are_half_open() -> None:
    assert [one.at_ms for one in shown(gap("a", 2_000, 4_000), samples("a"))] == [1_000, 4_000]


def test_sentinel__in_its_time__stands_for_duty_and_energy() -> None:
    after = shown(sentinel("a", 2_000, 3_000, "9223372036854775794"), samples("a"))
    assert [(one.duty_percent, one.energy_mj) for one in after] == [
        ("50", "1000"),
        ("9223372036854775794", "9223372036854775794"),
        ("50", "3000"),
        ("50", "4000"),
    ]
    bare = [one._replace(energy_mj=None) for one in samples("a")]
    assert {one.energy_mj for one in shown(sentinel("a", 0, 9_000, "NaN"), bare)} == {None}


def test_counter_reset__from_its_time_on__counts_from_zero() -> None:
    after = shown(counter_reset("a", 2_500), samples("a"))
    assert [one.energy_mj for one in after] == ["1000", "2000", "0", "1000"]


def test_cut_into_instances__each_time__shows_all_with_one_counter() -> None:
    after = shown(cut_into_instances("a", ("3", "5")), samples("a"))[:2]
    assert after == [Shown("a", 1_000, "0", "1000", "3"), Shown("a", 1_000, "50", "1000", "5")]


def test_exporter__faults__are_told_in_labels_and_numbers(replay: Callable[..., ReplayExporter]) -> None:
    faults = [cut_into_instances("gpu-a", ("3", "5")), gap("gpu-b", 0, 2_000)]
    exporter = replay(TRACE.series, faults=faults)
    exporter.advance(UnixSeconds(4))
    found = [sample for family in text_string_to_metric_families(exporter.page()[0]) for sample in family.samples]
    cut = [(one.labels["GPU_I_ID"], one.value) for one in found if "GPU_I_PROFILE" in one.labels]
    assert cut == [("3", 0), ("5", 0), ("3", 0), ("5", 50), ("3", 0), ("5", 12.3456), ("3", 0), ("5", 100)]
    assert [one.timestamp for one in found if one.labels["UUID"] == "gpu-b"] == [3.5]


def test_of__some_gpus__replays_those_alone() -> None:
    with ReplayExporter.of(TRACE, ["gpu-b"]) as exporter:
        exporter.advance(UnixSeconds(9))
        assert {gpu_id for gpu_id, _, _ in duties(scrape(exporter))} == {"gpu-b"}
