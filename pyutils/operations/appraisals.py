"""What secures loans is worth, and how much more may be lent: values, feeds and caps as of a block."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.chain import RevertedError
from pyutils.contracts import CreditSystem, System
from pyutils.contracts.base import Block
from pyutils.credit.ledger import BORROWER, DEFAULT_KEY, FLEET, OPERATOR, cap_key
from pyutils.models import FleetValue, PriceFeed
from pyutils.units import FleetId, TokenUnits, to_bytes32_text


@dataclass(frozen=True, slots=True)
class Appraised:
    """A fleet's value with every step, and whether anything is lent on it."""

    fleet_id: FleetId
    value: FleetValue
    stale: str
    """Why it is for reading only; empty where it is fresh."""


@dataclass(frozen=True, slots=True)
class CollateralView:
    """How a liquid token is priced, and what one whole token is worth."""

    token: str
    listed: bool
    feed: PriceFeed
    value: TokenUnits | None
    """None where it cannot be told; `untold` says why."""
    untold: str


@dataclass(frozen=True, slots=True)
class CapView:
    """A cap on drawn principal, and what counts in it."""

    kind: str
    whose: str
    outstanding: TokenUnits
    cap: TokenUnits
    default: TokenUnits
    """Of all without a cap of their own."""


def appraised(market: CreditSystem, fleet_id: FleetId, block: Block = "latest") -> Appraised:
    """Return a fleet's value, by a stale price too. Raises `RevertedError` where its class never had one."""
    value = market.appraisal.last_known(fleet_id, block)
    try:
        market.appraisal.appraise(fleet_id, block)
    except RevertedError as error:
        return Appraised(fleet_id, value, error.reason)
    return Appraised(fleet_id, value, "")


def collateral(system: System, market: CreditSystem, token: str, block: Block = "latest") -> CollateralView:
    """Return how a token is priced."""
    unit = TokenUnits(10 ** system.token(token).decimals(block))
    value, untold = None, ""
    try:
        value = market.prices.value(token, unit, block)
    except RevertedError as error:
        untold = error.reason
    feed = market.prices.feed_of(token, block)
    return CollateralView(token, market.prices.is_listed(token, block), feed, value, untold)


def caps(system: System, market: CreditSystem, fleet_id: FleetId, block: Block = "latest") -> tuple[CapView, ...]:
    """Return the caps in which a loan against a fleet would count: its own, its operator's, its title owner's."""
    fleet, owner = system.registry.fleet(fleet_id, block), system.registry.owner_of(fleet_id, block)
    if owner == market.custody.address:
        owner = system.registry.controller_of(fleet_id, block)
    whose: tuple[tuple[str, int | str], ...] = ((FLEET, fleet_id), (OPERATOR, fleet.operator), (BORROWER, owner))
    return tuple(
        CapView(
            kind=kind,
            whose=str(one),
            outstanding=market.credit.outstanding(to_bytes32_text(kind), cap_key(one), block),
            cap=market.credit.cap_of(to_bytes32_text(kind), cap_key(one), block),
            default=market.credit.cap_of(to_bytes32_text(kind), DEFAULT_KEY, block),
        )
        for kind, one in whose
    )
