"""The system deployed once for each test process, with its people, ready to be taken back to by every example."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account import Account

from pyutils.chain import connect, dev_signer
from pyutils.deployment import Plan, Role, RoleGrant, deploy_system
from pyutils.deployment.plan import DEFAULT_TERMS, TestCoin

from .rpc import Contract, Rpc

CHAIN_ID = 31337
MNEMONIC = "test test test test test test test test test test test junk"
LIVENESS_S = 2 * 3_600
PROTOCOL_FEE_BPS = 200
COINS = 10**9
"""Whole coins in each account."""
START = 1_800_000_000
ARGUMENTS = "--timestamp", str(START), "--prune-history"
"""Of a machine's anvil, which nobody asks for old blocks: thousands of states would fill the disk."""
TERMS = DEFAULT_TERMS
SENDERS = 7


@dataclass(frozen=True, slots=True)
class Person:
    """An account and its key."""

    address: str
    key: bytes


def person(index: int) -> Person:
    """Return account `index` of anvil's mnemonic; anvil itself signs for the first ten."""
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return Person(account.address, bytes(account.key))


@dataclass(slots=True)
class Stage:
    """Contracts and people. The first person holds every role, without delays."""

    rpc: Rpc
    people: list[Person]
    """The first ones send transactions, the rest only sign reports."""
    contracts: dict[str, Contract]
    coins: dict[int, Contract]
    """Settlement tokens by their decimals."""
    start: int = 0
    """When every example begins."""
    snapshot: str = ""

    @classmethod
    def build(cls, url: str) -> Stage:
        """Deploy everything, list the coins and fill the accounts."""
        rpc, people = Rpc(url), [person(1 + index) for index in range(SENDERS + 5)]
        admin = people[0].address
        plan = Plan(
            chain_id=CHAIN_ID,
            network="machine",
            grants=tuple(RoleGrant(role=role, holder=admin, execution_delay_s=0) for role in Role),
            fee_recipient=admin,
            protocol_fee_bps=PROTOCOL_FEE_BPS,
            liveness_s=LIVENESS_S,
            test_coin=TestCoin(decimals=6),
        )
        manifest = deploy_system(dev_signer(CHAIN_ID, 0), plan, connect([url], CHAIN_ID))
        contracts = {name: Contract(name, manifest.address(name)) for name in manifest.contracts}
        coins = {6: contracts["TestStablecoin"]}
        stage = cls(rpc, people, contracts, coins)
        for decimals in (8, 18):
            coins[decimals] = rpc.deploy(admin, "TestStablecoin", f"Test USD {decimals}", "tUSD", decimals)
            stage.must(admin, contracts["FleetRegistry"], "listToken", coins[decimals].address)
        for decimals, coin in coins.items():
            for one in people[:SENDERS]:
                stage.must(admin, coin, "mint", one.address, COINS * 10**decimals)
                for name in ("LeaseBook", "OperatorBond", "MeterOracle"):
                    stage.must(one.address, coin, "approve", contracts[name].address, 2**256 - 1)
        stage.start = int(rpc.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1
        stage.snapshot = rpc.ask("evm_snapshot")
        return stage

    def rewind(self) -> None:
        """Take the chain back to where business had just opened."""
        assert self.rpc.ask("evm_revert", self.snapshot)
        self.snapshot = self.rpc.ask("evm_snapshot")

    def must(self, sender: str, contract: Contract, function: str, *arguments: object) -> None:
        """Send a transaction that cannot fail."""
        revert = self.rpc.transact(sender, contract, function, *arguments)
        assert revert is None, (function, revert)
