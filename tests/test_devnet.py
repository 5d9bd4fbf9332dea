"""A development chain that outlives its maker, with its record."""

from __future__ import annotations

from pathlib import Path

from pyutils.chain import connect
from pyutils.contracts import System
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.devnet import CHAIN_ID, account, start_devnet
from pyutils.manifest import load_manifest


def test_start_devnet__chosen_time__record_leads_to_a_sealed_system(tmp_path: Path) -> None:
    devnet = start_devnet(tmp_path, timestamp=1_600_000_000)
    try:
        manifest = load_manifest("devnet", tmp_path)
        assert manifest == devnet.manifest
        assert manifest.complete
        web3 = connect(manifest.rpc_urls, manifest.chain_id)
        assert System.at(web3, manifest).registry.is_sealed()
        assert web3.eth.get_block(0)["timestamp"] == 1_600_000_000
        assert 1_600_000_000 <= web3.eth.get_block("latest")["timestamp"] < 1_600_000_600
        for name in DEV_ACCOUNTS:
            assert web3.eth.get_balance(account(name).address) > 10**18, name
    finally:
        devnet.anvil.stop()


def test_dev_accounts__every_role__is_an_account_of_its_own() -> None:
    assert len(set(DEV_ACCOUNTS.values())) == len(DEV_ACCOUNTS)
    assert account("deployer").address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert CHAIN_ID == 31337
