"""What FleetRegistry says of a fleet, and what an operator says when it enrols one."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from pyutils.models.address import ZERO_ADDRESS, Address
from pyutils.models.base import Bytes32
from pyutils.models.row import Bytes32Text, StructModel


class FleetStatus(IntEnum):
    """Where a fleet stands. Only a live fleet takes new business."""

    NONE = 0
    LIVE = 1
    WOUND_DOWN = 2


class Fleet(StructModel):
    """A fleet as FleetRegistry holds it. Power in watts, times in Unix seconds, prices in token units per GPU-hour."""

    status: Annotated[FleetStatus, BeforeValidator(FleetStatus)]
    suspended: bool
    """Two proofs of one GPU id stopped new business until the registrar decides."""
    settlement_token: Address
    token_decimals: int
    capacity: int
    max_term: int
    operator: Address
    board_power_watts: int
    sample_cadence: int
    pricing: Address
    price_floor: int
    incoming_operator: Address
    incoming_from: int
    commissioned_at: int
    insurance_expiry: int
    requested_capacity: int
    shares: Address
    gpu_class: Bytes32Text
    region: Bytes32Text
    gpu_root: Bytes32
    requested_gpu_root: Bytes32
    deed_hash: Bytes32


class DeclaredValue(StructModel):
    """A declared value and its currency, as ERC-7578 has it."""

    currency: str = ""
    value: int = Field(default=0, ge=0)


class Documents(StructModel):
    """The documents of a fleet, as ERC-7578 has them."""

    token_issuer: str = ""
    asset_holder: str = ""
    stored_location: str = ""
    terms: str = ""
    jurisdiction: str = ""
    declared_value: DeclaredValue = DeclaredValue()


class ShareTerms(StructModel):
    """The fleet's shares, fixed at creation. A tenth of the supply is bound to the title."""

    name: str = Field(min_length=1)
    symbol: str = Field(min_length=1)
    supply: int = Field(ge=10**18, lt=2**96)
    gated: bool = False
    custodian: Address = ZERO_ADDRESS


class FleetEnrolment(StructModel):
    """All that an operator says of a fleet when it enrols it."""

    owner: Address
    gpu_class: Bytes32
    region: Bytes32
    board_power_watts: int
    sample_cadence: int
    max_term: int
    capacity: int
    gpu_root: Bytes32
    settlement_token: Address
    pricing: Address
    price_floor: int
    operating_share_bps: int
    insurance_expiry: int
    deed_hash: Bytes32
    documents: Documents
    shares: ShareTerms
