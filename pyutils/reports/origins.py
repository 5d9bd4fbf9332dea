"""Where the figures of a fleet come from: a note beside each, and a table of all."""

from __future__ import annotations

from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.portfolio.origin import Origin
from pyutils.reports.table import NOTHING, Fact, Table, age_text, time_text


def fact(text: str, origin: Origin | None) -> str | Fact:
    """Return a figure with the note of its origin."""
    return text if origin is None else Fact(text, note(origin))


def note(origin: Origin) -> str:
    """Return in a line what told a figure, as of which block, and how old that is."""
    if origin.age_s is None:
        return f"no event until block {origin.block}"
    several = "," in origin.told_by
    told = f"{origin.events} {'of' if several else '×'} {origin.told_by}" if origin.events else origin.told_by
    age = f"{age_text(origin.age_s)} before block {origin.block}" if origin.age_s else f"as of block {origin.block}"
    return f"{told}; {age}"


def origins_table(record: FleetRecord) -> Table:
    """Return what told each group of figures: first and last event, how many, until when."""
    origins = record.origins
    groups = {
        "availability, utilization, energy": origins.meter,
        "share leased": record.leasing.origin,
        "earned, per GPU-hour": record.earnings.origin,
        "split of revenue": origins.revenue,
        "availability to lessees": origins.sla,
        "SLA credits, compensation": origins.bond,
        "reports, disputes, lies": origins.incidents,
        "debt, coverage": origins.debt,
    }
    rows = [(name, *_row(origin)) for name, origin in groups.items() if origin is not None]
    columns = ("figures", "told by", "#events", "known until", "#age at the block", "first", "last")
    return Table("Where each figure comes from", columns, rows)


def _row(origin: Origin) -> tuple[str, ...]:
    return (
        origin.told_by or NOTHING,
        str(origin.events),
        time_text(origin.as_of),
        NOTHING if origin.age_s is None else age_text(origin.age_s),
        origin.first or NOTHING,
        origin.last or NOTHING,
    )
