"""TransferGate: who may hold gated shares."""

from __future__ import annotations

from pyutils.contracts.base import Block, Contract


class TransferGate(Contract):
    """The list for all gated shares."""

    NAME = "TransferGate"

    def is_permitted(self, account: str, block: Block = "latest") -> bool:
        """Return whether `account` may hold gated shares."""
        return bool(self._read("isPermitted", account, block=block))
