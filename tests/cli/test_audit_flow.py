"""Audits by commands: of leases that end in any way, of reports that came by any way; exit status and words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyutils.operations.report_files import ReportFile

from .shell import LiveFleet, Shell, opened, reported, signed, twice

LESSEE = ("--account", "lessee-1")


def verdicts(audit: Any) -> dict[str, set[str]]:
    """Return what an audit says, by verdict."""
    found: dict[str, set[str]] = {}
    for check in audit["checks"]:
        found.setdefault(check["verdict"], set()).add(check["what"])
    return found


def audited(sh: Shell, lease: int) -> dict[str, set[str]]:
    """Return what the audit of a lease says, once its figures are those that the contract shows."""
    shown, audit = sh.json("lease", "show", lease), sh.json("audit", "lease", lease)
    assert [audit[name] for name in ("deposit", "rent", "fee", "refunded", "held")] == [
        shown[name] for name in ("deposit", "paid", "fee", "refunded", "held")
    ]
    return verdicts(audit)


def carried(sh: Shell, report: str, *signers: str) -> None:
    sh("report", "submit", report, *signed(sh, report, *signers), "--account", "operator-a")


def test_audit_lease__cancelled__fee_is_recomputed(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 2, "--for", "8h", *LESSEE)["lease"]
    sh("lease", "cancel", lease, *LESSEE)
    assert audited(sh, lease).keys() == {"holds"}


def test_audit_lease__cancelled_later__costs_nothing(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 2, "--for", "8h", *LESSEE)["lease"]
    sh.clock.advance(2 * 3_600)
    sh("lease", "cancel", lease, *LESSEE)
    assert audited(sh, lease).keys() == {"holds"}
    assert sh.json("audit", "lease", lease)["fee"] == 0


def test_audit_lease__agreed__rent_holds_and_no_report_says_so(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    for who, out in (("operator-a", "a.json"), ("lessee-1", "b.json")):
        sh("lease", "agree", lease, "--delivered", "2", "--out", out, "--account", who)
    sh.clock.travel(sh.json("lease", "show", lease)["end"] + 2 * 86_400)
    sh("lease", "close", lease, "--account", "investor-3", "--agreed", "a.json", "--agreed", "b.json")
    found = audited(sh, lease)
    assert found.keys() == {"holds", "unknown"}
    assert found["unknown"] == {"delivery"}


@pytest.mark.parametrize(("who", "within_s"), [("lessee-1", 0), ("lessee-1", 2 * 3_600), ("operator-a", 60)])
def test_audit_lease__ended_early__end_and_fee_hold(sh: Shell, fleet: LiveFleet, who: str, within_s: int) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "96h", *LESSEE)["lease"]
    connection = sh.write("connection.txt", "ssh gpu@203.0.113.7")
    sh("lease", "grant", lease, "--gpu", "gpu-0", "--connection", connection, "--account", "operator-a")
    sh.clock.advance(within_s)
    sh("lease", "end", lease, "--account", who)
    sh.clock.travel(sh.json("lease", "show", lease)["end"] + 8 * 86_400)
    sh("lease", "close", lease, "--unproved", "--account", "investor-3")
    assert audited(sh, lease).keys() == {"holds"}


def test_audit_fleet__nothing_happened__holds(sh: Shell, fleet: LiveFleet) -> None:
    assert sh.json("audit", "fleet", fleet.fleet_id)["reports"] == []
    assert "0 holds, 0 unknown, 0 wrong" in sh("audit", "fleet", fleet.fleet_id)


def test_audit_fleet__posted_alone__is_a_head_by_time_and_by_touch(sh: Shell, fleet: LiveFleet) -> None:
    report = reported(sh, fleet)
    (signature,) = signed(sh, report, "reporter-a")
    sh("report", "post", report, signature, "--account", "operator-a")
    assert sh.json("audit", "fleet", fleet.fleet_id)["reports"] == []
    sh.clock.advance(86_400)
    by_time = sh.json("audit", "fleet", fleet.fleet_id)
    sh("report", "touch", fleet.fleet_id, "--account", "investor-3")
    by_touch = sh.json("audit", "fleet", fleet.fleet_id)
    for audit in (by_time, by_touch):
        (one,) = audit["reports"]
        assert one["digest"] == f"0x{ReportFile.read(Path(report)).digest.hex()}"
        assert verdicts(one).keys() == {"holds"}
        assert {"event", "what", "verdict", "said"} == one["checks"][0].keys()
        assert "reporter" in {check["said"] for check in one["checks"] if check["what"] == "signatures"}


def test_audit_fleet__restated_lower__holds_and_says_what_fell(sh: Shell, fleet: LiveFleet) -> None:
    report = reported(sh, fleet)
    carried(sh, report, "reporter-a", "verifier-1", "verifier-2")
    told = ReportFile.read(Path(report))
    lower = told.report.model_copy(
        update={
            "as_of": told.report.as_of + 60,
            "available_gpu_ms": told.report.available_gpu_ms - 1,
            "busy_gpu_ms": 0,
            "data_hash": bytes(31) + b"\1",
            "previous_digest": told.digest,
        }
    )
    path = told.model_copy(update={"report": lower}).write(sh.folder / "lower.report.json")
    signatures = signed(sh, str(path), "verifier-1", "verifier-3")
    restate = ("admin", "restate", path, *signatures, "--account", "arbiter")
    if sh.json(*restate)["scheduled_for"] is not None:
        twice(sh, restate)
    _, restated = sh.json("audit", "fleet", fleet.fleet_id)["reports"]
    said = {check["what"]: check for check in restated["checks"]}
    assert said["counters"]["said"] == "restated by a quorum: available_gpu_ms, busy_gpu_ms fell"
    assert said["signatures"]["said"] == "verifier 0, verifier 2"
    assert said["leaf file"]["verdict"] == "unknown"


def test_audit_fleet__quorum_that_lied__exits_with_one_and_names_the_event(sh: Shell, fleet: LiveFleet) -> None:
    report = reported(sh, fleet)
    opened(sh, fleet)
    told = ReportFile.read(Path(report))
    lie = told.report.model_copy(update={"busy_gpu_ms": told.report.busy_gpu_ms + 1})
    path = told.model_copy(update={"report": lie}).write(Path(report))
    carried(sh, str(path), "reporter-a", "verifier-1", "verifier-2")
    status, out, err = sh.run("audit", "fleet", fleet.fleet_id, "--json")
    assert status == 1
    assert "wrong" in verdicts(json.loads(out)["reports"][0])
    assert err.count("\n") == 1
    assert "AdvanceHead in block " in err
    assert "the report's busy_gpu_ms is" in err
    # people see the same, with what could not be verified
    status, out, err = sh.run("audit", "fleet", fleet.fleet_id)
    assert status == 1
    assert "What could not be verified, or is wrong" in out


def test_audit__bad_input__is_one_line(sh: Shell, fleet: LiveFleet) -> None:
    assert "there is no lease 77" in sh.refused("audit", "lease", 77)
    assert "unknown fleet" in sh.refused("audit", "fleet", 77)
    assert "nowhere is no folder" in sh.refused("audit", "fleet", fleet.fleet_id, "--leaf-files", "nowhere")
    report = reported(sh, fleet)
    carried(sh, report, "reporter-a", "verifier-1", "verifier-2")
    # a publisher that is not there is no mismatch
    audit = sh.json("audit", "fleet", fleet.fleet_id, "--from", "http://127.0.0.1:9")
    assert verdicts(audit["reports"][0])["unknown"] == {"leaf file"}
