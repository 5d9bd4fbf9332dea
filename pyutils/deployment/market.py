"""One credit market: eight contracts at addresses that follow from the settlement token that is lent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyutils.deployment.addresses import create3_address, salt_of
from pyutils.deployment.credit_plan import CreditPlan
from pyutils.deployment.part import Part
from pyutils.models import FrozenModel

MARKET: Final = (
    "Appraisal",
    "CollateralPrices",
    "LoanHealth",
    "FleetCustody",
    "LoanOffice",
    "FleetCredit",
    "CollateralAuction",
    "CreditVault",
)
"""The contracts of a market, in the order in which they are put up. None holds a right in the system below it, which is
sealed without them; among themselves they know each other by immutable addresses."""


_PEERS: Final = (
    "FleetCredit",
    "LoanOffice",
    "LoanHealth",
    "FleetCustody",
    "CollateralAuction",
    "CreditVault",
    "Appraisal",
    "CollateralPrices",
)
"""The same, in the order of `CreditSystem.sol`."""

DEPRECIATION_MONTHS: Final = (12, 24, 36, 48)
"""Of the points that an appraisal's curve goes through."""


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
    unit: int = 10**decimals
    at = {name: create3_address(ground.factory, ground.deployer, market_salt(name, token)) for name in MARKET}
    credit_system = (
        system["AccessManager"],
        system["FleetRegistry"],
        system["MeterOracle"],
        system["RevenueRouter"],
        system["FleetShareFactory"],
        system["LossFund"],
        token,
        *(at[name] for name in _PEERS),
    )
    constructors: dict[str, tuple[Any, ...]] = {
        "Appraisal": (credit_system, _values(plan.appraisal)),
        "CollateralPrices": (credit_system, ground.sequencer_feed),
        "LoanHealth": (credit_system, _values(plan.health)),
        "FleetCustody": (credit_system,),
        "LoanOffice": (credit_system,),
        "FleetCredit": (credit_system,),
        "CollateralAuction": (credit_system, _values(plan.auction)),
        "CreditVault": (credit_system, plan.vault_name, plan.vault_symbol, plan.vault_cap * unit),
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
        "ASSET_UNIT": unit,
        "CREDIT": int(at["FleetCredit"], 16),
        "CUSTODY": int(at["FleetCustody"], 16),
        "AUCTION": int(at["CollateralAuction"], 16),
        "VAULT": int(at["CreditVault"], 16),
        "APPRAISAL": int(at["Appraisal"], 16),
        "PRICES": int(at["CollateralPrices"], 16),
        "OFFICE": int(at["LoanOffice"], 16),
        "HEALTH": int(at["LoanHealth"], 16),
        "_asset": int(token, 16),
        "_underlyingDecimals": decimals,
        # A thousand coins; the vault's shares have six decimals more than the coin.
        "EASY_UNIT": unit * 1_000,
        **_words(plan.appraisal),
        **_words(plan.health),
        **_words(plan.auction),
    }
    parts = {name: Part.of(name, at[name], market_salt(name, token), constructors[name], peers) for name in MARKET}
    return Market(plan, token, decimals, plan.cost_recipient or ground.fee_recipient, parts)


def _values(parameters: FrozenModel) -> tuple[Any, ...]:
    """Return the members of a struct that has the fields of a plan, in their order."""
    return tuple(parameters.model_dump().values())


def _words(parameters: FrozenModel) -> dict[str, int | bytes]:
    """Return the immutables that hold a plan's fields: `max_age_s` is `MAX_AGE`."""
    words: dict[str, int | bytes] = {}
    for field, value in parameters:
        if field == "left_bps":
            words |= {f"LEFT_{months}_BPS": left for months, left in zip(DEPRECIATION_MONTHS, value, strict=True)}
        else:
            words[field.removesuffix("_s").upper()] = value
    return words
