"""CollateralPrices: what is liquid collateral worth, now?"""

from __future__ import annotations

from pyutils.contracts.base import Block, Contract
from pyutils.models import PriceFeed
from pyutils.units import TokenUnits


class CollateralPrices(Contract):
    """The feeds by which one credit market values collateral."""

    NAME = "CollateralPrices"

    def value(self, token: str, amount: TokenUnits, block: Block = "latest") -> TokenUnits:
        """Return what `amount` of `token` is worth in the settlement token. Raises `RevertedError` with the reason."""
        return TokenUnits(self._read("value", token, amount, block=block))

    def is_listed(self, token: str, block: Block = "latest") -> bool:
        """Return whether new loans may take `token`."""
        return bool(self._read("isListed", token, block=block))

    def feed_of(self, token: str, block: Block = "latest") -> PriceFeed:
        """Return how a token is priced."""
        return PriceFeed.from_row(self._read("feedOf", token, block=block))
