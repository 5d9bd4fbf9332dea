"""Leaving a deployment: new business stops, and what runs runs out by the very commands that are printed."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from pyutils.contracts import System
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.devnet import account
from pyutils.operations.history import block_time
from pyutils.units import FleetId, LoanId

from .lending import LENDER, OWNER, draw, lend
from .shell import LiveFleet, Shell, enroll, metered, opened, reported, signed, twice

ACCOUNTS = {account(name).address: name for name in DEV_ACCOUNTS}
ANYONE = "keeper"
ANYBODY = ("--account", ANYONE)


class Migrator:
    """Does what `migrate status` says, step by step, as whoever it names."""

    def __init__(self, sh: Shell, fleet: LiveFleet) -> None:
        self.sh, self.fleet = sh, fleet
        self.done: list[str] = []

    def look(self) -> dict[str, Any]:
        """Return what is left; status 1 exactly where something is."""
        status, out, err = self.sh.run("migrate", "status", "--json")
        found: dict[str, Any] = json.loads(out)
        assert (status, found["ran_out"]) in {(0, True), (1, False)}, err
        return found

    def run_out(self) -> None:
        """Obey until nothing is left; where nothing can be done now, let time pass until something can."""
        for _ in range(200):
            found = self.look()
            if found["ran_out"]:
                return
            steps = [step for one in found["obligations"] for step in one["steps"]]
            ready = [step for step in steps if step["not_before"] is None and not step["after"] and step["command"]]
            if ready:
                self.obey(ready[0])
            else:
                times = [step["not_before"] for step in steps if step["not_before"] is not None and not step["after"]]
                assert times, found["obligations"]
                self.sh.clock.travel(max(min(times), found["block"]["at"] + 1))
        raise AssertionError(f"it never ends: {found['obligations']}")

    def obey(self, step: dict[str, Any]) -> None:
        """Make a step by its command, as one of those it names; what people fill in is filled in."""
        words = shlex.split(step["command"])[1:]
        who = ACCOUNTS[step["accounts"][0]] if step["accounts"] else ANYONE
        self.done.append(" ".join(words[:2]))
        if words[:2] == ["operator", "once"]:
            self.report(int(words[words.index("--as-of") + 1]))
            return
        if "PUBLISHER" in words:
            words[words.index("--from") : words.index("PUBLISHER") + 1] = []  # leaf files lie here
        words = ["--struck" if word == "--upheld|--struck" else word for word in words]
        self.sh(*words, "--account", who)

    def report(self, as_of: int) -> None:
        """Do what `operator once` does: a report that two verifiers sign."""
        begin = self.sh.json("fleet", "show", self.fleet.fleet_id)["fleet"]["commissioned_at"]
        start = begin - begin % 60
        trace = metered(self.sh, self.fleet, start, (as_of - start) // 3_600 + 2)
        file = self.sh.json("report", "build", self.fleet.fleet_id, "--trace", trace, "--as-of", as_of)["report"]
        self.sh("report", "submit", file, *signed(self.sh, file, "reporter-a", "verifier-1", "verifier-2"), *OWNER)


@pytest.fixture
def migrator(sh: Shell, fleet: LiveFleet) -> Migrator:
    return Migrator(sh, fleet)


def kinds(found: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in found["obligations"]]


def test_pause__by_the_guardian__stops_new_business_and_lists_what_runs(sh: Shell, fleet: LiveFleet) -> None:
    lease = opened(sh, fleet)
    printed = sh("migrate", "pause", "--account", "guardian")
    assert printed.startswith("new business is stopped (block ")
    assert str(lease) in printed
    again = sh.json("migrate", "pause", "--account", "guardian")
    assert (again["transaction"], again["is_paused"]) == (None, True)
    assert again["obligations"][0]["what"] == (f"lease {lease} of 1 GPUs of fleet {fleet.fleet_id}, 20 TUSD held, runs")
    for business in (
        ("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "1h", "--account", "lessee-1"),
        ("vault", "deposit", "1", *LENDER),
        ("credit", "request", fleet.fleet_id, "--principal", "1000", "--months", "12", *OWNER),
    ):
        if business[0] == "vault":
            sh("faucet", "lender-1", *LENDER)
        assert "paused" in sh.refused(*business), business
    with pytest.raises(AssertionError, match="paused"):
        enroll(sh, ("other-gpu",))


def test_pause__by_somebody_else__says_who_may(sh: Shell) -> None:
    line = sh.refused("migrate", "pause", "--account", "risk")
    assert line.startswith(f"gpurwa: {account('risk').address} may not call FleetRegistry.pause; the guardian may, ")
    assert account("guardian").address in line
    assert sh.json("read", "FleetRegistry", "isPaused") is False


def test_status__nobody_paused__names_the_guardian_first(sh: Shell, fleet: LiveFleet) -> None:
    status, out, err = sh.run("migrate", "status")
    assert status == 1
    assert "gpurwa migrate pause --network devnet" in out
    assert account("guardian").address in out
    assert err.startswith("gpurwa: 3 things still run: 1 × new business, 1 × fleet, 1 × bond. ")


def test_status__unpausing_is_announced__the_call_is_listed(sh: Shell, migrator: Migrator) -> None:
    sh("migrate", "pause", "--account", "guardian")
    sh("admin", "unpause", "--account", "parameters")
    (one,) = (one for one in migrator.look()["obligations"] if one["kind"] == "announced")
    assert one["what"].startswith("FleetRegistry.unpause(), by parameters")
    migrator.obey(one["steps"][0])
    assert "announced" not in kinds(migrator.look())


def test_status__earlier_block__as_it_was_then(sh: Shell, fleet: LiveFleet, migrator: Migrator) -> None:
    before = migrator.look()
    opened(sh, fleet)
    assert "lease" in kinds(migrator.look())
    status, out, _ = sh.run("migrate", "status", "--json", "--block", before["block"]["number"])
    assert status == 1
    assert json.loads(out)["obligations"] == before["obligations"]


def test_status__lease_nobody_granted__the_lessee_cancels_and_takes_its_money(
    sh: Shell, fleet: LiveFleet, migrator: Migrator
) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1")["lease"]
    at = block_time(sh.chain.web3, "latest")
    (one,) = (one for one in migrator.look()["obligations"] if one["kind"] == "lease")
    free, anyone = one["steps"]
    assert free["command"] == anyone["command"] == f"gpurwa lease cancel {lease} --network devnet"
    assert free["accounts"] == [account("lessee-1").address]
    assert (free["not_before"], anyone["not_before"]) == (at + 3_600, at + 86_400)
    sh("migrate", "pause", "--account", "guardian")
    migrator.run_out()
    assert "lease cancel" in migrator.done
    assert "withdraw --network" in migrator.done


@pytest.mark.parametrize("reports", [True, False])
def test_status__lease_that_is_over__is_closed_by_a_report_or_after_the_proof_deadline(
    sh: Shell, fleet: LiveFleet, migrator: Migrator, reports: bool
) -> None:
    lease = opened(sh, fleet)
    sh("migrate", "pause", "--account", "guardian")
    end = sh.json("lease", "show", lease)["end"]
    sh.clock.travel(end + 200)
    (one,) = (one for one in migrator.look()["obligations"] if one["kind"] == "lease")
    report, close, unproved = one["steps"]
    assert report["command"] == f"gpurwa operator once {fleet.fleet_id} --as-of {end} --network devnet"
    assert report["not_before"] is None
    assert close["after"]
    assert unproved["not_before"] == end + 7 * 86_400
    if reports:
        migrator.report(end)
        migrator.run_out()
        assert "lease close" in migrator.done
        assert {"shares collect", f"claim {fleet.fleet_id}"} <= set(migrator.done)
    else:
        sh.clock.travel(unproved["not_before"] - 120)
        words = shlex.split(unproved["command"])[1:]
        assert "proof deadline running" in sh.refused(*words, *ANYBODY)
        sh.clock.travel(unproved["not_before"])
        sh(*words, *ANYBODY)
        migrator.run_out()
        assert "operator once" not in migrator.done
    assert sh.json("lease", "show", lease)["closed"]


@pytest.mark.parametrize("disputed", [True, False])
def test_status__report_that_stands_alone__its_stake_comes_back(
    sh: Shell, fleet: LiveFleet, migrator: Migrator, disputed: bool
) -> None:
    file = reported(sh, fleet)
    sh("report", "post", file, *signed(sh, file, "reporter-a"), *OWNER)
    if disputed:
        sh("faucet", "verifier-3", "--account", "verifier-3")
        sh("report", "dispute", fleet.fleet_id, "--account", "verifier-3")
    sh("migrate", "pause", "--account", "guardian")
    found = migrator.look()
    assert kinds(found) == ["dispute" if disputed else "report", "fleet", "bond"]
    one = found["obligations"][0]
    assert one["amount"] == (2 if disputed else 1) * 10**9
    if not disputed:
        # Its time has come, and nobody wrote it down: the stake is still there.
        sh.clock.travel(one["steps"][0]["not_before"] + 1)
        assert kinds(migrator.look())[0] == "report"
    migrator.run_out()
    assert ("admin rule" if disputed else "report touch") in migrator.done
    assert ("bond collect-slashed" in migrator.done) is disputed


def test_status__everything_at_once__runs_out_by_the_commands_that_are_printed(
    sh: Shell, fleet: LiveFleet, migrator: Migrator
) -> None:
    loan = draw(sh, fleet)
    lend(sh, 1_000)
    sh("faucet", "lender-2", "--account", "lender-2")
    sh("vault", "deposit", "700", "--account", "lender-2")
    sh("vault", "request-redeem", "300", "--account", "lender-2")
    lease = opened(sh, fleet)
    sh("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "4h", "--account", "lessee-1")
    other = enroll(sh, ("other-gpu",))
    sh("credit", "request", other, "--principal", "1000", "--months", 12, *OWNER)

    sh("migrate", "pause", "--account", "guardian")
    found = migrator.look()
    counts = {kind: kinds(found).count(kind) for kind in kinds(found)}
    assert counts == {"lease": 2, "loan": 2, "fleet": 2, "bond": 2, "lent": 2, "redemption": 2}
    drawn = next(one for one in found["obligations"] if one["what"].startswith(f"loan {loan} "))
    assert drawn["amount"] == sum(sh.json("credit", "status", loan)["debt"].values())
    assert drawn["steps"][0]["accounts"] == [account("operator-a").address]

    migrator.run_out()
    for command in (
        "lease end", "lease cancel", "operator once", "lease close", "credit repay", "credit cancel", "shares collect",
        "vault request-redeem", "vault serve", "vault claim", "fleet wind-down", "bond unbond", "bond withdraw",
        "withdraw --network",
    ):  # fmt: skip
        assert command in migrator.done, command
    assert sh("migrate", "status").startswith("Nothing runs any more on devnet at block ")
    assert sh.json("lease", "show", lease)["closed"]
    # Nothing is left in the contracts but what rounding keeps.
    system = System.at(sh.chain.web3, sh.chain.manifest)
    coin = system.coin()
    for name, record in sh.chain.manifest.everything:
        assert coin.balance_of(record.address) <= 2, name
    for number in (fleet.fleet_id, other):
        assert coin.balance_of(system.shares(FleetId(number)).address) <= 2


def test_status__lot_that_the_vault_took__is_offered_and_sold(sh: Shell, fleet: LiveFleet, migrator: Migrator) -> None:
    system = System.at(sh.chain.web3, sh.chain.manifest)
    (market,) = system.credit_markets()
    loan = draw(sh, fleet)
    sh("migrate", "pause", "--account", "guardian")
    sh.clock.advance(3 * 86_400)
    sh("credit", "mark", loan, *ANYBODY)

    def steps(kind: str) -> list[dict[str, Any]]:
        (one,) = (one for one in migrator.look()["obligations"] if one["kind"] == kind)
        found: list[dict[str, Any]] = one["steps"]
        return found

    start = steps("loan")[2]
    assert start["command"] == f"gpurwa credit auction start {loan} --network devnet"
    migrator.obey(start)
    assert steps("loan")[2]["command"] == f"gpurwa credit bid {loan} --lot --network devnet"
    while market.auction.sale(LoanId(loan)).lot_elapsed < 72 * 3_600:
        sh.clock.advance(3_600 - 1)
        market.auction.touch(system.lane(account(ANYONE)), LoanId(loan))
    sh("credit", "auction", "give", loan, *ANYBODY)

    offer, bid = steps("lot")
    assert (offer["role"], offer["accounts"], bid["after"]) == ("risk", [account("risk").address], "it is offered")
    words = shlex.split(offer["command"].replace("PRICE", "9000"))[1:]
    twice(sh, (*words, "--account", "risk"))
    bid = steps("lot")[1]
    assert bid["after"] == ""
    sh("faucet", ANYONE, *ANYBODY)
    migrator.obey(bid)
    migrator.run_out()
    assert system.registry.owner_of(FleetId(fleet.fleet_id)) == account(ANYONE).address


def test_status__of_one_account__only_what_it_has_to_do(sh: Shell, fleet: LiveFleet, migrator: Migrator) -> None:
    lend(sh, 1_000)
    opened(sh, fleet)
    assert len(migrator.look()["obligations"]) == 6
    for who, expected in (("lender-1", ["lent"]), ("lessee-1", ["lease"]), ("bidder", []), ("guardian", ["business"])):
        status, out, _ = sh.run("migrate", "status", "--of", who, "--json")
        assert [one["kind"] for one in json.loads(out)["obligations"]] == expected
        assert status == bool(expected)
