"""What is known of chains: by whom, and that a user's own word wins."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pyutils.deployment.network import (
    MainnetError,
    Network,
    NetworkError,
    UnknownChainError,
    load_network,
    load_networks,
    name_of,
    shipped_networks,
)
from pyutils.deployment.outline import measured_gas

from .practice import CHAIN_ID, NETWORK, networks_text

TESTNETS = {
    "sepolia": 11155111,
    "base-sepolia": 84532,
    "arbitrum-sepolia": 421614,
    "op-sepolia": 11155420,
    "polygon-amoy": 80002,
}


def owner(url: str) -> str:
    """Return whose page a source is: a host, on GitHub with the account."""
    parts = urlsplit(url)
    return parts.netloc + (parts.path.split("/")[1] if parts.netloc == "github.com" else "")


def test_shipped_networks__testnets__are_there_with_a_stablecoin_and_an_explorer() -> None:
    networks = shipped_networks()
    for name, chain_id in TESTNETS.items():
        assert networks[name].chain_id == chain_id
        assert networks[name].tokens["USDC"].decimals == 6
        assert networks[name].explorer
        assert not networks[name].mainnet
    assert all(networks[name].mainnet for name in networks.keys() - TESTNETS.keys())


def test_shipped_networks__every_address__is_confirmed_by_two_who_are_not_one() -> None:
    for name, network in shipped_networks().items():
        feed = {} if network.sequencer_feed is None else {"sequencer": network.sequencer_feed}
        for what, contract in {**network.tokens, **network.feeds, **feed}.items():
            owners = {owner(url) for url in contract.sources}
            assert len(owners) >= 2, f"{name}: {what}"


def test_shipped_networks__every_chain__has_an_id_of_its_own_and_a_rule_for_the_end() -> None:
    networks = shipped_networks()
    assert len({one.chain_id for one in networks.values()}) == len(networks)
    for network in networks.values():
        assert network.depth > network.step_depth
        assert network.end_policy.confirmations == network.depth
        assert network.step_policy.confirmations == network.step_depth
        # The largest step, with the lane's margin, at the most that gas may cost.
        largest = max(measured_gas().contracts.values()) * 5 // 4
        assert largest * 100 * 10**9 < network.step_policy.budget_wei
        assert network.step_policy.max_fee_per_gas == network.max_fee_gwei * 10**9


def test_load_networks__own_entry__wins(tmp_path: Path) -> None:
    assert name_of(CHAIN_ID, tmp_path) is None
    own = networks_text() + networks_text().replace(f"[{NETWORK}]", "[sepolia]").replace(str(CHAIN_ID), "777002")
    (tmp_path / "networks.toml").write_text(own)

    assert name_of(CHAIN_ID, tmp_path) == NETWORK
    assert load_network("sepolia", tmp_path).chain_id == 777002
    assert load_networks(tmp_path)["base-sepolia"].chain_id == 84532


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (networks_text().replace("chain_id = 777001", "chain_id = 0"), "practice.chain_id: Input should be greater"),
        (networks_text(more='rollup = "zk"\n'), "practice.rollup: Input should be 'op-stack' or 'arbitrum'"),
        (
            networks_text(more='[practice.tokens.USDC]\naddress = "0x' + "11" * 20 + '"\ndecimals = 6\nsources = []\n'),
            "practice.tokens.USDC.sources: Tuple should have at least 2 items",
        ),
    ],
)
def test_load_networks__a_fault__names_file_and_entry(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "networks.toml").write_text(text)
    with pytest.raises(NetworkError) as refused:
        load_networks(tmp_path)
    assert f"{tmp_path / 'networks.toml'}: {said}" in refused.value.line()


def test_load_network__unknown__says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownChainError) as refused:
        load_network("goerli", tmp_path)
    assert "base-sepolia" in refused.value.line()


def test_check_allowed__mainnet__only_where_it_was_said() -> None:
    ethereum: Network = shipped_networks()["ethereum"]
    with pytest.raises(MainnetError, match="ethereum is no testnet"):
        ethereum.check_allowed("ethereum", mainnet=False)
    ethereum.check_allowed("ethereum", mainnet=True)
    shipped_networks()["sepolia"].check_allowed("sepolia", mainnet=False)
