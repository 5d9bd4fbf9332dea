"""`gpurwa fleet show --history`: leases that end in any way, and reports that come in any way, read from the chain."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from pyutils.chain import rpc
from pyutils.devnet import account
from pyutils.operations.report_files import ReportFile

from .lending import draw
from .shell import LiveFleet, Shell, opened, reported, signed, twice

STAKE = 1_000_000_000
LESSEE = ("--account", "lessee-1")
OPERATOR = ("--account", "operator-a")
DISPUTER = ("--account", "verifier-3")
ANYONE = ("--account", "investor-3")
QUORUM = ("reporter-a", "verifier-1", "verifier-2")
DAY = 86_400


def history(sh: Shell, fleet: LiveFleet) -> Any:
    """Return what events tell of the fleet."""
    return sh.json("fleet", "show", fleet.fleet_id, "--history")["history"]


def incidents(sh: Shell, fleet: LiveFleet) -> list[tuple[str, str]]:
    """Return what happened and what came of it."""
    return [(one["kind"], one["outcome"]) for one in history(sh, fleet)["incidents"]]


@pytest.fixture
def posted(sh: Shell, fleet: LiveFleet) -> str:
    """Return a report that the operator posted alone."""
    report = reported(sh, fleet)
    sh("faucet", "verifier-3", *DISPUTER)
    sh("report", "post", report, *signed(sh, report, "reporter-a"), *OPERATOR)
    return report


def now(sh: Shell) -> int:
    return int(sh.chain.web3.eth.get_block("latest")["timestamp"])


def other(report: str, name: str, **changes: Any) -> str:
    """Write a report with some fields changed."""
    told = ReportFile.read(Path(report))
    path = Path(report).with_name(name)
    return str(told.model_copy(update={"report": told.report.model_copy(update=changes)}).write(path))


def test_posted__nobody_disputes__is_open_then_final_and_paid_back_once_written_down(
    sh: Shell, fleet: LiveFleet, posted: str
) -> None:
    at = now(sh)
    (one,) = history(sh, fleet)["incidents"]
    assert (one["kind"], one["outcome"], one["amount"], one["decided_at"]) == ("posted_alone", "open", STAKE, None)
    assert one["who"] == [account("operator-a").address]
    assert (one["at"], one["as_of"]) == (at, ReportFile.read(Path(posted)).report.as_of)
    liveness = sh.json("read", "MeterOracle", "liveness")
    sh.clock.advance(liveness + 7)
    found = history(sh, fleet)
    (by_time,) = found["incidents"]
    assert (by_time["outcome"], by_time["decided_at"], by_time["paid"]) == ("final", at + liveness, [])
    assert found["origins"]["meter"]["told_by"] == "PostPending"
    sh("report", "touch", fleet.fleet_id, *ANYONE)
    found = history(sh, fleet)
    (written,) = found["incidents"]
    assert (written["outcome"], written["decided_at"]) == ("final", at + liveness)
    assert written["paid"] == [{"to": account("operator-a").address, "amount": STAKE}]
    assert found["origins"]["meter"]["told_by"] == "AdoptPending"
    assert [name.split()[0] for name in written["events"]] == ["PostPending", "AdoptPending"]


@pytest.mark.parametrize(
    ("ruling", "outcome", "winner"), [("--struck", "struck", "verifier-3"), ("--upheld", "upheld", "operator-a")]
)
def test_dispute__ruled__decides_report_and_dispute_and_says_who_got_what(
    sh: Shell, fleet: LiveFleet, posted: str, ruling: str, outcome: str, winner: str
) -> None:
    sh("report", "dispute", fleet.fleet_id, *DISPUTER)
    assert incidents(sh, fleet) == [("posted_alone", "open"), ("dispute", "open")]
    sh("admin", "rule", fleet.fleet_id, ruling, "--account", "arbiter")
    report, dispute = history(sh, fleet)["incidents"]
    assert (report["outcome"], dispute["outcome"]) == (outcome, outcome)
    assert report["decided_at"] == dispute["decided_at"] == now(sh)
    assert dispute["who"] == [account("verifier-3").address]
    assert dispute["digest"] == report["digest"] == f"0x{ReportFile.read(Path(posted)).digest.hex()}"
    assert report["paid"] == []
    assert dispute["paid"] == [
        {"to": account(winner).address, "amount": STAKE + STAKE // 2},
        {"to": sh.chain.manifest.address("LossFund"), "amount": STAKE // 2},
    ]
    last = "DropPending" if outcome == "struck" else "AdoptPending"
    names = [name.split()[0] for name in report["events"]]
    assert names == ["PostPending", "OpenDispute", "RuleDispute", last]


def test_dispute__nobody_rules__stakes_go_back(sh: Shell, fleet: LiveFleet, posted: str) -> None:
    sh("report", "dispute", fleet.fleet_id, *DISPUTER)
    sh.clock.advance(14 * DAY + 1)
    sh("report", "expire-dispute", fleet.fleet_id, *ANYONE)
    report, dispute = history(sh, fleet)["incidents"]
    assert (report["outcome"], dispute["outcome"]) == ("expired", "expired")
    assert {one["to"]: one["amount"] for one in dispute["paid"]} == {
        account("operator-a").address: STAKE,
        account("verifier-3").address: STAKE,
    }


@pytest.mark.parametrize(("same", "outcome"), [(True, "signed"), (False, "superseded")])
def test_posted__quorum_takes_the_head__says_whether_with_the_same_report(
    sh: Shell, fleet: LiveFleet, posted: str, same: bool, outcome: str
) -> None:
    report = posted if same else other(posted, "other.report.json", busy_gpu_ms=1)
    sh("report", "submit", report, *signed(sh, report, *QUORUM), *OPERATOR)
    (one,) = history(sh, fleet)["incidents"]
    assert (one["outcome"], one["decided_at"]) == (outcome, now(sh))
    assert one["paid"] == [{"to": account("operator-a").address, "amount": STAKE}]


def test_dispute__quorum_superseded_its_report__decides_stakes_alone(sh: Shell, fleet: LiveFleet, posted: str) -> None:
    sh("report", "dispute", fleet.fleet_id, *DISPUTER)
    better = other(posted, "other.report.json", busy_gpu_ms=1)
    sh("report", "submit", better, *signed(sh, better, *QUORUM), *OPERATOR)
    assert incidents(sh, fleet) == [("posted_alone", "superseded"), ("dispute", "open")]
    sh("admin", "rule", fleet.fleet_id, "--struck", "--account", "arbiter")
    report, dispute = history(sh, fleet)["incidents"]
    assert (report["outcome"], report["paid"], dispute["outcome"]) == ("superseded", [], "struck")
    assert dispute["paid"][0] == {"to": account("verifier-3").address, "amount": STAKE + STAKE // 2}
    assert [name.split()[0] for name in dispute["events"]] == ["OpenDispute", "SupersedeDispute", "RuleDispute"]


def test_posted__struck_and_posted_again__are_two(sh: Shell, fleet: LiveFleet, posted: str) -> None:
    sh("report", "dispute", fleet.fleet_id, *DISPUTER)
    sh("admin", "rule", fleet.fleet_id, "--struck", "--account", "arbiter")
    sh("faucet", "operator-a", *OPERATOR)
    sh("report", "post", posted, *signed(sh, posted, "reporter-a"), *OPERATOR)
    assert incidents(sh, fleet) == [("posted_alone", "struck"), ("dispute", "struck"), ("posted_alone", "open")]


def test_restated__counters_fell__says_by_how_much_and_who_signed(sh: Shell, fleet: LiveFleet) -> None:
    report = reported(sh, fleet)
    sh("report", "submit", report, *signed(sh, report, *QUORUM), *OPERATOR)
    told = ReportFile.read(Path(report))
    lower = other(
        report,
        "lower.report.json",
        as_of=told.report.as_of + 60,
        available_gpu_ms=told.report.available_gpu_ms - 1,
        busy_gpu_ms=0,
        data_hash=bytes(31) + b"\1",
        previous_digest=told.digest,
    )
    restate = ("admin", "restate", lower, *signed(sh, lower, "verifier-1", "verifier-3"), "--account", "arbiter")
    if sh.json(*restate)["scheduled_for"] is not None:
        twice(sh, restate)
    found = history(sh, fleet)
    (one,) = found["incidents"]
    assert (one["kind"], one["outcome"], one["as_of"]) == ("restatement", "restated", told.report.as_of + 60)
    assert one["changed"] == {"available_gpu_ms": -1, "busy_gpu_ms": -told.report.busy_gpu_ms}
    assert one["who"] == ["verifier 0", "verifier 2"]
    assert [name.split()[0] for name in one["events"]] == ["Restate", "AdvanceHead"]
    assert found["origins"]["incidents"]["events"] == 2
    assert len(found["intervals"]) == 1, "differences across a restatement mean nothing"
    assert re.search(r"restatements +1 restated", sh("fleet", "show", fleet.fleet_id, "--history"))


def test_lie__proved__names_the_operator_and_who_got_its_stake(sh: Shell, fleet: LiveFleet) -> None:
    first = reported(sh, fleet)
    second = other(first, "second.report.json", busy_gpu_ms=1)
    (by_first,), (by_second,) = signed(sh, first, "reporter-a"), signed(sh, second, "reporter-a")
    sh("report", "prove-lie", first, by_first, second, by_second, *ANYONE)
    (one,) = history(sh, fleet)["incidents"]
    assert (one["kind"], one["outcome"], one["amount"]) == ("lie", "slashed", STAKE)
    assert one["who"] == [account("operator-a").address]
    assert one["paid"] == [
        {"to": account("investor-3").address, "amount": STAKE // 10},
        {"to": sh.chain.manifest.address("LossFund"), "amount": STAKE - STAKE // 10},
    ]


def test_sla__lease_that_the_operator_ended__pays_credit_and_compensation(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "96h", *LESSEE)["lease"]
    connection = sh.write("connection.txt", "ssh gpu@203.0.113.7")
    sh("lease", "grant", lease, "--gpu", "gpu-0", "--connection", connection, *OPERATOR)
    (one,) = history(sh, fleet)["sla"]["leases"]
    assert (one["standing"], one["availability_wad"], one["fell_below"]) == ("running", None, 0)
    sh("lease", "end", lease, *OPERATOR)
    end = sh.json("lease", "show", lease)["end"]
    sh.clock.travel(end + 8 * DAY)
    (one,) = history(sh, fleet)["sla"]["leases"]
    assert (one["standing"], one["end"], one["ended_by"]) == ("ended", end, "operator")
    before = sh.json("bond", "show", fleet.fleet_id)["slashed"]
    sh("lease", "close", lease, "--unproved", *ANYONE)
    found = history(sh, fleet)
    (one,), sla = found["sla"]["leases"], found["sla"]
    assert (one["standing"], one["availability_wad"], one["fell_below"]) == ("closed", 0, 3)
    # nothing was proved: the top credit is the whole reservation, and leaves nothing for compensation
    deposit = 96 * 2_500_000
    assert (one["deposit"], one["sla_credit"], one["compensation"]) == (deposit, deposit // 10, 0)
    assert sla["sla_credits"] + sla["compensation"] == sh.json("bond", "show", fleet.fleet_id)["slashed"] - before
    assert (sla["closed"], sla["below"], sla["availability_wad"]) == (1, [1, 1, 1], 0)
    assert [name.split()[0] for name in one["events"]] == ["Close", "Slash"]
    assert found["origins"]["bond"]["events"] == 1


def test_sla__delivered_in_full_and_ended_by_the_operator__is_compensated_alone(sh: Shell, fleet: LiveFleet) -> None:
    begin = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["commissioned_at"]
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "96h", *LESSEE)["lease"]
    connection = sh.write("connection.txt", "ssh gpu@203.0.113.7")
    sh("lease", "grant", lease, "--gpu", "gpu-0", "--connection", connection, *OPERATOR)
    sh("lease", "end", lease, *OPERATOR)
    end = sh.json("lease", "show", lease)["end"]
    for who, out in (("operator-a", "a.json"), ("lessee-1", "b.json")):
        granted = sh.json("lease", "show", lease)["granted_at"]
        hours = f"{(end - granted) / 3_600:.3f}"
        sh("lease", "agree", lease, "--delivered", hours, "--out", out, "--account", who)
    sh.clock.travel(end + 2 * DAY)
    sh("lease", "close", lease, *ANYONE, "--agreed", "a.json", "--agreed", "b.json")
    found = history(sh, fleet)
    (one,) = found["sla"]["leases"]
    assert (one["ended_by"], one["fell_below"], one["sla_credit"]) == ("operator", 0, 0)
    terms = sh.json("read", "LeaseTerms", "termsOf", 1)
    deposit = 96 * 2_500_000
    assert one["compensation"] == min(deposit // 10, 2_500_000 * terms["compensation"] // 3_600) > 0
    assert found["sla"]["compensation"] == one["compensation"]
    assert begin <= one["begin"] < one["end"] < one["agreed_end"]


def test_sla__cancelled__is_no_period_and_its_fee_is_told(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 2, "--for", "8h", *LESSEE)["lease"]
    (one,) = history(sh, fleet)["sla"]["leases"]
    assert (one["standing"], one["begin"], one["end"]) == ("waiting", 0, 0)
    sh("lease", "cancel", lease, *LESSEE)
    sla = history(sh, fleet)["sla"]
    (one,) = sla["leases"]
    assert (one["standing"], one["availability_wad"], one["fee"]) == ("cancelled", None, 2 * 2_500_000)
    assert (sla["closed"], sla["availability_wad"], sla["thresholds"], sla["fees"]) == (0, None, None, one["fee"])


def test_leasing__released_before_it_is_closed__counts_until_the_release(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    (opening, one), *_ = history(sh, fleet)["leasing"]["leased"]["steps"]
    assert one == 1
    sh.clock.travel(sh.json("lease", "show", lease)["end"] + 60)
    sh("lease", "release", lease, *ANYONE)
    released = now(sh)
    sh.clock.advance(8 * DAY)
    sh("lease", "close", lease, "--unproved", *ANYONE)
    leasing = history(sh, fleet)["leasing"]
    assert leasing["leased"]["steps"] == [[opening, 1], [released, 0]]
    assert leasing["leased_gpu_ms"] == (released - opening) * 1_000
    assert leasing["origin"]["events"] == 3
    assert sum(day["leased_gpu_ms"] for day in leasing["days"]) == leasing["leased_gpu_ms"]


def test_show__csv__has_every_interval_with_what_was_leased(sh: Shell, fleet: LiveFleet) -> None:
    opened(sh, fleet)
    report = reported(sh, fleet)
    sh("report", "submit", report, *signed(sh, report, *QUORUM), *OPERATOR)
    assert "written: intervals.csv" in sh("fleet", "show", fleet.fleet_id, "--csv", "intervals.csv")
    told = ReportFile.read(Path(report)).report
    with (sh.folder / "intervals.csv").open() as text:
        (row,) = csv.DictReader(text)
    begin = sh.json("fleet", "show", fleet.fleet_id)["fleet"]["commissioned_at"]
    ((opening, _),) = history(sh, fleet)["leasing"]["leased"]["steps"]
    assert {name: int(row[name]) for name in list(row)[:7]} == {
        "begin": begin,
        "end": told.as_of,
        "capacity_gpu_ms": 4 * (told.as_of - begin) * 1_000,
        "available_gpu_ms": told.available_gpu_ms,
        "busy_gpu_ms": told.busy_gpu_ms,
        "leased_gpu_ms": (told.as_of - max(opening, begin)) * 1_000,
        "energy_joules": told.energy_joules,
    }
    assert row["signers"] == "reporter, verifier 1, verifier 2", "by their place, which is that of their addresses"
    assert row["event"].startswith("AdvanceHead in block ")
    taken = sh.write("taken", "a file")
    assert "taken" in sh.refused("fleet", "show", fleet.fleet_id, "--csv", taken / "intervals.csv")


def test_show__without_history__is_two_requests(sh: Shell, fleet: LiveFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    original = rpc.request

    def recording(web3: Any, method: str, *arguments: Any) -> Any:
        asked.append(method)
        return original(web3, method, *arguments)

    monkeypatch.setattr(rpc, "request", recording)
    sh("fleet", "show", fleet.fleet_id)
    assert [method for method in asked if method != "eth_chainId"] == ["eth_getBlockByNumber", "eth_call"]
    sh("fleet", "show", fleet.fleet_id, "--history")
    assert "eth_getLogs" in asked


def test_show__history_of_a_fleet_where_nothing_happened__says_so(sh: Shell, fleet: LiveFleet) -> None:
    sh.clock.advance(60)
    said = sh("fleet", "show", fleet.fleet_id, "--history")
    assert "no event until block" in said
    found = history(sh, fleet)
    assert (found["intervals"], found["leases"], found["incidents"]) == ([], [], [])
    assert found["earnings"]["per_delivered_gpu_hour"] is None
    assert found["earnings"]["per_available_gpu_hour"] is None
    assert found["leasing"]["leased_wad"] == 0
    assert found["origins"]["meter"]["age_s"] is None


def test_show__history_with_a_loan__names_the_events_of_its_debt(sh: Shell, fleet: LiveFleet) -> None:
    assert history(sh, fleet)["origins"]["debt"]["told_by"] == "FleetCredit.loanOf"
    draw(sh, fleet)
    origin = history(sh, fleet)["origins"]["debt"]
    assert (origin["told_by"], origin["events"], origin["age_s"]) == ("DrawLoan", 1, 0)
    assert origin["first"] == origin["last"]
    assert "DrawLoan in block" in sh("fleet", "show", fleet.fleet_id, "--history")


def test_show__history_from_the_index__is_that_from_the_node(sh: Shell, fleet: LiveFleet, posted: str) -> None:
    sh("report", "dispute", fleet.fleet_id, *DISPUTER)
    sh("admin", "rule", fleet.fleet_id, "--upheld", "--account", "arbiter")
    lease = opened(sh, fleet)
    sh("lease", "end", lease, *LESSEE)
    show = ("fleet", "show", fleet.fleet_id, "--history")
    assert "there is no index" in sh.refused(*show, "--from-index")
    sh("index", "sync")
    found = sh.json(*show, "--from-index", "--csv", "indexed.csv")
    assert found == sh.json(*show, "--csv", "node.csv")
    assert len(found["history"]["incidents"]) == 2
    assert (sh.folder / "indexed.csv").read_text() == (sh.folder / "node.csv").read_text()
    behind = sh.json("index", "status")["block"] + 1
    assert f"block {behind}" in sh.refused(*show, "--from-index", "--block", behind)
    assert "no events are asked for" in sh.refused("fleet", "show", fleet.fleet_id, "--from-index")
