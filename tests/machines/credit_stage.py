"""The system with a credit market deployed, and people ready to borrow, lend and bid."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyutils.chain import connect, dev_signer
from pyutils.deployment import Plan, Role, RoleGrant, deploy_system
from pyutils.deployment.credit_plan import CreditPlan, TestCollateral
from pyutils.deployment.plan import TestCoin
from pyutils.models.appraisal import AppraisalParameters, PriceFeed
from pyutils.models.pledge import HealthParameters

from .rpc import Contract, Rpc
from .stage import CHAIN_ID, COINS, LIVENESS_S, PROTOCOL_FEE_BPS, SENDERS, Stage, person

COLLATERAL = 10**6
"""Whole units of collateral in each account."""
MARKET = CreditPlan(vault_cap=10**7, fleet_cap=10**6, operator_cap=10**6, borrower_cap=10**6)
SPENDERS = ("LeaseBook", "OperatorBond", "MeterOracle", "RevenueRouter", "FleetCredit", "CreditVault")


@dataclass(slots=True)
class CreditStage(Stage):
    """A stage with one credit market, in a coin of so many decimals; the auction's address can send transactions."""

    collateral: Contract = field(default_factory=lambda: Contract("TestStablecoin", ""))
    feed: PriceFeed | None = None
    appraisal: AppraisalParameters | None = None
    health: HealthParameters | None = None

    @classmethod
    def build_market(cls, url: str, decimals: int) -> CreditStage:
        """Deploy everything and fill the accounts."""
        rpc, people = Rpc(url), [person(1 + index) for index in range(SENDERS + 5)]
        admin = people[0].address
        plan = Plan(
            chain_id=CHAIN_ID,
            network="credit-machine",
            grants=tuple(RoleGrant(role=role, holder=admin, execution_delay_s=0) for role in Role),
            fee_recipient=admin,
            protocol_fee_bps=PROTOCOL_FEE_BPS,
            liveness_s=LIVENESS_S,
            test_coin=TestCoin(decimals=decimals),
            test_collateral=TestCollateral(),
            credit=(MARKET,),
        )
        manifest = deploy_system(dev_signer(CHAIN_ID, 0), plan, connect([url], CHAIN_ID))
        contracts = {name: Contract(name, manifest.address(name)) for name in manifest.contracts}
        (market,) = manifest.credit
        contracts |= {name: Contract(name, market.address(name)) for name in market.contracts}
        collateral = Contract("TestStablecoin", manifest.address("TestCollateral"))
        coin = contracts["TestStablecoin"]
        stage = cls(rpc, people, contracts, {decimals: coin}, collateral=collateral)
        for one in people[:SENDERS]:
            stage.must(admin, coin, "mint", one.address, COINS * 10**decimals)
            stage.must(admin, collateral, "mint", one.address, COLLATERAL * 10**8)
            for name in SPENDERS:
                stage.must(one.address, coin, "approve", contracts[name].address, 2**256 - 1)
            custody = contracts["FleetCustody"].address
            stage.must(one.address, collateral, "approve", custody, 2**256 - 1)
            stage.must(one.address, contracts["FleetRegistry"], "setApprovalForAll", custody, True)
        stage.feed = PriceFeed.from_row(rpc.read(contracts["CollateralPrices"], "feedOf", collateral.address))
        stage.appraisal = AppraisalParameters.from_row(rpc.read(contracts["Appraisal"], "parameters"))
        stage.health = HealthParameters.from_row(tuple(MARKET.health.model_dump().values()))
        auction = contracts["CollateralAuction"].address
        rpc.ask("anvil_impersonateAccount", auction)
        rpc.ask("anvil_setBalance", auction, hex(10**21))
        stage.start = int(rpc.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1
        stage.snapshot = rpc.ask("evm_snapshot")
        return stage
