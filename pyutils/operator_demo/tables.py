"""The end state in tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from pyutils.demo.leasing import lease_label
from pyutils.demo.plan import ReportPlan
from pyutils.demo.tables import make_table, widen
from pyutils.demo.timeline import offset
from pyutils.operator_demo.outcome import OperatorOutcome
from pyutils.units import GpuMs, TokenUnits, UnixSeconds, format_gpu_hours, format_money


def show(
    outcome: OperatorOutcome, reports: Sequence[ReportPlan], first: UnixSeconds, decimals: int, console: Console
) -> None:
    """Print heads, deaths and leases, and whether all of it is as `make demo` has it."""
    widen(console)
    heads = make_table("Heads", ("fleet",), ("hours", "at the head", "one digest each", "GPU-hours", "gas a report"))
    for fleet in sorted({report.fleet_id for report in reports}):
        wanted = {report.as_of for report in reports if report.fleet_id == fleet}
        rows = [row for row in outcome.heads if row.fleet == fleet and row.as_of in wanted]
        heads.add_row(
            str(fleet),
            str(len(wanted)),
            str(len(rows)),
            str(sum(row.promised for row in rows)),
            format_gpu_hours(GpuMs(rows[-1].available_gpu_ms), 1),
            f"{sum(row.gas_used for row in rows) // len(rows):,}",
        )
    deaths = make_table("Killed by signal 9", ("fleet", "on the way to", "at failpoint", "head then"), ())
    for death in outcome.deaths:
        head = offset(death.head_as_of - first) if death.head_as_of else "none"
        deaths.add_row(str(death.fleet), offset(death.as_of - first), death.failpoint, head)
    leases = make_table("Leases", ("lease",), ("GPU-hours", "paid", "refunded"))
    for lease in outcome.leases:
        money = [format_money(TokenUnits(amount), decimals, 2) for amount in (lease.paid, lease.refunded)]
        leases.add_row(lease_label(lease.id), format_gpu_hours(GpuMs(lease.delivered_gpu_ms)), *money)
    for table in (heads, deaths, leases):
        console.print()
        console.print(table)
    console.print()
    for line in outcome.differences:
        console.print(f"DIFFERENT: {line}", highlight=False, soft_wrap=True)
    kept = "every coin is found, and every contract holds what it counts" if outcome.conserved else "MONEY IS MISSING"
    console.print(f"conserved: {kept}", highlight=False)
    console.print(f"same counters as make demo: {'yes' if outcome.same_as_demo else 'NO'}", highlight=False)
