"""What happened to a fleet, as commands show it: tables for people, JSON for programs, CSV for sheets."""

from __future__ import annotations

import re
from typing import Any, Final

from pyutils.cli.output import csv_document, print_facts, print_table
from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.reports.incidents import incident_facts, incidents_table
from pyutils.reports.leasing import days_table, earning_facts, leasing_facts
from pyutils.reports.meter import reports_table
from pyutils.reports.origins import origins_table
from pyutils.reports.sla import sla_facts, sla_table
from pyutils.reports.table import Coin, Table

COLUMNS: Final = (
    *("begin", "end", "capacity_gpu_ms", "available_gpu_ms", "busy_gpu_ms", "leased_gpu_ms", "energy_joules"),
    *("signers", "event"),
)
"""Of the table of intervals between two reports: times in Unix seconds, integers as the chain has them."""

_TRANSACTION: Final = re.compile(r", 0x[0-9a-f]{64}\b")


def print_history(record: FleetRecord) -> None:
    """Print what events tell of a fleet up to the block, each event by its name and block."""
    row = record.view.row
    coin = Coin(row.symbol, row.fleet.token_decimals)
    print_facts("Leased and earned", {**leasing_facts(record), **earning_facts(record, coin)})
    _print(days_table(record))
    _print(reports_table(record))
    print_facts("SLA record", sla_facts(record, coin))
    _print(sla_table(record, coin))
    print_facts("Reports on one word, disputes, restatements, lies", incident_facts(record, coin))
    _print(incidents_table(record, coin))
    _print(origins_table(record))


def history_json(record: FleetRecord) -> dict[str, Any]:
    """Return all that events tell, for programs."""
    history = record.history
    return {
        "intervals": _intervals(record),
        "installed": history.installed.steps,
        "leasing": record.leasing,
        "leases": [{"lease_id": lease_id, **dict(lease)} for lease_id, lease in history.leases],
        "waterfall": history.waterfall,
        "earnings": record.earnings,
        "sla": record.sla,
        "incidents": record.incidents,
        "origins": record.origins,
    }


def intervals_csv(record: FleetRecord) -> bytes:
    """Return the intervals between reports as CSV, with what was leased meanwhile."""
    return csv_document(COLUMNS, [[row[name] for name in COLUMNS] for row in _intervals(record)])


def _intervals(record: FleetRecord) -> list[dict[str, object]]:
    leased = record.leasing.leased
    return [
        {name: leased.gpu_ms(one.begin, one.end) if name == "leased_gpu_ms" else getattr(one, name) for name in COLUMNS}
        for one in record.history.intervals
    ]


def _print(table: Table) -> None:
    """Print a table without its events' transactions, which would make each row many lines; JSON has them."""
    if table.rows:
        rows = [[_TRANSACTION.sub("", str(cell)) for cell in row] for row in table.rows]
        print_table(table.title, table.columns, rows)
