"""The system deployed once for each test process, with its people, ready to be taken back to by every example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from pyutils.keccak import keccak256
from pyutils.models.lease import SlaTier, Terms
from pyutils.units import WAD, Wad

from .rpc import Contract, Rpc

MNEMONIC = "test test test test test test test test test test test junk"
LIVENESS_S = 2 * 3_600
PROTOCOL_FEE_BPS = 200
COINS = 10**9
"""Whole coins in each account."""
START = 1_800_000_000
NOWHERE = "0x" + "00" * 20

TERMS = Terms(
    tiers=(
        SlaTier(below_wad=99 * WAD // 100, credit_wad=2 * WAD // 100),
        SlaTier(below_wad=95 * WAD // 100, credit_wad=5 * WAD // 100),
        SlaTier(below_wad=90 * WAD // 100, credit_wad=10 * WAD // 100),
    ),
    reservation_wad=Wad(WAD // 10),
    lessee_notice=24 * 3_600,
    operator_notice=24 * 3_600,
    compensation=24 * 3_600,
    report_interval=3_600,
    proof_deadline=7 * 86_400,
    max_standstill=30 * 86_400,
    mutual_delay=48 * 3_600,
)

PEERS = (
    "AccessManager",
    "FleetRegistry",
    "MeterOracle",
    "LeaseBook",
    "LeaseTerms",
    "OperatorBond",
    "RevenueRouter",
    "FleetShareFactory",
    "TransferGate",
    "LossFund",
)
"""In the order of `System`'s members, which is the order of deployment."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account and its key."""

    address: str
    key: bytes


def person(index: int) -> Person:
    """Return anvil's account `index`."""
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return Person(account.address, bytes(account.key))


@dataclass(slots=True)
class Stage:
    """Contracts and people. The admin holds every role; no role has a delay here."""

    rpc: Rpc
    chain_id: int
    people: list[Person]
    contracts: dict[str, Contract]
    coins: dict[int, Contract]
    """Settlement tokens by their decimals."""
    snapshot: str

    @classmethod
    def build(cls, rpc: Rpc) -> Stage:
        """Deploy everything, list the coins, fill the accounts and open business."""
        people = [person(index) for index in range(10)]
        admin = people[0].address
        rpc.ask("evm_setNextBlockTimestamp", START)
        addresses = [_create_address(admin, nonce) for nonce in range(len(PEERS))]
        system = tuple(addresses)
        arguments: dict[str, tuple[Any, ...]] = {
            "AccessManager": (admin,),
            "FleetRegistry": (system, admin),
            "MeterOracle": (system, NOWHERE, LIVENESS_S),
            "LeaseTerms": (addresses[0],),
            "RevenueRouter": (system, admin, PROTOCOL_FEE_BPS),
            "TransferGate": (addresses[0],),
            "LossFund": (addresses[0],),
        }
        contracts = {name: rpc.deploy(admin, name, *arguments.get(name, (system,))) for name in PEERS}
        assert [contract.address for contract in contracts.values()] == addresses
        contracts["FixedPricing"] = rpc.deploy(admin, "FixedPricing", contracts["FleetRegistry"].address)
        coins = {d: rpc.deploy(admin, "TestStablecoin", f"Test USD {d}", "tUSD", d) for d in (6, 8, 18)}
        stage = cls(rpc, int(rpc.ask("eth_chainId"), 16), people, contracts, coins, "")
        stage._open()
        stage.snapshot = rpc.ask("evm_snapshot")
        return stage

    def rewind(self) -> None:
        """Take the chain back to where business had just opened."""
        assert self.rpc.ask("evm_revert", self.snapshot)
        self.snapshot = self.rpc.ask("evm_snapshot")

    def must(self, sender: str, contract: Contract, function: str, *arguments: Any) -> None:
        """Send a transaction that cannot fail."""
        revert = self.rpc.transact(sender, contract, function, *arguments)
        assert revert is None, (function, revert)

    def _open(self) -> None:
        admin, registry = self.people[0].address, self.contracts["FleetRegistry"]
        self.must(admin, self.contracts["LeaseTerms"], "setTerms", TERMS.row())
        hashes = [
            keccak256(HexBytes(self.rpc.ask("eth_getCode", self.contracts[name].address, "latest")))
            for name in PEERS
            if name != "FleetRegistry"
        ]
        self.must(admin, registry, "seal", hashes)
        for decimals, coin in self.coins.items():
            self.must(admin, registry, "listToken", coin.address)
            for one in self.people:
                self.must(admin, coin, "mint", one.address, COINS * 10**decimals)
                for name in ("LeaseBook", "OperatorBond", "MeterOracle"):
                    self.must(one.address, coin, "approve", self.contracts[name].address, 2**256 - 1)


def _create_address(sender: str, nonce: int) -> str:
    return to_checksum_address(keccak256(rlp.encode([HexBytes(sender), nonce]))[12:])
