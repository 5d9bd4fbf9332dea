"""What an account may take now, wherever it lies. Amounts in the token's units."""

from __future__ import annotations

from pyutils.models import Address, FrozenModel


class Claimable(FrozenModel):
    """Money that waits for its owner."""

    source: str
    token: Address
    amount: int
    command: str
    """What takes it."""
