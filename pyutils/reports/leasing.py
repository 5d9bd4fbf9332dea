"""How much of a fleet is leased, and what its leases bring in per GPU-hour."""

from __future__ import annotations

from datetime import UTC, datetime

from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.reports.origins import fact
from pyutils.reports.table import NOTHING, Coin, Facts, Table, percent, wad_percent
from pyutils.units import GpuMs, format_gpu_hours


def leasing_facts(record: FleetRecord) -> Facts:
    """Return how much is leased now, and was since the fleet was commissioned."""
    row, leasing = record.view.row, record.leasing
    return {
        "leased now": fact(
            f"{row.leased_gpus} of {row.fleet.capacity} GPUs, {wad_percent(record.figures.leased_wad)}",
            record.figures.leased_origin,
        ),
        "leased of all installed time": fact(wad_percent(leasing.leased_wad), leasing.origin),
    }


def earning_facts(record: FleetRecord, coin: Coin) -> Facts:
    """Return what leases brought in, and per GPU-hour."""
    earnings = record.earnings
    delivered, available = earnings.per_delivered_gpu_hour, earnings.per_available_gpu_hour
    return {
        "earned": fact(coin.text(earnings.earned), earnings.origin),
        "per delivered GPU-hour": fact(NOTHING if delivered is None else coin.text(delivered), earnings.origin),
        "per available GPU-hour": fact(NOTHING if available is None else coin.text(available), earnings.origin),
        "net, 30 days": fact(coin.text(record.figures.revenue.net_revenue30), record.origins.revenue),
    }


def days_table(record: FleetRecord) -> Table:
    """Return the days on which anything was leased, UTC, the newest first."""
    rows = [
        (
            f"{datetime.fromtimestamp(one.begin, UTC):%Y-%m-%d}",
            format_gpu_hours(GpuMs(one.leased_gpu_ms)),
            format_gpu_hours(GpuMs(one.installed_gpu_ms)),
            percent(one.leased_gpu_ms, one.installed_gpu_ms),
        )
        for one in reversed(record.leasing.days)
        if one.leased_gpu_ms
    ]
    columns = ("day", "#leased GPU-hours", "#installed GPU-hours", "#leased")
    return Table("Days on which GPUs were leased", columns, rows)
