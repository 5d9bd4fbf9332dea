"""What an account has and a fleet did, by commands, at blocks of the past, and what cannot be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyutils.devnet import account
from pyutils.portfolio import pin

from .lending import LENDER, draw, lend
from .shell import LiveFleet, Shell, opened, reported, signed

if TYPE_CHECKING:
    from tests.faulty_rpc import FaultyRpc, error
else:
    from faulty_rpc import FaultyRpc, error

ADDRESS = "0xBcd4042DE499D14e55001CcbB24a551F3b954096"


def test_positions__at_a_block_of_the_past__are_those_of_then(sh: Shell, fleet: LiveFleet) -> None:
    before = pin(sh.chain.web3).number
    lease = opened(sh, fleet)
    after = pin(sh.chain.web3).number
    sh("lease", "transfer", lease, "investor-1", "--account", "lessee-1")
    assert sh.json("positions", "lessee-1", "--block", before)["leases"] == []
    found = sh.json("positions", "lessee-1", "--block", after)
    assert [row["lease_id"] for row in found["leases"]] == [lease]
    assert found["block"]["number"] == after
    assert sh.json("positions", "lessee-1")["leases"] == []
    assert [row["lease_id"] for row in sh.json("positions", "investor-1")["leases"]] == [lease]


def test_positions__for_people__name_block_age_and_every_kind(sh: Shell, fleet: LiveFleet) -> None:
    draw(sh, fleet)
    said = sh("positions", "operator-a")
    at = pin(sh.chain.web3)
    assert f"{account('operator-a').address} at block {at.number}, " in said.splitlines()[0]
    assert " ago" in said.splitlines()[0]
    assert "Bonds" in said
    assert "Borrowed" in said
    lend(sh)
    sh("vault", "request-redeem", "1000", *LENDER)
    lent = sh("positions", "lender-1")
    assert "waiting to be redeemed" in lent
    opened(sh, fleet)
    assert "granted" in sh("positions", "lessee-1")


def test_positions__claimables__name_the_command(sh: Shell, fleet: LiveFleet) -> None:
    lease = sh.json("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1")["lease"]
    sh("lease", "cancel", lease, "--account", "lessee-1")
    found = sh.json("positions", "lessee-1")["claimables"]
    assert [(row["source"], row["command"]) for row in found] == [("lease_book", "gpurwa withdraw")]
    assert "gpurwa withdraw" in sh("positions", "lessee-1")
    sh("withdraw", "--account", "lessee-1")
    assert sh.json("positions", "lessee-1")["claimables"] == []


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("0x" + "00" * 20, "the zero address has no positions"),
        ("LeaseBook", "is a contract, the system's LeaseBook"),
        ("CreditVault", "is a contract, the system's CreditVault"),
        ("0x4e59b44847b379578588920cA78FbF26c0B4956C", "is a contract. "),
        ("investor.eth", "'investor.eth' is no address, but a name as ENS has them"),
        (ADDRESS.replace("B", "b", 1), "has a wrong checksum"),
        (ADDRESS[:-1], "is no address of 20 bytes"),
        ("nobody", "is no address of 20 bytes"),
    ],
)
def test_positions__of_what_has_none__one_clear_line(sh: Shell, fleet: LiveFleet, who: str, said: str) -> None:
    assert said in sh.refused("positions", who)


def test_positions__of_a_contract_that_is_meant__are_shown(sh: Shell, fleet: LiveFleet) -> None:
    found = sh.json("positions", "LeaseBook", "--contract")
    assert found["is_contract"] is True


@pytest.mark.parametrize("command", [("positions", "operator-a"), ("fleet", "show", 1), ("fleet", "list")])
def test_reads__block_that_cannot_be_read__one_clear_line(sh: Shell, fleet: LiveFleet, command: tuple[str]) -> None:
    newest = pin(sh.chain.web3).number
    assert f"block {newest + 1} is not there yet, the newest is {newest}" in sh.refused(*command, "--block", newest + 1)
    assert "not there yet" in sh.refused(*command, "--block", 10**30)
    assert "the system was deployed from block" in sh.refused(*command, "--block", "earliest")
    assert "neither a block number nor" in sh.refused(*command, "--block", "yesterday")


def test_fleet_show__after_a_report__says_what_the_fleet_did_and_how_old_that_is(sh: Shell, fleet: LiveFleet) -> None:
    assert sh.json("fleet", "show", fleet.fleet_id)["figures"]["meter"] is None
    assert "none yet" in sh("fleet", "show", fleet.fleet_id)
    report = reported(sh, fleet)
    signatures = signed(sh, report, "reporter-a", "verifier-1", "verifier-2")
    sh("report", "submit", report, *signatures, "--account", "operator-a")
    figures = sh.json("fleet", "show", fleet.fleet_id)["figures"]
    head = sh.json("fleet", "head", fleet.fleet_id)
    at = sh.json("fleet", "show", fleet.fleet_id)["block"]["at"]
    assert figures["meter"]["age_s"] == at - head["as_of"]
    # Samples are of every GPU and busy by halves.
    assert 0.49 < figures["meter"]["utilization_wad"] / 10**18 <= 0.5
    assert figures["meter"]["energy_wh"] == head["energy_joules"] // 3_600
    said = sh("fleet", "show", fleet.fleet_id)
    assert "kWh" in said
    assert "before the block" in said


def test_fleet_show__with_a_loan__says_debt_and_coverage(sh: Shell, fleet: LiveFleet) -> None:
    assert sh.json("fleet", "show", fleet.fleet_id)["figures"]["debt"] is None
    loan = draw(sh, fleet)
    debt = sh.json("fleet", "show", fleet.fleet_id)["figures"]["debt"]
    status = sh.json("credit", "status", loan)
    assert debt["loan_id"] == loan
    assert debt["principal"] == status["debt"]["principal"]
    assert debt["breach_limit"] == status["health"]["breach_limit"]
    assert debt["state"] == "open"
    said = sh("fleet", "show", fleet.fleet_id)
    assert "debt over pledge" in said
    assert "coverage" in said


def test_fleet_list__for_people__says_its_block(sh: Shell, fleet: LiveFleet) -> None:
    assert f"at block {pin(sh.chain.web3).number}, " in sh("fleet", "list").splitlines()[0]


def test_reads__node_without_the_block_s_state__one_clear_line(sh: Shell, fleet: LiveFleet) -> None:
    with FaultyRpc(sh.chain.anvil.url) as node:
        node.fault("eth_call", error("missing trie node 5c4f (path ) state 0x5c4f is not available, not found"))
        for command in (("positions", "operator-a"), ("fleet", "list")):
            assert "the node keeps no state of block" in sh.refused(*command, "--rpc", node.url)
