"""LoanHealth: what is a loan's pledge worth, and how much may be owed against it?"""

from __future__ import annotations

from pyutils.contracts.base import Block, Contract
from pyutils.models import Limits, Pledge


class LoanHealth(Contract):
    """The reader of appraisal, feeds and meter oracle that FleetCredit asks."""

    NAME = "LoanHealth"

    def limits(self, pledge: Pledge, block: Block = "latest") -> Limits:
        """Return the pledge's limits. Raises `RevertedError` where appraisal or feed cannot tell."""
        return Limits.from_row(self._read("limits", pledge.row(), block=block))

    def young_days(self, block: Block = "latest") -> int:
        """Return the days of history below which a fleet is young."""
        return int(self._read("youngDays", block=block))
