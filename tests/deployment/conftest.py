"""Fixtures of deployments to a testnet: a chain, and a developer in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import rpc

from .practice import Developer, give, reach, start_testnet


@pytest.fixture(scope="session")
def testnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    """Run one chain for this test process that behaves like a testnet and makes a block for each transaction."""
    with start_testnet(tmp_path_factory.mktemp("testnet") / "anvil.log") as chain:
        yield chain


@pytest.fixture
def chain(testnet: Anvil) -> Iterator[Web3]:
    """Return that chain, and put it back as it was afterwards."""
    web3 = reach(testnet.url)
    # Putting a chain back leaves the next block's base fee where a test before had brought it.
    rpc.request(web3, "anvil_setNextBlockBaseFeePerGas", hex(10**9))
    rpc.request(web3, "evm_mine")
    snapshot = rpc.request(web3, "evm_snapshot")
    yield web3
    rpc.request(web3, "anvil_dropAllTransactions")
    rpc.request(web3, "evm_revert", snapshot)


@pytest.fixture
def developer(testnet: Anvil, chain: Web3, tmp_path: Path) -> Developer:
    """Return a developer with a funded key and a plan."""
    someone = Developer(tmp_path / "developer", testnet.url)
    give(chain, someone.signer.address)
    return someone
