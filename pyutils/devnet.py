"""A development chain with the system on it, left running."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from web3 import Web3

from pyutils.anvil import Anvil
from pyutils.chain import connect, dev_signer
from pyutils.chain.signer import LocalSigner
from pyutils.deployment import DEV_ACCOUNTS, Plan, deploy_system
from pyutils.manifest import USER_FOLDER, Manifest, user_path

CHAIN_ID = 31337


def account(name: str) -> LocalSigner:
    """Return the development account of a role, such as `operator-a`; `DEV_ACCOUNTS` names all."""
    return dev_signer(CHAIN_ID, DEV_ACCOUNTS[name])


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running development chain and what was deployed on it."""

    anvil: Anvil
    web3: Web3
    manifest: Manifest


def start_devnet(
    folder: Path = USER_FOLDER, *, timestamp: int | None = None, port: int = 0, plan: Plan | None = None
) -> Devnet:
    """Start anvil, deploy, and write the record of network `devnet`. The chain outlives this process.

    Args:
        folder: where records of the user's own deployments stand; anvil's log goes beside them.
        timestamp: time of the first block, Unix seconds; now by default.
        port: where to listen; 0 lets the system choose.
        plan: what to deploy; the defaults by default.

    """
    plan = plan or Plan.default(CHAIN_ID)
    arguments = ["--accounts", str(max(DEV_ACCOUNTS.values()) + 1), "--chain-id", str(CHAIN_ID)]
    if timestamp is not None:
        arguments += ["--timestamp", str(timestamp)]
    anvil = Anvil.start(folder / f"{plan.network}.log", port=port, arguments=arguments)
    try:
        web3 = connect([anvil.url], CHAIN_ID)
        record = user_path(plan.network, folder)
        # Whatever was recorded was on a chain that is gone.
        record.unlink(missing_ok=True)
        manifest = deploy_system(account("deployer"), plan, web3, record=record, rpc_urls=(anvil.url,))
    except BaseException:
        anvil.stop()
        raise
    return Devnet(anvil, web3, manifest)
