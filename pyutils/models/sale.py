"""What CollateralAuction says of the sale of one loan's collateral."""

from __future__ import annotations

from pyutils.models.row import StructModel


class AuctionParameters(StructModel):
    """How loans are sold; fixed at creation. Ratios in basis points, spans in seconds."""

    collateral_start_bps: int
    collateral_end_bps: int
    collateral_fall: int
    collateral_alone: int
    """For so long collateral is for sale alone."""
    least_fill_bps: int
    """Of the collateral when the sale began, what a bid takes at least."""
    lot_start_bps: int
    lot_end_bps: int
    lot_fall: int
    longest_gap: int
    """A longer time between two moves of a clock counts zero."""
    resume_window: int


class Sale(StructModel):
    """The clocks of a sale, in seconds that each has run."""

    collateral_elapsed: int
    lot_elapsed: int
    touched_at: int
    """When a clock was last moved; zero where there never was a sale."""
    breached_since: int
    """The breach that is being sold, as FleetCredit dates it."""
    collateral_at_start: int
    """Of which a part is the least that a bid takes."""
    still: bool
    """Whether the price could not be told at `touched_at`: time from there on counts zero."""


class Asking(StructModel):
    """What a sale asks now, in asset units, rounded up."""

    collateral_for_sale: bool
    lot_for_sale: bool
    collateral_price: int
    """For all collateral that is left."""
    least_collateral: int
    """The least amount of collateral that a bid takes."""
    lot_price: int
    """For title and pledged shares."""
