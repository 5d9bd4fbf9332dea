"""RevenueRouter: who gets the rent, in which order?"""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block
from pyutils.contracts.payouts import PayoutContract
from pyutils.models import Revenue
from pyutils.units import FleetId


class RevenueRouter(PayoutContract):
    """Splits every fleet's rent."""

    NAME = "RevenueRouter"

    def route(self, lane: Lane, fleet_id: FleetId) -> Receipt:
        """Split what was credited."""
        return self._write(lane, "route", fleet_id)

    def revenue(self, fleet_id: FleetId, block: Block = "latest") -> Revenue:
        """Return a fleet's revenue and its legs."""
        return Revenue.from_row(self._read("revenue", fleet_id, block=block))

    def protocol_fee_bps(self, block: Block = "latest") -> int:
        """Return the protocol fee of fleets enrolled from now on, in basis points."""
        return int(self._read("protocolFeeBps", block=block))

    def fee_recipient(self, block: Block = "latest") -> str:
        """Return who is credited with fees from now on."""
        return self._read_address("feeRecipient", block=block)
