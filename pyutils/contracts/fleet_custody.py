"""FleetCustody: who holds what a loan is secured by?"""

from __future__ import annotations

from pyutils.contracts.base import Block, Contract


class FleetCustody(Contract):
    """Titles, shares and collateral of one credit market's loans."""

    NAME = "FleetCustody"

    def act_hash(self, call_data: bytes, block: Block = "latest") -> bytes:
        """Return what the risk role consents to."""
        return bytes(self._read("actHash", call_data, block=block))
