"""A meter that fails is seen at the next look, whether or not a report is due; what it dropped is counted once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import pytest

from pyutils.errors import ChainError
from pyutils.meter import GpuSeries, SourceError
from pyutils.reporter.loop import Loop
from pyutils.reporter.upkeep.health import Health
from pyutils.reporter.upkeep.meter_watch import MeterWatch
from pyutils.reporter.upkeep.metrics import Metrics
from pyutils.reporter.upkeep.purse import Purse
from pyutils.units import Ms, UnixMs


class Meter:
    """A source whose troubles the test makes."""

    has_energy = True

    def __init__(self) -> None:
        self.dropped: Mapping[str, int] = {}
        self.fault: SourceError | None = None
        self.checks = 0

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        yield [GpuSeries(gpu_id, [until_ms - after_ms], [0]) for gpu_id in gpu_ids]

    def check(self) -> None:
        self.checks += 1
        if self.fault is not None:
            raise self.fault

    def clock_ms(self) -> UnixMs:
        return UnixMs(0)

    def cadence_ms(self) -> Ms | None:
        return None

    def close(self) -> None:
        return


def watch(*meters: Meter, every_s: float = 0.0) -> MeterWatch:
    return MeterWatch(meters, Metrics(), Health(10.0), every_s)


def test_look__meter_works__ready_before_a_report_is_due() -> None:
    told = watch(Meter())
    assert told.health.missing["meter"] == "not looked at yet"
    told.look()
    assert "meter" not in told.health.missing


def test_look__one_of_two_fails__says_why_until_it_works(caplog: pytest.LogCaptureFixture) -> None:
    one, other = Meter(), Meter()
    told = watch(one, other)
    told.look()
    other.fault = SourceError("no GPU answers", remedy="See the driver")
    for _ in range(3):
        told.look()
    assert told.health.missing["meter"] == "no GPU answers. See the driver"
    assert [record.getMessage() for record in caplog.records] == ["no GPU answers. See the driver"]
    other.fault = None
    told.look()
    assert "meter" not in told.health.missing


def test_look__samples_could_not_be_read__is_not_mended_by_a_meter_that_answers() -> None:
    told = watch(Meter())
    told.look()
    told.health.not_ready("meter", "it does not give one minute of one GPU")
    told.look()
    assert told.health.missing["meter"] == "it does not give one minute of one GPU"


def test_look__what_was_dropped__is_counted_once() -> None:
    one, other = Meter(), Meter()
    told = watch(one, other)
    for count in (2, 2, 5, 4):
        one.dropped, other.dropped = {"missed": count}, {"missed": 1, "torn": 1}
        told.look()
    text = told.metrics.exposition().decode()
    assert 'samples_dropped_total{reason="missed"} 6.0' in text
    assert 'samples_dropped_total{reason="torn"} 1.0' in text


def test_look__again_at_once__asks_nothing() -> None:
    meter, now = Meter(), [0.0]
    told = MeterWatch([meter], Metrics(), Health(10.0), 30.0, lambda: now[0])
    for now[0] in (0.0, 10.0, 29.0, 30.0, 31.0):
        told.look()
    assert meter.checks == 2


def test_purse__every_tick__asks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def left(_web3: object, _account: str, quorum: int) -> int:
        asked.append(quorum)
        return 7

    monkeypatch.setattr("pyutils.reporter.upkeep.purse.reports_left", left)
    metrics, now = Metrics(), [0.0]
    purse = Purse(None, "0xA", metrics, 300.0, lambda: now[0])  # type: ignore[arg-type]
    for now[0] in (0.0, 10.0, 299.0, 300.0):
        purse.look(2)
    assert asked == [2, 2]
    assert b"balance_reports 7.0" in metrics.exposition()


def test_loop__what_goes_on_being_wrong__is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    said = iter(["behind by 10 s", "behind by 21 s", "behind by 30 s", "", "behind by 40 s", "no answer"])

    def tick() -> None:
        line = next(said)
        if line:
            raise ChainError(line)

    loop = Loop(tick, Health(10.0), 1.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(6):
            loop.once()
    assert [one.getMessage() for one in caplog.records] == ["behind by 10 s", "behind by 40 s", "no answer"]
