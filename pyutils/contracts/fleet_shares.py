"""FleetShares: what does an owner of a part of the fleet earn?"""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.units import ShareUnits, TokenUnits


class FleetShares(Contract):
    """One fleet's shares, gated or not."""

    NAME = "FleetShares"

    def collect(self, lane: Lane) -> Receipt:
        """Bring the fleet's routed revenue to the shares."""
        return self._write(lane, "collect")

    def claim(self, lane: Lane, to: str) -> Receipt:
        """Send all that accrued to the signer to `to`."""
        return self._write(lane, "claim", to)

    def claim_title(self, lane: Lane, to: str) -> Receipt:
        """Send what accrued to the shares bound to the title to `to`."""
        return self._write(lane, "claimTitle", to)

    def transfer(self, lane: Lane, to: str, amount: ShareUnits) -> Receipt:
        """Move shares; what accrued stays with the signer."""
        return self._write(lane, "transfer", to, amount)

    def balance_of(self, account: str, block: Block = "latest") -> ShareUnits:
        """Return the shares of `account`."""
        return ShareUnits(self._read("balanceOf", account, block=block))

    def total_supply(self, block: Block = "latest") -> ShareUnits:
        """Return the fixed supply."""
        return ShareUnits(self._read("totalSupply", block=block))

    def bound_shares(self, block: Block = "latest") -> ShareUnits:
        """Return the shares bound to the title."""
        return ShareUnits(self._read("boundShares", block=block))

    def claimable(self, account: str, block: Block = "latest") -> TokenUnits:
        """Return what `account` may claim now."""
        return TokenUnits(self._read("claimable", account, block=block))

    def claimable_by_title(self, block: Block = "latest") -> TokenUnits:
        """Return what the title's owner may claim now for the bound shares."""
        return TokenUnits(self._read("claimableByTitle", block=block))

    def unreleased(self, block: Block = "latest") -> TokenUnits:
        """Return revenue that has arrived and not entered the index yet."""
        return TokenUnits(self._read("unreleased", block=block))

    def collected(self, block: Block = "latest") -> TokenUnits:
        """Return revenue that ever arrived."""
        return TokenUnits(self._read("collected", block=block))
