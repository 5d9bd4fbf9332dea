"""What lessees got of what they were promised, lease by lease, and what the operator's bond paid for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from pyutils.leases import deliverable
from pyutils.models import Lease, Terms
from pyutils.models.lease import EndedBy
from pyutils.models.money import SlashReason
from pyutils.operations.history import Event
from pyutils.units import NO_GPU_TIME, WAD, GpuMs, LeaseId, TokenUnits, UnixSeconds, Wad

TIERS: Final = 3
"""Thresholds that all terms have."""


class Standing(Enum):
    """Where a lease stands."""

    WAITING = "waits for access"
    RUNNING = "runs"
    ENDED = "ended, not closed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class LeaseSla:
    """One lease held against its terms. Money in token units."""

    lease_id: LeaseId
    gpus: int
    standing: Standing
    begin: UnixSeconds
    """When access was granted; 0 where it never was."""
    end: UnixSeconds
    """The effective end, 0 without a grant; below it how long was agreed on."""
    agreed_end: UnixSeconds
    ended_by: EndedBy
    proved_until: UnixSeconds
    """Until when delivery is credited; 0 before the first settlement."""
    delivered: GpuMs
    deliverable: GpuMs
    """Until the end for a closed lease, else until `proved_until`. What no report proved counts as not delivered."""
    availability_wad: Wad | None
    """Delivered over deliverable, down; as the closing says it where there was one. None where nothing was due."""
    thresholds: tuple[Wad, ...]
    """Of the lease's own terms, mildest first: below each a larger credit is owed."""
    fell_below: int
    """How many of them a closed lease fell below; 0 for one that was kept, and while it is not closed."""
    deposit: TokenUnits
    fee: TokenUnits
    """Paid by the lessee for ending early, or cancelling in the first hour."""
    sla_credit: TokenUnits
    compensation: TokenUnits
    """For an operator's early end."""
    events: tuple[str, ...]
    """What told of the closing: `Close` or `Cancel`, and a `Slash` for each payment."""


@dataclass(frozen=True, slots=True)
class SlaRecord:
    """All leases of a fleet held against their terms. Money in token units."""

    leases: tuple[LeaseSla, ...]
    closed: int
    """Leases on which the terms have spoken."""
    availability_wad: Wad | None
    """Delivered over deliverable GPU time of all closed leases, rounded down; None before the first."""
    thresholds: tuple[Wad, ...] | None
    """Those of all closed leases; None where their terms differ, or there is none."""
    below: tuple[int, ...]
    """How many closed leases fell below each threshold of their own terms, the mildest first."""
    sla_credits: TokenUnits
    compensation: TokenUnits
    """For the operator's early ends."""
    fees: TokenUnits
    """Paid by lessees for ending early or cancelling."""

    @classmethod
    def of(cls, leases: Sequence[LeaseSla]) -> Self:
        """Return the record that leases add up to."""
        closed = [one for one in leases if one.standing is Standing.CLOSED]
        whole, thresholds = sum(one.deliverable for one in closed), {one.thresholds for one in closed}
        return cls(
            leases=tuple(leases),
            closed=len(closed),
            availability_wad=Wad(sum(one.delivered for one in closed) * WAD // whole) if whole else None,
            thresholds=thresholds.pop() if len(thresholds) == 1 else None,
            below=tuple(sum(one.fell_below > tier for one in closed) for tier in range(TIERS)),
            sla_credits=TokenUnits(sum(one.sla_credit for one in leases)),
            compensation=TokenUnits(sum(one.compensation for one in leases)),
            fees=TokenUnits(sum(one.fee for one in leases)),
        )


def sla_record(
    leases: Sequence[tuple[LeaseId, Lease]],
    happened: Mapping[LeaseId, Sequence[Event]],
    slashes: Sequence[Event],
    terms: Mapping[int, Terms],
    now: UnixSeconds,
) -> SlaRecord:
    """Return the record of leases.

    Args:
        leases: as the book has them.
        happened: the book's events of each, with `Close` and `Cancel`.
        slashes: the bond's `Slash` events of the fleet.
        terms: by their number.
        now: the block's time.

    """
    paid: dict[int, list[Event]] = {}
    for event in slashes:
        # The cause of a lie is no lease, but a time.
        if event.arguments["reason"] != SlashReason.LIE:
            paid.setdefault(event.arguments["cause"], []).append(event)
    return SlaRecord.of(
        [
            _lease(
                lease_id,
                lease,
                [event for event in happened[lease_id] if event.name in ("Close", "Cancel")],
                paid.get(lease_id, []),
                terms[lease.terms_id],
                now,
            )
            for lease_id, lease in leases
        ]
    )


def _lease(
    lease_id: LeaseId, lease: Lease, ends: Sequence[Event], slashes: Sequence[Event], terms: Terms, now: UnixSeconds
) -> LeaseSla:
    standing = _standing(lease, now)
    until = lease.end if standing is Standing.CLOSED else lease.settled_as_of
    possible = deliverable(lease.gpus, until - lease.granted_at) if until > lease.granted_at > 0 else NO_GPU_TIME
    availability = lease.delivered_gpu_ms * WAD // possible if possible else None
    fell_below = 0
    if standing is Standing.CLOSED:
        (closing,) = ends
        availability = closing.arguments["availabilityWad"]
        fell_below = sum(availability < tier.below_wad for tier in terms.tiers)
    return LeaseSla(
        lease_id=lease_id,
        gpus=lease.gpus,
        standing=standing,
        begin=UnixSeconds(lease.granted_at),
        end=UnixSeconds(lease.end),
        agreed_end=UnixSeconds(lease.granted_at + lease.duration if lease.granted_at else 0),
        ended_by=lease.ended_by,
        proved_until=UnixSeconds(lease.settled_as_of),
        delivered=GpuMs(lease.delivered_gpu_ms),
        deliverable=possible,
        availability_wad=None if availability is None else Wad(availability),
        thresholds=tuple(Wad(tier.below_wad) for tier in terms.tiers),
        fell_below=fell_below,
        deposit=TokenUnits(lease.deposit),
        fee=TokenUnits(lease.fee),
        sla_credit=_paid(slashes, SlashReason.SLA_CREDIT),
        compensation=_paid(slashes, SlashReason.COMPENSATION),
        events=tuple(event.label for event in (*ends, *slashes)),
    )


def _standing(lease: Lease, now: UnixSeconds) -> Standing:
    if lease.closed:
        return Standing.CLOSED if lease.granted_at else Standing.CANCELLED
    if not lease.granted_at:
        return Standing.WAITING
    return Standing.ENDED if now >= lease.end else Standing.RUNNING


def _paid(slashes: Sequence[Event], reason: SlashReason) -> TokenUnits:
    return TokenUnits(sum(event.arguments["amount"] for event in slashes if event.arguments["reason"] == reason))
