"""What came of it, and whether it is what `make demo` gives: the whole of `operator-summary.json`."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.demo.ledger import entries, gas_used
from pyutils.demo.outcome import Outcome
from pyutils.demo.plan import FleetPlan
from pyutils.demo.world import World
from pyutils.models import FrozenModel
from pyutils.operator_demo.conductor import Death
from pyutils.operator_demo.daemons import Household
from pyutils.reporter.store_view import look_into
from pyutils.units import FleetId, LeaseId


class HeadRow(FrozenModel):
    """A report that became a fleet's head, and what was promised for its moment."""

    fleet: int
    as_of: int
    available_gpu_ms: int
    busy_gpu_ms: int
    energy_joules: int
    gas_used: int
    promised: bool
    """Whether the reporter's store promised this digest, and so no other, for the moment."""


class DeathRow(FrozenModel):
    """A reporter that was killed on its way to a report."""

    fleet: int
    as_of: int
    failpoint: str
    head_as_of: int
    """What the fleet's head was as of then."""


class PaidRow(FrozenModel):
    """A lease, and what was paid for what it got. Money in token units."""

    id: int
    fleet: int
    delivered_gpu_ms: int
    paid: int
    refunded: int
    closed: bool


class OperatorOutcome(FrozenModel):
    """The end state. Times are Unix seconds on the trace's own clock."""

    seed: int
    heads: tuple[HeadRow, ...]
    deaths: tuple[DeathRow, ...]
    leases: tuple[PaidRow, ...]
    conserved: bool
    same_as_demo: bool
    differences: tuple[str, ...]
    """What is not as `make demo` has it, in words."""


def read_outcome(
    world: World, fleets: Sequence[FleetPlan], household: Household, deaths: Sequence[Death], *,
    seed: int, conserved: bool, demo: Outcome,
) -> OperatorOutcome:  # fmt: skip
    """Read the end state from the chain and from the reporters' stores, and compare it with a demo's."""
    heads = tuple(row for fleet in fleets for row in _heads(world, household, fleet.fleet_id))
    leases = tuple(row for fleet in fleets for row in _leases(world, fleet.fleet_id))
    found = differences(heads, leases, demo)
    return OperatorOutcome(
        seed=seed,
        heads=heads,
        deaths=tuple(
            DeathRow(
                fleet=death.kill.fleet_id,
                as_of=death.kill.as_of,
                failpoint=death.kill.place,
                head_as_of=death.head_as_of,
            )
            for death in deaths
        ),
        leases=leases,
        conserved=conserved,
        same_as_demo=not found,
        differences=found,
    )


def differences(heads: Sequence[HeadRow], leases: Sequence[PaidRow], demo: Outcome) -> tuple[str, ...]:
    """Return what is not as a demo has it: every head of the demo must be here, and every lease paid the same."""
    ours = {(row.fleet, row.as_of): (row.available_gpu_ms, row.busy_gpu_ms, row.energy_joules) for row in heads}
    found = []
    for row in demo.reports:
        if not row.head:
            continue
        theirs = row.available_gpu_ms, row.busy_gpu_ms, row.energy_joules
        mine = ours.get((row.fleet, row.as_of))
        if mine != theirs:
            found.append(f"fleet {row.fleet} as of {row.as_of}: the head says {mine}, the demo's {theirs}")
    paid = {row.id: (row.delivered_gpu_ms, row.paid, row.refunded) for row in leases}
    for lease in demo.leases:
        wanted = lease.delivered_gpu_ms, lease.paid, lease.refunded
        if paid.get(lease.id) != wanted:
            found.append(f"lease {lease.id}: {paid.get(lease.id)}, in the demo {wanted}")
    return tuple(found)


def _heads(world: World, household: Household, fleet_id: FleetId) -> list[HeadRow]:
    rows = []
    with look_into(household.path_of(fleet_id).with_name("store.sqlite")) as store:
        for entry in entries(world.oracle, "AdvanceHead", world.manifest.first_block):
            fleet, as_of, available, busy, joules, *_ = entry.arguments["report"]
            if fleet == fleet_id:
                rows.append(
                    HeadRow(
                        fleet=fleet,
                        as_of=as_of,
                        available_gpu_ms=available,
                        busy_gpu_ms=busy,
                        energy_joules=joules,
                        gas_used=gas_used(world.oracle, entry.transaction),
                        promised=store.promised(fleet_id, as_of) == entry.arguments["digest"],
                    )
                )
    return sorted(rows, key=lambda row: row.as_of)


def _leases(world: World, fleet_id: FleetId) -> list[PaidRow]:
    rows = []
    for number in range(1, world.book.lease_count(fleet_id) + 1):
        lease_id = LeaseId(fleet_id << 32 | number)
        lease = world.book.lease(lease_id)
        rows.append(
            PaidRow(
                id=lease_id,
                fleet=fleet_id,
                delivered_gpu_ms=lease.delivered_gpu_ms,
                paid=lease.paid,
                refunded=lease.refunded,
                closed=lease.closed,
            )
        )
    return rows
