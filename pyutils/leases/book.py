"""Exact mirror of `LeaseBook`: opening, settling and ending leases, with everything that they do to money.

Each method refuses before it changes anything, as a reverted transaction would have changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyutils.bond import BondModel
from pyutils.heads import HeadsModel
from pyutils.leases import refusals as no
from pyutils.leases.lease import (
    GRANT_DEADLINE_S,
    LEAST_DURATION_S,
    LeaseModel,
    Settlement,
)
from pyutils.leases.rent import deliverable, deposit_up, rent_down
from pyutils.leases.terms import lessee_end_s, operator_end_s, reservation_up
from pyutils.merkle import LEASE_LEAF, MultiProof, leaf_hash, verify, verify_multi
from pyutils.models.lease import EndedBy, Lease, Terms
from pyutils.payouts import Payouts
from pyutils.revenue.waterfall import RouterModel
from pyutils.units import NO_MONEY, FleetId, GpuMs, LeaseId, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Opening:
    """What the registry and the pricing say of a fleet when a lease is to open."""

    capacity: int
    max_term_s: int
    price_per_gpu_hour: TokenUnits
    price_floor: TokenUnits
    of_record: bool


@dataclass(slots=True)
class FleetBook:
    """A fleet's account in the book. `escrow` is its counted money: held deposits, and rent not handed on."""

    token: str
    leased_gpus: int = 0
    leases: int = 0
    escrow: TokenUnits = NO_MONEY


@dataclass(frozen=True, slots=True)
class Leaf:
    """A lease's leaf and its proof against the fleet's head."""

    delivered: GpuMs
    proof: Sequence[bytes] = ()


class BookModel:
    """All leases, and what the book owes. Tells bond and router what LeaseBook tells them."""

    def __init__(self, bond: BondModel, router: RouterModel, heads: HeadsModel) -> None:
        self.payouts = Payouts()
        self.fleets: dict[FleetId, FleetBook] = {}
        self.leases: dict[LeaseId, LeaseModel] = {}
        self.terms: tuple[int, Terms] | None = None
        """Version and content of the terms under which leases open now."""
        self._bond, self._router, self._heads = bond, router, heads

    def open(
        self,
        fleet_id: FleetId,
        opening: Opening,
        *,
        lessee: str,
        gpus: int,
        duration_s: int,
        max_price: TokenUnits,
        now: UnixSeconds,
    ) -> LeaseModel:
        """Open a lease and reserve its part of the bond; its `deposit`, rounded up, is what the lessee prepays."""
        if self.terms is None:
            raise no.NoTermsError
        if gpus == 0:
            raise no.InvalidGpusError(gpus)
        if not LEAST_DURATION_S <= duration_s <= opening.max_term_s:
            raise no.InvalidDurationError(duration_s, LEAST_DURATION_S, opening.max_term_s)
        account = self.fleets[fleet_id]
        free, price = opening.capacity - account.leased_gpus, opening.price_per_gpu_hour
        if gpus > free:
            raise no.CapacityExceededError(fleet_id, gpus, free)
        if price < opening.price_floor:
            raise no.PriceBelowFloorError(price, opening.price_floor)
        if price > max_price:
            raise no.PriceAboveMaximumError(price, max_price)
        terms_id, terms = self.terms
        deposit = deposit_up(price, gpus, duration_s)
        escrow = TokenUnits(account.escrow + deposit)
        self._bond.reserve(fleet_id, reservation_up(terms, deposit), escrow)

        account.leased_gpus += gpus
        account.escrow = escrow
        account.leases += 1
        lease = LeaseModel(
            lease_id=LeaseId(fleet_id << 32 | account.leases),
            owner=lessee,
            gpus=gpus,
            price_per_gpu_hour=price,
            duration_s=duration_s,
            terms_id=terms_id,
            terms=terms,
            of_record=opening.of_record,
            opened_at=now,
        )
        self.leases[lease.lease_id] = lease
        return lease

    def grant_access(self, lease_id: LeaseId, now: UnixSeconds) -> None:
        """Start delivery. For the fleet's operator."""
        lease = self._open_lease(lease_id)
        if lease.granted_at:
            raise no.AlreadyGrantedError(lease_id)
        lease.granted_at = now

    def transfer(self, lease_id: LeaseId, receiver: str, *, of_record: bool) -> None:
        """Hand the lease on; it stays of record only while every holder is."""
        lease = self._open_lease(lease_id)
        lease.owner, lease.of_record = receiver, lease.of_record and of_record

    def settle(self, lease_id: LeaseId, leaf: Leaf, now: UnixSeconds) -> TokenUnits:
        """Pay rent for delivery that the fleet's head proves, and return it."""
        fleet_id = FleetId(lease_id >> 32)
        head = self._heads.head(fleet_id, now)
        _require_leaf(head.lease_root, lease_id, leaf)
        lease = self._granted_lease(lease_id)
        self._heads.sync(fleet_id, now)
        return self._tell_router(fleet_id, [lease.settle(leaf.delivered, UnixSeconds(head.as_of))], now)

    def settle_many(self, fleet_id: FleetId, batch: MultiProof, now: UnixSeconds) -> TokenUnits:
        """Settle leases of one fleet with one multiproof, and return the rent of all."""
        head = self._heads.head(fleet_id, now)
        for lease_id, _ in batch.leaves:
            if lease_id >> 32 != fleet_id:
                raise no.WrongFleetError(lease_id, fleet_id)
            self._granted_lease(LeaseId(lease_id))
        hashes = [leaf_hash(LEASE_LEAF, leaf) for leaf in batch.leaves]
        # An empty batch would prove the root with itself.
        if not hashes or not verify_multi(head.lease_root, hashes, batch.proof, batch.flags):
            raise no.InvalidProofError(batch.leaves[0][0] if batch.leaves else 0, 0)
        self._heads.sync(fleet_id, now)
        as_of = UnixSeconds(head.as_of)
        settled = [self.leases[LeaseId(lease_id)].settle(delivered, as_of) for lease_id, delivered in batch.leaves]
        return self._tell_router(fleet_id, settled, now)

    def cancel(self, lease_id: LeaseId, caller: str, now: UnixSeconds) -> None:
        """Give up a lease that was never granted, for one hour's rent in the first hour, later for nothing."""
        lease = self._open_lease(lease_id)
        if lease.granted_at:
            raise no.AlreadyGrantedError(lease_id)
        anyone_from = lease.opened_at + GRANT_DEADLINE_S
        if caller != lease.owner and now < anyone_from:
            raise no.CannotCancelBeforeError(lease_id, anyone_from)
        lease.fee = lease.cancel_fee(now)
        self._refund(lease)
        self._bond.close_reservation(lease.fleet_id, reservation_up(lease.terms, lease.deposit), NO_MONEY, lease.owner)
        self._tell_router(lease.fleet_id, [Settlement(lease.fee, NO_MONEY)], now)

    def end_by_lessee(self, lease_id: LeaseId, now: UnixSeconds) -> None:
        """End a granted lease two report intervals from now, for notice that is paid at once."""
        lease = self._granted_lease(lease_id)
        lease.shorten(EndedBy.LESSEE, lessee_end_s(lease.terms), now)
        lease.fee = lease.lessee_fee(now)
        self._tell_router(lease.fleet_id, [Settlement(lease.fee, NO_MONEY)], now)

    def end_by_operator(self, lease_id: LeaseId, now: UnixSeconds) -> None:
        """End a granted lease after the notice in its terms; compensation follows at closing."""
        lease = self._granted_lease(lease_id)
        lease.shorten(EndedBy.OPERATOR, operator_end_s(lease.terms), now)

    def release_capacity(self, lease_id: LeaseId, now: UnixSeconds) -> None:
        """Free the GPUs of a lease that has ended."""
        lease = self._granted_lease(lease_id)
        if lease.released:
            raise no.AlreadyReleasedError(lease_id)
        if now < lease.end:
            raise no.LeaseNotEndedError(lease_id, lease.end)
        lease.released = True
        self.fleets[lease.fleet_id].leased_gpus -= lease.gpus

    def close(self, lease_id: LeaseId, leaf: Leaf, now: UnixSeconds) -> None:
        """Settle from a head at or after the end, refund the rest, credit SLA and compensation."""
        lease = self._granted_lease(lease_id)
        head = self._heads.head(lease.fleet_id, now)
        if head.as_of < lease.end:
            raise no.HeadTooOldError(lease.fleet_id, head.as_of, lease.end)
        self.settle(lease_id, leaf, now)
        self._close(lease)

    def close_unproved(self, lease_id: LeaseId, now: UnixSeconds) -> None:
        """Refund what no report proved before the deadline, under a clock that may have stood still."""
        lease = self._granted_lease(lease_id)
        if now < lease.end:
            raise no.LeaseNotEndedError(lease_id, lease.end)
        standstill = self._heads.standstill_between(lease.fleet_id, lease.end, now, now)
        elapsed = now - lease.end - min(standstill, lease.terms.max_standstill)
        if elapsed < lease.terms.proof_deadline:
            raise no.ProofDeadlineRunningError(lease_id, elapsed, lease.terms.proof_deadline)
        self._close(lease)

    def close_mutual(self, lease_id: LeaseId, agreed: GpuMs, proved: Leaf, now: UnixSeconds) -> None:
        """Close on both sides' word while no head covers the end; settles first from a head later than the grant."""
        lease = self._granted_lease(lease_id)
        earliest = lease.end + lease.terms.mutual_delay
        if now < earliest:
            raise no.MutualTooEarlyError(lease_id, earliest)
        head = self._heads.head(lease.fleet_id, now)
        if head.as_of >= lease.end:
            raise no.HeadCoversError(lease_id, head.as_of)
        delivered = lease.delivered
        if head.as_of > lease.granted_at:
            _require_leaf(head.lease_root, lease_id, proved)
            delivered = lease.credited(proved.delivered, UnixSeconds(head.as_of))
        most = deliverable(lease.gpus, lease.term_s)
        if not delivered <= agreed <= most:
            raise no.InvalidDeliveryError(lease_id, agreed, delivered, most)

        self._heads.sync(lease.fleet_id, now)
        settled = []
        if head.as_of > lease.granted_at:
            settled.append(lease.settle(proved.delivered, UnixSeconds(head.as_of)))
        rent = rent_down(lease.price_per_gpu_hour, agreed) - lease.paid
        # Two signatures are no meter: nothing of it is evidence for an appraisal.
        settled.append(Settlement(TokenUnits(rent), NO_MONEY))
        lease.delivered, lease.settled_as_of = agreed, lease.end
        for one in settled:
            self._tell_router(lease.fleet_id, [one], now)
        self._close(lease)

    def pay_router(self, fleet_id: FleetId, amount: TokenUnits) -> None:
        """Hand earned rent to the router."""
        account = self.fleets[fleet_id]
        account.escrow = TokenUnits(account.escrow - amount)

    def lease(self, lease_id: LeaseId) -> Lease:
        """Return the lease as `LeaseBook.lease` does. Raises `UnknownLeaseError`."""
        return self._known(lease_id).view()

    def holds(self, token: str) -> TokenUnits:
        """Return the contract's counted balance: the escrow of all fleets, and what it owes."""
        escrow = sum(account.escrow for account in self.fleets.values() if account.token == token)
        return TokenUnits(escrow + self.payouts.total(token))

    def _close(self, lease: LeaseModel) -> None:
        closing = lease.closing()
        self._refund(lease)
        credited = TokenUnits(closing.sla_credit + closing.compensation)
        self._bond.close_reservation(lease.fleet_id, closing.reservation, credited, lease.owner)

    def _refund(self, lease: LeaseModel) -> None:
        account = self.fleets[lease.fleet_id]
        if not lease.released:
            account.leased_gpus -= lease.gpus
        lease.closed = True
        account.escrow = TokenUnits(account.escrow - lease.rest)
        self.payouts.credit(account.token, lease.owner, lease.rest)

    def _tell_router(self, fleet_id: FleetId, settled: Sequence[Settlement], now: UnixSeconds) -> TokenUnits:
        rent = TokenUnits(sum(one.rent for one in settled))
        if rent:
            self._router.credit(fleet_id, rent, TokenUnits(sum(one.counted for one in settled)), now)
        return rent

    def _known(self, lease_id: LeaseId) -> LeaseModel:
        lease = self.leases.get(lease_id)
        if lease is None:
            raise no.UnknownLeaseError(lease_id)
        return lease

    def _open_lease(self, lease_id: LeaseId) -> LeaseModel:
        lease = self._known(lease_id)
        lease.require_open()
        return lease

    def _granted_lease(self, lease_id: LeaseId) -> LeaseModel:
        lease = self._known(lease_id)
        lease.require_granted()
        return lease


def _require_leaf(root: bytes, lease_id: LeaseId, leaf: Leaf) -> None:
    if root == bytes(32) or not verify(root, leaf_hash(LEASE_LEAF, (lease_id, leaf.delivered)), leaf.proof):
        raise no.InvalidProofError(lease_id, leaf.delivered)
