"""The operator's main job on a trace: reporters are killed on the way, and every hour is at the head all the same."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pyutils.cli import root
from pyutils.demo import Script, run_demo
from pyutils.demo.outcome import Outcome
from pyutils.demo.plan import ReportPlan
from pyutils.errors import InputError, TraceError
from pyutils.meter import Cast, synthetic_trace, write_trace
from pyutils.operator_demo import run_operator_demo
from pyutils.operator_demo.comparison import differences
from pyutils.operator_demo.daemon import Daemon, DaemonError
from pyutils.operator_demo.faults import death_faults, promise_faults, report_faults, status_faults
from pyutils.operator_demo.kills import KILLS, PLACES, plan_kills
from pyutils.operator_demo.rows import DeathRow, HeadRow
from pyutils.operator_demo.run import SUMMARY
from pyutils.operator_demo.timetable import hour_label, hour_of, on_time, quitting_time
from pyutils.reporter.failpoints import ENVIRONMENT, FAILPOINTS
from pyutils.toolchain import MissingToolError, prometheus
from pyutils.units import SECONDS_PER_HOUR, FleetId, UnixSeconds

HOURS = 3


@pytest.fixture(scope="module")
def needs_prometheus() -> None:
    try:
        prometheus()
    except MissingToolError as error:
        pytest.skip(error.line())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a synthetic trace of three hours and some GPUs of each habit."""
    path = tmp_path_factory.mktemp("trace") / "small.csv"
    write_trace(synthetic_trace(2, Cast(steady=4, leaves=1, arrives=1, gappy=2), hours=HOURS), path)
    return path


@pytest.fixture(scope="module")
def script(small: Path) -> Script:
    return Script.of(small)


@pytest.fixture(scope="module")
def demo(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run_demo(small, tmp_path_factory.mktemp("demo"))


@pytest.fixture
def heads(demo: Outcome) -> list[HeadRow]:
    """Return the demo's heads as those of daemons to whom nothing happened."""
    return [
        HeadRow(
            **row.model_dump(exclude={"head"}),
            digest=bytes([number]) * 32,
            due_at=row.as_of + 124,
            accepted_at=row.as_of + 124,
            fee_wei=row.gas_used,
            promised_by=3,
        )
        for number, row in enumerate(row for row in demo.reports if row.head)
    ]


def reports_of(script: Script) -> tuple[ReportPlan, ...]:
    return on_time(script.plan, script.trace)


def death_of(row: HeadRow, **changes: Any) -> DeathRow:
    fields = {"failpoint": "raw_saved", "signal": 9, "state": "BROADCAST", "promised": row.digest, "was_head": False}
    return DeathRow.model_validate({"fleet": row.fleet, "as_of": row.as_of} | fields | changes)


# when, and who dies


def test_on_time__every_fleet__reports_every_full_hour_and_the_end(script: Script) -> None:
    reports, plan = reports_of(script), script.plan
    for fleet in plan.fleets:
        times = [report.as_of for report in reports if report.fleet_id == fleet.fleet_id]
        assert times[0] == plan.first
        assert times[-1] == plan.last
        assert [hour_of(at, plan.first) for at in times[:-1]] == list(range(len(times) - 1))
        # Nothing that the demo reports is left out.
        assert {report.as_of for report in plan.reports if report.fleet_id == fleet.fleet_id} <= {*times}
    by_the_demo = {(report.fleet_id, report.as_of): report.submit_at for report in plan.reports if not report.late}
    ours = {(report.fleet_id, report.as_of): report.submit_at for report in reports}
    assert by_the_demo.items() <= ours.items()


def test_quitting_time__end_that_is_no_full_hour__is_before_an_hour_that_gives_way() -> None:
    first = UnixSeconds(1_000_000)
    hours = [
        ReportPlan(FleetId(1), UnixSeconds(first + n * 3_600), UnixSeconds(first + n * 3_600 + 124)) for n in (0, 1)
    ]

    def end(after_s: int) -> ReportPlan:
        return ReportPlan(FleetId(1), UnixSeconds(first + after_s), UnixSeconds(first + after_s + 124))

    assert quitting_time([*hours, end(7_200)], first) is None
    # Hour 1 is reported, hour 2 is not.
    assert quitting_time([*hours, end(3_600 + 700)], first) == first + 3_600 + 700 + 114
    assert quitting_time([*hours, end(7_200 + 25)], first) == first + 7_200 + 114


def test_hour_label__end_that_is_no_full_hour__has_a_name_of_its_own() -> None:
    first = UnixSeconds(1_000_000)
    assert hour_label(UnixSeconds(first + 5 * SECONDS_PER_HOUR), first) == "hour 5"
    assert hour_label(UnixSeconds(first + 5 * SECONDS_PER_HOUR + 1), first) == "the trace's end"


def test_plan_kills__seed__decides_fleets_hours_and_places(script: Script) -> None:
    reports, first = reports_of(script), script.plan.first
    drawn = {seed: plan_kills(seed, reports, first) for seed in range(60)}
    assert drawn == {seed: plan_kills(seed, reports, first) for seed in range(60)}
    for kills in drawn.values():
        assert len(kills) == len({kill.place for kill in kills}) == KILLS
        assert {(kill.fleet_id, kill.as_of) for kill in kills} <= {(one.fleet_id, one.as_of) for one in reports}
        assert list(kills) == sorted(kills, key=lambda kill: kill.as_of)
    assert {kill.place for kills in drawn.values() for kill in kills} == set(PLACES) < set(FAILPOINTS)
    assert {kill.fleet_id for kills in drawn.values() for kill in kills} == {1, 2}


def test_plan_kills__first_report_and_one_by_hand__are_spared(script: Script) -> None:
    reports, first = reports_of(script), script.plan.first
    killed = {kill.as_of for seed in range(60) for kill in plan_kills(seed, reports, first)}
    assert killed == {report.as_of for report in reports} - {first, script.plan.last}


def test_plan_kills__as_many_hours_as_kills__are_at_different_hours() -> None:
    reports = on_time(*_long_plan())
    for seed in range(30):
        assert len({kill.as_of for kill in plan_kills(seed, reports, reports[0].as_of)}) == KILLS


def test_plan_kills__fewer_hours_than_kills__both_fleets_of_an_hour_die(script: Script) -> None:
    reports, first = reports_of(script), script.plan.first
    early = [report for report in reports if report.as_of <= first + SECONDS_PER_HOUR]
    kills = plan_kills(1, early, first)
    assert {(kill.fleet_id, kill.as_of - first) for kill in kills} == {(1, SECONDS_PER_HOUR), (2, SECONDS_PER_HOUR)}


def _long_plan() -> tuple[Any, Any]:
    script = Script.of(None, seed=5)
    return script.plan, script.trace


# what is compared, and what is found


def test_differences__same_heads_and_leases__are_none(heads: list[HeadRow], demo: Outcome) -> None:
    more = heads[0].model_copy(update={"as_of": heads[0].as_of - SECONDS_PER_HOUR})
    assert differences([more, *heads], demo.leases, demo) == ()


@pytest.mark.parametrize("counter", ["available_gpu_ms", "busy_gpu_ms", "energy_joules"])
def test_differences__one_unit_in_one_counter__is_named(heads: list[HeadRow], demo: Outcome, counter: str) -> None:
    wrong = heads[1].model_copy(update={counter: getattr(heads[1], counter) + 1})
    (said,) = differences([heads[0], wrong, *heads[2:]], demo.leases, demo)
    assert f"fleet {wrong.fleet} as of {wrong.as_of}: the head says (" in said


def test_differences__head_that_is_missing__is_named(heads: list[HeadRow], demo: Outcome) -> None:
    (said,) = differences(heads[1:], demo.leases, demo)
    assert f"as of {heads[0].as_of}: there is none" in said


@pytest.mark.parametrize("field", ["delivered_gpu_ms", "paid", "refunded", "end", "sla_credit", "granted_at"])
def test_differences__lease_that_is_another__is_named_with_what_differs(
    heads: list[HeadRow], demo: Outcome, field: str
) -> None:
    first, *others = demo.leases
    wrong = first.model_copy(update={field: getattr(first, field) + 1})
    (said,) = differences(heads, [wrong, *others], demo)
    assert said.startswith(f"lease {first.id}: {field} ")
    assert differences(heads, others, demo) == (f"lease {first.id} is only in the demo",)


def test_death_faults__killed_one_late_and_with_the_same_digest__are_none(heads: list[HeadRow]) -> None:
    late = heads[2].model_copy(update={"accepted_at": heads[2].due_at + 60})
    rows = [*heads[:2], late, *heads[3:]]
    assert death_faults(rows, [death_of(late), death_of(heads[0], state=None, promised=None)]) == []


def test_death_faults__late_without_a_kill_or_another_digest__are_named(heads: list[HeadRow]) -> None:
    late = heads[2].model_copy(update={"accepted_at": heads[2].due_at + 1})
    (said,) = death_faults([*heads[:2], late, *heads[3:]], [death_of(heads[3])])
    assert said == f"fleet {late.fleet} as of {late.as_of}: late by 1 s, and nobody was killed"
    (said,) = death_faults(heads, [death_of(heads[0], promised=b"\xff" * 32)])
    assert "another digest was promised before the kill" in said


def test_report_faults__missing_and_twice__are_named(heads: list[HeadRow]) -> None:
    moments = [(row.fleet, row.as_of) for row in heads]
    assert report_faults(heads, moments) == []
    assert report_faults(heads[1:], moments) == [f"fleet {heads[0].fleet} has no head as of {heads[0].as_of}"]
    assert report_faults([*heads, heads[0]], moments) == [
        f"fleet {heads[0].fleet} has two heads as of {heads[0].as_of}"
    ]


def test_promise_faults__any_other_promise_anywhere__is_named(heads: list[HeadRow]) -> None:
    other = b"\xff" * 32
    promised = {(row.fleet, row.as_of): [row.digest, row.digest, None] for row in heads}
    assert promise_faults(heads, promised) == []
    moment = heads[0].fleet, heads[0].as_of
    for wrong in ([other, heads[0].digest, None], [None, heads[0].digest, None], [heads[0].digest, None, other]):
        (said,) = promise_faults(heads, promised | {moment: wrong})
        assert f"fleet {moment[0]} as of {moment[1]}" in said


def test_status_faults__other_deaths_than_planned__are_named() -> None:
    assert status_faults([0, -9, -15, 0], 1) == []
    assert status_faults([0, 1], 0) == ["a process ended with status 1"]
    assert status_faults([-9, -9], 3) == ["2 processes died by signal 9, and 3 were to"]


# processes


def daemon(folder: Path, *arguments: str) -> Daemon:
    return Daemon("the daemon", arguments, folder, {}, folder / "daemon.log")


def environment(pid: int) -> list[bytes]:
    """Return a process's environment, which the kernel shows a moment after the process began its program."""
    for _ in range(1_000):
        names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if names != [b""]:
            return names
        time.sleep(0.01)
    raise AssertionError(f"process {pid} has no environment")


def test_daemon__command_that_fails__says_what_it_said_last(tmp_path: Path) -> None:
    one = daemon(tmp_path, "operator", "run", "7", "--network", "nowhere")
    one.start()
    with pytest.raises(DaemonError, match=r"the daemon ended with status 2: gpurwa: .*nowhere.*daemon\.log"):
        one.finish(60)
    assert one.statuses == [2]


def test_daemon__environment__knows_the_failpoint_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPURWA_NETWORK", "another")
    one = daemon(tmp_path, "operator", "run")
    one.start("signed")
    try:
        assert one._process is not None
        names = environment(one._process.pid)
        assert f"{ENVIRONMENT}=signed".encode() in names
        assert not any(name.startswith(b"GPURWA_NETWORK") for name in names)
    finally:
        one.stop()
    assert len(one.statuses) == 1
    one.stop()
    assert len(one.statuses) == 1, "one that does not run is stopped already"


def test_daemon__takes_too_long__is_named_and_can_be_stopped(tmp_path: Path) -> None:
    one = daemon(tmp_path, "--version")
    one.start()
    with pytest.raises(DaemonError, match=r"the daemon took more than 0 s \(log: "):
        one.finish(0.0)
    one.stop()


# the command


def test_operator_demo__no_such_trace__is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TraceError):
        run_operator_demo(tmp_path / "none.csv", tmp_path / "out")
    assert root.run(["operator-demo", "--trace", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_operator_demo__out_that_is_a_file__is_refused(small: Path, tmp_path: Path, needs_prometheus: None) -> None:
    (tmp_path / "out").write_text("taken")
    with pytest.raises(InputError, match="is there and is no folder"):
        run_operator_demo(small, tmp_path / "out")


def test_operator_demo__shorter_than_reports_may_be_apart__is_refused(tmp_path: Path) -> None:
    rows = [f"{1_700_000_000 + at},gpu,50\n" for at in range(0, 60, 10)]
    (tmp_path / "brief.csv").write_text("timestamp_s,pod,gpu_duty_cycle_percent\n" + "".join(rows))
    with pytest.raises(TraceError, match="it is shorter than 60 s"):
        run_operator_demo(tmp_path / "brief.csv", tmp_path / "out")


def assert_whole(summary: Path, hours: int) -> None:
    """Hold a summary against what every run must come to."""
    told = json.loads(summary.read_text())
    assert (told["same_as_demo"], told["conserved"], told["faults"], told["differences"]) == (True, True, [], [])
    assert told["signal_9_deaths"] == len(told["deaths"]) == KILLS
    first = told["trace"]["first"]
    by_moment: dict[tuple[int, int], dict[str, Any]] = {}
    for fleet in told["fleets"]:
        rows = [row for row in told["heads"] if row["fleet"] == fleet["id"]]
        times = [row["as_of"] for row in rows]
        assert times == [*range(first, first + hours * SECONDS_PER_HOUR, SECONDS_PER_HOUR), told["trace"]["last"]]
        assert all(row["promised_by"] == 3 for row in rows)
        by_moment |= {(row["fleet"], row["as_of"]): row for row in rows}
    assert len({row["digest"] for row in told["heads"]}) == len(told["heads"])
    for death in told["deaths"]:
        row = by_moment.pop((death["fleet"], death["as_of"]))
        assert death["promised"] in (None, row["digest"])
        assert row["accepted_at"] - row["due_at"] == (0 if death["was_head"] else 60)
    assert all(row["accepted_at"] == row["due_at"] for row in by_moment.values())


@pytest.mark.slow
def test_operator_demo__recorded_trace__every_hour_is_at_the_head(
    duty_cycle_trace: Path, tmp_path: Path, needs_prometheus: None
) -> None:
    began = time.monotonic()
    assert root.run(["operator-demo", "--trace", str(duty_cycle_trace), "--out", str(tmp_path), "--quiet"]) == 0
    assert time.monotonic() - began < 180
    assert_whole(tmp_path / SUMMARY, 12)
    assert processes_of(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_operator_demo__three_hours__are_told_as_they_happen(
    small: Path, tmp_path: Path, needs_prometheus: None, seed: int
) -> None:
    console = Console(file=io.StringIO(), width=120)
    run_operator_demo(small, tmp_path, seed=seed, console=console)
    assert_whole(tmp_path / SUMMARY, HOURS)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    for death in json.loads((tmp_path / SUMMARY).read_text())["deaths"]:
        place = f"`{death['failpoint']}`"
        for told in (f"killed at {place}, on its way", f"going to die at {place}", f"killed by signal 9 at {place}, "):
            assert told in said
    assert said.strip().endswith("same counters as make demo: yes")
    logs = {path.name for path in (tmp_path / "logs").iterdir()}
    assert {
        "anvil.log",
        "prometheus.log",
        "reporter-a.log",
        "reporter-b.log",
        "verifier-1.log",
        "verifier-2.log",
    } <= logs
    assert processes_of(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_operator_demo__interrupted__leaves_no_process_behind(
    small: Path, tmp_path: Path, needs_prometheus: None, number: signal.Signals
) -> None:
    command = [
        sys.executable, "-c", "from pyutils.cli import main; main()",
        "operator-demo", "--trace", str(small), "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    log = tmp_path / "out" / "logs" / "reporter-a.log"
    deadline = time.monotonic() + 120
    try:
        while not log.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        # chain, Prometheus and two verifiers, and a reporter that is just being started
        assert len(processes_of(tmp_path)) >= 4
        process.send_signal(number)
        # each daemon has half a minute to end by itself
        _, said = process.communicate(timeout=240)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 128 + number, said
    assert b"Traceback" not in said
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "out" / SUMMARY).exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def processes_of(folder: Path) -> list[str]:
    """Return the commands of processes that have a file below a folder open."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            opened = [str(one.readlink()) for one in (entry / "fd").iterdir()]
            if any(name.startswith(f"{folder}/") for name in opened):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue  # it is gone, or somebody else's
    return found
