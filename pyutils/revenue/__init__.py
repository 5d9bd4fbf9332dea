"""Exact integer mirrors of the contracts that share out rent: quotes for people, and the reference in tests."""

from pyutils.revenue.shares import (
    ACCRUED_BITS,
    TITLE,
    ERC20InsufficientBalanceError,
    Holding,
    NothingToClaimError,
    SharesModel,
    Stream,
)
from pyutils.revenue.waterfall import FleetRevenue, InvalidShareError, Legs, RouterModel, split

__all__ = [
    "ACCRUED_BITS",
    "TITLE",
    "ERC20InsufficientBalanceError",
    "FleetRevenue",
    "Holding",
    "InvalidShareError",
    "Legs",
    "NothingToClaimError",
    "RouterModel",
    "SharesModel",
    "Stream",
    "split",
]
