"""Exact mirror of one lease of `LeaseBook`: its state, and what each call makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyutils.leases.refusals import (
    AlreadyEndingError,
    LeaseClosedError,
    LeaseEndedError,
    NotGrantedError,
)
from pyutils.leases.rent import deliverable, deposit_up, rent_down
from pyutils.leases.terms import Closing, at_closing
from pyutils.models.lease import EndedBy, Lease, Terms
from pyutils.units import EPOCH, NO_GPU_TIME, NO_MONEY, WAD, FleetId, GpuMs, LeaseId, TokenUnits, UnixSeconds, Wad

LEAST_DURATION_S = 3_600
GRACE_S = 3_600
"""A lessee may cancel in it for one hour's rent, and end without notice in the first after the grant."""
GRANT_DEADLINE_S = 86_400
COUNTED_SPAN_S = 172_800
"""More metered time than this in one settlement is a lump, and counts pro rata as evidence of revenue."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one settlement pays, in token units, and how much of it is evidence for appraisals."""

    rent: TokenUnits
    counted: TokenUnits


NOTHING = Settlement(NO_MONEY, NO_MONEY)


@dataclass(slots=True)
class LeaseModel:
    """The state of one lease. Money in token units, times in Unix seconds, delivery in GPU-milliseconds."""

    lease_id: LeaseId
    owner: str
    gpus: int
    price_per_gpu_hour: TokenUnits
    duration_s: int
    """Agreed seconds, which the deposit paid for."""
    terms_id: int
    terms: Terms
    of_record: bool
    opened_at: UnixSeconds
    granted_at: UnixSeconds = EPOCH
    term_s: int = -1
    """Effective seconds from the grant to the end; the agreed ones until an early end."""
    ended_by: EndedBy = EndedBy.NOBODY
    closed: bool = False
    released: bool = False
    delivered: GpuMs = NO_GPU_TIME
    settled_as_of: UnixSeconds = EPOCH
    fee: TokenUnits = NO_MONEY

    def __post_init__(self) -> None:
        if self.term_s < 0:
            self.term_s = self.duration_s

    @property
    def fleet_id(self) -> FleetId:
        """Fleet whose GPUs are leased."""
        return FleetId(self.lease_id >> 32)

    @property
    def end(self) -> UnixSeconds:
        """Effective end of a granted lease."""
        return UnixSeconds(self.granted_at + self.term_s)

    @property
    def deposit(self) -> TokenUnits:
        """What the lessee prepaid. Rounded up."""
        return deposit_up(self.price_per_gpu_hour, self.gpus, self.duration_s)

    @property
    def paid(self) -> TokenUnits:
        """Rent for all that is credited. Rounded down."""
        return rent_down(self.price_per_gpu_hour, self.delivered)

    @property
    def rest(self) -> TokenUnits:
        """What is neither rent nor fee: held until the lease is closed, refunded from then on."""
        return TokenUnits(self.deposit - self.paid - self.fee)

    @property
    def availability_wad(self) -> Wad:
        """Credited delivery over what was possible until the effective end. Rounds down, for the lessee."""
        return Wad(self.delivered * WAD // deliverable(self.gpus, self.term_s))

    def view(self) -> Lease:
        """Return the lease as `LeaseBook.lease` does."""
        rest = self.rest
        return Lease(
            fleet_id=self.fleet_id,
            gpus=self.gpus,
            price_per_gpu_hour=self.price_per_gpu_hour,
            terms_id=self.terms_id,
            of_record=self.of_record,
            opened_at=self.opened_at,
            granted_at=self.granted_at,
            duration=self.duration_s,
            end=self.end if self.granted_at else EPOCH,
            ended_by=self.ended_by,
            closed=self.closed,
            released=self.released,
            delivered_gpu_ms=self.delivered,
            settled_as_of=self.settled_as_of,
            deposit=self.deposit,
            paid=self.paid,
            fee=self.fee,
            refunded=rest if self.closed else NO_MONEY,
            held=NO_MONEY if self.closed else rest,
        )

    def require_open(self) -> None:
        """Raise `LeaseClosedError` where nothing can happen any more."""
        if self.closed:
            raise LeaseClosedError(self.lease_id)

    def require_granted(self) -> None:
        """Raise where the lease is closed, or was never granted."""
        self.require_open()
        if not self.granted_at:
            raise NotGrantedError(self.lease_id)

    def settle(self, leaf: GpuMs, as_of: UnixSeconds) -> Settlement:
        """Credit a proved leaf of a head as of `as_of`, up to the end and to what the GPUs could give.

        A leaf below what is credited pays nothing. Rent rounds down in sum, so that many settlements pay what one
        does; evidence rounds down, against the fleet.
        """
        until, since, delivered = self._credited(leaf, as_of)
        if until <= since or delivered < self.delivered:
            return NOTHING
        rent = rent_down(self.price_per_gpu_hour, delivered) - self.paid
        span = until - since
        counted = 0
        if self.of_record:
            counted = rent * COUNTED_SPAN_S // span if span > COUNTED_SPAN_S else rent
        self.delivered, self.settled_as_of = delivered, until
        return Settlement(TokenUnits(rent), TokenUnits(counted))

    def _credited(self, leaf: GpuMs, as_of: UnixSeconds) -> tuple[UnixSeconds, UnixSeconds, GpuMs]:
        until = min(self.end, as_of)
        since = max(self.settled_as_of, self.granted_at)
        possible = deliverable(self.gpus, max(0, until - self.granted_at))
        return until, since, min(leaf, possible)

    def credited(self, leaf: GpuMs, as_of: UnixSeconds) -> GpuMs:
        """Return the delivery that `settle` would leave credited, without settling."""
        until, since, delivered = self._credited(leaf, as_of)
        return self.delivered if until <= since else max(self.delivered, delivered)

    def shorten(self, by: EndedBy, notice_s: int, now: UnixSeconds) -> None:
        """End the lease `notice_s` from now. Raises where it ends sooner anyway, or was ended already."""
        if self.ended_by is not EndedBy.NOBODY:
            raise AlreadyEndingError(self.lease_id)
        end = now + notice_s
        if end >= self.end:
            raise LeaseEndedError(self.lease_id, self.end)
        self.ended_by, self.term_s = by, end - self.granted_at

    def lessee_fee(self, now: UnixSeconds) -> TokenUnits:
        """Return the notice that a lessee's early end costs, once shortened.

        None in the first hour after the grant; later the terms' notice of rent, rounded down, never more than is held
        beyond what can still be delivered, so that the operator's rent is always there.
        """
        if now <= self.granted_at + GRACE_S:
            return NO_MONEY
        price = self.price_per_gpu_hour
        spare = self.deposit - deposit_up(price, self.gpus, self.term_s)
        return min(TokenUnits(spare), rent_down(price, deliverable(self.gpus, self.terms.lessee_notice)))

    def cancel_fee(self, now: UnixSeconds) -> TokenUnits:
        """Return what cancelling now costs: one hour's rent in the first hour, nothing later. Exact."""
        if now >= self.opened_at + GRACE_S:
            return NO_MONEY
        return TokenUnits(self.price_per_gpu_hour * self.gpus)

    def closing(self) -> Closing:
        """Return what the bond owes when the lease closes now.

        The SLA credit of a lease that its lessee ended is pro rata of the agreed time, rounded down: else three hours
        of a long lease, all bad, would pay a part of its whole deposit.
        """
        owed = at_closing(
            self.terms,
            self.deposit,
            self.availability_wad,
            TokenUnits(self.price_per_gpu_hour * self.gpus),
            ended_by_operator=self.ended_by is EndedBy.OPERATOR,
        )
        if self.ended_by is EndedBy.LESSEE:
            return replace(owed, sla_credit=TokenUnits(owed.sla_credit * self.term_s // self.duration_s))
        return owed
