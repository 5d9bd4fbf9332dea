"""TransferGate: who may hold gated shares."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract


class TransferGate(Contract):
    """The list for all gated shares."""

    NAME = "TransferGate"

    def set_permitted(self, lane: Lane, account: str, *, permitted: bool) -> Receipt:
        """Permit or forbid `account` to send and receive gated shares."""
        return self._write(lane, "setPermitted", account, permitted)

    def is_permitted(self, account: str, block: Block = "latest") -> bool:
        """Return whether `account` may hold gated shares."""
        return bool(self._read("isPermitted", account, block=block))
