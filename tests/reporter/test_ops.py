"""Metrics and health tell how a daemon stands, and no secret."""

from __future__ import annotations

import math
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pyutils.reporter.upkeep.health import PARTS, Health, ops_app
from pyutils.reporter.upkeep.metrics import PREFIX, Metrics
from pyutils.reporter.web.serving import Server


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def samples(metrics: Metrics) -> dict[str, float]:
    """Return what is exposed, by name and labels; the moments of creation left out."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[sample.name.removeprefix(f"{PREFIX}_") + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_metrics__of_a_reporter_that_just_began__no_alarm(clock: Clock) -> None:
    told = samples(Metrics(["https://rpc.example/v3/key"], ["0xA"], clock))
    assert told["last_success_age_seconds"] == told["head_age_seconds"] == 0
    assert math.isnan(told["balance_reports"]), "nobody looked yet; 0 would be an alarm"
    assert math.isnan(told["clock_skew_seconds"])
    for name in (
        "rpc_disagreements_total{endpoint=https://rpc.example}",
        "rpc_failures_total{endpoint=https://rpc.example}",
        "refused_signatures_total{verifier=0xA}",
        "unreachable_total{verifier=0xA}",
        "samples_dropped_total{reason=late}",
        "foreign_submissions_total",
        "reports_behind",
        "disputes_open",
    ):
        assert told[name] == 0, name


def test_metrics__ages__as_of_the_scrape(clock: Clock) -> None:
    metrics = Metrics(clock=clock)
    metrics.succeeded(990.0)
    metrics.set_head(400)
    clock.now = 1_060.0
    told = samples(metrics)
    assert (told["last_success_age_seconds"], told["head_age_seconds"]) == (70, 660)
    metrics.set_head(5_000)
    assert samples(metrics)["head_age_seconds"] == 0, "a clock that is behind gives no negative age"


def test_metrics__told__shown(clock: Clock) -> None:
    metrics = Metrics(clock=clock)
    metrics.set_behind(3)
    metrics.set_balance(120)
    metrics.set_disputes(1)
    metrics.set_clock_skew(-2.5)
    metrics.paid(21_000 * 10**9)
    metrics.paid(10**9)
    metrics.gaps(2)
    metrics.resets(1)
    metrics.dropped("late", 7)
    metrics.disagreed("https://user:secret@rpc.example:8545/v3/key?k=1")
    metrics.failed("https://rpc.example/v3/key")
    metrics.refused("0xA")
    metrics.unreached("0xB")
    metrics.saw_foreign_submission()
    told = samples(metrics)
    assert (
        told
        | {
            "reports_behind": 3,
            "balance_reports": 120,
            "disputes_open": 1,
            "clock_skew_seconds": -2.5,
            "fee_wei_total": 21_001 * 10**9,
            "sample_gaps_total": 2,
            "counter_resets_total": 1,
            "samples_dropped_total{reason=late}": 7,
            "rpc_disagreements_total{endpoint=https://rpc.example:8545}": 1,
            "rpc_failures_total{endpoint=https://rpc.example}": 1,
            "refused_signatures_total{verifier=0xA}": 1,
            "unreachable_total{verifier=0xB}": 1,
            "foreign_submissions_total": 1,
        }
        == told
    )
    for secret in (b"secret", b"user", b"key", b"k=1"):
        assert secret not in metrics.exposition()


def test_set_states__state_left__falls_to_zero() -> None:
    metrics = Metrics()
    metrics.set_states({"BROADCAST": 2, "FINAL": 5})
    metrics.set_states({"FINAL": 7})
    told = samples(metrics)
    assert (told["report_state{state=BROADCAST}"], told["report_state{state=FINAL}"]) == (0, 7)


def test_metrics__two_in_a_process__apart() -> None:
    first, second = Metrics(), Metrics()
    first.gaps(1)
    assert samples(first)["sample_gaps_total"] == 1
    assert samples(second)["sample_gaps_total"] == 0


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(tick_limit_s=30, clock=clock)


@pytest.fixture
def url(health: Health) -> Iterator[str]:
    with Server(ops_app(Metrics(), health)) as server:
        yield server.url


def test_healthz__loop_that_ticks__alive(url: str, health: Health, clock: Clock) -> None:
    clock.now += 30
    assert httpx.get(f"{url}/healthz").json() == {"alive": True, "tick_age_s": 30.0, "tick_limit_s": 30}
    clock.now += 1
    answer = httpx.get(f"{url}/healthz")
    assert (answer.status_code, answer.json()["alive"]) == (503, False)
    health.tick()
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_readyz__parts__ready_once_all_are(url: str, health: Health) -> None:
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "not_ready": dict.fromkeys(sorted(PARTS), "not looked at yet")}
    for part in PARTS:
        health.ready(part)
    assert httpx.get(f"{url}/readyz").json() == {"ready": True, "not_ready": {}}
    health.not_ready("rpc", "1 of 3 endpoints\nanswers")
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "not_ready": {"rpc": "1 of 3 endpoints answers"}}


def test_metrics__over_http__prometheus_text(url: str) -> None:
    answer = httpx.get(f"{url}/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert f'{PREFIX}_build_info{{version="' in answer.text
    assert httpx.head(f"{url}/metrics").status_code == 200
    assert httpx.get(f"{url}/").status_code == 404
