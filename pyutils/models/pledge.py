"""What secures a loan, and what LoanHealth says of it. Money in asset units, ratios in basis points."""

from __future__ import annotations

from pyutils.models.address import ZERO_ADDRESS, Address
from pyutils.models.row import StructModel


class Pledge(StructModel):
    """What secures a loan, and how much of it may be owed."""

    fleet_id: int
    shares: int
    """Pledged and bound ones; none for a loan without its lot."""
    supply: int
    collateral: Address = ZERO_ADDRESS
    collateral_amount: int = 0
    young: bool = False
    """Drawn before the fleet had 30 days of history; of no account for a loan that is to be drawn."""
    hardware_ltv_bps: int
    hardware_breach_bps: int
    young_ltv_bps: int
    collateral_ltv_bps: int
    collateral_breach_bps: int


class Limits(StructModel):
    """What a pledge is worth and carries; every amount is rounded down."""

    hardware: int
    """Appraisal × shares ÷ supply, as the loan is tested."""
    collateral: int
    borrow_limit: int
    breach_limit: int
    floor: int
    """What the pledge counts for at worst, to which a mark falls."""
    revenue_per_month: int
    """The pledge's part of the lower mean of net revenue, by 365 days ÷ 12."""
    young: bool
    """Whether the fleet has less than 30 complete days of history now."""


class HealthParameters(StructModel):
    """What LoanHealth was created with. Ratios in basis points, times in seconds."""

    hardware_floor_bps: int
    """Of the capped appraisal, what a mark's floor counts."""
    collateral_floor_bps: int
    """Of the feed's value, likewise."""
    young_days: int
    """Days of history below which a loan is young."""
    proven_days: int
    """Days of history from which on a young loan is tested with the revenue cap."""
    report_silence: int
    """Without a head for so long is a breach."""
    most_standstill: int
