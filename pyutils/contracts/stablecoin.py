"""Settlement tokens: any ERC-20 with ERC-2612, and the minting of the test coin."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.units import TokenUnits


class Stablecoin(Contract):
    """A settlement token."""

    NAME = "TestStablecoin"

    def balance_of(self, account: str, block: Block = "latest") -> TokenUnits:
        """Return what `account` holds."""
        return TokenUnits(self._read("balanceOf", account, block=block))

    def allowance(self, owner: str, spender: str, block: Block = "latest") -> TokenUnits:
        """Return what `spender` may pull from `owner`."""
        return TokenUnits(self._read("allowance", owner, spender, block=block))

    def decimals(self, block: Block = "latest") -> int:
        """Return the digits after the point."""
        return int(self._read("decimals", block=block))

    def symbol(self, block: Block = "latest") -> str:
        """Return the ticker."""
        return str(self._read("symbol", block=block))

    def approve(self, lane: Lane, spender: str, amount: TokenUnits) -> Receipt:
        """Let `spender` pull `amount`."""
        return self._write(lane, "approve", spender, amount)

    def transfer(self, lane: Lane, to: str, amount: TokenUnits) -> Receipt:
        """Send `amount` to `to`."""
        return self._write(lane, "transfer", to, amount)

    def mint(self, lane: Lane, to: str, amount: TokenUnits) -> Receipt:
        """Create `amount` of the test coin for `to`."""
        return self._write(lane, "mint", to, amount)
