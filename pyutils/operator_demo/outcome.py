"""What came of it, read from the chain and from everybody's store: the whole of `operator-summary.json`."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from pyutils.chain import Receipt, rpc
from pyutils.demo.ledger import Entry, entries
from pyutils.demo.outcome import FleetRow, HolderRow, LeaseRow, Outcome, RevenueRow
from pyutils.demo.plan import ReportPlan
from pyutils.demo.world import World
from pyutils.models import FrozenModel
from pyutils.operations.history import block_time
from pyutils.operator_demo.comparison import differences
from pyutils.operator_demo.deaths import Death
from pyutils.operator_demo.faults import Moment, death_faults, promise_faults, report_faults, status_faults
from pyutils.operator_demo.household import Household
from pyutils.operator_demo.rows import DeathRow, HeadRow
from pyutils.reporter.store.view import look_into
from pyutils.units import FleetId


class OperatorOutcome(FrozenModel):
    """The end state. Times are Unix seconds on the trace's own clock, everything countable is an integer."""

    trace: dict[str, Any]
    seed: int
    fleets: tuple[FleetRow, ...]
    heads: tuple[HeadRow, ...]
    deaths: tuple[DeathRow, ...]
    processes: int
    """How many processes verifiers and reporters had."""
    signal_9_deaths: int
    """How many of them ended by signal 9."""
    leases: tuple[LeaseRow, ...]
    revenue: tuple[RevenueRow, ...]
    holders: tuple[HolderRow, ...]
    conserved: bool
    faults: tuple[str, ...]
    """Where daemons did not do what they promise, in words."""
    same_as_demo: bool
    differences: tuple[str, ...]
    """What is not as `make demo` has it, in words."""


def read_outcome(
    world: World,
    household: Household,
    reports: Sequence[ReportPlan],
    deaths: Sequence[Death],
    money: Outcome,
    demo: Outcome,
    seed: int,
) -> OperatorOutcome:
    """Return what came of it.

    Args:
        world: the chain.
        household: whose stores are read; nobody runs any more.
        reports: those that were to be made.
        deaths: what was seen of reporters that were killed.
        money: the end state of leases and revenue, as `make demo` reads it.
        demo: what `make demo` gives for the trace.
        seed: of the kills.

    """
    due: dict[Moment, int] = {(report.fleet_id, report.as_of): report.submit_at for report in reports}
    with ExitStack() as open_stores:
        verifiers = [open_stores.enter_context(look_into(path)) for path in household.verifiers_stores()]
        heads: list[HeadRow] = []
        promised: dict[Moment, list[bytes | None]] = {}
        for fleet in household.fleets:
            stores = [open_stores.enter_context(look_into(household.store_of(fleet.fleet_id))), *verifiers]
            for entry in _advances(world, fleet.fleet_id):
                as_of = entry.arguments["asOf"]
                told = [store.promised(fleet.fleet_id, as_of) for store in stores]
                heads.append(_head(world, entry, due, told.count(entry.arguments["digest"])))
                promised[fleet.fleet_id, as_of] = told
    rows_of_deaths = tuple(map(_death, deaths))
    statuses = [status for daemon in household.everybody for status in daemon.statuses]
    faults = [
        *promise_faults(heads, promised),
        *report_faults(heads, due),
        *death_faults(heads, rows_of_deaths),
        *status_faults(statuses, len(deaths)),
    ]
    found = differences(heads, money.leases, demo)
    return OperatorOutcome(
        trace={name: value for name, value in money.trace.items() if name != "left_out"},
        seed=seed,
        fleets=money.fleets,
        heads=tuple(heads),
        deaths=rows_of_deaths,
        processes=len(statuses),
        signal_9_deaths=statuses.count(-signal.SIGKILL),
        leases=money.leases,
        revenue=money.revenue,
        holders=money.holders,
        conserved=money.conserved,
        faults=tuple(faults),
        same_as_demo=not found,
        differences=found,
    )


def _advances(world: World, fleet_id: FleetId) -> list[Entry]:
    advances = entries(world.oracle, "AdvanceHead", world.manifest.first_block)
    return [entry for entry in advances if entry.arguments["fleetId"] == fleet_id]


def _head(world: World, entry: Entry, due: Mapping[Moment, int], promised_by: int) -> HeadRow:
    fleet, as_of, available, busy, joules, *_ = entry.arguments["report"]
    receipt = Receipt.from_row(rpc.request(world.web3, "eth_getTransactionReceipt", entry.transaction))
    accepted_at = block_time(world.web3, receipt.block_number)
    return HeadRow(
        fleet=fleet,
        as_of=as_of,
        available_gpu_ms=available,
        busy_gpu_ms=busy,
        energy_joules=joules,
        digest=entry.arguments["digest"],
        due_at=due.get((fleet, as_of), accepted_at),
        accepted_at=accepted_at,
        gas_used=receipt.gas_used,
        fee_wei=receipt.gas_used * receipt.effective_gas_price,
        promised_by=promised_by,
    )


def _death(death: Death) -> DeathRow:
    return DeathRow(
        fleet=death.kill.fleet_id,
        as_of=death.kill.as_of,
        failpoint=death.kill.place,
        signal=death.signal,
        state=None if death.state is None else death.state.value,
        promised=death.promised,
        was_head=death.was_head,
    )
