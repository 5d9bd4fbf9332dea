"""What shares brought in, from events that are written down here."""

from __future__ import annotations

import pytest

from pyutils.portfolio.costs import Move, ShareCost, ShareMove
from pyutils.portfolio.fleet_facts import FleetFacts
from pyutils.portfolio.incomes import Income
from pyutils.portfolio.origin import Origin
from pyutils.portfolio.share import SharePosition
from pyutils.portfolio.yields import ShareYield, share_yields
from pyutils.units import BlockNumber, FleetId, TokenUnits, UnixSeconds

from .written import COIN, SHARES, Written

DAY = 86_400
FLEET = FleetId(1)
FACTS = {FLEET: FleetFacts(FLEET, SHARES[FLEET], COIN, "H100", "eu", COIN)}


def cost_of(source: Written, *moves: ShareMove, gained: int = 0) -> ShareCost:
    return ShareCost(
        fleet_id=FLEET,
        token=COIN,
        shares=sum(move.shares for move in moves),
        basis=moves[-1].basis,
        gained=gained,
        moves=moves,
        origin=Origin.of_events(source.pinned, []),
    )


def move(day: int, how: Move, shares: int, paid: int, basis: int) -> ShareMove:
    return ShareMove(at=UnixSeconds(day * DAY), how=how, shares=shares, paid=paid, basis=basis, event="")


def claim(day: int, amount: int, source: str = "shares") -> Income:
    return Income(UnixSeconds(day * DAY), BlockNumber(1), source, FLEET, COIN, TokenUnits(amount), "")


def yield_of(source: Written, cost: ShareCost, now_day: int, *claims: Income) -> ShareYield:
    held = SharePosition(fleet_id=1, token="0x" + "c0" * 20, shares=cost.shares, supply=1_000, claimable=5)
    (found,) = share_yields(source, [cost], claims, [held], FACTS, UnixSeconds(now_day * DAY))
    return found


def test_yields__half_sold_after_a_year__capital_is_what_was_at_work() -> None:
    source = Written()
    cost = cost_of(source, move(0, Move.BOUGHT, 200, 1_000, 1_000), move(365, Move.SOLD, -100, -700, 500), gained=200)
    found = yield_of(source, cost, 730, claim(100, 70), claim(500, 30), claim(600, 999, "title"))
    assert (found.income, found.claimable, found.gained, found.basis) == (100, 5, 200, 500)
    # 1,000 for one year and 500 for another
    assert found.simple == pytest.approx((100 + 200) / 1_500)


def test_yields__running__is_the_last_thirty_days_of_what_all_holders_got() -> None:
    source = Written()
    # Events are a minute apart: the first two are older than thirty days, and the last is another fleet's.
    for amount in (1_000, 2_000, 300, 400):
        source.add("FleetShares.Collect", SHARES[FLEET], "0x1", amount=amount)
    source.add("FleetShares.Collect", SHARES[FleetId(2)], "0x1", amount=9_999)
    cost = cost_of(source, move(0, Move.BOUGHT, 250, 1_000, 1_000))
    held = SharePosition(fleet_id=1, token="0x" + "c0" * 20, shares=250, supply=1_000, claimable=0)
    (found,) = share_yields(source, [cost], [], [held], FACTS, UnixSeconds(60 + 30 * DAY))
    assert found.running == pytest.approx((300 + 400) * 250 / 1_000 * 365 / 30 / 1_000)


def test_yields__nothing_paid__is_no_rate() -> None:
    source = Written()
    found = yield_of(source, cost_of(source, move(0, Move.ENROLLED, 10, 0, 0)), 400, claim(100, 70))
    assert (found.income, found.simple, found.running, found.xirr) == (70, None, None, None)
