"""What a fleet's meters showed: facts as of its head, and a table of reports."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.reports.origins import fact
from pyutils.reports.table import NOTHING, Cell, Facts, Table, percent, time_text, wad_percent
from pyutils.units import MS_PER_HOUR, format_fixed

_JOULES_PER_KWH = 3_600_000


def meter_facts(record: FleetRecord) -> Facts:
    """Return figures from enrolment to the head; energy is that of GPU boards while they were metered."""
    meter, told = record.figures.meter, record.origins.meter
    if meter is None:
        return {"reports": fact("none yet", told)}
    joules = meter.joules_per_busy_gpu_hour
    return {
        "reported until": fact(time_text(meter.as_of), told),
        "availability": fact(wad_percent(meter.availability_wad), told),
        "utilization": fact(wad_percent(meter.utilization_wad), told),
        "board energy": fact(f"{format_fixed(meter.energy_wh, 3)} kWh", told),
        "per busy GPU-hour": fact(NOTHING if joules is None else f"{joules:,} J", told),
        "board power, metered GPU": fact(watts(meter.milliwatts_per_available_gpu), told),
        "board power, installed GPU": fact(watts(meter.milliwatts_per_installed_gpu), told),
        "PUE input, a day": fact(kwh_a_day(meter.board_wh_per_day), told),
    }


def watts(milliwatts: int | None) -> str:
    """Return mean power for people, cut to a tenth of a watt."""
    return NOTHING if milliwatts is None else f"{format_fixed(milliwatts, 3, 1)} W"


def kwh_a_day(watt_hours: int | None) -> str:
    """Return energy a day for people."""
    return NOTHING if watt_hours is None else f"{format_fixed(watt_hours, 3)} kWh of boards, at least"


def reports_table(record: FleetRecord) -> Table:
    """Return the reports that became heads, the newest first, with what was leased meanwhile."""
    rows: list[Sequence[Cell]] = [
        (
            time_text(one.end),
            percent(one.available_gpu_ms, one.capacity_gpu_ms),
            percent(one.busy_gpu_ms, one.available_gpu_ms),
            percent(record.leasing.leased.gpu_ms(one.begin, one.end), one.capacity_gpu_ms),
            f"{one.energy_joules / _JOULES_PER_KWH:,.2f}",
            f"{one.energy_joules * MS_PER_HOUR / one.busy_gpu_ms:,.0f}" if one.busy_gpu_ms else NOTHING,
            one.signers,
            one.event,
        )
        for one in reversed(record.history.intervals)
    ]
    columns = (
        *("as of", "#availability", "#utilization", "#leased", "#kWh", "#J per busy GPU-hour", "signed by", "told by"),
    )
    return Table("Reports", columns, rows)
