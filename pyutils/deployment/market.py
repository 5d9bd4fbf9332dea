"""One credit market: six contracts at addresses that follow from the settlement token that is lent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyutils.deployment.addresses import create3_address, salt_of
from pyutils.deployment.credit_plan import CreditPlan
from pyutils.deployment.part import Part

MARKET: Final = ("Appraisal", "CollateralPrices", "FleetCustody", "FleetCredit", "CollateralAuction", "CreditVault")
"""The contracts of a market, in the order in which they are put up. None holds a right in the system below it, which is
sealed without them; among themselves they know each other by immutable addresses."""


@dataclass(frozen=True, slots=True)
class Market:
    """A credit market to be."""

    plan: CreditPlan
    token: str
    decimals: int
    cost_recipient: str
    parts: Mapping[str, Part]


@dataclass(frozen=True, slots=True)
class Ground:
    """What markets are built on: who puts them up, and the system below them."""

    deployer: str
    factory: str
    system: Mapping[str, str]
    """Addresses by contract."""
    sequencer_feed: str
    fee_recipient: str
    """Gets the costs of sales unless a market's plan names somebody."""


def market_salt(contract: str, token: str) -> bytes:
    """Return the salt under which a contract of the market that lends `token` is deployed."""
    return salt_of(f"{contract}/{token.lower()}")


def draw_market(ground: Ground, plan: CreditPlan, token: str, decimals: int) -> Market:
    """Return the market of a plan, which lends `token`."""
    system = ground.system
    at = {name: create3_address(ground.factory, ground.deployer, market_salt(name, token)) for name in MARKET}
    credit_system = (
        system["AccessManager"],
        system["FleetRegistry"],
        system["MeterOracle"],
        system["RevenueRouter"],
        system["FleetShareFactory"],
        system["LossFund"],
        token,
        at["FleetCredit"],
        at["FleetCustody"],
        at["CollateralAuction"],
        at["CreditVault"],
        at["Appraisal"],
        at["CollateralPrices"],
    )
    appraisal = plan.appraisal
    constructors: dict[str, tuple[Any, ...]] = {
        "Appraisal": (
            credit_system,
            (
                appraisal.left_bps,
                appraisal.most_step_bps,
                appraisal.least_pause_s,
                appraisal.max_age_s,
                appraisal.economic_life_months,
                appraisal.discount_bps,
            ),
        ),
        "CollateralPrices": (credit_system, ground.sequencer_feed),
        "FleetCustody": (credit_system,),
        "FleetCredit": (credit_system,),
        "CollateralAuction": (credit_system,),
        "CreditVault": (credit_system,),
    }
    peers: dict[str, int | bytes] = {
        "REGISTRY": int(system["FleetRegistry"], 16),
        "TITLES": int(system["FleetRegistry"], 16),
        "ORACLE": int(system["MeterOracle"], 16),
        "ROUTER": int(system["RevenueRouter"], 16),
        "SHARE_FACTORY": int(system["FleetShareFactory"], 16),
        "LOSS_FUND": int(system["LossFund"], 16),
        "SEQUENCER_FEED": int(ground.sequencer_feed, 16),
        "ASSET": int(token, 16),
        "ASSET_UNIT": 10**decimals,
        "CREDIT": int(at["FleetCredit"], 16),
        "CUSTODY": int(at["FleetCustody"], 16),
        "AUCTION": int(at["CollateralAuction"], 16),
        "VAULT": int(at["CreditVault"], 16),
        "APPRAISAL": int(at["Appraisal"], 16),
        "PRICES": int(at["CollateralPrices"], 16),
        "LEFT_12_BPS": appraisal.left_bps[0],
        "LEFT_24_BPS": appraisal.left_bps[1],
        "LEFT_36_BPS": appraisal.left_bps[2],
        "LEFT_48_BPS": appraisal.left_bps[3],
        "MOST_STEP_BPS": appraisal.most_step_bps,
        "LEAST_PAUSE": appraisal.least_pause_s,
        "MAX_AGE": appraisal.max_age_s,
        "ECONOMIC_LIFE_MONTHS": appraisal.economic_life_months,
        "DISCOUNT_BPS": appraisal.discount_bps,
    }
    parts = {name: Part.of(name, at[name], market_salt(name, token), constructors[name], peers) for name in MARKET}
    return Market(plan, token, decimals, plan.cost_recipient or ground.fee_recipient, parts)
