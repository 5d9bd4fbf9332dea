"""The page of a fleet, and its part of other pages."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.portfolio.fleet_history import FleetHistory
from pyutils.reports import figures
from pyutils.reports.heat import availability_map, utilization_map
from pyutils.reports.page import NOTHING, Cell, Coin, Link, Page, Plot, Section, Table, percent, time_text
from pyutils.units import MS_PER_HOUR, BlockNumber, UnixSeconds


def fleet_page(history: FleetHistory, network: str, block: BlockNumber, at: UnixSeconds, coin: Coin) -> Page:
    """Return the page of a fleet as of a block."""
    leases: list[Sequence[Cell]] = [
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
    reports: list[Sequence[Cell]] = [
        (
            time_text(one.end),
            percent(one.available_gpu_ms, one.capacity_gpu_ms),
            percent(one.busy_gpu_ms, one.available_gpu_ms),
            f"{one.energy_joules / figures.JOULES_PER_KWH:,.2f}",
            one.signers,
            one.event,
        )
        for one in reversed(history.intervals)
    ]
    return Page(
        kind="Fleet",
        subject=str(history.fleet_id),
        network=network,
        block=block,
        at=at,
        sections=[
            fleet_section(history, at, coin),
            Section(
                "records",
                "Leases and reports",
                {},
                tables=[
                    Table(
                        "Leases",
                        ("lease", "#GPUs", "granted", "ends", "#GPU-hours", "#rent", "#refunded", "#held"),
                        leases,
                    ),
                    Table(
                        "Reports",
                        ("as of", "#availability", "#utilization", "#kWh", "signed by", "told by"),
                        reports,
                    ),
                ],
            ),
        ],
        recompute=[
            f"gpurwa fleet show {history.fleet_id} --block {block} --network {network}",
            f"gpurwa audit fleet {history.fleet_id} --block {block} --network {network}",
        ],
    )


def fleet_section(history: FleetHistory, now: UnixSeconds, coin: Coin) -> Section:
    """Return a fleet's facts and figures."""
    name = f"fleet-{history.fleet_id}"
    flow = figures.waterfall_figure(history.waterfall, coin.unit, coin.symbol)
    note = "Deposits of lessees: earned as rent and fees, refunded, or held for what can still be delivered."
    plots = [Plot.of("Where prepaid money went", flow, f"{name}-flow", note)]
    if history.intervals:
        maps = (
            ("Utilization", utilization_map(history.intervals), "Busy over available GPU time, UTC."),
            ("Availability", availability_map(history.intervals), "Available GPU time over registered capacity, UTC."),
        )
        for title, heat, words in maps:
            figure = figures.heat_figure(heat, title.lower())
            plots.append(Plot.of(title, figure, f"{name}-{title.lower()}", words))
        note = "Between reports, by the boards' own counters, or derived from duty where they have none."
        plots.append(Plot.of("Energy", figures.energy_figure(history.intervals), f"{name}-energy", note))
    if history.leases:
        note = "Agreed term, until the effective end, and how far rent is settled."
        plots.append(Plot.of("Leases", figures.lease_figure(history.leases, now), f"{name}-leases", note))
    title = f"Fleet {history.fleet_id}: {history.fleet.gpu_class}, {history.fleet.region}"
    return Section(name, title, _facts(history, coin), plots)


def _facts(history: FleetHistory, coin: Coin) -> dict[str, str]:
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
