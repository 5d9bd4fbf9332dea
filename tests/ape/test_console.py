"""What an ape user has at hand: the deployed system in the console, keyfile accounts, and networks by their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account

from pyutils.anvil import Anvil
from pyutils.chain import LocalSigner, connect, rpc
from pyutils.chain.signer import _dev_signer
from pyutils.contracts import System
from pyutils.deployment import DEV_ACCOUNTS, Plan, Role, deploy_system
from pyutils.toolchain import PROJECT_ROOT

KEY = bytes(range(101, 133))
PASSPHRASE = "correct horse"
BASE_SEPOLIA = 84532


@dataclass(frozen=True)
class Deployed:
    """A chain that says it is Base Sepolia, with the system on it; the keyfile's account is the guardian."""

    system: System
    url: str
    folder: Path

    def ape(self, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ape as its user does: from the project's folder, with accounts of its own."""
        program = Path(sys.executable).parent / "ape"
        own: Mapping[str, str] = {
            "APE_DATA_FOLDER": str(self.folder / "ape"),
            "GPURWA_RECORD": str(self.folder / "base-sepolia.json"),
        }
        return subprocess.run(
            [program, *map(str, arguments)],
            cwd=PROJECT_ROOT, env={**os.environ, **own, **variables}, input="", capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    @property
    def network(self) -> str:
        return f"base:sepolia:{self.url}"


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    accounts = tmp_path / "ape" / "accounts"
    accounts.mkdir(parents=True)
    keyfile = Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=2)
    (accounts / "guard.json").write_text(json.dumps(keyfile))
    arguments = ("--accounts", str(max(DEV_ACCOUNTS.values()) + 1), "--chain-id", str(BASE_SEPOLIA))
    with Anvil.start(tmp_path / "anvil.log", arguments=arguments) as chain:
        web3 = connect([chain.url])
        holders = {role: _dev_signer(DEV_ACCOUNTS["admin"]).address for role in Role}
        holders[Role.GUARDIAN] = LocalSigner(KEY).address
        rpc.request(web3, "anvil_setBalance", LocalSigner(KEY).address, hex(10**18))
        plan = Plan.default(BASE_SEPOLIA, holders, network="base-sepolia")
        record = tmp_path / "base-sepolia.json"
        manifest = deploy_system(_dev_signer(0), plan, web3, record=record)
        yield Deployed(System.at(web3, manifest), chain.url, tmp_path)


def test_console__deployed_system__is_at_hand_as_wrappers_and_as_contracts(deployed: Deployed) -> None:
    lines = [
        "found = contracts()",
        "print('title', found.FleetRegistry.fleetCount(), found.LeaseBook.address == system().lease_book.address)",
        "print('cap', found.CreditVault.cap())",
        "found.TestStablecoin.mint(role('lessee-1'), 7, sender=role('lessee-1'))",
        "print('coins', system().coin().balance_of(role('lessee-1').address))",
        "system().coin().mint(lane(role('keeper')), role('keeper').address, 9)",
        "print('kept', found.TestStablecoin.balanceOf(role('keeper')), len(positions(role('keeper').address).coins))",
    ]
    done = deployed.ape("console", "--network", deployed.network, "-c", "\n".join(lines))
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ("title 0 True", f"cap {10_000_000 * 10**6}", "coins 7", "kept 9 1"):
        assert said in done.stdout, done.stdout + done.stderr


def test_run__keyfile_account_whose_passphrase_is_in_the_environment__signs_and_shows_no_key(
    deployed: Deployed,
) -> None:
    run = ("run", "migrate", "--account", "guard", "--network", deployed.network)
    done = deployed.ape(*run, APE_ACCOUNTS_guard_PASSPHRASE=PASSPHRASE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert deployed.system.registry.is_paused()
    assert "0 things still run" in done.stdout
    for form in (KEY.hex(), str(int.from_bytes(KEY)), PASSPHRASE):
        assert form not in done.stdout + done.stderr
        for path in (path for path in deployed.folder.rglob("*") if path.is_file()):
            assert form.encode() not in path.read_bytes(), path


def test_run__keyfile_account_and_nobody_to_type__ends_without_signing(deployed: Deployed) -> None:
    done = deployed.ape("run", "migrate", "--account", "guard", "--network", deployed.network)
    assert done.returncode != 0
    assert not deployed.system.registry.is_paused()


def test_run__roles__deployer_can_do_nothing_and_the_guardian_can(deployed: Deployed) -> None:
    done = deployed.ape("run", "roles", "--network", deployed.network)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "functions that it may call: none of 162" in done.stdout
    held = deployed.ape("run", "roles", "--of", LocalSigner(KEY).address, "--network", deployed.network)
    assert held.returncode == 1
    assert "it holds guardian" in held.stdout
