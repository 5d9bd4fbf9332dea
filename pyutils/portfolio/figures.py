"""What a fleet's counters and books come to: exact integers, each rounded down unless it says otherwise."""

from __future__ import annotations

from typing import Final

from pyutils.credit.schedule import reserve_target_up
from pyutils.models import FrozenModel, LoanState
from pyutils.portfolio.fleet import FleetLoan, FleetView
from pyutils.portfolio.origin import Origin
from pyutils.units import BPS, MS_PER_HOUR, SECONDS_PER_HOUR, WAD, Bps, TokenUnits, UnixSeconds

_DAYS_A_YEAR: Final = 365
_MONTHS_A_YEAR: Final = 12
_HOURS_A_DAY: Final = 24
"""Joules × 24 ÷ seconds are watt-hours a day."""
_MW_MS_PER_JOULE: Final = 1_000_000
"""A joule is so many milliwatts for a millisecond."""


class MeterFigures(FrozenModel):
    """What meters proved from enrolment to the head."""

    as_of: int
    """The head's time, Unix seconds: no figure here knows anything later."""
    age_s: int
    """How long before the block that was."""
    availability_wad: int | None
    """Available over installed GPU time; None where there was no capacity yet."""
    utilization_wad: int | None
    """Busy over available GPU time; None where nothing was available."""
    energy_wh: int
    joules_per_busy_gpu_hour: int | None
    """None where nothing was busy."""
    milliwatts_per_available_gpu: int | None
    """Mean power of a board while it was metered; None where nothing was available."""
    milliwatts_per_installed_gpu: int | None
    """The same energy over all installed time, metered or not: what boards drew at least. None where there was none."""
    board_wh_per_day: int | None
    """Metered energy of all boards in a mean day since commissioning, at least; None where no time passed."""
    origin: Origin


class RevenueFigures(FrozenModel):
    """Where a fleet's money went, in token units. `routed` is the sum of its three legs."""

    pending: int
    """Earned, not split yet."""
    routed: int
    """Split so far, with what was given to the shareholders by `distribute`."""
    protocol_fee: int
    operating: int
    shares: int
    uncollected: int
    """Of the shares' leg, what has not been brought to the shares yet."""
    collected: int
    unreleased: int
    """Of what was collected, what enters the shares' index later: during the UTC day after it came."""
    net_revenue30: int
    """Recorded as evidence for appraisals in the last 30 complete UTC days before the block."""
    origin: Origin


class DebtFigures(FrozenModel):
    """What is owed against a fleet, in token units."""

    loan_id: int
    state: LoanState
    principal: int
    interest: int
    """Until the block, rounded up."""
    arrears: int
    ltv_bps: int | None
    """Debt over the value of the pledge, rounded up; None where that cannot be told, or is nothing."""
    breach_limit: int | None
    """The debt from which on the loan is in breach; None where appraisal or feed cannot tell."""
    revenue_per_month: int | None
    """The pledge's part of the lower of the 30- and 90-day means of net revenue, × 365 ÷ 12; None where unknown."""
    service_per_month: int
    """The first instalment as drawn with a month's interest, the dearest one; rounded up."""
    coverage_bps: int | None
    """Revenue over service."""
    history_days: int | None
    """Complete UTC days that the means are taken over; below 30 the coverage says little."""
    priced_at: int | None
    """Of when the price is by which the pledge is valued; None where the class was never priced."""
    origin: Origin


class FleetFigures(FrozenModel):
    """What a fleet really did, as of a block."""

    leased_wad: int | None
    """Leased over installed GPUs now; None where none is installed."""
    leased_origin: Origin
    meter: MeterFigures | None
    """None before the first report."""
    revenue: RevenueFigures
    debt: DebtFigures | None
    """None where no loan is open or held."""


def figures_of(view: FleetView) -> FleetFigures:
    """Return what a fleet's counters and books come to."""
    row = view.row
    return FleetFigures(
        leased_wad=_ratio(row.leased_gpus, row.fleet.capacity),
        leased_origin=Origin.of_state(view.block, "LeaseBook.leasedGpus, FleetRegistry.fleet"),
        meter=_meter(view) if any(row.head.digest) else None,
        revenue=RevenueFigures(
            pending=row.revenue.pending,
            routed=row.revenue.routed,
            protocol_fee=row.revenue.protocol_fee,
            operating=row.revenue.operating,
            shares=row.revenue.shares,
            uncollected=row.revenue.uncollected,
            collected=row.collected,
            unreleased=row.unreleased,
            net_revenue30=row.net_revenue30,
            origin=Origin.of_state(view.block, "RevenueRouter.revenue, netRevenueBetween, FleetShares.collected"),
        ),
        debt=None if row.loan is None else _debt(view, row.loan),
    )


def _meter(view: FleetView) -> MeterFigures:
    head, capacity = view.row.head, view.row.capacity_gpu_ms
    busy, lived_s = head.busy_gpu_ms, head.as_of - view.row.fleet.commissioned_at
    return MeterFigures(
        as_of=head.as_of,
        age_s=view.block.at - head.as_of,
        availability_wad=_ratio(head.available_gpu_ms, capacity),
        utilization_wad=_ratio(busy, head.available_gpu_ms),
        energy_wh=head.energy_joules // SECONDS_PER_HOUR,
        joules_per_busy_gpu_hour=head.energy_joules * MS_PER_HOUR // busy if busy else None,
        milliwatts_per_available_gpu=_milliwatts(head.energy_joules, head.available_gpu_ms),
        milliwatts_per_installed_gpu=_milliwatts(head.energy_joules, capacity),
        board_wh_per_day=head.energy_joules * _HOURS_A_DAY // lived_s if lived_s > 0 else None,
        origin=Origin.of_state(view.block, "MeterOracle.head, FleetRegistry.capacityGpuMs", UnixSeconds(head.as_of)),
    )


def _debt(view: FleetView, found: FleetLoan) -> DebtFigures:
    row = view.row
    loan, market = found.loan, row.markets[0]
    revenue = None
    if market.value_told:
        shares = row.bound_shares + loan.shares if found.has_lot else 0
        mean = min(market.value.mean30, market.value.mean90)
        revenue = mean * _DAYS_A_YEAR * shares // (_MONTHS_A_YEAR * row.supply)
    service = reserve_target_up(TokenUnits(loan.drawn), loan.terms.months, Bps(loan.terms.rate_bps), 1)
    worth = found.health.hardware + found.health.collateral
    return DebtFigures(
        loan_id=found.loan_id,
        state=loan.state,
        principal=found.principal,
        interest=found.interest,
        arrears=found.arrears,
        ltv_bps=-(-found.debt.total * BPS // worth) if found.health_told and worth else None,
        breach_limit=found.health.breach_limit if found.health_told else None,
        revenue_per_month=revenue,
        service_per_month=service,
        coverage_bps=None if revenue is None else revenue * BPS // service,
        history_days=market.value.history_days if market.value_told else None,
        priced_at=market.value.priced_at if market.value_told else None,
        origin=Origin.of_state(view.block, "FleetCredit.debt, arrears, health, Appraisal.lastKnown"),
    )


def _milliwatts(joules: int, gpu_ms: int) -> int | None:
    return joules * _MW_MS_PER_JOULE // gpu_ms if gpu_ms else None


def _ratio(part: int, whole: int) -> int | None:
    return part * WAD // whole if whole else None
