"""A development chain with the system on it, left running until it is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from web3 import Web3

from pyutils.anvil import STOP_TIMEOUT_S, Anvil, states_folder
from pyutils.chain import RpcPolicy, connect, dev_signer, rpc
from pyutils.chain.signer import LocalSigner
from pyutils.deployment import DEV_ACCOUNTS, Plan, deploy_system
from pyutils.deployment.run import journal_path
from pyutils.errors import ChainError, InputError
from pyutils.manifest import USER_FOLDER, Manifest, user_path

CHAIN_ID: Final = 31337
NETWORK: Final = "devnet"
ACCOUNTS: Final = max(DEV_ACCOUNTS.values()) + 1
"""How many accounts of the development mnemonic have ether."""
_ASK_ONCE: Final = RpcPolicy(timeout_s=5.0, connect_timeout_s=2.0, rounds=1)


class DevnetRunningError(InputError):
    """A devnet runs already."""

    remedy = "Use it with GPURWA_NETWORK=devnet, or stop it with `gpurwa devnet --stop`"

    def __init__(self, url: str) -> None:
        super().__init__(f"a devnet runs already, at {url}")
        self.url = url


class NoDevnetError(InputError):
    """There is no devnet to stop."""

    remedy = "Start one with `gpurwa devnet`"


def account(name: str) -> LocalSigner:
    """Return the development account of a role, such as `operator-a`; `DEV_ACCOUNTS` names all."""
    return dev_signer(CHAIN_ID, DEV_ACCOUNTS[name])


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running development chain and what was deployed on it."""

    anvil: Anvil
    web3: Web3
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class RunningDevnet:
    """A devnet that some process started: where it answers, and which process it is."""

    url: str
    pid: int


def start_devnet(
    folder: Path = USER_FOLDER, *, timestamp: int | None = None, port: int = 0, plan: Plan | None = None
) -> Devnet:
    """Start anvil, deploy, and write the record of network `devnet`. The chain outlives this process.

    Args:
        folder: where records of the user's own deployments stand; anvil's log and process id go beside them.
        timestamp: time of the first block, Unix seconds; now by default.
        port: where to listen; 0 lets the system choose.
        plan: what to deploy; the defaults by default.

    Raises:
        DevnetRunningError: one runs already; it goes on.

    """
    plan = plan or Plan.default(CHAIN_ID)
    refuse_second(folder)
    arguments = ["--accounts", str(max(DEV_ACCOUNTS.values()) + 1), "--chain-id", str(CHAIN_ID)]
    if timestamp is not None:
        arguments += ["--timestamp", str(timestamp)]
    anvil = Anvil.start(folder / f"{plan.network}.log", port=port, arguments=arguments)
    try:
        _pid_path(folder).write_text(f"{anvil.process.pid} {anvil.url}\n")
        web3 = connect([anvil.url], CHAIN_ID)
        record = user_path(plan.network, folder)
        # Whatever was recorded was on a chain that is gone.
        record.unlink(missing_ok=True)
        journal_path(record).unlink(missing_ok=True)
        manifest = deploy_system(account("deployer"), plan, web3, record=record, rpc_urls=(anvil.url,))
    except BaseException:
        anvil.stop()
        _pid_path(folder).unlink(missing_ok=True)
        raise
    return Devnet(anvil, web3, manifest)


def find_devnet(folder: Path = USER_FOLDER) -> RunningDevnet | None:
    """Return the devnet whose process id stands in `folder`, or None where it does not run any more."""
    try:
        pid, url = _pid_path(folder).read_text().split()
        running = RunningDevnet(url, int(pid))
    except (FileNotFoundError, ValueError):
        return None
    return running if _is_alive(running) else None


def refuse_second(folder: Path = USER_FOLDER) -> None:
    """Raise `DevnetRunningError` where a devnet of `folder` runs."""
    running = find_devnet(folder)
    if running is not None:
        raise DevnetRunningError(running.url)


def stop_devnet(folder: Path = USER_FOLDER) -> RunningDevnet:
    """End the devnet of `folder`, wait until it is gone, and remove its record. Raises `NoDevnetError`."""
    running = find_devnet(folder)
    if running is None:
        raise NoDevnetError(f"no devnet of {folder} runs")
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _is_alive(running):
        if time.monotonic() >= deadline:
            os.kill(running.pid, signal.SIGKILL)
        time.sleep(0.05)
    shutil.rmtree(states_folder(folder / f"{NETWORK}.log"), ignore_errors=True)
    user_path(NETWORK, folder).unlink(missing_ok=True)
    _pid_path(folder).unlink(missing_ok=True)
    return running


def _pid_path(folder: Path) -> Path:
    return folder / f"{NETWORK}.pid"


def _is_alive(devnet: RunningDevnet) -> bool:
    """Return whether the process is there and its chain answers: process ids and ports are used again by others."""
    try:
        os.kill(devnet.pid, 0)
    except (ProcessLookupError, PermissionError, OverflowError):
        return False
    try:
        return rpc.chain_id(connect([devnet.url], CHAIN_ID, _ASK_ONCE)) == CHAIN_ID
    except ChainError:
        return False
