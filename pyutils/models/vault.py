"""What CreditVault says of its assets and of redemptions."""

from __future__ import annotations

from pyutils.models.row import StructModel


class VaultBook(StructModel):
    """What a vault holds as of a block, in asset units."""

    cash: int
    performing_principal: int
    """Of loans without a mark, and their accrued interest below, rounded down."""
    performing_interest: int
    marked_base: int
    """What marked loans and held lots count for before they fall."""
    written_down: int
    """By how much they have fallen, rounded up."""
    marked_owed: int
    """What marked loans owe, interest running on, rounded up."""
    held_owed: int
    set_aside: int
    """Paid out to redemptions and not claimed yet; no part of the assets."""


class Epoch(StructModel):
    """One week's requests to redeem, in vault shares and asset units."""

    shares: int
    served_shares: int
    """Of `shares`, burned so far; `served_assets` were set aside for them."""
    served_assets: int
