"""The end state in tables: heads, kills, fees; leases and money as `make demo` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import Console
from rich.table import Table

from pyutils.demo.outcome import Outcome
from pyutils.demo.people import People
from pyutils.demo.tables import make_table, show_conserved, show_money, widen
from pyutils.operator_demo.deaths import Death, short
from pyutils.operator_demo.outcome import OperatorOutcome
from pyutils.operator_demo.rows import HeadRow
from pyutils.operator_demo.timetable import hour_label, hour_of
from pyutils.units import GpuMs, UnixSeconds, format_fixed, format_gpu_hours

_ETHER_DECIMALS = 18
_SHOWN_DECIMALS = 6
_KWH_DECIMALS = 3
_JOULES_PER_WH = 3_600


def show(outcome: OperatorOutcome, money: Outcome, deaths: list[Death], people: People, console: Console) -> None:
    """Print it all; the last line says whether it is what `make demo` has."""
    widen(console)
    for table in (_heads(outcome), _kills(outcome, deaths), _fees(outcome)):
        console.print()
        console.print(table)
    show_money(money, people, console)
    show_conserved(money, console)
    for line in (*outcome.faults, *outcome.differences):
        console.print(f"WRONG: {line}", highlight=False, soft_wrap=True)
    for line in _checks(outcome):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"same counters as make demo: {'yes' if outcome.same_as_demo else 'no'}", highlight=False)


def _checks(outcome: OperatorOutcome) -> Iterator[str]:
    """Yield what was checked and held."""
    if not outcome.faults:
        stores = " or ".join(map(str, sorted({row.promised_by for row in outcome.heads})))
        late = [row.late_s for row in outcome.heads if row.late_s]
        by = f", by {max(late)} s at most" if late else ""
        heads = len(outcome.heads)
        yield f"one digest for each moment: {heads} heads, each promised in {stores} stores, and no other in any"
        yield f"late: {len(late)} of {heads} reports{by}, none but those over which a reporter was killed"
    yield f"processes that died by signal 9: {outcome.signal_9_deaths} of {outcome.processes}"


def _by_fleet(outcome: OperatorOutcome) -> list[tuple[int, list[HeadRow]]]:
    return [(fleet, list(rows)) for fleet, rows in groupby(outcome.heads, key=lambda row: row.fleet)]


def _heads(outcome: OperatorOutcome) -> Table:
    table = make_table(
        "Hours at the head", ("fleet", "hours"), ("missing", "late", "GPU-hours available", "busy", "kWh")
    )
    first = UnixSeconds(outcome.trace["first"])
    for fleet, rows in _by_fleet(outcome):
        hours = [hour for row in rows if (hour := hour_of(UnixSeconds(row.as_of), first)) is not None]
        missing = set(range(max(hours) + 1)) - {*hours}
        end = "" if hour_of(UnixSeconds(rows[-1].as_of), first) is not None else ", and the end"
        newest = rows[-1]
        table.add_row(
            str(fleet),
            f"{min(hours)} to {max(hours)}{end}",
            str(len(missing)),
            str(sum(row.late_s > 0 for row in rows)),
            format_gpu_hours(GpuMs(newest.available_gpu_ms)),
            format_gpu_hours(GpuMs(newest.busy_gpu_ms)),
            format_fixed(newest.energy_joules // _JOULES_PER_WH, _KWH_DECIMALS),
        )
    return table


def _kills(outcome: OperatorOutcome, deaths: list[Death]) -> Table:
    table = make_table("Killed by signal 9", ("fleet", "report", "at", "in flight", "how it went on"), ())
    first = UnixSeconds(outcome.trace["first"])
    heads = {(row.fleet, row.as_of): row for row in outcome.heads}
    for death in deaths:
        row = heads.get((death.kill.fleet_id, death.kill.as_of))
        table.add_row(
            str(death.kill.fleet_id),
            hour_label(death.kill.as_of, first),
            death.kill.place,
            death.left,
            _went_on(death, row),
        )
    return table


def _went_on(death: Death, row: HeadRow | None) -> str:
    if row is None:
        return "LOST"
    when = f"{row.late_s} s late" if row.late_s else "in time"
    if death.promised is None:
        return f"{short(row.digest)}, {when}"
    same = "the same" if row.digest == death.promised else f"ANOTHER than {short(death.promised)}"
    return f"{short(row.digest)}, {same}, {when}"


def _fees(outcome: OperatorOutcome) -> Table:
    table = make_table("Fees", ("fleet",), ("reports", "gas a report", "most", "ether a report", "ether in all"))
    for fleet, rows in _by_fleet(outcome):
        gas, fees = [row.gas_used for row in rows], sum(row.fee_wei for row in rows)
        table.add_row(
            str(fleet),
            str(len(rows)),
            f"{sum(gas) // len(gas):,}",
            f"{max(gas):,}",
            format_fixed(fees // len(rows), _ETHER_DECIMALS, _SHOWN_DECIMALS),
            format_fixed(fees, _ETHER_DECIMALS, _SHOWN_DECIMALS),
        )
    return table
