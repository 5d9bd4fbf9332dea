"""Fleet shares and titles, with what they earned. Money in units of the fleet's settlement token."""

from __future__ import annotations

from pyutils.models import Address, StructModel


class SharePosition(StructModel):
    """Shares of one fleet that an account holds, or that earned something for it that was not claimed."""

    fleet_id: int
    token: Address
    """In which the fleet settles."""
    shares: int
    supply: int
    claimable: int
    """Accrued until the block and not claimed; rounds down."""


class TitlePosition(StructModel):
    """A title that an account owns: control of the fleet, and the shares bound to it."""

    fleet_id: int
    token: Address
    bound_shares: int
    claimable: int
    """Accrued to the bound shares and not claimed; rounds down."""
