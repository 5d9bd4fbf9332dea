"""The page of a fleet, and its part of other pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pyutils.portfolio.fleet_history import FleetHistory
from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.portfolio.origin import Origin
from pyutils.reports import figures
from pyutils.reports.debt import debt_facts
from pyutils.reports.heat import availability_map, utilization_map
from pyutils.reports.incidents import incident_facts, incidents_table
from pyutils.reports.leasing import days_table, earning_facts, leasing_facts
from pyutils.reports.meter import meter_facts, reports_table
from pyutils.reports.origins import note, origins_table
from pyutils.reports.page import Page, Plot, Section
from pyutils.reports.sla import sla_facts, sla_table
from pyutils.reports.table import NOTHING, Cell, Coin, Facts, Link, Table, percent, time_text
from pyutils.units import MS_PER_HOUR, UnixSeconds


def fleet_page(record: FleetRecord, network: str, coin: Coin) -> Page:
    """Return the page of a fleet as of a block."""
    history, block = record.history, record.view.block
    read = f"{history.fleet_id} --block {block.number} --network {network}"
    return Page(
        kind="Fleet",
        subject=str(history.fleet_id),
        network=network,
        block=block.number,
        at=block.at,
        sections=[
            _life(record, coin),
            Section("sla", "SLA record", sla_facts(record, coin), tables=[sla_table(record, coin)]),
            Section("incidents", "Disputes", incident_facts(record, coin), tables=[incidents_table(record, coin)]),
            Section("debt", "Debt and coverage", debt_facts(record, coin)),
            Section("records", "Leases and reports", {}, tables=[_leases(history, coin), reports_table(record)]),
            Section("leased", "Capacity leased", {}, tables=[days_table(record)]),
            Section("origins", "Sources", {}, tables=[origins_table(record)]),
        ],
        recompute=[f"gpurwa fleet show {read} --history", f"gpurwa audit fleet {read}"],
    )


def fleet_section(history: FleetHistory, now: UnixSeconds, coin: Coin) -> Section:
    """Return a fleet's facts and figures."""
    plots = [_flow(history, coin), *_heat(history), *_energy(history), *_terms(history, now)]
    return Section(_name(history), _title(history), _facts(history, coin), plots)


def _life(record: FleetRecord, coin: Coin) -> Section:
    """Return what `fleet_section` does, with the origin of each figure and what only events tell."""
    history, now = record.history, record.view.block.at
    facts = {**leasing_facts(record), **meter_facts(record), **earning_facts(record, coin)}
    told = record.origins
    plots = [
        *_noted([_flow(history, coin)], told.revenue),
        *_noted(reversed(_heat(history)), told.meter),
        *_noted(_leased(record), record.leasing.origin),
        *_noted(_energy(history), told.meter),
        *_noted(_terms(history, now), record.leasing.origin),
    ]
    return Section(_name(history), _title(history), facts, plots)


def _noted(plots: Iterable[Plot], origin: Origin) -> list[Plot]:
    return [replace(plot, note=f"{plot.note} Told by {note(origin)}.") for plot in plots]


def _name(history: FleetHistory) -> str:
    return f"fleet-{history.fleet_id}"


def _title(history: FleetHistory) -> str:
    return f"Fleet {history.fleet_id}: {history.fleet.gpu_class}, {history.fleet.region}"


def _flow(history: FleetHistory, coin: Coin) -> Plot:
    figure = figures.waterfall_figure(history.waterfall, coin.unit, coin.symbol)
    words = "Deposits of lessees: earned as rent and fees, refunded, or held for what can still be delivered."
    return Plot.of("Where prepaid money went", figure, f"{_name(history)}-flow", words)


def _heat(history: FleetHistory) -> list[Plot]:
    if not history.intervals:
        return []
    maps = (
        ("Utilization", utilization_map(history.intervals), "Busy over available GPU time, UTC."),
        ("Availability", availability_map(history.intervals), "Available GPU time over registered capacity, UTC."),
    )
    return [
        Plot.of(title, figures.heat_figure(heat, title.lower()), f"{_name(history)}-{title.lower()}", words)
        for title, heat, words in maps
    ]


def _leased(record: FleetRecord) -> list[Plot]:
    history = record.history
    if not history.installed.steps:
        return []
    figure = figures.leased_figure(record.leasing.leased, history.installed, history.intervals, record.view.block.at)
    words = "GPUs that the book gave away over those installed, moment by moment, beside how busy available ones were."
    return [Plot.of("Share of capacity leased", figure, f"{_name(history)}-leased", words)]


def _energy(history: FleetHistory) -> list[Plot]:
    if not history.intervals:
        return []
    words = "Between reports, by the boards' own counters, or derived from duty where they have none."
    return [Plot.of("Energy", figures.energy_figure(history.intervals), f"{_name(history)}-energy", words)]


def _terms(history: FleetHistory, now: UnixSeconds) -> list[Plot]:
    if not history.leases:
        return []
    words = "Agreed term, until the effective end, and how far rent is settled."
    return [Plot.of("Leases", figures.lease_figure(history.leases, now), f"{_name(history)}-leases", words)]


def _leases(history: FleetHistory, coin: Coin) -> Table:
    rows: list[Sequence[Cell]] = [
        (
            Link(str(lease_id), f"/lease/{lease_id}"),
            str(lease.gpus),
            time_text(lease.granted_at),
            time_text(lease.end),
            f"{lease.delivered_gpu_ms / MS_PER_HOUR:,.2f}",
            *(coin.text(part) for part in (lease.paid, lease.refunded, lease.held)),
        )
        for lease_id, lease in history.leases
    ]
    columns = ("lease", "#GPUs", "granted", "ends", "#GPU-hours", "#rent", "#refunded", "#held")
    return Table("Leases", columns, rows)


def _facts(history: FleetHistory, coin: Coin) -> Facts:
    available = sum(one.available_gpu_ms for one in history.intervals)
    busy = sum(one.busy_gpu_ms for one in history.intervals)
    joules = sum(one.energy_joules for one in history.intervals)
    capacity = sum(one.capacity_gpu_ms for one in history.intervals)
    delivered = sum(lease.delivered_gpu_ms for _, lease in history.leases)
    earned = history.waterfall.earned
    return {
        "GPUs": str(history.fleet.capacity),
        "reported until": time_text(history.intervals[-1].end) if history.intervals else NOTHING,
        "availability": percent(available, capacity),
        "utilization": percent(busy, available),
        "energy": f"{joules / figures.JOULES_PER_KWH:,.2f} kWh",
        "per busy GPU-hour": f"{joules * MS_PER_HOUR / busy:,.0f} J" if busy else NOTHING,
        "earned": coin.text(earned),
        "per delivered GPU-hour": coin.text(earned * MS_PER_HOUR // delivered) if delivered else NOTHING,
    }
