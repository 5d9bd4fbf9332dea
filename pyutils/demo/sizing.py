"""Which loans a trace can show: one that its revenue repays, and one that it cannot serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyutils.demo.casting import delivered_ms
from pyutils.demo.plan import FleetPlan, LeasePlan, LeftOut, LoanPlan, ReportPlan, Scene
from pyutils.demo.presence import Presence
from pyutils.demo.setting import DAY_S, OPERATING_SHARE_BPS, SOLD, SUPPLY
from pyutils.units import BPS, MS_PER_HOUR, FleetId, UnixSeconds

CENTS: Final = 100
PLEDGED_BPS: Final = BPS - sum(SOLD.values()) * BPS // SUPPLY
"""The part of a fleet that its owner still has, and pledges; rounded up."""
DRAW_AFTER_S: Final = 60
"""A loan is drawn so long after the report that it waits for."""

_FEE_BPS: Final = 200
"""More than any protocol fee of the demo."""
_REPAID_BPS: Final = 6_000
"""Of the revenue that the pledge will earn, what is borrowed: the rest is the owner's surplus."""
_FAILED_BPS: Final = 3_000
"""Of the pledged hardware when new, what is borrowed; at most 3,500 may be, of a fleet without history."""
_COLLATERAL_PARTS: Final = 15
"""The failing loan's liquid collateral is worth one part in so many of it: too little to pay its instalment."""
_REPAID_MONTHS: Final = 36
_FAILED_MONTHS: Final = 6
_RESERVE_MONTHS: Final = 3
_MOST_COINS: Final = 900_000
"""Below what the market lends against one fleet."""
_LATE_DRAW_S: Final = 5 * DAY_S
"""The failing loan is drawn so long before the trace's end, so that its first due date lies behind it."""
_LONGEST_S: Final = 25 * DAY_S
"""In a longer trace the price of boards that was set before it would be stale."""


def size_loans(
    fleets: tuple[FleetPlan, ...],
    leases: tuple[LeasePlan, ...],
    reports: tuple[ReportPlan, ...],
    gpus: Iterable[Presence],
    first: int,
    last: int,
) -> tuple[tuple[LoanPlan, ...], tuple[LeftOut, ...]]:
    """Return the loans: the fleet that earns most repays one, the other one's fails."""
    everybody = tuple(gpus)
    rent = {fleet.fleet_id: _rent_cents(fleet, leases, everybody) for fleet in fleets}
    good = max(fleets, key=lambda fleet: (rent[fleet.fleet_id], -fleet.fleet_id))
    loans: list[LoanPlan] = []
    left_out: list[LeftOut] = []
    for scene, found in (
        (Scene.REPAID_LOAN, _repaid(good, rent[good.fleet_id], reports)),
        (Scene.FAILED_LOAN, _failed([fleet for fleet in fleets if fleet is not good], reports, first, last)),
    ):
        if isinstance(found, str):
            left_out.append(LeftOut(scene, found))
        else:
            loans.append(found)
    return tuple(loans), tuple(left_out)


def _repaid(fleet: FleetPlan, rent_cents: int, reports: Iterable[ReportPlan]) -> LoanPlan | str:
    earned = rent_cents * (BPS - _FEE_BPS) * (BPS - OPERATING_SHARE_BPS) * PLEDGED_BPS // BPS**3
    principal = earned * _REPAID_BPS // BPS // CENTS
    if not principal:
        return "no fleet earns enough"
    draw_at = _after_report(fleet.fleet_id, reports, 0)
    return LoanPlan(Scene.REPAID_LOAN, fleet.fleet_id, principal, _REPAID_MONTHS, _RESERVE_MONTHS, draw_at, sweep=True)


def _failed(fleets: list[FleetPlan], reports: Iterable[ReportPlan], first: int, last: int) -> LoanPlan | str:
    if not fleets:
        return "the trace has one GPU"
    if last - first > _LONGEST_S:
        return f"the trace is longer than {_LONGEST_S // DAY_S} days"
    fleet = fleets[0]
    hardware = len(fleet.gpu_ids) * fleet.kind.replacement_coins * PLEDGED_BPS // BPS
    principal = min(hardware * _FAILED_BPS // BPS, _MOST_COINS)
    draw_at = _after_report(fleet.fleet_id, reports, last - _LATE_DRAW_S)
    collateral = principal // _COLLATERAL_PARTS
    return LoanPlan(
        Scene.FAILED_LOAN,
        fleet.fleet_id,
        principal,
        _FAILED_MONTHS,
        0,
        draw_at,
        sweep=False,
        collateral_coins=collateral,
    )


def _rent_cents(fleet: FleetPlan, leases: Iterable[LeasePlan], gpus: tuple[Presence, ...]) -> int:
    """Return the rent of a fleet's leases in hundredths of a coin, rounded down."""
    delivered = sum(delivered_ms(lease, gpus) for lease in leases if lease.fleet_id == fleet.fleet_id)
    return fleet.kind.price_cents * delivered // MS_PER_HOUR


def _after_report(fleet_id: FleetId, reports: Iterable[ReportPlan], since: int) -> UnixSeconds:
    """Return a time after the first report as of `since` or later."""
    submitted = [one.submit_at for one in reports if one.fleet_id == fleet_id and one.as_of >= since]
    return UnixSeconds(min(submitted) + DRAW_AFTER_S)
