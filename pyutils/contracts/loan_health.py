"""LoanHealth: what is a loan's pledge worth, and how much may be owed against it?"""

from __future__ import annotations

from pyutils.contracts.base import Block, Contract
from pyutils.models import Limits, Pledge


class LoanHealth(Contract):
    """The reader of appraisal, feeds and meter oracle that FleetCredit asks."""

    NAME = "LoanHealth"

    def draw_limits(self, pledge: Pledge, block: Block = "latest") -> Limits:
        """Return the limits of a loan that is drawn now. Raises `RevertedError` where appraisal or feed cannot tell."""
        limits, _, _ = self._read("drawLimits", pledge.row(), block=block)
        return Limits.from_row(limits)
