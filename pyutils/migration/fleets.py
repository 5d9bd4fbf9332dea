"""Fleets: reports that are not heads yet, disputes, revenue on its way, and titles of live fleets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyutils.migration.obligation import ANYONE, Kind, Obligation
from pyutils.migration.stage import Stage
from pyutils.models import ZERO_ADDRESS, FleetStatus
from pyutils.operations.history import Event, events
from pyutils.portfolio.fleet import FleetRow
from pyutils.units import SECONDS_PER_HOUR, FleetId, UnixSeconds

_DAY_S: Final = 24 * SECONDS_PER_HOUR
_RULING_S: Final = 14 * _DAY_S
"""A dispute that nobody ruled on so long is over (`MeterOracle.expireDispute`)."""


def fleets(stage: Stage) -> Iterator[Obligation]:
    """Yield what is not over of every fleet, its leases and loans apart."""
    posted = _pending(stage)
    for view in stage.fleets:
        row = view.row
        yield from _disputes(stage, row)
        if row.fleet_id in posted:
            yield from _report(stage, row, posted[FleetId(row.fleet_id)])
        yield from _revenue(stage, row)
        if row.fleet.status is FleetStatus.LIVE:
            yield _title(stage, row)


def _pending(stage: Stage) -> dict[FleetId, Event]:
    """Return the reports that were posted and neither adopted nor dropped, whether their time has come or not."""
    names = ("PostPending", "AdoptPending", "DropPending")
    told = events(stage.system.oracle, names, first=stage.system.manifest.first_block, block=stage.number)
    found: dict[FleetId, Event] = {}
    for event in told:
        if event.name == "PostPending":
            found[FleetId(event.arguments["fleetId"])] = event
        else:
            found.pop(FleetId(event.arguments["fleetId"]), None)
    return found


def _disputes(stage: Stage, row: FleetRow) -> Iterator[Obligation]:
    found, token = stage.system.oracle.open_dispute(FleetId(row.fleet_id), stage.number), row.fleet.settlement_token
    if not any(found.digest):
        return
    stakes = found.poster_stake + found.disputer_stake
    yield Obligation(
        kind=Kind.DISPUTE,
        what=f"dispute by {found.disputer} of a report of fleet {row.fleet_id}, {stage.money(token, stakes)} at stake",
        token=token,
        amount=stakes,
        steps=(
            stage.by_role("arbiter", f"gpurwa admin rule {row.fleet_id} --upheld|--struck"),
            stage.step(ANYONE, (), f"gpurwa report expire-dispute {row.fleet_id}", found.opened_at + _RULING_S),
        ),
    )


def _report(stage: Stage, row: FleetRow, posted: Event) -> Iterator[Obligation]:
    pending = stage.system.oracle.pending(FleetId(row.fleet_id), stage.number)
    dispute = stage.system.oracle.open_dispute(FleetId(row.fleet_id), stage.number)
    if dispute.digest == posted.arguments["digest"]:
        return  # listed as a dispute, which decides it
    token, stake = row.fleet.settlement_token, posted.arguments["stake"]
    ready = pending.posted_at + pending.liveness if any(pending.digest) else None
    yield Obligation(
        kind=Kind.REPORT,
        what=f"report posted alone for fleet {row.fleet_id}, {stage.money(token, stake)} at stake",
        token=token,
        amount=stake,
        steps=(stage.step(ANYONE, (), f"gpurwa report touch {row.fleet_id}", ready),),
    )


def _revenue(stage: Stage, row: FleetRow) -> Iterator[Obligation]:
    token, waiting = row.fleet.settlement_token, row.revenue.pending + row.revenue.uncollected
    if waiting:
        yield Obligation(
            kind=Kind.REVENUE,
            what=f"{stage.money(token, waiting)} of fleet {row.fleet_id} that did not reach its shares",
            token=token,
            amount=waiting,
            steps=(stage.step(ANYONE, (), f"gpurwa shares collect {row.fleet_id}"),),
        )
    if row.unreleased:
        until = (stage.now // _DAY_S + 2) * _DAY_S
        yield Obligation(
            kind=Kind.REVENUE,
            what=f"{stage.money(token, row.unreleased)} of fleet {row.fleet_id} that its shares are still to earn",
            token=token,
            amount=row.unreleased,
            ends_at=UnixSeconds(until),
            steps=(stage.step("nobody", (), "", until),),
        )


def _title(stage: Stage, row: FleetRow) -> Obligation:
    custodians = {market.custody.address for market in stage.system.credit_markets()}
    in_custody = row.owner in custodians
    owner = row.controller if in_custody else row.owner
    after = "it is out of custody" if in_custody else "its leases are over" if row.leased_gpus else ""
    step = stage.step(
        "controller" if in_custody else "title owner",
        () if owner == ZERO_ADDRESS else owner,
        f"gpurwa fleet wind-down {row.fleet_id}",
        after=after,
    )
    return Obligation(
        kind=Kind.FLEET, what=f"fleet {row.fleet_id} is live, {row.leased_gpus} GPUs leased", steps=(step,)
    )
