"""What was paid out to an account, from which contract and why, payment by payment and month by month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pyutils.models import parse_address
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.portfolio.fleet_facts import FleetFacts
from pyutils.units import BlockNumber, FleetId, TokenUnits, UnixSeconds

SOURCES: Final = {
    "FleetShares.Claim": "shares",
    "FleetShares.ClaimTitle": "title",
    "RevenueRouter.Withdraw": "operating share and fees",
    "LeaseBook.Withdraw": "refunds",
    "OperatorBond.Withdraw": "bond, SLA credits and compensation",
    "MeterOracle.Withdraw": "stakes and rewards",
    "FleetCredit.Withdraw": "revenue and surplus of loans",
}
"""What each event pays for."""


@dataclass(frozen=True, slots=True)
class Income:
    """One payment to an account, in token units."""

    at: UnixSeconds
    block: BlockNumber
    source: str
    fleet_id: FleetId | None
    """Whose revenue it is; None where the contract pays for several."""
    token: str
    amount: TokenUnits
    event: str
    """The event that told it."""


@dataclass(frozen=True, slots=True)
class MonthlyIncome:
    """What one source paid in one month, in token units."""

    month: str
    """Of UTC, `2026-11`."""
    source: str
    token: str
    amount: TokenUnits
    payments: int


def read_incomes(source: EventSource, account: str, fleets: Mapping[FleetId, FleetFacts]) -> tuple[Income, ...]:
    """Return what `account` was paid up to the source's block, oldest first. What it is owed still is no income."""
    by_shares = {fleet.shares: fleet for fleet in fleets.values()}
    found: list[tuple[tuple[int, int], Income]] = []
    for label, pays_for in SOURCES.items():
        whose = {"owner": account} if label.endswith(".ClaimTitle") else {"account": account}
        for event in source.events(label, whose):
            fleet = by_shares.get(event.contract)
            told = event.arguments.get("token")
            token = parse_address(told) if told else (fleet.token if fleet else "")
            found.append(((event.block, event.index), _income(pays_for, event, token, fleet)))
    return tuple(income for _, income in sorted(found, key=lambda one: one[0]))


def by_month(incomes: Iterable[Income]) -> tuple[MonthlyIncome, ...]:
    """Return payments added up by month, source and coin, in the order of months."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for one in incomes:
        month = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m")
        sums.setdefault((month, one.source, one.token), []).append(one.amount)
    return tuple(
        MonthlyIncome(*key, TokenUnits(sum(amounts)), len(amounts))
        for key, amounts in sorted(sums.items(), key=lambda item: item[0])
    )


def _income(pays_for: str, event: Event, token: str, fleet: FleetFacts | None) -> Income:
    fleet_id = None if fleet is None else fleet.fleet_id
    return Income(event.at, event.block, pays_for, fleet_id, token, TokenUnits(event.arguments["amount"]), event.label)
