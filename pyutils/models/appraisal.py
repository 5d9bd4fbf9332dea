"""What Appraisal and CollateralPrices say of values. Money in settlement-token units, ratios in WAD."""

from __future__ import annotations

from pyutils.models.address import Address
from pyutils.models.row import StructModel


class AppraisalParameters(StructModel):
    """How fleets are valued; fixed at creation. Ratios in basis points, spans in seconds."""

    left_bps: tuple[int, int, int, int]
    """What is left of a new board's price at months 12, 24, 36 and 48; never rises."""
    most_step_bps: int
    """How far one update may move a price, of the price before it."""
    least_pause: int
    max_age: int
    economic_life_months: int
    discount_bps: int
    """A year; a twelfth of it discounts a month."""


class ClassPrice(StructModel):
    """What one new GPU of a class costs, installed."""

    per_gpu: int
    updated_at: int


class FleetValue(StructModel):
    """Every step from a fleet to its value; each is rounded down."""

    capacity: int
    price_per_gpu: int
    priced_at: int
    age_seconds: int
    depreciation_wad: int
    """What is left of a new board's price at that age."""
    hardware: int
    history_days: int
    """Complete UTC days since the fleet was commissioned."""
    mean30: int
    """Mean net revenue a day over the last 30 complete UTC days, or since commissioning."""
    mean90: int
    months_left: int
    annuity_wad: int
    """Present value of one unit a month over `months_left`."""
    revenue_cap: int
    capped: int
    """The lower of `hardware` and `revenue_cap`."""


class PriceFeed(StructModel):
    """How one collateral token is priced."""

    feed: Address
    max_age: int
    feed_decimals: int
    token_decimals: int
    most_jump_bps: int
    """How far an answer may lie from that of the round before it."""
    least: int
    """Answers outside `[least, most]`, in the feed's own units, are refused."""
    most: int
