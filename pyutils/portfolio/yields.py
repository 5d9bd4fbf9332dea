"""What money that was put to work brought in, as yearly rates. Rates are floats: no amount is made of them.

- **Simple**: income and realized gains, over the capital times the years that it was at work.
- **Running**: what came in for the shares in the last thirty days, times 365/30, over what they cost.
- **XIRR**: the yearly rate `r` at which all payments and what is there at the end balance: the sum of
  `flow / (1 + r)^(days / 365)` is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import pyxirr

from pyutils.models import FrozenModel
from pyutils.operations.event_source import EventSource
from pyutils.portfolio.costs import ShareCost
from pyutils.portfolio.fleet_facts import FleetFacts
from pyutils.portfolio.incomes import Income
from pyutils.portfolio.share import SharePosition
from pyutils.units import FleetId, UnixSeconds

_DAY_S: Final = 86_400
_YEAR_S: Final = 365 * _DAY_S
RUNNING_DAYS: Final = 30


class ShareYield(FrozenModel):
    """What one account's shares of one fleet brought in, in units of its settlement token."""

    fleet_id: FleetId
    token: str
    income: int
    """Claimed so far."""
    claimable: int
    gained: int
    """By sales."""
    basis: int
    """What the shares that are there cost."""
    simple: float | None
    """A year; None where nothing was paid for shares, or only just now."""
    running: float | None
    xirr: float | None
    """With the shares that are there at what they cost, and what is claimable; None where there is no such rate."""


def xirr(flows: Iterable[tuple[UnixSeconds, int]], worth: int, now: UnixSeconds) -> float | None:
    """Return the yearly rate of payments by UTC day, in token units, positive where money came back.

    Args:
        flows: moment and amount of each.
        worth: what is there now.
        now: when.

    None where there is no such rate, as on the day of the first payment.
    """
    paid = list(flows)
    days = [datetime.fromtimestamp(at, UTC).date() for at, _ in paid]
    today = datetime.fromtimestamp(now, UTC).date()
    if not paid or min(days) == today:
        return None
    return pyxirr.xirr([*days, today], [*(float(amount) for _, amount in paid), float(worth)], silent=True)


def share_yields(
    source: EventSource,
    costs: Sequence[ShareCost],
    incomes: Sequence[Income],
    shares: Sequence[SharePosition],
    fleets: Mapping[FleetId, FleetFacts],
    now: UnixSeconds,
) -> tuple[ShareYield, ...]:
    """Return the yields of an account's shares, for each fleet of which it ever had any."""
    held = {FleetId(one.fleet_id): one for one in shares}
    return tuple(
        _share_yield(source, cost, _claims(incomes, cost.fleet_id), held.get(cost.fleet_id), fleets, now)
        for cost in costs
    )


def _share_yield(
    source: EventSource,
    cost: ShareCost,
    claims: Sequence[Income],
    held: SharePosition | None,
    fleets: Mapping[FleetId, FleetFacts],
    now: UnixSeconds,
) -> ShareYield:
    income, claimable = sum(one.amount for one in claims), held.claimable if held else 0
    capital = _capital_seconds(cost, now)
    flows = [(move.at, -move.paid) for move in cost.moves if move.paid] + [(one.at, int(one.amount)) for one in claims]
    running = None
    if held and cost.basis:
        collected = _collected(source, fleets[cost.fleet_id], now)
        running = collected * cost.shares / held.supply * 365 / RUNNING_DAYS / cost.basis
    has_price = any(move.paid for move in cost.moves)
    return ShareYield(
        fleet_id=cost.fleet_id,
        token=cost.token,
        income=income,
        claimable=claimable,
        gained=cost.gained,
        basis=cost.basis,
        simple=(income + cost.gained) * _YEAR_S / capital if capital else None,
        running=running,
        xirr=xirr(sorted(flows), cost.basis + claimable, now) if has_price else None,
    )


def _capital_seconds(cost: ShareCost, now: UnixSeconds) -> int:
    """Return what shares cost times how long it was at work, in token units times seconds."""
    ends = [*(move.at for move in cost.moves[1:]), now]
    return sum(move.basis * (end - move.at) for move, end in zip(cost.moves, ends, strict=True))


def _claims(incomes: Sequence[Income], fleet_id: FleetId) -> list[Income]:
    return [one for one in incomes if one.fleet_id == fleet_id and one.source == "shares"]


def _collected(source: EventSource, fleet: FleetFacts, now: UnixSeconds) -> int:
    """Return what the fleet's shares brought in during the last days, for all holders."""
    told = source.events("FleetShares.Collect", contract=fleet.shares)
    return sum(int(event.arguments["amount"]) for event in told if event.at > now - RUNNING_DAYS * _DAY_S)
