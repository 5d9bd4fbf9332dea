"""What came of it, read from the chain: the whole of `summary.json`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import Field

from pyutils.demo.conservation import imbalances
from pyutils.demo.credit_outcome import LoanRow, VaultRow, read_loans, read_vault
from pyutils.demo.ledger import entries, gas_used
from pyutils.demo.lending import Worth
from pyutils.demo.plan import Plan
from pyutils.demo.world import World
from pyutils.meter import Trace
from pyutils.models import Address, FrozenModel, parse_address
from pyutils.units import FleetId, LeaseId


class FleetRow(FrozenModel):
    """A fleet; GPUs as the trace names them."""

    id: int
    gpu_ids: tuple[str, ...]


class ReportRow(FrozenModel):
    """A report that reached the chain; `head` tells whether it became the fleet's head."""

    fleet: int
    as_of: int
    available_gpu_ms: int
    busy_gpu_ms: int
    energy_joules: int
    head: bool
    gas_used: int


class LeaseRow(FrozenModel):
    """A lease; `end` is the effective one. Money in token units."""

    id: int
    fleet: int
    gpu_ids: tuple[str, ...]
    gpus: int
    granted_at: int
    end: int
    price_per_gpu_hour: int
    delivered_gpu_ms: int
    deposit: int
    paid: int
    refunded: int
    held: int
    sla_credit: int
    closed: bool


class RevenueRow(FrozenModel):
    """A fleet's revenue and its legs, and what of the shares' leg is not released yet. Money in token units."""

    fleet: int
    routed: int
    protocol_fee: int
    operating: int
    shares: int
    unreleased: int


class HolderRow(FrozenModel):
    """A shareholder of a fleet. The tenth that is bound to the title is its owner's: shares, claimed and claimable."""

    fleet: int
    address: Address
    shares: int
    claimed: int
    claimable: int


class Outcome(FrozenModel):
    """The demo's end state. Times are Unix seconds on the trace's own clock, everything countable is an integer."""

    trace: dict[str, Any]
    fleets: tuple[FleetRow, ...]
    reports: tuple[ReportRow, ...]
    leases: tuple[LeaseRow, ...]
    revenue: tuple[RevenueRow, ...]
    holders: tuple[HolderRow, ...]
    loans: tuple[LoanRow, ...]
    vault: VaultRow
    conserved: bool
    imbalances: tuple[str, ...] = Field(default=(), exclude=True)
    """What the balances on chain say otherwise, in words; empty where `conserved`."""


def read_outcome(
    world: World,
    plan: Plan,
    trace: Trace,
    gpus_of: dict[LeaseId, tuple[str, ...]],
    seed: int | None,
    worths: Iterable[Worth] = (),
) -> Outcome:
    """Read the end state from the chain; plan and `gpus_of` only give GPUs their names, `worths` is what was seen."""
    fleets = [fleet.fleet_id for fleet in plan.fleets]
    found = imbalances(world, fleets)
    return Outcome(
        trace=_trace(plan, trace, world, seed),
        fleets=tuple(FleetRow(id=fleet.fleet_id, gpu_ids=fleet.gpu_ids) for fleet in plan.fleets),
        reports=_reports(world),
        leases=tuple(row for fleet_id in fleets for row in _leases(world, fleet_id, gpus_of)),
        revenue=tuple(_revenue(world, fleet_id) for fleet_id in fleets),
        holders=tuple(row for fleet_id in fleets for row in _holders(world, fleet_id)),
        loans=read_loans(world),
        vault=read_vault(world, worths),
        conserved=not found,
        imbalances=found,
    )


def _trace(plan: Plan, trace: Trace, world: World, seed: int | None) -> dict[str, Any]:
    return {
        "name": trace.name,
        "synthetic": seed is not None,
        **({} if seed is None else {"seed": seed}),
        "first": trace.first,
        "last": trace.last,
        "cadence_ms": trace.cadence_ms,
        "gpus": len(trace.gpu_ids),
        "samples": len(trace),
        "counted_from": trace.first,
        "energy": "derived from duty cycles: idle power plus duty's share of the rest",
        "power": [
            {
                "fleet": fleet.fleet_id,
                "idle_watts": fleet.kind.power.idle_watts,
                "max_watts": fleet.kind.power.max_watts,
            }
            for fleet in plan.fleets
        ],
        "token_decimals": world.decimals,
        "left_out": [{"scene": str(one.scene), "reason": one.reason} for one in plan.left_out],
    }


def _reports(world: World) -> tuple[ReportRow, ...]:
    oracle, first = world.oracle, world.manifest.first_block
    adopted = {entry.arguments["digest"] for entry in entries(oracle, "AdoptPending", first)}
    rows = []
    for event in ("AdvanceHead", "PostPending"):
        for entry in entries(oracle, event, first):
            fleet, as_of, available, busy, joules, *_ = entry.arguments["report"]
            rows.append(
                ReportRow(
                    fleet=fleet,
                    as_of=as_of,
                    available_gpu_ms=available,
                    busy_gpu_ms=busy,
                    energy_joules=joules,
                    head=event == "AdvanceHead" or entry.arguments["digest"] in adopted,
                    gas_used=gas_used(oracle, entry.transaction),
                )
            )
    return tuple(sorted(rows, key=lambda row: (row.fleet, row.as_of)))


def _leases(world: World, fleet_id: FleetId, gpus_of: dict[LeaseId, tuple[str, ...]]) -> list[LeaseRow]:
    closings = entries(world.book, "Close", world.manifest.first_block)
    credited = {entry.arguments["leaseId"]: entry.arguments["slaCredit"] for entry in closings}
    rows = []
    for number in range(1, world.book.lease_count(fleet_id) + 1):
        lease_id = LeaseId(fleet_id << 32 | number)
        lease = world.book.lease(lease_id)
        rows.append(
            LeaseRow(
                id=lease_id,
                fleet=fleet_id,
                gpu_ids=gpus_of[lease_id],
                gpus=lease.gpus,
                granted_at=lease.granted_at,
                end=lease.end,
                price_per_gpu_hour=lease.price_per_gpu_hour,
                delivered_gpu_ms=lease.delivered_gpu_ms,
                deposit=lease.deposit,
                paid=lease.paid,
                refunded=lease.refunded,
                held=lease.held,
                sla_credit=credited.get(lease_id, 0),
                closed=lease.closed,
            )
        )
    return rows


def _revenue(world: World, fleet_id: FleetId) -> RevenueRow:
    revenue = world.router.revenue(fleet_id)
    return RevenueRow(
        fleet=fleet_id,
        routed=revenue.routed,
        protocol_fee=revenue.protocol_fee,
        operating=revenue.operating,
        shares=revenue.shares,
        unreleased=world.shares(fleet_id).unreleased() + revenue.uncollected,
    )


def _holders(world: World, fleet_id: FleetId) -> list[HolderRow]:
    shares, first = world.shares(fleet_id), world.manifest.first_block
    owner = world.registry.owner_of(fleet_id)
    claimed: dict[str, int] = defaultdict(int)
    for entry in entries(shares, "Claim", first):
        claimed[parse_address(entry.arguments["account"])] += entry.arguments["amount"]
    for entry in entries(shares, "ClaimTitle", first):
        claimed[parse_address(entry.arguments["owner"])] += entry.arguments["amount"]
    accounts = {parse_address(entry.arguments["to"]) for entry in entries(shares, "Transfer", first)} - {shares.address}
    rows = []
    for account in sorted({*accounts, owner}):
        bound = shares.bound_shares() if account == owner else 0
        by_title = shares.claimable_by_title() if account == owner else 0
        rows.append(
            HolderRow(
                fleet=fleet_id,
                address=account,
                shares=shares.balance_of(account) + bound,
                claimed=claimed[account],
                claimable=shares.claimable(account) + by_title,
            )
        )
    return rows
