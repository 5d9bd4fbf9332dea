"""What CollateralAuction says of the sale of one loan's collateral."""

from __future__ import annotations

from pyutils.models.row import StructModel


class Sale(StructModel):
    """The clocks of a sale, in seconds that each has run."""

    collateral_elapsed: int
    lot_elapsed: int
    touched_at: int
    """When a clock was last moved; zero where there never was a sale."""
    collateral_at_start: int


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
