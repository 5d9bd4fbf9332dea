"""What an operator has at stake. Money in units of the fleet's settlement token."""

from __future__ import annotations

from typing import Annotated

from pyutils.models import Address, Bond, StructModel
from pyutils.models.row import nested


class BondPosition(StructModel):
    """A bond for one fleet, of its operator or of a former or coming one."""

    fleet_id: int
    token: Address
    bond: Annotated[Bond, nested(Bond)]
