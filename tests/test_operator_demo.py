"""The operator's main job on a trace: daemons are killed on the way, and every hour comes to the head all the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pyutils.cli import root
from pyutils.demo import Script, run_demo
from pyutils.demo.outcome import Outcome
from pyutils.errors import TraceError
from pyutils.operator_demo import run_operator_demo
from pyutils.operator_demo.kills import KILLS, PLACES, plan_kills
from pyutils.operator_demo.outcome import HeadRow, PaidRow, differences
from pyutils.operator_demo.run import SUMMARY, on_time
from pyutils.reporter.failpoints import FAILPOINTS
from pyutils.toolchain import MissingToolError, prometheus


@pytest.fixture(scope="module")
def needs_prometheus() -> None:
    try:
        prometheus()
    except MissingToolError as error:
        pytest.skip(error.line())


@pytest.fixture(scope="module")
def script() -> Script:
    return Script.of(None, seed=3)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run_demo(None, tmp_path_factory.mktemp("demo"), seed=3)


def rows_of(demo: Outcome) -> tuple[list[HeadRow], list[PaidRow]]:
    """Return heads and leases as a run that is the same would have them."""
    heads = [HeadRow(promised=True, **row.model_dump(exclude={"head"})) for row in demo.reports if row.head]
    leases = [
        PaidRow.model_validate({name: getattr(row, name) for name in PaidRow.model_fields}) for row in demo.leases
    ]
    return heads, leases


def test_on_time__every_fleet__reports_at_every_time(script: Script) -> None:
    reports = on_time(script.plan)
    times = {report.as_of for report in script.plan.reports}
    for fleet in script.plan.fleets:
        assert {report.as_of for report in reports if report.fleet_id == fleet.fleet_id} == times
    assert not any(report.late for report in reports)


def test_plan_kills__seed__decides_hours_and_places(script: Script) -> None:
    reports = on_time(script.plan)
    drawn = {seed: plan_kills(seed, reports, script.plan.last) for seed in range(20)}
    assert drawn == {seed: plan_kills(seed, reports, script.plan.last) for seed in range(20)}
    for kills in drawn.values():
        assert len(kills) == len({(kill.fleet_id, kill.as_of) for kill in kills}) == KILLS
        assert len({kill.place for kill in kills}) == KILLS
        assert all(kill.as_of != script.plan.last for kill in kills)
    assert {kill.place for kills in drawn.values() for kill in kills} == set(PLACES)
    assert set(PLACES) <= set(FAILPOINTS)


def test_plan_kills__short_trace__kills_as_often_as_it_can(script: Script) -> None:
    reports = [report for report in on_time(script.plan) if report.fleet_id == 1][:2]
    assert len(plan_kills(1, reports, reports[1].as_of)) == 1


def test_differences__same_heads_and_leases__are_none(demo: Outcome) -> None:
    assert differences(*rows_of(demo), demo) == ()


def test_differences__any_counter_or_payment__is_named(demo: Outcome) -> None:
    heads, leases = rows_of(demo)
    for name in ("available_gpu_ms", "busy_gpu_ms", "energy_joules"):
        wrong = heads[3].model_copy(update={name: getattr(heads[3], name) + 1})
        found = differences([*heads[:3], wrong, *heads[4:]], leases, demo)
        assert len(found) == 1
        assert f"fleet {wrong.fleet} as of {wrong.as_of}" in found[0]
    assert len(differences(heads[1:], leases, demo)) == 1
    for name in ("delivered_gpu_ms", "paid", "refunded"):
        wrong_lease = leases[0].model_copy(update={name: getattr(leases[0], name) + 1})
        assert f"lease {wrong_lease.id}" in differences(heads, [wrong_lease, *leases[1:]], demo)[0]


def test_operator_demo__no_such_trace__is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TraceError):
        run_operator_demo(tmp_path / "none.csv", tmp_path / "out")
    assert root.run(["operator-demo", "--trace", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def assert_whole(summary: Path, hours: int) -> None:
    told = json.loads(summary.read_text())
    assert told["same_as_demo"] is True
    assert told["conserved"] is True
    assert len(told["deaths"]) == KILLS
    for fleet in (1, 2):
        heads = [row for row in told["heads"] if row["fleet"] == fleet and row["available_gpu_ms"]]
        assert len(heads) >= hours
        assert all(row["promised"] for row in heads)
    for death in told["deaths"]:
        # Its report became the head all the same, and nothing was reported twice for the moment.
        assert [row["as_of"] for row in told["heads"] if row["fleet"] == death["fleet"]].count(death["as_of"]) == 1
        assert death["head_as_of"] < death["as_of"] or death["failpoint"] in {"broadcast", "mined"}


@pytest.mark.slow
def test_operator_demo__recorded_trace__every_hour_is_at_the_head(
    duty_cycle_trace: Path, tmp_path: Path, needs_prometheus: None
) -> None:
    status = root.run(["operator-demo", "--trace", str(duty_cycle_trace), "--out", str(tmp_path), "--quiet"])
    assert status == 0
    assert_whole(tmp_path / SUMMARY, 12)
    assert daemons_of(tmp_path) == []


@pytest.mark.slow
def test_operator_demo__interrupted__leaves_no_process_behind(tmp_path: Path, needs_prometheus: None) -> None:
    command = [sys.executable, "-c", "from pyutils.cli import main; main()", "operator-demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 90
    while not list((tmp_path / "logs").glob("reporter*")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert daemons_of(tmp_path)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == root.INTERRUPTED, said
    assert daemons_of(tmp_path) == []
    assert not (tmp_path / SUMMARY).exists()


def daemons_of(out: Path) -> list[str]:
    """Return the commands of processes that write to a run's logs."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            writes = [str(fd.readlink()) for fd in (entry / "fd").iterdir()] if entry.name.isdigit() else []
            if any(name.startswith(str(out / "logs")) for name in writes):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_script__plan_with_reports_on_time__keeps_the_leases(script: Script) -> None:
    plan = replace(script.plan, reports=on_time(script.plan))
    assert plan.leases == script.plan.leases
