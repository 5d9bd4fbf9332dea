"""A devnet with the system on it, and a fleet that takes business, once for each test process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyutils.chain import rpc
from pyutils.devnet import start_devnet

from .shell import START, DeployedChain, LiveFleet, Shell, confirm, enroll, twice

GPU_IDS = tuple(f"gpu-{number}" for number in range(4))
FLEET = 1


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedChain]:
    """Return a chain on which a fleet of four GPUs was enrolled; its files and state lie beside the record."""
    folder = tmp_path_factory.mktemp("devnet")
    chain = start_devnet(folder / "deployments", timestamp=START)
    found = DeployedChain(chain.anvil, chain.web3, chain.manifest, folder)
    with pytest.MonkeyPatch.context() as patch:
        (folder / "home").mkdir()
        _settle_in(patch, found, folder / "home")
        _enrol(Shell(found, folder / "home"))
    yield found
    chain.anvil.stop()


@pytest.fixture
def sh(deployed: DeployedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Return a shell in a folder with what enrolling left; the chain is as it was afterwards."""
    snapshot = rpc.request(deployed.web3, "evm_snapshot")
    shutil.copytree(deployed.folder / "home", tmp_path, dirs_exist_ok=True, symlinks=True)
    _settle_in(monkeypatch, deployed, tmp_path)
    yield Shell(deployed, tmp_path)
    rpc.request(deployed.web3, "evm_revert", snapshot)


@pytest.fixture
def fleet(sh: Shell) -> LiveFleet:
    """Return the fleet that every shell finds."""
    return LiveFleet(FLEET, GPU_IDS)


def _settle_in(patch: pytest.MonkeyPatch, chain: DeployedChain, home: Path) -> None:
    patch.chdir(home)
    if not (home / "deployments").exists():
        (home / "deployments").symlink_to(chain.folder / "deployments")
    for name in ("NETWORK", "RPC_URLS", "KEYSTORE", "PASSWORD_FILE", "MANIFEST", "OUT"):
        patch.delenv(f"GPURWA_{name}", raising=False)
    patch.setenv("GPURWA_STATE", str(home / "state"))


def _enrol(sh: Shell) -> None:
    sh.write("papers.txt", "what was checked\n")
    sh.write("deed.txt", "the deed\n")
    for kind, who in (("operator", "operator-a"), ("lessee", "lessee-1")):
        sh("admin", "admit", kind, who, "--checked", "papers.txt", "--account", "registrar")
    assert enroll(sh, GPU_IDS) == FLEET
    appoint = ("admin", "verifiers", FLEET, "verifier-1", "verifier-2", "verifier-3", "--quorum", 2)
    twice(sh, confirm(sh, FLEET, GPU_IDS), (*appoint, "--account", "verifier-admin"))
    sh("fleet", "reporter", FLEET, "reporter-a", "--account", "operator-a")
    for who in ("operator-a", "lessee-1", "investor-1"):
        sh("faucet", who, "--account", who)
    sh("bond", "stake", FLEET, "5000", "--account", "operator-a")
