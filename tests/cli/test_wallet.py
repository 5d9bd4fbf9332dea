"""Calls for wallets that sign elsewhere: printed, and what they do when the wallet makes them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.devnet import account

from .shell import LiveFleet, Shell


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


def wallet(name: str) -> tuple[str, str]:
    """Name a role's account as a wallet of which only the address is known."""
    return "--account", f"wallet:{account(name).address}"


def make(sh: Shell, call: dict[str, Any]) -> None:
    """Make a call as the wallet would: the chain lets everybody act for it here."""
    web3 = sh.chain.web3
    rpc.request(web3, "anvil_impersonateAccount", call["from"])
    message = {"from": call["from"], "to": call["to"], "value": hex(call["value"]), "data": call["data"]}
    sent = rpc.request(web3, "eth_sendTransaction", message)
    deadline = time.monotonic() + 10
    while (receipt := rpc.request(web3, "eth_getTransactionReceipt", sent)) is None:
        assert time.monotonic() < deadline, "it is in no block"
    rpc.request(web3, "anvil_stopImpersonatingAccount", call["from"])
    assert receipt["status"] == "0x1"


def test_wallet__role_without_delay__call_is_printed_and_nothing_is_sent(sh: Shell, system: System) -> None:
    before = rpc.request(sh.chain.web3, "eth_blockNumber")
    call = sh.json("migrate", "pause", *wallet("guardian"))
    assert call == {
        "call": "FleetRegistry.pause",
        "chain_id": 31337,
        "from": account("guardian").address,
        "to": system.registry.address,
        "value": 0,
        "data": "0x8456cb59",
    }
    assert "0x8456cb59" in sh("admin", "pause", *wallet("guardian"))
    assert rpc.request(sh.chain.web3, "eth_blockNumber") == before
    make(sh, call)
    assert system.registry.is_paused()


def test_wallet__role_with_delay__is_announced_and_made_by_two_calls(sh: Shell, system: System) -> None:
    sh("admin", "pause", "--account", "guardian")
    unpause = ("admin", "unpause", *wallet("parameters"))
    announce = sh.json(*unpause)
    assert (announce["call"], announce["to"]) == ("AccessManager.schedule", system.authority.address)
    make(sh, announce)
    assert "not ready" in sh.refused(*unpause)
    sh.clock.advance(2 * 86_400)
    execute = sh.json(*unpause)
    assert execute["call"] == "AccessManager.execute"
    make(sh, execute)
    assert not system.registry.is_paused()


def test_wallet__command_of_several_calls__each_is_printed_in_its_turn(sh: Shell, system: System) -> None:
    sh("faucet", "lender-1", "--account", "lender-1")
    deposit = ("vault", "deposit", "100", *wallet("lender-1"))
    approve = sh.json(*deposit)
    assert (approve["call"], approve["to"]) == ("TestStablecoin.approve", system.coin().address)
    make(sh, approve)
    call = sh.json(*deposit)
    assert call["call"] == "CreditVault.deposit"
    make(sh, call)
    assert sh.json("vault", "status", "lender-1")["lender"]["worth"] == 100 * 10**6


def test_wallet__what_the_contract_would_refuse__is_refused_before(sh: Shell, fleet: LiveFleet) -> None:
    assert "may not call FleetRegistry.pause" in sh.refused("admin", "pause", *wallet("risk"))
    assert "nothing to serve" in sh.refused("vault", "serve", *wallet("risk"))


def test_wallet__signature_is_wanted__says_that_nobody_has_its_keys(sh: Shell, fleet: LiveFleet) -> None:
    opening = ("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "1h", *wallet("lessee-1"))
    assert "signs its statements elsewhere" in sh.refused(*opening, "--pay", "permit")
    assert sh.json(*opening, "--pay", "approve")["call"] == "TestStablecoin.approve"


@pytest.mark.parametrize("text", ["wallet:", "wallet:0x12", "wallet:0x" + "ab" * 32])
def test_wallet__no_address__is_refused_and_not_repeated(sh: Shell, text: str) -> None:
    line = sh.refused("admin", "pause", "--account", text)
    assert "Write wallet:0xADDRESS" in line
    assert "abab" not in line
