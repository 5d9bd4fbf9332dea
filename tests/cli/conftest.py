"""A devnet with the system on it, and a fleet that takes business."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyutils.chain import rpc
from pyutils.devnet import start_devnet

from .shell import START, DeployedChain, LiveFleet, Shell


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedChain]:
    folder = tmp_path_factory.mktemp("devnet")
    chain = start_devnet(folder / "deployments", timestamp=START)
    yield DeployedChain(chain.anvil, chain.web3, chain.manifest, folder)
    chain.anvil.stop()


@pytest.fixture
def sh(
    deployed: DeployedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """Return a shell in an empty folder beside the devnet's record; the chain is as it was afterwards."""
    snapshot = rpc.request(deployed.web3, "evm_snapshot")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deployments").symlink_to(deployed.folder / "deployments")
    for name in ("NETWORK", "RPC_URLS", "KEYSTORE", "PASSWORD_FILE", "MANIFEST", "OUT"):
        monkeypatch.delenv(f"GPURWA_{name}", raising=False)
    monkeypatch.setenv("GPURWA_STATE", str(tmp_path / "state"))
    yield Shell(deployed, capsys, tmp_path)
    rpc.request(deployed.web3, "evm_revert", snapshot)


@pytest.fixture
def fleet(sh: Shell) -> LiveFleet:
    """Return a fleet of four GPUs, enrolled as the README's operator does it."""
    gpu_ids = tuple(f"gpu-{number}" for number in range(4))
    gpus = sh.write("gpus.txt", "".join(f"{gpu_id}\n" for gpu_id in gpu_ids))
    sh.write("papers.txt", "what was checked\n")
    sh.write("deed.txt", "the deed\n")
    sh("admin", "admit", "operator", "operator-a", "--checked", "papers.txt", "--account", "registrar")
    sh("admin", "admit", "lessee", "lessee-1", "--checked", "papers.txt", "--account", "registrar")
    enrolled = sh.json(
        "fleet", "enroll", "--class", "H100-SXM5-80GB", "--region", "DE-HE", "--gpus", gpus, "--cadence", "60s",
        "--floor", "1", "--price", "2.5", "--insured-until", START + 10**8, "--deed", "deed.txt",
        "--account", "operator-a",
    )  # fmt: skip
    fleet_id = enrolled["fleet"]
    confirm = ("admin", "confirm", fleet_id, "--gpus", gpus, "--account", "registrar")
    appoint = ("admin", "verifiers", fleet_id, "verifier-1", "verifier-2", "verifier-3", "--quorum", 2)
    for command in (confirm, (*appoint, "--account", "verifier-admin")):
        assert sh.json(*command)["scheduled_for"] is not None
    sh.clock.advance(2 * 86_400)
    for command in (confirm, (*appoint, "--account", "verifier-admin")):
        assert sh.json(*command)["scheduled_for"] is None
    sh("fleet", "reporter", fleet_id, "reporter-a", "--account", "operator-a")
    for who in ("operator-a", "lessee-1", "investor-1"):
        sh("faucet", who, "--account", who)
    sh("bond", "stake", fleet_id, "5000", "--account", "operator-a")
    return LiveFleet(fleet_id, gpus, gpu_ids)
