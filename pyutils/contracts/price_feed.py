"""TestPriceFeed: the price feed without a market that prices test collateral."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract


class TestPriceFeed(Contract):
    """The feed."""

    __test__ = False

    NAME = "TestPriceFeed"

    def say(self, lane: Lane, answer: int) -> Receipt:
        """Answer so from now on, in the feed's units."""
        return self._write(lane, "say", answer)

    def answer(self, block: Block = "latest") -> int:
        """Return the newest answer."""
        return int(self._read("latestRoundData", block=block)[1])

    def decimals(self, block: Block = "latest") -> int:
        """Return the digits after the point of an answer."""
        return int(self._read("decimals", block=block))
