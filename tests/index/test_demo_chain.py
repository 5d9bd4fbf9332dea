"""The whole life that the demo plays, indexed: the contracts' own events, not made ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyutils.demo.run import run_devnet
from pyutils.devnet import Devnet
from pyutils.index.check import check

from .histories import SHAPES, naive_events
from .stage import Stage

_MOST_SILENT = 80
"""Events that a life without rare faults never sees."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    folder = tmp_path_factory.mktemp("life")
    devnet = run_devnet(None, folder / "out", folder / "state", folder=folder / "deployments")
    yield devnet
    devnet.anvil.stop()


def test_sync__whole_life__equals_the_naive_reading_and_the_chain(life: Devnet, database: str) -> None:
    stage = Stage(life.anvil.url, life.web3, life.manifest)
    stage.sync(database)
    assert stage.assert_same(database) > 300
    happened = {label for label, _, _ in naive_events(life.web3, life.manifest)}
    assert len(SHAPES) - len(happened) < _MOST_SILENT
    with stage.open(database) as index:
        found = check(index, stage.source())
        assert (found.differences, found.block) == ((), stage.head)
        fleets = [event.arguments["fleetId"] for event in index.events("FleetRegistry.Enrol")]
        for fleet_id in fleets:
            of_fleet = list(index.of_fleet(fleet_id))
            enrolment = next(event for event in of_fleet if event.name == "Enrol")
            transfers = list(index.events("FleetShares.Transfer", contract=enrolment.arguments["shares"]))
            assert [event for event in of_fleet if event in transfers] == transfers
            assert transfers
