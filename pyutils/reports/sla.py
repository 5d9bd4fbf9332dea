"""What lessees got of what a fleet promised: facts, and a table of leases."""

from __future__ import annotations

from pyutils.models.lease import EndedBy
from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.portfolio.sla import LeaseSla
from pyutils.reports.origins import fact
from pyutils.reports.table import NOTHING, Cell, Coin, Facts, Link, Table, percent, time_text, wad_percent

_TIERS = ("mildest tier", "middle tier", "lowest tier")


def sla_facts(record: FleetRecord, coin: Coin) -> Facts:
    """Return sums over a fleet's leases."""
    sla, origins = record.sla, record.origins
    facts = {
        "leases closed": fact(f"{sla.closed} of {len(sla.leases)}", origins.sla),
        "availability to lessees": fact(wad_percent(sla.availability_wad), origins.sla),
    }
    for place, count in enumerate(sla.below):
        name = f"below {wad_percent(sla.thresholds[place])}" if sla.thresholds else f"below the {_TIERS[place]}"
        facts[name] = fact(f"{count}, {percent(count, sla.closed)}", origins.sla)
    return {
        **facts,
        "SLA credits paid": fact(coin.text(sla.sla_credits), origins.bond),
        "paid for early ends": fact(coin.text(sla.compensation), origins.bond),
        "lessees' notice and fees": fact(coin.text(sla.fees), record.earnings.origin),
    }


def sla_table(record: FleetRecord, coin: Coin) -> Table:
    """Return a fleet's leases held against their terms."""
    columns = (
        *("lease", "#GPUs", "stands", "#availability", "fell below", "#SLA credit", "#compensation", "#fee"),
        *("ended early by", "from", "until", "#deposit", "told by"),
    )
    return Table("Leases against their terms", columns, [_row(one, coin) for one in record.sla.leases])


def _row(one: LeaseSla, coin: Coin) -> tuple[Cell, ...]:
    below = wad_percent(one.thresholds[one.fell_below - 1]) if one.fell_below else NOTHING
    return (
        Link(str(one.lease_id), f"/lease/{one.lease_id}"),
        str(one.gpus),
        one.standing.value,
        wad_percent(one.availability_wad),
        below,
        *(coin.text(part) if part else NOTHING for part in (one.sla_credit, one.compensation, one.fee)),
        NOTHING if one.ended_by is EndedBy.NOBODY else one.ended_by.name.lower(),
        time_text(one.begin),
        time_text(one.end),
        coin.text(one.deposit),
        "; ".join(one.events) or NOTHING,
    )
