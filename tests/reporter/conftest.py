"""A fleet with leases to come, and daemons that live through its trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import rpc
from pyutils.demo.setting import PREPARATION_S

from .fleet_world import FleetWorld, small_trace


@pytest.fixture(scope="session")
def enrolled_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorld]:
    """Return a commissioned fleet an hour before its trace begins, once for each test process."""
    folder = tmp_path_factory.mktemp("fleet")
    begin = small_trace().first - PREPARATION_S
    arguments = ("--accounts", str(devnet.ACCOUNTS), "--chain-id", str(devnet.CHAIN_ID), "--timestamp", str(begin))
    with Anvil.start(folder / "anvil.log", arguments=arguments) as anvil:
        yield FleetWorld.begin(anvil, folder)


@pytest.fixture
def fleet_world(enrolled_fleet: FleetWorld, tmp_path: Path) -> Iterator[FleetWorld]:
    """Return the fleet with a folder of its own; the chain is as it was afterwards."""
    web3 = enrolled_fleet.world.web3
    snapshot = rpc.request(web3, "evm_snapshot")
    world = enrolled_fleet.again(tmp_path)
    world.set_base_fee(1)  # no snapshot keeps it
    yield world
    world.close()
    rpc.request(web3, "evm_revert", snapshot)
