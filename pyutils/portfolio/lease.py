"""Leases that an account owns. Money in units of the fleet's settlement token."""

from __future__ import annotations

from typing import Annotated

from pyutils.models import Address, Lease, StructModel
from pyutils.models.row import nested


class LeasePosition(StructModel):
    """A lease whose NFT the account owns; closed ones stay with their owner."""

    lease_id: int
    token: Address
    lease: Annotated[Lease, nested(Lease)]
