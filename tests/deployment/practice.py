"""A chain that behaves like a testnet, and a developer's folder with a key, a plan and what is known of that chain.

No unlocked accounts, blocks on their own beat, another chain id, no CREATE2 deployer: what a public testnet may be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import LocalSigner, connect, rpc
from pyutils.deployment.plan_file import example_text
from pyutils.deployment.roles import Role
from pyutils.keccak import keccak256

CHAIN_ID: Final = 777_001
NETWORK: Final = "practice"
PASSWORD: Final = "correct horse"
ETHER: Final = 10**18
PATIENCE_S: Final = 240.0

FLAGS: Final = ("--chain-id", str(CHAIN_ID), "--accounts", "0", "--gas-limit", "30000000")
"""Of an anvil that behaves so."""


def key_of(who: str) -> bytes:
    """Return the key of somebody in these tests; nobody else has it."""
    return keccak256(f"practice {who}".encode())


def signer_of(who: str) -> LocalSigner:
    """Return somebody's account."""
    return LocalSigner(key_of(who))


def networks_text(*, step_depth: int = 0, depth: int = 0, mainnet: bool = False, more: str = "") -> str:
    """Return what the developer says of the chain."""
    return (
        f'[{NETWORK}]\ntitle = "Practice"\nchain_id = {CHAIN_ID}\nmainnet = {str(mainnet).lower()}\ncurrency = "ETH"\n'
        f"step_depth = {step_depth}\ndepth = {depth}\n{more}"
    )


def plan_text(deployer: str | None = None, changes: Mapping[str, str] = {}) -> str:
    """Return the example plan with accounts of this test's own, and a test coin in place of a stablecoin."""
    text = example_text(NETWORK)
    text = text.replace('tokens = ["USDC"]', "").replace('token = "USDC"\n', "")
    text = text.replace("# [test_coin]", "[test_coin]").replace("# [test_collateral]", "[test_collateral]")
    lines = text.splitlines()
    section, result = "", []
    for line in lines:
        section = line.strip("[]") if line.startswith("[") else section
        name = section.removeprefix("roles.")
        if line.startswith("deployer = "):
            result += [] if deployer is None else [f'deployer = "{deployer}"']
        elif line.startswith("holders = "):
            result.append(f'holders = ["{signer_of(name).address}"]')
        elif line.startswith("recipient = "):
            result.append(f'recipient = "{signer_of("treasury").address}"')
        else:
            result.append(line)
    text = "\n".join(result) + "\n"
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Developer:
    """A folder in which somebody runs `gpurwa deploy`."""

    def __init__(self, folder: Path, url: str, *, who: str = "developer") -> None:
        self.folder, self.url, self.signer = folder, url, signer_of(who)
        self.deployments = folder / "deployments"
        self.record = self.deployments / f"{NETWORK}.json"
        self.journal = self.deployments / f"{NETWORK}.journal"
        self.lock = self.deployments / f"{NETWORK}.lock"
        self.deployments.mkdir(parents=True)
        self.write_networks()
        self.write_plan()
        # Few rounds of key derivation: a keystore is opened for every process of these tests.
        keystore = Account.encrypt(key_of(who), PASSWORD, kdf="pbkdf2", iterations=10)
        (folder / "key.json").write_text(json.dumps(keystore))
        (folder / "password").write_text(PASSWORD + "\n")

    def write_networks(self, **values: Any) -> None:
        """Say something else of the chain."""
        (self.deployments / "networks.toml").write_text(networks_text(**values))

    def write_plan(self, changes: Mapping[str, str] = {}) -> None:
        """Change the plan."""
        path = self.deployments / f"{NETWORK}.plan.toml"
        path.write_text(plan_text(self.signer.address, changes))

    def command(self, *more: str, url: str | None = None) -> list[str]:
        """Return the command line that deploys."""
        program = Path(sys.executable).parent / "gpurwa"
        where = ("--network", NETWORK, "--rpc", url or self.url)
        return [str(program), "deploy", *where, "--account", "key.json", "--password-file", "password", *more]

    def start(self, *more: str, url: str | None = None) -> subprocess.Popen[str]:
        """Start to deploy."""
        return subprocess.Popen(
            self.command("--yes", *more, url=url),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def deploy(self, *more: str, url: str | None = None) -> tuple[int, str, str]:
        """Deploy, and return exit status, output and errors."""
        process = self.start(*more, url=url)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the developer's shell, without settings of whoever runs the tests."""
        return {name: value for name, value in os.environ.items() if not name.startswith("GPURWA_")}

    def left_over(self) -> list[str]:
        """Return the files that a deployment left beside record, plan and networks."""
        kept = {self.record.name, f"{NETWORK}.plan.toml", "networks.toml"}
        return sorted(path.name for path in self.deployments.iterdir() if path.name not in kept)


def start_testnet(log: Path, *flags: str, block_time: float | None = None) -> Anvil:
    """Start a chain that behaves like a testnet; a block for each transaction unless a beat is given."""
    beat: Sequence[str] = () if block_time is None else ("--block-time", str(block_time))
    return Anvil.start(log, arguments=(*FLAGS, *beat, *flags))


def give(web3: Web3, account: str, wei: int = 100 * ETHER) -> None:
    """Let an account hold something."""
    rpc.request(web3, "anvil_setBalance", account, hex(wei))


def reach(url: str) -> Web3:
    """Return the chain behind an endpoint."""
    return connect([url], CHAIN_ID)


def nonce(web3: Web3, account: str) -> int:
    """Return how many transactions of an account are in blocks."""
    return int(rpc.request(web3, "eth_getTransactionCount", account, "latest"), 16)


ROLES: Final = tuple(role.name.lower().replace("_", "-") for role in Role)
