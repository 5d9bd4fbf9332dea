"""The steps of a deployment in order, from a plan and a deployer alone: what each puts where, and its gas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

from pyutils.deployment.blueprint import Blueprint
from pyutils.deployment.market import Market
from pyutils.deployment.part import Part
from pyutils.deployment.plan import Plan
from pyutils.models import FrozenModel

GAS_FILE: Final = "gas.json"


class Kind(StrEnum):
    """What a step is."""

    FUND = "fund"
    PROXY = "proxy"
    FACTORY = "factory"
    CONTRACT = "contract"
    TOKEN = "token"
    TERMS = "terms"
    OPENING = "opening"
    SEAL = "seal"
    FUNCTIONS = "functions"
    HOLDERS = "holders"
    RENOUNCE = "renounce"


class Gas(FrozenModel):
    """Gas that was measured, by `python -m tooling.deployment_gas`; a test compares it."""

    contracts: Mapping[str, int]
    """Putting a contract up, by its name in the record."""
    factory: int
    token: int
    terms: int
    opening: int
    opening_class: int
    """More for each GPU class with a price."""
    opening_collateral: int
    """More for each collateral."""
    seal: int
    functions: int
    functions_market: int
    """More for each credit market."""
    holder: int
    """For each role given, a share of the transaction's own gas in it."""
    renounce: int


PROXY_GAS: Final = 100_000
"""The limit of the presigned transaction; what it does not use is lost to the account that it is signed by."""
TRANSFER_GAS: Final = 21_000
_CALL_BYTES: Final = 300
"""Data and signature of a small call, about."""
_FUNCTIONS_BYTES: Final = 9_000
"""Of the call that maps functions to roles, about."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One transaction to be."""

    kind: Kind
    name: str
    gas: int
    size: int
    """Bytes of the signed transaction, about: rollups pay for them on another chain."""
    part: Part | None = None
    token: str | None = None
    market: Market | None = None
    address: str | None = None
    """Where it puts a contract."""


@cache
def measured_gas() -> Gas:
    """Return what steps cost when they were measured."""
    return Gas.model_validate(json.loads(resources.files("pyutils.deployment").joinpath(GAS_FILE).read_bytes()))


def outline(plan: Plan, blueprint: Blueprint, *, with_proxy: bool = False) -> tuple[Planned, ...]:
    """Return all steps in order.

    Args:
        plan: what to deploy.
        blueprint: what the plan comes to for the deployer.
        with_proxy: whether the deterministic deployment proxy has to be put up first.

    """
    return tuple(_steps(plan, blueprint, with_proxy=with_proxy))


def _steps(plan: Plan, blueprint: Blueprint, *, with_proxy: bool) -> Iterator[Planned]:
    gas = measured_gas()
    if with_proxy:
        yield Planned(Kind.FUND, "ether for the CREATE2 deployer's signer", TRANSFER_GAS, _CALL_BYTES)
        yield Planned(Kind.PROXY, "CREATE2 deployer", 0, 0)
    yield Planned(Kind.FACTORY, "Create3Factory", gas.factory, 1_500, address=blueprint.factory)
    for name, part in blueprint.steps:
        size = len(part.creation_code) + _CALL_BYTES
        yield Planned(Kind.CONTRACT, name, gas.contracts[part.name], size, part=part, address=part.address)
    for token in blueprint.tokens:
        yield Planned(Kind.TOKEN, f"list token {token}", gas.token, _CALL_BYTES, token=token)
    yield Planned(Kind.TERMS, "lease terms", gas.terms, 2 * _CALL_BYTES)
    for market in blueprint.markets:
        prices, listings = len(market.plan.class_prices), len(market.plan.collaterals)
        listings += plan.test_collateral is not None
        cost = gas.opening + prices * gas.opening_class + listings * gas.opening_collateral
        name = f"first settings of the credit market in {market.token}"
        size = (5 + prices + 2 * listings) * _CALL_BYTES
        yield Planned(Kind.OPENING, name, cost, size, market=market)
    yield Planned(Kind.SEAL, "seal", gas.seal, 2 * _CALL_BYTES)
    mapping = gas.functions + len(blueprint.markets) * gas.functions_market
    yield Planned(Kind.FUNCTIONS, "function roles", mapping, _FUNCTIONS_BYTES)
    grants = len(plan.grants)
    yield Planned(Kind.HOLDERS, "role holders", grants * gas.holder, grants * _CALL_BYTES)
    yield Planned(Kind.RENOUNCE, "renounce", gas.renounce, _CALL_BYTES)
