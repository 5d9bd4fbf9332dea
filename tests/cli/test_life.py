"""The whole life of a fleet, a lease and its revenue, by commands alone."""

from __future__ import annotations

import pytest

from .shell import LiveFleet, Shell, metered, signed

HOUR_MS = 3_600_000


def test_life__from_enrolment_to_claim__money_arrives(sh: Shell, fleet: LiveFleet) -> None:
    quote = sh.json("lease", "quote", fleet.fleet_id, "--gpus", 2, "--for", "8h")
    assert quote["deposit"] == 2 * 8 * 2_500_000
    assert quote["reservation"] == quote["deposit"] // 10
    assert quote["free_gpus"] == 4
    opened = sh.json("lease", "open", fleet.fleet_id, "--gpus", 2, "--for", "8h", "--account", "lessee-1")
    lease = opened["lease"]
    sh.write("connection.txt", "ssh gpu@203.0.113.7")
    sh(
        "lease", "grant", lease, "--gpu", "gpu-0", "--gpu", "gpu-1", "--connection", "connection.txt",
        "--account", "operator-a",
    )  # fmt: skip
    assert sh("lease", "access", lease).strip() == "ssh gpu@203.0.113.7"
    granted_at = sh.json("lease", "show", lease)["granted_at"]

    start = granted_at - granted_at % 60
    trace = metered(sh, fleet, start, 9)
    as_of = granted_at + 8 * 3_600
    sh.clock.travel(as_of + 200)
    report = sh.json("report", "build", fleet.fleet_id, "--trace", trace, "--as-of", as_of)
    signatures = signed(sh, report["report"], "reporter-a", "verifier-1", "verifier-3")
    verified = sh.json("report", "verify", report["report"], *signatures, "--trace", trace)
    assert verified["against_samples"] is True
    assert min(verified["signers"].values()) == "reporter"
    sh("report", "submit", report["report"], *signatures, "--account", "operator-a")
    proof = sh.json("report", "proof", lease)
    assert proof["delivered_gpu_ms"] == 2 * 8 * HOUR_MS

    settled = sh.json("settle", "--fleet", fleet.fleet_id, "--account", "investor-2")
    assert settled["rent"] == 2 * 8 * 2_500_000
    closed = sh.json("lease", "close", lease, "--account", "investor-2")
    assert closed["refund"] == 0
    assert closed["sla_credit"] == 0

    sh("shares", "transfer", fleet.fleet_id, "investor-1", "250000", "--account", "operator-a")
    sh("shares", "collect", fleet.fleet_id, "--account", "investor-2")
    sh.clock.advance(2 * 86_400)
    revenue = sh.json("shares", "show", fleet.fleet_id)["revenue"]
    assert revenue["routed"] == settled["rent"]
    claimed = sh.json("claim", fleet.fleet_id, "--account", "investor-1")
    assert revenue["shares"] // 4 - claimed["amount"] in {0, 1}
    sh("claim", fleet.fleet_id, "--title", "--account", "operator-a")
    sent = sh.json("withdraw", "--account", "operator-a")
    assert [one["amount"] for one in sent] == [revenue["operating"]]
    position = sh.json("positions", "investor-1")
    assert position["shares"][0]["shares"] == 250_000 * 10**18
    assert position["shares"][0]["claimable"] == 0


@pytest.mark.parametrize("command", [["fleet", "list"], ["roles"], ["doctor"], ["positions", "operator-a"]])
def test_reads__for_people_and_for_programs__both_print(sh: Shell, fleet: LiveFleet, command: list[str]) -> None:
    assert sh(*command)
    assert sh.json(*command)
