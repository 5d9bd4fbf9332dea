"""The source against a real Prometheus that scrapes a replayed trace."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyutils.demo.exporter import ReplayExporter
from pyutils.demo.replay_faults import counter_reset, cut_into_instances, gap, sentinel
from pyutils.errors import ToolchainError
from pyutils.meter import (
    Cast,
    FleetMeter,
    GpuSeries,
    SampleSource,
    Trace,
    TraceSource,
    read_trace,
    synthetic_trace,
    to_samples,
)
from pyutils.meter.dcgm import DUTY_METRIC
from pyutils.meter.prometheus import PrometheusError, PrometheusPolicy, PrometheusSource
from pyutils.models import Enrolment, PowerModel
from pyutils.prometheus_server import PrometheusServer, PrometheusServerError, import_samples
from pyutils.toolchain import prometheus
from pyutils.units import UnixMs, UnixSeconds, Watts, format_fixed

pytestmark = pytest.mark.slow

POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))


@pytest.fixture(autouse=True, scope="module")
def _needs_prometheus() -> None:
    try:
        prometheus()
    except ToolchainError as error:
        pytest.skip(error.line())


def scraped(exporter: ReplayExporter, until: UnixSeconds) -> None:
    """Let Prometheus have all samples up to a time."""
    exporter.advance(until)
    deadline = time.monotonic() + 60
    while exporter.pending and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not exporter.pending


def metered(trace: Trace, source: SampleSource, power: PowerModel | None = POWER) -> FleetMeter:
    """Return a meter that was fed with all that a source has."""
    enrolments = [Enrolment(gpu_id=gpu_id, since=trace.first) for gpu_id in trace.gpu_ids]
    meter = FleetMeter(enrolments, trace.cadence_ms, power)
    for page in source.read(trace.gpu_ids, UnixMs(trace.first * 1_000 - 1), UnixMs(trace.last * 1_000)):
        meter.feed(page)
    source.close()
    return meter


def assert_same(trace: Trace, server: PrometheusServer) -> None:
    policy = PrometheusPolicy(gpus=40, window_ms=5_000_000)
    told = metered(trace, PrometheusSource(server.url, energy=False, policy=policy))
    own = metered(trace, TraceSource(trace))
    assert told.samples_hash(trace.last) == own.samples_hash(trace.last)
    assert told.counters(trace.last) == own.counters(trace.last)


def test_read__recorded_trace__every_sample_arrives(duty_cycle_trace: Path, tmp_path: Path) -> None:
    trace = read_trace(duty_cycle_trace)
    with (
        ReplayExporter.of(trace) as exporter,
        PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=200) as server,
    ):
        scraped(exporter, trace.last)
        assert_same(trace, server)


def test_read__energy_counters__are_the_boards_own(tmp_path: Path) -> None:
    trace = synthetic_trace(3, hours=2)
    with (
        ReplayExporter.of(trace, power=POWER) as exporter,
        PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server,
    ):
        scraped(exporter, trace.last)
        source = PrometheusSource(server.url)
        meter = metered(trace, source, None)
    assert not source.dropped.total()
    derived = metered(trace, TraceSource(trace))
    for measured, one in zip(meter.counters(trace.last), derived.counters(trace.last), strict=True):
        assert measured.available_ms == one.available_ms
        # Counters in millijoules, and the last interval of each run, round down.
        assert abs(measured.energy_joules - one.energy_joules) <= 1


def without(trace: Trace, gpu_id: str, begin_ms: int, end_ms: int) -> Trace:
    """Return a trace without one GPU's samples in `[begin_ms, end_ms)`."""
    series = []
    for one in trace.series:
        kept = [
            (at, duty)
            for at, duty in zip(one.at_ms, one.duty_ppm, strict=True)
            if one.gpu_id != gpu_id or not begin_ms <= at < end_ms
        ]
        series.append(GpuSeries(one.gpu_id, [at for at, _ in kept], [duty for _, duty in kept]))
    return Trace(trace.name, tuple(series), trace.cadence_ms)


def test_read__every_fault_of_an_exporter__is_dropped_or_counted_and_never_guessed(tmp_path: Path) -> None:
    trace = synthetic_trace(5, Cast(steady=5, leaves=0, arrives=0, gappy=0), hours=2)
    gone, blank, reset, cut, sound = trace.gpu_ids
    begin, end = trace.first * 1_000 + 2_000_000, trace.first * 1_000 + 3_000_000
    faults = (
        gap(gone, begin, end),
        sentinel(blank, begin, end, "9223372036854775794"),
        counter_reset(reset, begin),
        cut_into_instances(cut, ("3", "5", "7")),
    )
    with (
        ReplayExporter.of(trace, power=POWER, faults=faults) as exporter,
        PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server,
    ):
        scraped(exporter, trace.last)
        source = PrometheusSource(server.url)
        measured = metered(trace, source, None)
        derived = metered(trace, PrometheusSource(server.url, energy=False))
    seen = without(without(trace, gone, begin, end), blank, begin, end)
    own = metered(seen, TraceSource(seen))
    assert derived.counters(trace.last) == own.counters(trace.last)
    assert derived.samples_hash(trace.last) == own.samples_hash(trace.last)

    whole = {one.gpu_id: one for one in metered(trace, TraceSource(trace)).counters(trace.last)}
    counted = {one.gpu_id: one for one in measured.counters(trace.last)}
    expected = {one.gpu_id: one for one in own.counters(trace.last)}
    assert {one.gpu_id: one.resets for one in counted.values()} == dict.fromkeys(trace.gpu_ids, 0) | {reset: 1}
    for gpu_id in (gone, blank):
        assert whole[gpu_id].available_ms - counted[gpu_id].available_ms >= end - begin
    for gpu_id in (gone, blank, cut, sound):
        assert counted[gpu_id].available_ms == expected[gpu_id].available_ms
        assert counted[gpu_id].busy_ms == expected[gpu_id].busy_ms
        assert abs(counted[gpu_id].energy_joules - expected[gpu_id].energy_joules) <= 1
    # Nothing counts across the fall, which is one interval.
    lost_ms = expected[reset].available_ms - counted[reset].available_ms
    assert lost_ms in (trace.cadence_ms, 2 * trace.cadence_ms)
    lost_joules = expected[reset].energy_joules - counted[reset].energy_joules
    assert POWER.idle_watts * lost_ms // 1_000 - 1 <= lost_joules <= POWER.max_watts * lost_ms // 1_000 + 1
    lost_samples = len(trace) - len(without(trace, blank, begin, end))
    # Of each sample that tells nothing, duty and energy are counted.
    assert source.dropped == {"sentinel": 2 * lost_samples, "unpaired": 0, "duplicate": 0}


def test_read__server_killed_between_pages__nothing_is_lost(tmp_path: Path) -> None:
    trace = synthetic_trace(4, hours=3)
    with ReplayExporter(trace.series, page_samples=50) as exporter:
        exporter.advance(trace.last)
        before = exporter.pending
        # Once: Prometheus 2.42 itself may lose what lies out of order where it is killed again soon after a restart.
        with PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server:
            deadline = time.monotonic() + 60
            while exporter.pending > before // 2 and time.monotonic() < deadline:
                time.sleep(0.005)
            server.process.kill()
            server.process.wait()
        assert 0 < exporter.pending < before
        with PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server:
            scraped(exporter, trace.last)
            assert_same(trace, server)


def test_read__two_servers_on_two_paths__have_the_same(tmp_path: Path) -> None:
    trace = synthetic_trace(6, hours=1)
    with (
        ReplayExporter.of(trace) as exporter,
        PrometheusServer.start(tmp_path / "a", {"dcgm": [exporter.target]}, scrape_interval_ms=100) as one,
        PrometheusServer.start(
            tmp_path / "b", {"dcgm": [f"{exporter.target}/metrics/b"]}, scrape_interval_ms=100
        ) as other,
    ):
        deadline = time.monotonic() + 30
        while len(exporter.paths) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        scraped(exporter, trace.last)
        assert_same(trace, one)
        assert_same(trace, other)


def open_metrics(trace: Trace) -> Iterator[str]:
    """Yield a trace as promtool reads it."""
    yield f"# TYPE {DUTY_METRIC} gauge\n"
    for one in trace.series:
        for at, duty in zip(one.at_ms, one.duty_ppm, strict=True):
            yield f'{DUTY_METRIC}{{UUID="GPU-{one.gpu_id.upper()}"}} {format_fixed(duty, 4)} {format_fixed(at, 3)}\n'
    yield "# EOF\n"


@pytest.mark.parametrize("arguments", [(), ("--query.max-samples=1000",)])
def test_read__imported_blocks__are_read_whole_whatever_the_server_allows(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    trace = synthetic_trace(7, hours=5)
    import_samples(tmp_path, open_metrics(trace))
    with PrometheusServer.start(tmp_path, {}, arguments=arguments) as server:
        source = PrometheusSource(server.url, energy=False)
        gpu_ids = [f"gpu-{gpu_id}" for gpu_id in trace.gpu_ids]
        pages = list(source.read(gpu_ids, UnixMs(trace.first * 1_000 - 1), UnixMs(trace.last * 1_000)))
        assert max(sum(map(len, page)) for page in pages) <= (1_000 if arguments else 10_000)
        found = sorted(sample for page in pages for sample in to_samples(page))
        expected = sorted(sample._replace(gpu_id=f"gpu-{sample.gpu_id}") for sample in trace.samples())
        assert found == expected
        source.close()


def test_read__server_without_time_for_any_query__says_so(tmp_path: Path) -> None:
    with PrometheusServer.start(tmp_path, {}, arguments=("--query.timeout=0s",)) as server:
        source = PrometheusSource(server.url, energy=False)
        with pytest.raises(PrometheusError, match=r"timed out.*3 times"):
            list(source.read(["a"], UnixMs(0), UnixMs(3_600_000)))
        source.close()


def test_clock__of_a_server__is_this_machines(tmp_path: Path) -> None:
    with PrometheusServer.start(tmp_path, {}) as server:
        source = PrometheusSource(server.url)
        assert abs(source.clock_ms() - time.time() * 1_000) < 5_000
        source.close()


def test_import_samples__nonsense__is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PrometheusServerError, match="promtool cannot import samples") as error:
        import_samples(tmp_path, ["what is this\n"])
    assert "\n" not in error.value.line()


def test_start__port_that_is_taken__is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PrometheusServerError, match="address already in use"):
            PrometheusServer.start(tmp_path, {}, port=port)


def test_read__server_killed_and_started_again__nothing_scraped_is_lost(tmp_path: Path) -> None:
    trace = synthetic_trace(4, hours=3)
    middle = UnixSeconds((trace.first + trace.last) // 2)
    with ReplayExporter.of(trace) as exporter:
        server = PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100)
        scraped(exporter, middle)
        server.process.kill()
        server.process.wait()
        with PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server:
            scraped(exporter, trace.last)
            assert_same(trace, server)
