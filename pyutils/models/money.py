"""What OperatorBond and RevenueRouter hold, in token units."""

from __future__ import annotations

from enum import IntEnum

from pyutils.models.row import StructModel


class Bond(StructModel):
    """One operator's bond for one fleet.

    All that was ever staked is reserved + lie stake + free + unbonding + slashed + withdrawn.
    """

    reserved: int
    lie_stake: int
    free: int
    unbonding: int
    unbonds_at: int
    slashed: int
    withdrawn: int


class SlashReason(IntEnum):
    """Why an operator's stake was slashed."""

    SLA_CREDIT = 0
    COMPENSATION = 1
    LIE = 2


class Revenue(StructModel):
    """A fleet's revenue: what was credited, what was split, and the three legs."""

    protocol_fee_bps: int
    operating_share_bps: int
    pending: int
    routed: int
    protocol_fee: int
    operating: int
    shares: int
    uncollected: int
