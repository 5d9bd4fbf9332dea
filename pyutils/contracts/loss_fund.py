"""LossFund: slashed stakes, kept for lenders' shortfalls."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.units import TokenUnits


class LossFund(Contract):
    """The fund."""

    NAME = "LossFund"

    def collect(self, lane: Lane, source: str, token: str) -> Receipt:
        """Bring what `source` owes the fund in `token`."""
        return self._write(lane, "collect", source, token)

    def held(self, token: str, block: Block = "latest") -> TokenUnits:
        """Return the counted holdings."""
        return TokenUnits(self._read("held", token, block=block))
