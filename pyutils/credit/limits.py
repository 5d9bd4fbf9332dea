"""Exact mirror of `LoanHealth`: what a pledge is worth, and how much may be owed against it. Everything rounds down."""

from __future__ import annotations

from pyutils.models.appraisal import FleetValue
from pyutils.models.pledge import HealthParameters, Limits, Pledge
from pyutils.units import BPS, TokenUnits

NO_LIMITS = Limits(hardware=0, collateral=0, borrow_limit=0, breach_limit=0, floor=0, revenue_per_month=0, young=False)


def limits_of(
    parameters: HealthParameters, pledge: Pledge, value: FleetValue | None, collateral: TokenUnits | None
) -> Limits:
    """Return a pledge's limits; None stands for what it has not, or what cannot be told, and counts zero.

    A young loan is tested without the revenue cap until there is enough revenue to tell one, at its own lower LTV; the
    floor of a mark is capped always.
    """
    limits = NO_LIMITS
    if value is not None:
        uncapped = pledge.young and value.history_days < parameters.proven_days
        hardware = (value.hardware if uncapped else value.capped) * pledge.shares // pledge.supply
        ltv = pledge.young_ltv_bps if uncapped else pledge.hardware_ltv_bps
        limits = Limits(
            hardware=hardware,
            collateral=0,
            borrow_limit=hardware * ltv // BPS,
            breach_limit=hardware * pledge.hardware_breach_bps // BPS,
            floor=value.capped * pledge.shares // pledge.supply * parameters.hardware_floor_bps // BPS,
            revenue_per_month=min(value.mean30, value.mean90) * 365 * pledge.shares // (12 * pledge.supply),
            young=value.history_days < parameters.young_days,
        )
    if collateral is not None:
        limits = limits.model_copy(
            update={
                "collateral": collateral,
                "borrow_limit": limits.borrow_limit + collateral * pledge.collateral_ltv_bps // BPS,
                "breach_limit": limits.breach_limit + collateral * pledge.collateral_breach_bps // BPS,
                "floor": limits.floor + collateral * parameters.collateral_floor_bps // BPS,
            }
        )
    return limits


def most_limit_of(limits: Limits, pledge: Pledge, most_collateral: TokenUnits) -> TokenUnits:
    """Return the breach limit where collateral whose price cannot be told is worth `most_collateral`. Rounds up."""
    return TokenUnits(limits.breach_limit + -(-most_collateral * pledge.collateral_breach_bps // BPS))


def draw_limits_of(
    parameters: HealthParameters, pledge: Pledge, value: FleetValue, collateral: TokenUnits | None
) -> Limits:
    """Return the limits of a loan that is drawn now: young where the fleet is."""
    young = value.history_days < parameters.young_days
    return limits_of(parameters, pledge.model_copy(update={"young": young}), value, collateral)
