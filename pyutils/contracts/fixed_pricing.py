"""FixedPricing: one price per fleet, set by its controller."""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.units import FleetId, TokenUnits


class FixedPricing(Contract):
    """The prices of fleets that chose it."""

    NAME = "FixedPricing"

    def set_price(self, lane: Lane, fleet_id: FleetId, price_per_gpu_hour: TokenUnits) -> Receipt:
        """Set the price of leases opened from now on."""
        return self._write(lane, "setPrice", fleet_id, price_per_gpu_hour)

    def price_of(self, fleet_id: FleetId, block: Block = "latest") -> TokenUnits:
        """Return the price per GPU-hour; 0 where none was set."""
        return TokenUnits(self._read("priceOf", fleet_id, block=block))
