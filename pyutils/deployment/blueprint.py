"""What stands where with which code, derived from a plan and a deployer alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyutils.contracts.base import encode_constructor
from pyutils.deployment.addresses import create3_address, factory_address, salt_of
from pyutils.deployment.plan import Plan
from pyutils.deployment.runtime_code import code_hash, domain_immutables, runtime_code
from pyutils.eip712 import Domain, lease_book_domain, meter_oracle_domain

PEERS: Final = (
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
"""The contracts that hold rights in one another, in the order of `System.sol`."""

SEALED: Final = tuple(peer for peer in PEERS if peer != "FleetRegistry")
"""The right-holders whose code `FleetRegistry.seal` compares, in its order."""


@dataclass(frozen=True, slots=True)
class Part:
    """A contract to be: its address, what creates it, and the code that it will have."""

    name: str
    address: str
    salt: bytes
    arguments: tuple[Any, ...]
    creation_code: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All contracts of a deployment, in the order in which they are put up."""

    deployer: str
    factory: str
    parts: Mapping[str, Part]
    tokens: tuple[str, ...]
    """Settlement tokens to list."""

    @property
    def seal_hashes(self) -> list[bytes]:
        """Return what `seal` is to find."""
        return [self.parts[name].code_hash for name in SEALED]


def draw(plan: Plan, deployer: str) -> Blueprint:
    """Return the blueprint of `plan` when `deployer` puts it up."""
    factory = factory_address()
    names = (*PEERS, "FixedPricing", *(("TestStablecoin",) if plan.test_coin else ()))
    at = {name: create3_address(factory, deployer, salt_of(name)) for name in names}
    system = tuple(at[peer] for peer in PEERS)
    constructors: dict[str, tuple[Any, ...]] = {
        "AccessManager": (deployer,),
        "FleetRegistry": (system, deployer),
        "MeterOracle": (system, plan.sequencer_feed, plan.liveness_s),
        "LeaseBook": (system,),
        "LeaseTerms": (at["AccessManager"],),
        "OperatorBond": (system,),
        "RevenueRouter": (system, plan.fee_recipient, plan.protocol_fee_bps),
        "FleetShareFactory": (system,),
        "TransferGate": (at["AccessManager"],),
        "LossFund": (at["AccessManager"],),
        "FixedPricing": (at["FleetRegistry"],),
    }
    peers: dict[str, int | bytes] = {
        "REGISTRY": int(at["FleetRegistry"], 16),
        "ORACLE": int(at["MeterOracle"], 16),
        "LEASE_BOOK": int(at["LeaseBook"], 16),
        "LEASE_TERMS": int(at["LeaseTerms"], 16),
        "TERMS": int(at["LeaseTerms"], 16),
        "BOND": int(at["OperatorBond"], 16),
        "ROUTER": int(at["RevenueRouter"], 16),
        "SHARE_FACTORY": int(at["FleetShareFactory"], 16),
        "TRANSFER_GATE": int(at["TransferGate"], 16),
        "GATE": int(at["TransferGate"], 16),
        "LOSS_FUND": int(at["LossFund"], 16),
        "SEQUENCER_FEED": int(plan.sequencer_feed, 16),
        "SEALER": int(deployer, 16),
    }
    domains = {
        "MeterOracle": meter_oracle_domain(plan.chain_id, at["MeterOracle"]),
        "LeaseBook": lease_book_domain(plan.chain_id, at["LeaseBook"]),
    }
    if plan.test_coin is not None:
        coin = plan.test_coin
        constructors["TestStablecoin"] = (coin.name, coin.symbol, coin.decimals)
        domains["TestStablecoin"] = Domain(coin.name, "1", plan.chain_id, at["TestStablecoin"])
        peers["_DECIMALS"] = coin.decimals
    parts = {}
    for name in names:
        domain = domains.get(name)
        immutables = peers | (domain_immutables(domain) if domain else {})
        code = runtime_code(name, immutables)
        creation = encode_constructor(name, constructors[name])
        parts[name] = Part(name, at[name], salt_of(name), constructors[name], creation, code_hash(code))
    coins = (at["TestStablecoin"],) if plan.test_coin else ()
    return Blueprint(deployer, factory, parts, (*coins, *plan.tokens))
