"""Leases as they live: opened, granted, ended early, handed on, settled by proof, closed by proof."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pyutils.access import AccessKeys
from pyutils.demo.agenda import Agenda
from pyutils.demo.people import HEIR, LESSEE_OF, named
from pyutils.demo.plan import LeasePlan, Plan
from pyutils.demo.setting import operator_of, price_of
from pyutils.demo.world import World
from pyutils.meter import LeafFile
from pyutils.models import Allocation
from pyutils.operations import leases, settlements
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.history import last_block_at
from pyutils.units import SECONDS_PER_HOUR, BlockNumber, FleetId, GpuMs, LeaseId, UnixSeconds, format_gpu_hours


@dataclass(slots=True)
class LiveLease:
    """A lease that was opened, and whose it is now."""

    plan: LeasePlan
    lease_id: LeaseId
    owner: str
    closed: bool = False


@dataclass(slots=True)
class LeaseDesk:
    """All leases of the demo, and what their sides do with them."""

    world: World
    plan: Plan
    state: Path
    """Folder of what people keep: access keys and lists of GPUs."""
    leases: list[LiveLease] = field(default_factory=list)

    @property
    def lists(self) -> GpuLists:
        """The lists of GPUs behind the roots on chain."""
        return GpuLists(self.state / "gpus")

    @property
    def keys(self) -> AccessKeys:
        """The lessees' access keys."""
        return AccessKeys(self.state / "access")

    def put_on(self, agenda: Agenda) -> None:
        """Put down what happens to every planned lease."""
        for plan in self.plan.leases:
            agenda.put(plan.open_at, partial(self.open, plan))
            agenda.put(plan.grant_at, partial(self.grant, plan))
            if plan.end_early_at is not None:
                agenda.put(plan.end_early_at, partial(self.end_early, plan))
            if plan.hand_on_at is not None:
                agenda.put(plan.hand_on_at, partial(self.hand_on, plan))

    def open(self, plan: LeasePlan) -> None:
        """The lessee prepays the whole term, by a permit: one transaction, and no allowance is left behind."""
        world, lessee = self.world, LESSEE_OF[plan.scene]
        lease_id, _ = leases.open_lease(
            world.system,
            world.lane(lessee),
            self.keys,
            plan.fleet_id,
            len(plan.gpu_ids),
            plan.hours * SECONDS_PER_HOUR,
            price_of(world, self.plan.fleet(plan.fleet_id)),
        )
        self.leases.append(LiveLease(plan, lease_id, lessee))
        lease = world.book.lease(lease_id)
        world.tell(
            f"{named(lessee)} leases {lease.gpus} GPU{'s' if lease.gpus > 1 else ''} of fleet {plan.fleet_id} for"
            f" {plan.hours} h and prepays {world.money(lease.deposit)}: {_label(lease_id)}, {plan.scene}"
        )

    def grant(self, plan: LeasePlan) -> None:
        """The operator commits to the GPUs, encrypts the connection data, and delivery begins."""
        live = self._live(plan)
        self._grant(live)
        self.world.tell(f"{named(operator_of(plan.fleet_id))} grants access to {_label(live.lease_id)}")

    def end_early(self, plan: LeasePlan) -> None:
        """The lessee changes its mind within the first hour."""
        world, live = self.world, self._live(plan)
        leases.end(world.system, world.lane(live.owner), live.lease_id)
        lease = world.book.lease(live.lease_id)
        hours = (lease.end - lease.granted_at) / SECONDS_PER_HOUR
        world.tell(
            f"{named(live.owner)} ends {_label(live.lease_id)} within its first hour, for nothing:"
            f" it will have lasted {hours:g} h"
        )

    def hand_on(self, plan: LeasePlan) -> None:
        """Another takes the lease over with a key of its own, and will be refunded what is not delivered."""
        world, live = self.world, self._live(plan)
        seller, live.owner = live.owner, HEIR
        world.book.transfer(world.lane(seller), world.address(HEIR), live.lease_id)
        leases.rekey(world.system, world.lane(HEIR), self.keys, live.lease_id)
        self._grant(live)
        world.tell(
            f"{named(seller)} hands {_label(live.lease_id)} on to {named(HEIR)}, who gets access by a key of its own"
        )

    def granted_at(self, fleet_id: FleetId, as_of: UnixSeconds) -> tuple[LeaseId, ...]:
        """Return the leases that a root as of a time must hold: granted and not closed at the last block until then."""
        return tuple(lease_id for lease_id, _ in leases.granted_at(self.world.system, fleet_id, self._block(as_of)))

    def allocations(self, fleet_id: FleetId, as_of: UnixSeconds) -> tuple[Allocation, ...]:
        """Return which GPU served which of those leases when, up to the leases' ends."""
        system, block = self.world.system, self._block(as_of)
        return tuple(
            allocation
            for lease_id, lease in leases.granted_at(system, fleet_id, block)
            for allocation in leases.allocations(system, self.lists, lease_id, lease, block)
        )

    def settle(self, leaf_file: LeafFile) -> None:
        """Pay rent for what the new head proves: leases that ended close, the others settle, at once where several."""
        running = []
        listed = {leaf.lease_id for leaf in leaf_file.leaves}
        for live in self.leases:
            if live.lease_id not in listed or live.closed:
                continue
            if self.world.book.lease(live.lease_id).end <= leaf_file.header.as_of:
                self._close(live, leaf_file)
            else:
                running.append(live)
        if running:
            self._settle(FleetId(leaf_file.header.fleet_id), leaf_file, running)

    def _settle(self, fleet_id: FleetId, leaf_file: LeafFile, running: list[LiveLease]) -> None:
        world, before = self.world, self._paid(running)
        ids = [live.lease_id for live in running]
        settlements.settle(world.system, world.lane(operator_of(fleet_id)), fleet_id, leaf_file, ids)
        how = "one multiproof" if len(ids) > 1 else "its proof"
        rent = world.money(self._paid(running) - before)
        world.tell(f"rent for {', '.join(map(lease_label, ids))} is settled by {how}: {rent}")

    def _close(self, live: LiveLease, leaf_file: LeafFile) -> None:
        world = self.world
        receipt = settlements.close(world.system, world.lane(live.owner), live.lease_id, leaf_file)
        live.closed = True
        lease, closing = world.book.lease(live.lease_id), world.book.event(receipt, "Close")
        credit = f", SLA credit {world.money(closing['slaCredit'])} from the bond" if closing["slaCredit"] else ""
        world.tell(
            f"{_label(live.lease_id)} closes: {format_gpu_hours(GpuMs(lease.delivered_gpu_ms))} GPU-hours delivered,"
            f" {world.money(lease.paid)} paid in all,"
            f" {world.money(lease.refunded)} refunded to {named(live.owner)}{credit}"
        )

    def _grant(self, live: LiveLease) -> None:
        plan, world = live.plan, self.world
        connection = json.dumps({"host": f"fleet-{plan.fleet_id}.example", "lease": lease_label(live.lease_id)})
        lane = world.lane(operator_of(plan.fleet_id))
        leases.grant(world.system, lane, self.lists, live.lease_id, plan.gpu_ids, connection)

    def _block(self, as_of: UnixSeconds) -> BlockNumber:
        first = BlockNumber(self.world.manifest.first_block)
        return last_block_at(self.world.web3, as_of, first=first)

    def _paid(self, running: list[LiveLease]) -> int:
        return sum(self.world.book.lease(live.lease_id).paid for live in running)

    def _live(self, plan: LeasePlan) -> LiveLease:
        return next(live for live in self.leases if live.plan is plan)


def lease_label(lease_id: int) -> str:
    """Return a lease's number for people: fleet, and count within it."""
    return f"{lease_id >> leases.LEASE_BITS}-{lease_id & (1 << leases.LEASE_BITS) - 1}"


def _label(lease_id: int) -> str:
    return f"lease {lease_label(lease_id)}"
