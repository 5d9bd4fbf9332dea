"""Leases that end otherwise than by a report, and that change hands, by commands; read from the chain afterwards."""

from __future__ import annotations

from pyutils.devnet import account

from .shell import LiveFleet, Shell, opened

LESSEE = ("--account", "lessee-1")


def test_close__agreed_by_both_sides__pays_what_they_signed(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    for who, out in (("operator-a", "a.json"), ("lessee-1", "b.json"), ("lessee-2", "c.json")):
        sh("lease", "agree", lease, "--delivered", "2", "--out", out, "--account", who)
    close = ("lease", "close", lease, "--account", "investor-3", "--agreed", "a.json", "--agreed")
    assert "mutual too early" in sh.refused(*close, "b.json")
    sh.clock.travel(sh.json("lease", "show", lease)["end"] + 2 * 86_400)
    assert "is missing" in sh.refused(*close, "c.json")
    closed = sh.json(*close, "b.json")
    assert closed["refund"] == 6 * 2_500_000
    shown = sh.json("lease", "show", lease)
    assert (shown["closed"], shown["paid"], shown["held"]) == (True, 2 * 2_500_000, 0)


def test_revoke_agreement__earlier_signatures__are_worthless(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    for who, out in (("operator-a", "a.json"), ("lessee-1", "b.json")):
        sh("lease", "agree", lease, "--delivered", "2", "--out", out, "--account", who)
    sh("lease", "revoke-agreement", lease, *LESSEE)
    line = sh.refused("lease", "close", lease, "--agreed", "a.json", "--agreed", "b.json", *LESSEE)
    assert "were revoked" in line
    assert sh.json("lease", "show", lease)["closed"] is False


def test_cancel__before_the_grant__all_but_an_hour_goes_back(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 2, "--for", "8h", *LESSEE)["lease"]
    sh("lease", "cancel", lease, *LESSEE)
    shown = sh.json("lease", "show", lease)
    assert (shown["closed"], shown["fee"], shown["refunded"]) == (True, 5_000_000, 35_000_000)
    assert sh.json("fleet", "show", fleet.fleet_id)["leased_gpus"] == 0


def test_transfer_and_rekey__new_owner__reads_what_is_granted_again(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    sh("lease", "user", lease, "lessee-3", "--until", "2030-01-01", *LESSEE)
    sh("lease", "transfer", lease, "lessee-2", *LESSEE)
    assert sh.json("lease", "show", lease)["owner"] == account("lessee-2").address
    assert sh.refused("lease", "rekey", lease, *LESSEE)
    sh("lease", "rekey", lease, "--account", "lessee-2")
    connection = sh.write("again.txt", "ssh gpu@203.0.113.8")
    grant = ("lease", "grant", lease, "--gpu", fleet.gpu_ids[1], "--connection", connection)
    sh(*grant, "--account", "operator-a")
    assert sh("lease", "access", lease).strip() == "ssh gpu@203.0.113.8"


def test_end_and_release__within_the_first_hour__gpus_are_free(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    end = sh.json("lease", "end", lease, *LESSEE)["end"]
    assert end < sh.json("lease", "show", lease)["granted_at"] + 8 * 3_600
    assert sh.refused("lease", "release", lease, "--account", "investor-3")
    sh.clock.travel(end + 1)
    sh("lease", "release", lease, "--account", "investor-3")
    assert sh.json("fleet", "show", fleet.fleet_id)["leased_gpus"] == 0
