"""The page of a lease: what is recomputed of it, event by event."""

from __future__ import annotations

from pyutils.audit import LeaseAudit
from pyutils.reports.page import Coin, Link, Page, Section, Table
from pyutils.units import MS_PER_HOUR, FleetId, UnixSeconds


def lease_page(audit: LeaseAudit, fleet_id: FleetId, network: str, at: UnixSeconds, coin: Coin) -> Page:
    """Return the page of an audited lease."""
    money = ("deposit", "rent", "fee", "refunded", "held")
    facts = {name: coin.text(getattr(audit, name)) for name in money}
    facts["delivered"] = f"{audit.delivered / MS_PER_HOUR:,.3f} GPU-hours"
    checks = [(one.event, one.what, one.verdict.value, one.said) for one in audit.checks]
    fleet = Table("Fleet", ("fleet",), [(Link(str(fleet_id), f"/fleet/{fleet_id}"),)])
    made = Table("Checks", ("said by", "what", "is", "because"), checks)
    return Page(
        kind="Lease",
        subject=str(audit.lease_id),
        network=network,
        block=audit.block,
        at=at,
        sections=[
            Section("lease", "Recomputed", facts, tables=[fleet]),
            Section("checks", "Event by event", {}, tables=[made]),
        ],
        recompute=[f"gpurwa audit lease {audit.lease_id} --block {audit.block} --network {network}"],
    )
