"""The demo on recorded, synthetic and mutilated traces, held against a checker that shares no code with it."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pyutils.cli.root import run
from pyutils.demo import Outcome, run_demo
from pyutils.demo.plan import Scene
from pyutils.meter import Cast, read_leaf_file, read_trace, synthetic_trace, verify_leaf_file, write_trace

Row = list[str]

faults: Callable[[Path, Path], list[str]] = runpy.run_path(str(Path(__file__).with_name("demo_checker.py")))["faults"]
"""The checker imports nothing of the package, and the package nothing of it."""


def left_out(outcome: Outcome) -> set[str]:
    return {one["scene"] for one in outcome.trace["left_out"]}


def write_rows(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="") as text:
        csv.writer(text).writerows([["timestamp_s", "pod", "gpu_duty_cycle_percent"], *rows])
    return path


def read_rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as text:
        return list(csv.reader(text))[1:]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small synthetic trace of 7 hours in which every scene can be seen."""
    path = tmp_path_factory.mktemp("trace") / "small.csv"
    write_trace(synthetic_trace(0, Cast(steady=4, leaves=1, arrives=1, gappy=2), hours=7, cadence_s=60), path)
    return path


@pytest.fixture(scope="module")
def played(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run on the small trace."""
    out = tmp_path_factory.mktemp("demo") / "out"
    run_demo(small, out)
    return out


def test_run_demo__recorded_trace__every_scene_is_shown_and_every_number_is_right(
    duty_cycle_trace: Path, tmp_path: Path
) -> None:
    began = time.monotonic()
    outcome = run_demo(duty_cycle_trace, tmp_path / "out")
    assert time.monotonic() - began < 90
    assert faults(duty_cycle_trace, tmp_path / "out" / "summary.json") == []
    assert left_out(outcome) == set()
    assert len(outcome.fleets) == 2
    assert len({row.price_per_gpu_hour for row in outcome.leases}) == 2
    assert len(outcome.leases) >= 6
    assert any(row.sla_credit > 0 for row in outcome.leases)
    assert any(row.sla_credit == 0 and row.refunded == 0 for row in outcome.leases)
    assert [row.head for row in outcome.reports].count(False) == 1
    repaid, failed = outcome.loans
    assert (repaid.state, repaid.marks, repaid.loss) == ("closed", 0, 0)
    assert repaid.surplus > 0
    assert (failed.state, failed.surplus) == ("closed", 0)
    assert failed.marks > 0
    assert failed.loss > 0
    assert [row.covered > 0 for row in outcome.vault.pledges] == [False, True]
    assert len({row.conservative for row in outcome.vault.values}) > 3


def test_run_demo__no_trace__makes_a_fleet_and_says_so(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    outcome = run_demo(None, tmp_path / "out", seed=3, console=console)
    assert isinstance(console.file, io.StringIO)
    assert "A synthetic fleet, made from seed 3" in console.file.getvalue()
    assert outcome.trace["synthetic"] is True
    assert faults(tmp_path / "out" / "trace.csv.gz", tmp_path / "out" / "summary.json") == []


def test_run_demo__small_trace__every_scene_is_shown(small: Path, played: Path) -> None:
    summary = json.loads((played / "summary.json").read_text())
    assert summary["trace"]["left_out"] == []
    assert faults(small, played / "summary.json") == []


def test_run_demo__same_trace_again__same_summary_to_the_byte(small: Path, played: Path, tmp_path: Path) -> None:
    run_demo(small, tmp_path / "again")
    assert (tmp_path / "again" / "summary.json").read_bytes() == (played / "summary.json").read_bytes()


def test_run_demo__published_leaf_files__one_for_each_head_and_the_samples_give_them(small: Path, played: Path) -> None:
    summary = json.loads((played / "summary.json").read_text())
    trace = read_trace(small)
    files = [read_leaf_file(path) for path in (played / "leaf_files").iterdir()]
    for leaf_file in files:
        verify_leaf_file(leaf_file, trace.series)
    published = {(one.header.fleet_id, one.header.as_of, one.available_gpu_ms, one.busy_gpu_ms) for one in files}
    heads = [row for row in summary["reports"] if row["head"]]
    assert published == {(row["fleet"], row["as_of"], row["available_gpu_ms"], row["busy_gpu_ms"]) for row in heads}
    assert len(files) == len(heads)


def test_run_demo__one_report_late__fewer_reports_and_nothing_lost(played: Path) -> None:
    reports = [row for row in json.loads((played / "summary.json").read_text())["reports"] if row["head"]]
    first, second = ([row["as_of"] for row in reports if row["fleet"] == fleet] for fleet in (1, 2))
    assert set(second) < set(first)
    assert len(first) - len(second) == 2
    assert first[-1] == second[-1]


def other_names_and_duty(rows: list[Row]) -> list[Row]:
    return [[stamp, "gpu-" + pod[::-1], str(100 - float(duty))] for stamp, pod, duty in rows]


def more_gaps(rows: list[Row]) -> list[Row]:
    return [row for place, row in enumerate(rows) if place % 7 and place // 400 % 5 != 3]


def shorter_and_later(rows: list[Row]) -> list[Row]:
    begin = int(rows[0][0])
    kept = [row for row in rows if int(row[0]) < begin + 5 * 3_600 + 137]
    return [[str(int(stamp) + 43_210_987), pod, duty] for stamp, pod, duty in kept]


def fewer_gpus(rows: list[Row]) -> list[Row]:
    kept = sorted({pod for _, pod, _ in rows})[::3]
    return [row for row in rows if row[1] in kept]


@pytest.mark.parametrize(
    "mutate",
    [other_names_and_duty, more_gaps, shorter_and_later, fewer_gpus],
    ids=lambda f: f.__name__,
)
def test_run_demo__mutated_trace__another_result_and_a_right_one(
    small: Path, played: Path, tmp_path: Path, mutate: Callable[[list[Row]], list[Row]]
) -> None:
    trace = write_rows(tmp_path / "mutated.csv", mutate(read_rows(small)))
    run_demo(trace, tmp_path / "out")
    assert faults(trace, tmp_path / "out" / "summary.json") == []
    ours, theirs = (json.loads((out / "summary.json").read_text()) for out in (tmp_path / "out", played))
    assert (ours["fleets"], ours["reports"], ours["leases"]) != (theirs["fleets"], theirs["reports"], theirs["leases"])


def test_run_demo__one_gpu__leaves_out_what_takes_more(small: Path, tmp_path: Path) -> None:
    rows = read_rows(small)
    steady = max({row[1] for row in rows}, key=lambda pod: (sum(row[1] == pod for row in rows), pod))
    trace = write_rows(tmp_path / "one.csv", [row for row in rows if row[1] == steady])
    outcome = run_demo(trace, tmp_path / "out")
    assert faults(trace, tmp_path / "out" / "summary.json") == []
    assert len(outcome.fleets) == len(outcome.leases) == 1
    assert left_out(outcome) >= {str(Scene.SECOND_FLEET), str(Scene.HANDED_ON), str(Scene.LEAVES)}


@pytest.mark.parametrize(("minutes", "leases"), [(3, 0), (75, 2), (200, 3)])
def test_run_demo__short_trace__ends_well_and_names_what_is_left_out(
    small: Path, tmp_path: Path, minutes: int, leases: int
) -> None:
    rows = read_rows(small)
    trace = write_rows(tmp_path / "short.csv", [row for row in rows if int(row[0]) <= int(rows[0][0]) + 60 * minutes])
    outcome = run_demo(trace, tmp_path / "out")
    assert faults(trace, tmp_path / "out" / "summary.json") == []
    assert len(outcome.leases) >= leases
    assert str(Scene.LATE_REPORT) in left_out(outcome) or minutes > 180
    assert bool(outcome.leases) is bool(leases)


def test_run_demo__slow_cadence__right_all_the_same(small: Path, tmp_path: Path) -> None:
    """One sample in forty minutes: a report is built 80 minutes after its time, when the next one's time has passed."""
    rows = [row for row in read_rows(small) if (int(row[0]) - 1_700_000_000) // 60 % 40 == 0]
    trace = write_rows(tmp_path / "slow.csv", rows)
    outcome = run_demo(trace, tmp_path / "out")
    assert outcome.trace["cadence_ms"] == 40 * 60_000
    assert faults(trace, tmp_path / "out" / "summary.json") == []


# the checker itself


def one_more(part: str, key: str) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        told[part][0][key] += 1

    return change


def share_gpus(told: dict[str, Any]) -> None:
    one, other = (row for row in told["leases"][:2])
    other["gpu_ids"][0] = one["gpu_ids"][0]


NUMBERS = {
    "reports": ("as_of", "available_gpu_ms", "busy_gpu_ms", "energy_joules"),
    "leases": ("gpus", "granted_at", "price_per_gpu_hour", "delivered_gpu_ms", "deposit", "paid", "refunded", "held"),
    "revenue": ("routed", "protocol_fee", "operating", "shares", "unreleased"),
    "loans": ("fleet", "principal", "interest", "repaid", "surplus", "loss", "marks"),
}
VAULT_NUMBERS = (
    "deposits", "withdrawals", "lent", "received", "loss", "cash", "set_aside", "shares", "conservative", "optimistic",
)  # fmt: skip
VAULT_ROWS = {
    "values": ("conservative", "optimistic"),
    "lenders": ("deposited", "withdrawn", "shares"),
    "pledges": ("loan", "reserve", "revenue", "sold", "costs", "covered"),
}


def one_more_in_the_vault(part: str, key: str | None = None) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        if key is None:
            told["vault"][part] += 1
        else:
            told["vault"][part][0][key] += 1

    return change


def one_more_in_a_flow(kind: str, key: str) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        next(flow for flow in reversed(told["vault"]["flows"]) if flow["kind"] == kind)[key] += 1

    return change


FLOWS = {
    "deposit": ("assets", "shares"),
    "serve": ("assets", "shares"),
    "claim": ("assets",),
    "lend": ("principal", "rate_bps"),
    "receive": ("principal", "interest"),
    "reprice": ("rate_bps",),
    "mark": ("base", "floor", "first_day", "days"),
    "settle": ("owed", "recovered", "loss"),
}
CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    **{f"{part}.{key}": one_more(part, key) for part, keys in NUMBERS.items() for key in keys},
    **{f"vault.{key}": one_more_in_the_vault(key) for key in VAULT_NUMBERS},
    **{f"vault.{part}.{key}": one_more_in_the_vault(part, key) for part, keys in VAULT_ROWS.items() for key in keys},
    **{f"vault.flows.{kind}.{key}": one_more_in_a_flow(kind, key) for kind, keys in FLOWS.items() for key in keys},
    "loans.state": lambda told: told["loans"][0].update(state="open"),
    "vault.conserved": lambda told: told["vault"].update(conserved=False),
    "holders.claimed": lambda told: told["holders"][0].update(claimed=told["holders"][0]["claimed"] + 5),
    "leases.gpu_ids": share_gpus,
    "leases.closed": lambda told: told["leases"][0].update(closed=False),
    "conserved": lambda told: told.update(conserved=False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_faults__one_number_changed__is_found(small: Path, played: Path, tmp_path: Path, name: str) -> None:
    told = copy.deepcopy(json.loads((played / "summary.json").read_text()))
    CHANGES[name](told)
    changed = tmp_path / "summary.json"
    changed.write_text(json.dumps(told))
    assert faults(small, changed) != []


# bad input


def test_demo__bad_trace__one_line_and_nothing_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "timestamp_s,pod,gpu_duty_cycle_percent\n"
    bad = {
        "missing": None,
        "columns": "time,pod,duty\n1700000000,a,1\n",
        "unsorted": head + "1700000060,a,1\n1700000000,a,1\n",
        "duplicate": head + "1700000000,a,1\n1700000000,a,2\n",
        "above 100": head + "1700000000,a,101\n1700000060,a,1\n",
        "no number": head + "1700000000,a,x\n1700000060,a,1\n",
        "empty": head,
        "one sample": head + "1700000000,a,1\n",
        "no pair": head + "1700000000,a,1\n1700000060,b,1\n",
        "no Unix time": head + "0,a,1\n60,a,1\n",
    }
    for name, text in bad.items():
        trace = tmp_path / f"{name}.csv"
        if text is not None:
            trace.write_text(text)
        out = tmp_path / "out"
        assert run(["demo", "--trace", str(trace), "--out", str(out)]) == 2, name
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1, name
        assert captured.out == "", name
        assert not out.exists(), name
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv"}


def test_demo__lease_longer_than_the_trace__one_line(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--trace", str(small), "--out", str(tmp_path / "out"), "--lease-hours", "9"]) == 2
    assert "a lease of 9 h is longer than the trace" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_demo__out_is_a_file__one_line_and_the_file_stays(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    assert run(["demo", "--trace", str(small), "--out", str(out)]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_run_demo__interrupted__earlier_results_stay_and_the_chain_ends(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyutils.anvil import Anvil
    from pyutils.demo.ending import InvestorDesk

    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("earlier")
    stopped: list[Anvil] = []
    stop = Anvil.stop

    def interrupt(_: InvestorDesk) -> None:
        raise KeyboardInterrupt

    def note(anvil: Anvil) -> None:
        stop(anvil)
        stopped.append(anvil)

    monkeypatch.setattr(InvestorDesk, "release", interrupt)
    monkeypatch.setattr(Anvil, "stop", note)
    with pytest.raises(KeyboardInterrupt):
        run_demo(small, out, lease_hours=1)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "summary.json").read_text() == "earlier"
    assert [anvil.process.poll() is not None for anvil in stopped] == [True]


def test_run_demo__shorter_leases_into_a_used_folder__old_results_go_and_other_files_stay(
    small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "leaf_files").mkdir(parents=True)
    (out / "leaf_files" / "old").touch()
    (out / "trace.csv.gz").touch()
    (out / "notes.txt").write_text("mine")
    outcome = run_demo(small, out, lease_hours=2)
    assert max(row.end - row.granted_at for row in outcome.leases) == 2 * 3_600
    assert faults(small, out / "summary.json") == []
    assert {path.name for path in out.iterdir()} == {"leaf_files", "notes.txt", "summary.json"}
    assert not (out / "leaf_files" / "old").exists()
