"""Fixtures that every test may ask for: the traces beside the project, and one anvil for each test process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from web3 import Web3

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect, rpc
from pyutils.contracts import System
from pyutils.deployment import Plan, deploy_system
from pyutils.toolchain import PROJECT_ROOT


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the root of the checkout."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def traces() -> Path:
    """Return the folder of recorded traces, `GPURWA_TRACES` or `../shared/data`; skip where there is none."""
    folder = Path(os.environ.get("GPURWA_TRACES", PROJECT_ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no traces in {folder}: set GPURWA_TRACES")
    return folder


@pytest.fixture(scope="session")
def duty_cycle_trace(traces: Path) -> Path:
    """Return the trace of duty cycles that the demo replays; skip where it is not there."""
    file = traces / "gpu_duty_cycle.csv.gz"
    if not file.is_file():
        pytest.skip(f"no {file.name} in {traces}: set GPURWA_TRACES")
    return file


@pytest.fixture(scope="session")
def compiled(request: pytest.FixtureRequest) -> Path:
    """Return where explorers on this machine keep what they compiled, by compiler and input, also for later runs."""
    cache = request.config.cache
    assert cache is not None
    return cache.mkdir("compiled")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a headless Chromium; skip where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: install Debian's package chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    """Run one anvil for this test process, on a port of its own."""
    with Anvil.start(
        tmp_path_factory.mktemp("anvil") / "anvil.log", arguments=("--accounts", str(devnet.ACCOUNTS))
    ) as chain:
        yield chain


@pytest.fixture
def web3(anvil: Anvil) -> Iterator[Web3]:
    """Return the test process's chain, and put it back as it was afterwards."""
    chain = connect([anvil.url], devnet.CHAIN_ID)
    snapshot = rpc.request(chain, "evm_snapshot")
    yield chain
    # What waits for a block would get one after the chain is put back, in the middle of the next test.
    rpc.request(chain, "anvil_dropAllTransactions")
    rpc.request(chain, "evm_revert", snapshot)


@pytest.fixture
def system(web3: Web3) -> System:
    """Return the system, freshly deployed, its roles held by the development accounts."""
    return System.at(web3, deploy_system(devnet.account("deployer"), Plan.default(devnet.CHAIN_ID), web3))
