"""A fleet's reporter by commands: rehearsed, run for one report, backfilled, replayed, moved, run as a daemon."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pyutils.contracts import System
from pyutils.devnet import account
from pyutils.models import Head
from pyutils.operations.report_files import ReportFile
from pyutils.reporter.settings.costs import report_gas
from pyutils.reporter.store.lock import StoreLock
from pyutils.reporter.store.records import State
from pyutils.reporter.store.view import look_into
from pyutils.units import FleetId, UnixSeconds

from .reporting import Reporting, fleet_reporting
from .shell import opened, reported

reporting = pytest.fixture(fleet_reporting)

VERIFIERS = ("verifier-1", "verifier-2")


@pytest.fixture
def ready(reporting: Reporting) -> Reporting:
    """Return the fleet with a reporter that is set up, a lease, and a first report that is due."""
    reporting.sh(*reporting.init(VERIFIERS))
    opened(reporting.sh, reporting.fleet)
    reporting.due(1)
    return reporting


def system(reporting: Reporting) -> System:
    return System.at(reporting.sh.chain.web3, reporting.sh.chain.manifest)


def head(reporting: Reporting) -> Head:
    return system(reporting).oracle.head(FleetId(reporting.fleet.fleet_id))


def state(reporting: Reporting, number: int) -> State | None:
    with look_into(reporting.operator_folder / "store.sqlite") as store:
        record = store.record(FleetId(reporting.fleet.fleet_id), UnixSeconds(reporting.hour(number)))
    return None if record is None else record.state


def test_dry_run__nothing_kept__says_what_a_report_would(ready: Reporting) -> None:
    before = {path: path.read_bytes() for path in ready.operator_folder.iterdir()}
    told = ready.sh.json("operator", "dry-run")
    assert told["as_of"] == ready.hour(1)
    assert told["goes_on_from"] == 0
    assert told["adds_to_head"] is True
    assert 0 < told["busy_gpu_ms"] * 2 == told["available_gpu_ms"] < 4 * 3_600_000
    assert [leaf["lease_id"] for leaf in told["leases"]] == [1 << 32 | 1]
    assert told["quorum"] == 2
    assert told["cost_wei"] > 0
    shown = ready.sh("operator", "dry-run")
    assert told["digest"] in shown
    assert "ether" in shown
    assert "energy (derived from duty)" in shown
    assert {path: path.read_bytes() for path in ready.operator_folder.iterdir()} == before
    with ready.verifiers(*VERIFIERS):
        made = ready.sh.json("operator", "once")
    assert made["digest"] == told["digest"], "what was rehearsed is what was reported"


def test_dry_run__key_is_not_here_and_a_daemon_runs__needs_neither(ready: Reporting) -> None:
    path = ready.operator_folder / "operator.toml"
    path.write_text(path.read_text().replace('signer = "reporter-a"', 'signer = "/away/keystore.json"'))
    with StoreLock(ready.operator_folder / "store.sqlite"):
        assert ready.sh.json("operator", "dry-run")["as_of"] == ready.hour(1)


def test_dry_run__nothing_due__says_so(ready: Reporting) -> None:
    ready.sh.clock.travel(ready.hour(2))
    assert "not all samples" in ready.sh.refused("operator", "dry-run", "--as-of", ready.hour(2))
    assert ready.sh.json("operator", "dry-run", "--as-of", ready.hour(1) + 60)["as_of"] == ready.hour(1) + 60
    with ready.verifiers(*VERIFIERS):
        ready.sh("operator", "once")
    assert "no report is due" in ready.sh.refused("operator", "dry-run")
    assert "is not after the head" in ready.sh.refused("operator", "dry-run", "--as-of", ready.hour(1))


def test_dry_run__head_that_others_made__says_that_its_samples_are_not_here(ready: Reporting) -> None:
    sh = ready.sh
    path = Path(reported(sh, ready.fleet))
    names = ("reporter-a", *VERIFIERS)
    signatures = [sh.json("report", "sign", path, "--account", name)["file"] for name in names]
    sh("report", "submit", path, *signatures, "--account", "operator-a")
    ready.due(2)
    assert sh.json("operator", "dry-run")["adds_to_head"] is False
    assert "the head was made by others" in sh("operator", "dry-run")


def test_once__two_verifiers__every_report_is_the_head(ready: Reporting) -> None:
    sh = ready.sh
    with ready.verifiers(*VERIFIERS):
        made = sh.json("operator", "once")
        assert made == {"as_of": ready.hour(1), "digest": made["digest"], "block": made["block"], "made": True}
        assert head(ready).digest == bytes.fromhex(made["digest"][2:])
        again = sh("operator", "once")
        assert "nothing is due" in again
        ready.due(3)
        assert f"{ready.fleet.fleet_id} is as of" in sh("operator", "once")
    assert head(ready).as_of == ready.hour(3)
    assert state(ready, 2) is State.SKIPPED
    assert state(ready, 3) in (State.MINED, State.FINAL)


def test_once__as_of_a_time_of_ones_own__is_the_head(ready: Reporting) -> None:
    at = ready.hour(1) - 1_000
    ready.due(2)
    with ready.verifiers(*VERIFIERS):
        assert ready.sh.json("operator", "once", "--as-of", at)["as_of"] == at
        assert head(ready).as_of == at
        assert ready.sh.json("operator", "once", "--as-of", at)["made"], "asked again it is there"
        assert "is not after" in ready.sh.refused("operator", "once", "--as-of", at - 60)
        assert "not all samples" in ready.sh.refused("operator", "once", "--as-of", ready.hour(3))
        assert ready.sh.json("operator", "once")["as_of"] == ready.hour(2)


def test_once__no_verifier_answers__says_what_it_waits_for_and_goes_on_later(ready: Reporting) -> None:
    line = ready.sh.refused("operator", "once", "--wait", "0s")
    assert "waits for 2 of 2 verifiers' signatures" in line
    assert "goes on where it stands" in line
    assert state(ready, 1) is State.SIGNED
    with ready.verifiers("verifier-1"):
        assert "waits for 1 of 2 verifiers' signatures" in ready.sh.refused("operator", "once", "--wait", "0s")
    with ready.verifiers(*VERIFIERS):
        assert ready.sh.json("operator", "once")["as_of"] == ready.hour(1)


def test_once__past_the_quorum_deadline__posted_alone_and_waits_for_its_liveness(ready: Reporting) -> None:
    ready.sh.clock.advance(1_000)
    assert "its liveness" in ready.sh.refused("operator", "once", "--wait", "5s")
    pending = system(ready).oracle.pending(FleetId(ready.fleet.fleet_id))
    assert pending.as_of == ready.hour(1)
    assert pending.poster == account("operator-a").address


def test_once__trace_is_gone__refused(ready: Reporting) -> None:
    ready.trace.unlink()
    assert "no such trace" in ready.sh.refused("operator", "once")


def test_once__another_daemon_runs__refused(ready: Reporting) -> None:
    with StoreLock(ready.operator_folder / "store.sqlite"):
        for command in ("once", "run", "backfill"):
            assert "another process uses this store" in ready.sh.refused("operator", command)


def test_once__not_the_fleets_reporter__refused(reporting: Reporting) -> None:
    reporting.sh(*reporting.init((), "--reporter", "reporter-b"))
    reporting.due(1)
    assert "its reporter is" in reporting.sh.refused("operator", "once")


def test_backfill__away_for_hours__the_next_report_carries_them(ready: Reporting) -> None:
    sh = ready.sh
    ready.due(5)
    status, out, err = sh.run("operator", "backfill", "--to", ready.hour(3))
    assert status == 0
    assert [line.split(":")[0] for line in err.splitlines()] == ["1/3", "2/3", "3/3"]
    assert "the next report carries them" in out
    assert state(ready, 3) is State.COLLECTED
    assert sh.json("operator", "backfill")["as_of"] == ready.hour(5)
    assert [state(ready, number) for number in (1, 2, 3, 4)] == [State.SKIPPED] * 4
    assert "all samples are collected" in sh("operator", "backfill")
    assert "is not after" in sh.refused("operator", "backfill", "--to", ready.hour(4))
    with ready.verifiers(*VERIFIERS):
        assert sh.json("operator", "once")["as_of"] == ready.hour(5)
    assert head(ready).available_gpu_ms > 4 * 4 * 3_600_000


def test_replay__published_pages__equal_until_one_is_changed(ready: Reporting) -> None:
    sh = ready.sh
    with ready.verifiers(*VERIFIERS):
        for number in (1, 2, 4):
            ready.due(number)
            sh("operator", "once")
    found = sh.json("operator", "replay")
    assert [(one["as_of"], one["difference"]) for one in found] == [(ready.hour(number), "") for number in (1, 2, 4)]
    found = sh.json("operator", "replay", "--from", ready.hour(2), "--to", ready.hour(3))
    assert [one["as_of"] for one in found] == [ready.hour(2)]
    assert "equal" in sh("operator", "replay")
    page = max((ready.operator_folder / "samples").iterdir(), key=lambda path: path.stat().st_mtime)
    page.write_bytes(gzip.compress(gzip.decompress(page.read_bytes()).replace(b"500000", b"500001")))
    status, out, err = sh.run("operator", "replay")
    assert status == 1
    assert f"1 of 3 reports differ, first that as of {ready.hour(4)}: page of samples" in err
    assert "has the hash" in out
    next((ready.operator_folder / "leaf_files").iterdir()).unlink()
    assert "of 3 reports differ" in sh.refused("operator", "replay", "--json")


def test_replay__no_store__refused(ready: Reporting) -> None:
    (ready.operator_folder / "store.sqlite").unlink()
    assert "there is no store" in ready.sh.refused("operator", "replay")
    (ready.operator_folder / "store.sqlite").write_text("something else")
    assert "no store of this package" in ready.sh.refused("operator", "replay")


def test_export__then_import__only_the_new_machine_signs(ready: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    sh = ready.sh
    with ready.verifiers(*VERIFIERS):
        sh("operator", "once")
        monkeypatch.setattr("pyutils.cli.moving.click.confirm", lambda *_, **__: False)
        assert "not confirmed" in sh.refused("operator", "export", "house.tar.gz")
        said = sh.json("operator", "export", "house.tar.gz", "--yes")
        assert (said["promises"], said["reports"]) == (1, 1)
        assert said["files"] >= 3
        ready.due(2)
        assert "was exported to" in sh.refused("operator", "once")
        old = ready.operator_folder.rename(sh.folder / "old-machine")
        init = ready.init(VERIFIERS)
        assert "gpurwa operator import" in sh.refused(*init)
        assert "is no fleet" not in sh("operator", "import", "house.tar.gz", ready.fleet.fleet_id)
        assert "was exported to" in sh.refused("operator", "once", "--config", old / "operator.toml")
        sh(*init)
        assert sh.json("operator", "once")["as_of"] == ready.hour(2)
    assert [one["difference"] for one in sh.json("operator", "replay")] == ["", ""]


def test_rotation__new_key_and_a_store_of_its_own__goes_on_from_what_verifiers_publish(ready: Reporting) -> None:
    sh = ready.sh
    with ready.verifiers(*VERIFIERS):
        sh("operator", "once")
        sh("fleet", "reporter", ready.fleet.fleet_id, "reporter-b", "--account", "operator-a")
        ready.due(2)
        assert "its reporter is" in sh.refused("operator", "once")
        ready.operator_folder.rename(sh.folder / "old-key")
        sh(*ready.init(VERIFIERS, "--reporter", "reporter-b"))
        assert sh.json("operator", "once")["as_of"] == ready.hour(2)
    assert head(ready).as_of == ready.hour(2)
    assert [one["difference"] for one in sh.json("operator", "replay")] == ["", ""]


def test_import__archive_of_another_or_none__refused(ready: Reporting) -> None:
    sh = ready.sh
    sh(*ready.init_verifier("verifier-3"))
    verifier = ("--config", ready.verifier_file("verifier-3"))
    sh("verifier", "export", "theirs.tar.gz", "--yes", *verifier)
    assert "is of the verifier" in sh.refused("operator", "import", "theirs.tar.gz")
    sh.write("nonsense.tar.gz", "nonsense")
    assert "nonsense.tar.gz" in sh.refused("operator", "import", "nonsense.tar.gz")
    assert "missing.tar.gz" in sh.refused("operator", "import", "missing.tar.gz")
    assert "is there already" in sh.refused("operator", "export", "theirs.tar.gz", "--yes")
    sh("verifier", "import", "theirs.tar.gz", *verifier)
    with ready.verifiers("verifier-3"):
        pass


def test_costs__a_real_submission__takes_less_gas_than_is_reckoned_with_and_not_much_less(ready: Reporting) -> None:
    sh = ready.sh
    path = Path(reported(sh, ready.fleet))
    names = ("reporter-a", "verifier-1", "verifier-2", "verifier-3")
    signatures = [sh.json("report", "sign", path, "--account", name)["file"] for name in names]
    used = sh.json("report", "submit", path, *signatures, "--account", "operator-a")["gas_used"]
    assert used <= report_gas(3) < used * 1.4
    assert ReportFile.read(path).digest == head(ready).digest


def lines_of(process: subprocess.Popen[str], wanted: str) -> list[dict[str, str]]:
    """Read a daemon's log until a line holds `wanted`."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(json.loads(line))
        if wanted in lines[-1]["message"]:
            return lines
    raise AssertionError(f"it ended with {process.wait()}: {lines}")


def test_run__until_sigterm__reports_and_ends_with_0(ready: Reporting) -> None:
    command = [str(Path(sys.executable).parent / "gpurwa"), "operator", "run", "--log-json"]
    with ready.verifiers(*VERIFIERS):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            said = lines_of(process, "is the head")
            where = [line["message"] for line in said if " at http" in line["message"]]
            assert where == [
                f"fleet 1 on devnet: reports are published at {ready.url('operator')}",
                f"metrics and health are shown at {ready.url('ops')}",
            ]
            assert "gpurwa_reporter_build_info" in httpx.get(f"{ready.url('ops')}/metrics").text
            found = {one["what"]: one["said"] for one in ready.sh.json("operator", "doctor")}
            assert found["published port"].endswith("answers, from here")
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()
            process.communicate()
    assert (process.returncode, out) == (0, "")
    assert head(ready).as_of == ready.hour(1)


def test_run__somebody_else_uses_the_key__one_line_and_status_1(ready: Reporting) -> None:
    sh = ready.sh
    path = Path(reported(sh, ready.fleet))
    with ready.verifiers(*VERIFIERS):
        sh("operator", "once")
    ready.due(2)
    told = json.loads(path.read_text())
    told["report"] |= {"as_of": ready.hour(2), "previous_digest": f"0x{head(ready).digest.hex()}"}
    told["report"] |= {
        name: getattr(head(ready), name) for name in ("available_gpu_ms", "busy_gpu_ms", "energy_joules")
    }
    path.write_text(json.dumps(told))
    names = ("reporter-a", "verifier-1", "verifier-2")
    signatures = [sh.json("report", "sign", path, "--account", name)["file"] for name in names]
    sh("report", "submit", path, *signatures, "--account", "operator-a")
    status, out, err = sh.run("operator", "run")
    assert (status, out) == (1, "")
    assert "and not in this store" in err.splitlines()[-1]
