"""The source against a real Prometheus that scrapes a replayed trace."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pyutils.demo.exporter import ReplayExporter
from pyutils.errors import ToolchainError
from pyutils.meter import FleetMeter, GpuSeries, SampleSource, Trace, TraceSource, read_trace, synthetic_trace
from pyutils.meter.prometheus import PrometheusPolicy, PrometheusSource
from pyutils.models import Enrolment, PowerModel
from pyutils.prometheus_server import PrometheusServer
from pyutils.toolchain import prometheus
from pyutils.units import UnixMs, UnixSeconds, Watts

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


def test_read__energy_counters__fall_where_the_driver_was_loaded_again(tmp_path: Path) -> None:
    trace = synthetic_trace(3, hours=2)
    with (
        ReplayExporter.of(trace, power=POWER) as exporter,
        PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server,
    ):
        scraped(exporter, trace.last)
        meter = metered(trace, PrometheusSource(server.url), None)
    derived = metered(trace, TraceSource(trace))
    for measured, one in zip(meter.counters(trace.last), derived.counters(trace.last), strict=True):
        assert measured.available_ms == one.available_ms
        # Counters in millijoules, and the last interval of each run, round down.
        assert abs(measured.energy_joules - one.energy_joules) <= 1


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


def test_read__gap_in_the_scrapes__is_unavailable_and_not_guessed(tmp_path: Path) -> None:
    whole = synthetic_trace(5, hours=2)
    begin, end = whole.first * 1_000 + 2_000_000, whole.first * 1_000 + 3_000_000
    series = []
    for one in whole.series:
        kept = [(at, duty) for at, duty in zip(one.at_ms, one.duty_ppm, strict=True) if not begin <= at < end]
        series.append(GpuSeries(one.gpu_id, [at for at, _ in kept], [duty for _, duty in kept]))
    trace = Trace("gap", tuple(series), whole.cadence_ms)
    with (
        ReplayExporter.of(trace) as exporter,
        PrometheusServer.start(tmp_path, {"dcgm": [exporter.target]}, scrape_interval_ms=100) as server,
    ):
        scraped(exporter, trace.last)
        assert_same(trace, server)
        told = metered(trace, PrometheusSource(server.url, energy=False))
    missing = available_ms(metered(whole, TraceSource(whole)), whole) - available_ms(told, trace)
    assert missing >= 1_000_000 * len(trace.gpu_ids) // 2


def available_ms(meter: FleetMeter, trace: Trace) -> int:
    return sum(gpu.available_ms for gpu in meter.counters(trace.last))
