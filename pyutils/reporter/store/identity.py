"""Whose store it is."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pyutils.models import Address, FrozenModel

Role: TypeAlias = Literal["operator", "verifier"]


class Identity(FrozenModel):
    """A signer of reports of one oracle on one chain. A store belongs to one, and no other may use it."""

    chain_id: Annotated[int, Field(ge=1, lt=2**256)]
    oracle: Address
    signer: Address
    """The attestation key's account."""
    role: Role

    def __str__(self) -> str:
        return f"{self.role} {self.signer} on chain {self.chain_id}, oracle {self.oracle}"
