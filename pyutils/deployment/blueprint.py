"""What stands where with which code, derived from a plan and a deployer alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pyutils.deployment.addresses import create3_address, factory_address, salt_of
from pyutils.deployment.credit_plan import CreditPlan
from pyutils.deployment.market import Ground, Market, draw_market
from pyutils.deployment.part import Part
from pyutils.deployment.plan import Plan, PlanError
from pyutils.deployment.runtime_code import domain_immutables
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


TEST_COLLATERAL: Final = "TestCollateral"
TEST_FEED: Final = "TestPriceFeed"
"""What prices the test collateral."""
_ARTIFACTS: Final = {TEST_COLLATERAL: "TestStablecoin"}


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All contracts of a deployment, in the order in which they are put up."""

    deployer: str
    factory: str
    parts: Mapping[str, Part]
    tokens: tuple[str, ...]
    """Settlement tokens to list."""
    markets: tuple[Market, ...]

    @property
    def steps(self) -> Iterator[tuple[str, Part]]:
        """Yield all contracts by the names of their steps; the markets come last."""
        yield from self.parts.items()
        for market in self.markets:
            for part in market.parts.values():
                yield f"{part.name} for {market.token}", part

    @property
    def seal_hashes(self) -> list[bytes]:
        """Return what `seal` is to find."""
        return [self.parts[name].code_hash for name in SEALED]


def draw(plan: Plan, deployer: str, decimals: Mapping[str, int] = MappingProxyType({})) -> Blueprint:
    """Return the blueprint of `plan` when `deployer` puts it up.

    Args:
        plan: what to deploy.
        deployer: from whose address all others follow.
        decimals: of the settlement tokens that are there already, where a credit market lends them.

    """
    factory = factory_address()
    names = (*PEERS, "FixedPricing", *_brought(plan))
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
    known = {name: peers | (domain_immutables(domains[name]) if name in domains else {}) for name in names}
    for name, coin in (("TestStablecoin", plan.test_coin), (TEST_COLLATERAL, plan.test_collateral)):
        if coin is not None:
            constructors[name] = (coin.name, coin.symbol, coin.decimals)
            domain = Domain(coin.name, "1", plan.chain_id, at[name])
            known[name] = {"_DECIMALS": coin.decimals, **domain_immutables(domain)}
    if plan.test_collateral is not None:
        constructors[TEST_FEED] = (plan.test_collateral.feed_decimals,)
    parts = {
        name: Part.of(name, at[name], salt_of(name), constructors[name], known[name], artifact=_ARTIFACTS.get(name))
        for name in names
    }
    coins = {at["TestStablecoin"]: plan.test_coin.decimals} if plan.test_coin else {}
    tokens = (*coins, *plan.tokens)
    ground = Ground(deployer, factory, at, plan.sequencer_feed, plan.fee_recipient)
    markets = tuple(
        _market(ground, market, market.token or tokens[0], coins | dict(decimals)) for market in plan.credit
    )
    return Blueprint(deployer, factory, parts, tokens, markets)


def _market(ground: Ground, plan: CreditPlan, token: str, decimals: Mapping[str, int]) -> Market:
    if token not in decimals:
        raise PlanError(f"the decimals of {token}, which a credit market lends, are not known")
    return draw_market(ground, plan, token, decimals[token])


def _brought(plan: Plan) -> tuple[str, ...]:
    """Return what development chains and testnets get besides."""
    coin = ("TestStablecoin",) if plan.test_coin is not None else ()
    return (*coin, TEST_COLLATERAL, TEST_FEED) if plan.test_collateral is not None else coin
