"""Contracts that credit money and let its owner withdraw it."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.units import TokenUnits


class PayoutContract(Contract):
    """A contract that owes: lease book, oracle, bond and router."""

    def owed(self, token: str, account: str, block: Block = "latest") -> TokenUnits:
        """Return what `account` may withdraw."""
        return TokenUnits(self._read("owed", token, account, block=block))

    def withdraw(self, lane: Lane, token: str, to: str) -> Receipt:
        """Send everything owed to the signer in `token` to `to`."""
        return self._write(lane, "withdraw", token, to)
