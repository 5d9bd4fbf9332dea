"""What a lender has in a credit vault. Shares in their units, assets in the units of the token that is lent."""

from __future__ import annotations

from pyutils.models import Address, StructModel


class VaultPosition(StructModel):
    """Vault shares, requests to redeem them, and what may be claimed."""

    vault: Address
    token: Address
    """That is lent."""
    decimals: int
    symbol: str
    shares: int
    worth: int
    """Of `shares`, at the conservative value, at which lenders leave; rounds down."""
    pending: int
    """Shares asked to be redeemed, and not served yet."""
    pending_epoch: int
    """The week in which they wait; 0 for none."""
    claimable_shares: int
    claimable: int
    """Assets set aside for served shares."""
    cancelled: int
    """Shares of requests that were taken back, to be claimed."""
