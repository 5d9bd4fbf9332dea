"""Appraisal: what is a fleet's hardware worth?"""

from __future__ import annotations

from pyutils.contracts.base import Block, Contract
from pyutils.models import ClassPrice, FleetValue
from pyutils.units import FleetId


class Appraisal(Contract):
    """Replacement prices and what follows from them, in one settlement token."""

    NAME = "Appraisal"

    def appraise(self, fleet_id: FleetId, block: Block = "latest") -> FleetValue:
        """Return a fleet's value. Raises `RevertedError` where its class has no price or a stale one."""
        return FleetValue.from_row(self._read("appraise", fleet_id, block=block))

    def last_known(self, fleet_id: FleetId, block: Block = "latest") -> FleetValue:
        """Return a fleet's value even by a stale price: for reading, never for lending."""
        return FleetValue.from_row(self._read("lastKnown", fleet_id, block=block))

    def price_of(self, gpu_class: bytes, block: Block = "latest") -> ClassPrice:
        """Return a class's replacement price."""
        return ClassPrice.from_row(self._read("priceOf", gpu_class, block=block))
