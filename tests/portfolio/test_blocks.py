"""Blocks that cannot be read, each told from the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from web3 import Web3

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.contracts import System
from pyutils.deployment import Plan, deploy_system
from pyutils.portfolio import PinnedBlock, pin, read_fleets, read_position
from pyutils.portfolio.block import NoSuchBlockError, PrunedBlockError, ReplacedBlockError, unread
from pyutils.units import BlockNumber, UnixSeconds

BLOCK = PinnedBlock(number=BlockNumber(17), hash=bytes(32), at=UnixSeconds(1_700_000_000))


def test_read__block_whose_state_the_node_dropped__says_so(tmp_path: Path) -> None:
    arguments = ("--accounts", str(devnet.ACCOUNTS), "--prune-history")
    with Anvil.start(tmp_path / "anvil.log", arguments=arguments) as chain:
        web3 = connect([chain.url], devnet.CHAIN_ID)
        system = System.at(web3, deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3))
        there = pin(web3).number
        rpc.request(web3, "anvil_mine", hex(30))
        account = devnet.account("operator-a").address
        assert read_position(system, account).block.number == there + 30
        for job in (lambda: read_position(system, account, there), lambda: read_fleets(system, there)):
            with pytest.raises(PrunedBlockError, match=f"no state of block {there} any more") as caught:
                job()
            assert "archive node" in caught.value.line()


def test_read__block_that_was_replaced_meanwhile__says_so(web3: Web3, system: System) -> None:
    snapshot = rpc.request(web3, "evm_snapshot")
    rpc.request(web3, "evm_mine")
    gone = pin(web3)
    rpc.request(web3, "evm_revert", snapshot)
    with pytest.raises(rpc.RpcError) as caught:
        rpc.request(web3, "eth_getBalance", system.registry.address, gone.parameter)
    assert isinstance(unread(caught.value, gone), ReplacedBlockError)


@pytest.mark.parametrize(
    "said",
    [
        "missing trie node 5c4f (path ) state 0x5c4f is not available, not found",  # geth, hash scheme
        "historical state 0x5c4f is not available",  # geth, path scheme
        "required historical state unavailable (reexec=128)",
        "state at block #17 is pruned",  # Reth
        "old data not available due to pruning",  # Erigon
        "No state available for block 0x5c4f",  # Nethermind
    ],
)
def test_unread__what_nodes_say_of_dropped_state__is_told(said: str) -> None:
    found = unread(rpc.RpcError("eth_call", said), BLOCK)
    assert isinstance(found, PrunedBlockError)
    assert "block 17" in found.line()


@pytest.mark.parametrize("said", ["header not found", "hash 0x00 is not currently canonical", "unknown block"])
def test_unread__what_nodes_say_of_a_replaced_block__is_told(said: str) -> None:
    assert isinstance(unread(rpc.RpcError("eth_call", said), BLOCK), ReplacedBlockError)


def test_unread__anything_else__stays_as_it_was() -> None:
    error = rpc.RpcError("eth_call", "daily request count exceeded", -32005)
    assert unread(error, BLOCK) is error


def test_pin__future__names_the_newest(web3: Web3) -> None:
    newest = pin(web3).number
    with pytest.raises(NoSuchBlockError, match=f"block {newest + 5} is not there yet, the newest is {newest}"):
        pin(web3, newest + 5)


def test_age__clock_behind_the_chain__is_nothing() -> None:
    assert BLOCK.age_s(BLOCK.at + 7.9) == 7
    assert BLOCK.age_s(BLOCK.at - 100) == 0
