"""A fleet with leases to come, and daemons that live through its trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.demo.setting import PREPARATION_S

from .fleet_world import FleetWorld, small_trace


@pytest.fixture
def fleet_world(tmp_path: Path) -> Iterator[FleetWorld]:
    """Return a commissioned fleet an hour before its trace begins, on a chain of its own."""
    begin = small_trace().first - PREPARATION_S
    arguments = ("--accounts", "25", "--chain-id", str(devnet.CHAIN_ID), "--timestamp", str(begin))
    with Anvil.start(tmp_path / "anvil.log", arguments=arguments) as anvil:
        world = FleetWorld.begin(anvil, tmp_path)
        yield world
        world.close()
