"""What CollateralAuction says of the sale of one loan's collateral."""

from __future__ import annotations

from pyutils.models.row import StructModel


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
