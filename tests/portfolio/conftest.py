"""A chain that lived through the demo, once for each test process: every block of it is history to read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web3.types import RPCEndpoint, RPCResponse

from pyutils.contracts import System
from pyutils.demo import run_devnet
from pyutils.meter import Cast, synthetic_trace, write_trace
from pyutils.operations.history import block_number


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return the demo's system; nobody sends anything to it any more."""
    folder = tmp_path_factory.mktemp("lived")
    write_trace(synthetic_trace(5, Cast(steady=4, leaves=1, arrives=1, gappy=1), hours=2), folder / "trace.csv")
    devnet = run_devnet(folder / "trace.csv", folder / "out", folder / "state", folder=folder / "deployments")
    yield System.at(devnet.web3, devnet.manifest)
    devnet.anvil.stop()


@pytest.fixture(scope="session")
def blocks(lived: System) -> range:
    """Return the blocks at which every contract was there."""
    records = [record.block or 0 for _, record in lived.manifest.everything]
    return range(max(records), block_number(lived.web3, "latest") + 1)


@pytest.fixture
def quiet(lived: System) -> Iterator[list[str]]:
    """Return the methods that are asked for while the test runs."""
    provider, asked = lived.web3.provider, list[str]()
    original = provider.make_request

    def recording(method: RPCEndpoint, params: object) -> RPCResponse:
        asked.append(method)
        return original(method, params)

    provider.make_request = recording  # type: ignore[method-assign]
    yield asked
    provider.make_request = original  # type: ignore[method-assign]
