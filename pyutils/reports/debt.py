"""What is owed against a fleet, and what covers it."""

from __future__ import annotations

from pyutils.portfolio.fleet_record import FleetRecord
from pyutils.reports.origins import fact
from pyutils.reports.table import NOTHING, Coin, Facts, time_text
from pyutils.units import format_bps, format_fixed


def debt_facts(record: FleetRecord, coin: Coin) -> Facts:
    """Return a fleet's debt and coverage; that it is none where no loan is open or held."""
    debt, told = record.figures.debt, record.origins.debt
    if debt is None:
        return {"debt": fact("none", told)}
    coverage = NOTHING
    if debt.coverage_bps is not None:
        coverage = f"{format_fixed(debt.coverage_bps, 4, 2)} ×, by {debt.history_days} days of history"
    return {
        "loan": fact(f"{debt.loan_id}, {debt.state.name.lower()}", told),
        "debt": fact(coin.text(debt.principal + debt.interest), told),
        "of it interest": fact(coin.text(debt.interest), told),
        "due and not paid": fact(coin.text(debt.arrears), told),
        "debt over pledge": fact(NOTHING if debt.ltv_bps is None else format_bps(debt.ltv_bps), told),
        "breach from": fact(NOTHING if debt.breach_limit is None else coin.text(debt.breach_limit), told),
        "pledge's revenue a month": fact(
            NOTHING if debt.revenue_per_month is None else coin.text(debt.revenue_per_month), debt.origin
        ),
        "service a month": fact(coin.text(debt.service_per_month), debt.origin),
        "coverage": fact(coverage, debt.origin),
        "pledge priced": fact(time_text(debt.priced_at), debt.origin),
    }
