"""What LeaseBook and LeaseTerms say."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from pyutils.models.row import StructModel


class EndedBy(IntEnum):
    """Who ended a lease before its agreed end."""

    NOBODY = 0
    LESSEE = 1
    OPERATOR = 2


class Lease(StructModel):
    """A lease as LeaseBook holds it. Money in token units; `deposit = paid + fee + refunded + held`, always."""

    fleet_id: int
    gpus: int
    price_per_gpu_hour: int
    terms_id: int
    of_record: bool
    """Whether its holder was a lessee of record when it opened or was last transferred."""
    opened_at: int
    granted_at: int
    """Zero until access is granted: delivery counts from here."""
    duration: int
    end: int
    """Effective end; zero until granted."""
    ended_by: Annotated[EndedBy, BeforeValidator(EndedBy)]
    closed: bool
    released: bool
    delivered_gpu_ms: int
    settled_as_of: int
    deposit: int
    paid: int
    fee: int
    refunded: int
    held: int


class SlaTier(StructModel):
    """Availability below `below_wad` earns `credit_wad` of the deposit."""

    below_wad: int = Field(ge=0, lt=2**64)
    credit_wad: int = Field(ge=0, lt=2**64)


def _tiers(rows: object) -> object:
    if isinstance(rows, list | tuple):
        return tuple(row if isinstance(row, SlaTier | dict) else SlaTier.from_row(row) for row in rows)
    return rows


class Terms(StructModel):
    """What a lease locks when it opens. Ratios are WAD, times are seconds."""

    tiers: Annotated[tuple[SlaTier, SlaTier, SlaTier], BeforeValidator(_tiers)]
    """Mildest first: thresholds fall, credits rise, none above the reservation."""
    reservation_wad: int
    lessee_notice: int
    operator_notice: int
    compensation: int
    report_interval: int
    proof_deadline: int
    max_standstill: int
    mutual_delay: int
