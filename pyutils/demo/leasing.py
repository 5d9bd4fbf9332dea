"""Leases as they live: opened, granted, ended early, handed on, settled by proof, closed by proof."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from nacl.public import PrivateKey, PublicKey, SealedBox

from pyutils.demo.gpus import gpu_root
from pyutils.demo.metering import SignedReport
from pyutils.demo.people import HEIR, LESSEE_OF, named
from pyutils.demo.plan import LeasePlan, Plan
from pyutils.demo.setting import operator_of, price_of
from pyutils.demo.world import World
from pyutils.keccak import keccak256
from pyutils.merkle import StandardMerkleTree
from pyutils.models import Allocation, LeaseLeaf
from pyutils.units import (
    SECONDS_PER_HOUR,
    FleetId,
    GpuMs,
    LeaseId,
    UnixSeconds,
    format_gpu_hours,
)


@dataclass(slots=True)
class LiveLease:
    """A lease that was opened."""

    plan: LeasePlan
    lease_id: LeaseId
    access_key: bytes
    owner: str
    closed: bool = False


@dataclass(slots=True)
class LeaseDesk:
    """All leases of the demo, and what their sides do with them."""

    world: World
    plan: Plan
    leases: list[LiveLease] = field(default_factory=list)

    def open(self, plan: LeasePlan) -> None:
        """The lessee prepays the whole term."""
        world, lessee = self.world, LESSEE_OF[plan.scene]
        key = _access_key(lessee)
        lease_id, _ = world.book.open(
            world.lane(lessee),
            plan.fleet_id,
            gpus=len(plan.gpu_ids),
            duration_s=plan.hours * SECONDS_PER_HOUR,
            max_price=price_of(world, self.plan.fleet(plan.fleet_id)),
            access_key=key,
        )
        self.leases.append(LiveLease(plan, lease_id, key, lessee))
        lease = world.book.lease(lease_id)
        world.tell(
            f"{named(lessee)} leases {_gpus(lease.gpus)} of fleet {plan.fleet_id} for {plan.hours} h and prepays"
            f" {world.money(lease.deposit)}: {_label(lease_id)}, {plan.scene}"
        )

    def grant(self, plan: LeasePlan) -> None:
        """The operator commits to the GPUs, encrypts the connection data, and delivery begins."""
        world, live = self.world, self._live(plan)
        operator = operator_of(plan.fleet_id)
        connection = json.dumps({"gpus": plan.gpu_ids}).encode()
        sealed = SealedBox(PublicKey(live.access_key)).encrypt(connection)
        world.book.grant_access(world.lane(operator), live.lease_id, gpu_root(plan.gpu_ids), sealed)
        world.tell(f"{named(operator)} grants access to {_label(live.lease_id)}")

    def end_early(self, plan: LeasePlan) -> None:
        """The lessee changes its mind within the first hour."""
        world, live = self.world, self._live(plan)
        world.book.end_by_lessee(world.lane(live.owner), live.lease_id)
        lease = world.book.lease(live.lease_id)
        world.tell(
            f"{named(live.owner)} ends {_label(live.lease_id)} within its first hour, for nothing, as of"
            f" {(lease.end - lease.granted_at) / SECONDS_PER_HOUR:g} h after the grant"
        )

    def hand_on(self, plan: LeasePlan) -> None:
        """Another takes the lease over with a key of its own, and will be refunded what is not delivered."""
        world, live = self.world, self._live(plan)
        seller, key = live.owner, _access_key(HEIR)
        world.book.transfer(world.lane(seller), world.address(HEIR), live.lease_id)
        world.book.rekey(world.lane(HEIR), live.lease_id, key)
        live.owner, live.access_key = HEIR, key
        world.tell(
            f"{named(seller)} hands {_label(live.lease_id)} on to {named(HEIR)}, who publishes its own access key"
        )

    def granted_at(self, fleet_id: FleetId, as_of: UnixSeconds) -> tuple[LeaseId, ...]:
        """Return the leases that a root as of a time must hold: granted and not closed at the last block until then."""
        book = self.world.book
        block = self.world.last_block_at(as_of)
        found = []
        for number in range(1, book.lease_count(fleet_id, block) + 1):
            lease_id = LeaseId(fleet_id << 32 | number)
            lease = book.lease(lease_id, block)
            if lease.granted_at and not lease.closed:
                found.append(lease_id)
        return tuple(found)

    def allocations(self, fleet_id: FleetId) -> tuple[Allocation, ...]:
        """Return which GPU served which lease when, up to the leases' ends."""
        found = []
        for live in self.leases:
            if live.plan.fleet_id != fleet_id:
                continue
            lease = self.world.book.lease(live.lease_id)
            if lease.granted_at:
                found += [
                    Allocation(
                        lease_id=live.lease_id,
                        gpu_id=gpu_id,
                        start=UnixSeconds(lease.granted_at),
                        end=UnixSeconds(lease.end),
                    )
                    for gpu_id in live.plan.gpu_ids
                ]
        return tuple(found)

    def settle(self, signed: SignedReport) -> None:
        """Pay rent for what the new head proves: leases that ended close, the others settle, at once where several."""
        tree, leaves = signed.leaf_file.tree, {leaf.lease_id: leaf for leaf in signed.leaf_file.leaves}
        running = []
        for live in self.leases:
            if live.lease_id not in leaves or live.closed:
                continue
            if self.world.book.lease(live.lease_id).end <= signed.report.as_of:
                self._close(live, leaves[live.lease_id], tree)
            else:
                running.append(live)
        if running:
            self._settle(FleetId(signed.report.fleet_id), tree, running, [leaves[live.lease_id] for live in running])

    def _settle(
        self, fleet_id: FleetId, tree: StandardMerkleTree, leases: list[LiveLease], leaves: list[LeaseLeaf]
    ) -> None:
        lane, before = self.world.lane(operator_of(fleet_id)), self._paid(leases)
        places = [tree.index_of((leaf.lease_id, leaf.delivered_gpu_ms)) for leaf in leaves]
        if len(leaves) == 1:
            self.world.book.settle(lane, leaves[0], tree.proof(places[0]))
            how = "by its proof"
        else:
            self.world.book.settle_many(lane, fleet_id, tree.multiproof(places))
            how = "by one multiproof"
        labels = ", ".join(lease_label(live.lease_id) for live in leases)
        self.world.tell(f"rent for {labels} is settled {how}: {self.world.money(self._paid(leases) - before)}")

    def _close(self, live: LiveLease, leaf: LeaseLeaf, tree: StandardMerkleTree) -> None:
        world = self.world
        proof = tree.proof(tree.index_of((leaf.lease_id, leaf.delivered_gpu_ms)))
        receipt = world.book.close(world.lane(live.owner), leaf, proof)
        live.closed = True
        lease, closing = world.book.lease(live.lease_id), world.book.event(receipt, "Close")
        credit = f", SLA credit {world.money(closing['slaCredit'])} from the bond" if closing["slaCredit"] else ""
        world.tell(
            f"{_label(live.lease_id)} closes: {format_gpu_hours(GpuMs(lease.delivered_gpu_ms))} GPU-hours delivered,"
            f" {world.money(lease.paid)} paid in all,"
            f" {world.money(lease.refunded)} refunded to {named(live.owner)}{credit}"
        )

    def _paid(self, leases: list[LiveLease]) -> int:
        return sum(self.world.book.lease(live.lease_id).paid for live in leases)

    def _live(self, plan: LeasePlan) -> LiveLease:
        return next(live for live in self.leases if live.plan is plan)


def lease_label(lease_id: int) -> str:
    """Return a lease's number for people: fleet, and count within it."""
    return f"{lease_id >> 32}-{lease_id & 0xFFFFFFFF}"


def _label(lease_id: int) -> str:
    return f"lease {lease_label(lease_id)}"


def _gpus(count: int) -> str:
    return f"{count} GPU{'s' if count > 1 else ''}"


def _access_key(account: str) -> bytes:
    """Return an account's X25519 public key."""
    return bytes(PrivateKey(keccak256(f"access key of {account}".encode())).public_key)
