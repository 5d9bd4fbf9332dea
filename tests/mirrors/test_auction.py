"""The mirror of AuctionPriceLib and of the auction's clocks: prices fall with time, which may stand still."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils import devnet
from pyutils.anvil import Anvil
from pyutils.chain import connect
from pyutils.credit.auction import (
    DEFAULT_AUCTION,
    HOUR_S,
    Offer,
    collateral_price_up,
    cut_to_debt,
    floor_down,
    least_fill,
    lot_price_up,
    lot_value_up,
    premium,
    price_up,
    started,
    touched,
)
from pyutils.models.sale import Sale
from pyutils.units import EPOCH, ShareUnits, TokenUnits, UnixSeconds

from .solidity import Harness

COIN = 10**6
NOW = UnixSeconds(1_800_000_000)
NONE = Sale(collateral_elapsed=0, lot_elapsed=0, touched_at=0, breached_since=0, collateral_at_start=0, still=False)
BOTH = Offer(collateral_left=2 * 10**8, has_lot=True)
LOT = Offer(collateral_left=0, has_lot=True)
BPS_PAIRS = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)).map(lambda pair: sorted(pair, reverse=True))
VALUES = st.one_of(st.integers(0, 1_000), st.integers(0, 2**160 - 1))
AMOUNTS = st.integers(0, 2**96 - 1)


@pytest.fixture(scope="module")
def library(anvil: Anvil) -> Harness:
    functions = """
        function premium(uint256 startBps, uint256 endBps, uint256 fall, uint256 elapsed)
            external pure returns (uint256)
        {
            return AuctionPriceLib.premium(startBps, endBps, fall, elapsed);
        }
        function priceUp(uint256 value, uint256 startBps, uint256 endBps, uint256 fall, uint256 elapsed)
            external pure returns (uint256)
        {
            return AuctionPriceLib.priceUp(value, startBps, endBps, fall, elapsed);
        }
        function lotValueUp(uint256 value, uint256 part, uint256 supply) external pure returns (uint256) {
            return AuctionPriceLib.lotValueUp(value, part, supply);
        }
        function floorDown(uint256 value, uint256 part, uint256 supply, uint256 endBps)
            external pure returns (uint256)
        {
            return AuctionPriceLib.floorDown(value, part, supply, endBps);
        }
        function leastFill(uint256 atStart, uint256 left, uint256 bps) external pure returns (uint256) {
            return AuctionPriceLib.leastFill(atStart, left, bps);
        }
        function cutToDebt(uint256 amount, uint256 price, uint256 owed) external pure returns (uint256, uint256) {
            return AuctionPriceLib.cutToDebt(amount, price, owed);
        }
    """
    imports = 'import {AuctionPriceLib} from "contracts/libraries/AuctionPriceLib.sol";'
    return Harness.of(connect([anvil.url], devnet.CHAIN_ID), imports, functions)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=VALUES, bps=BPS_PAIRS, fall=st.integers(1, 365 * 86_400), elapsed=st.integers(0, 2**32))
def test_price__any_value_and_time__is_what_solidity_says(
    library: Harness, value: int, bps: list[int], fall: int, elapsed: int
) -> None:
    start, end = bps
    assert premium(start, end, fall, elapsed) == library("premium", start, end, fall, elapsed)
    assert price_up(TokenUnits(value), start, end, fall, elapsed) == library(
        "priceUp", value, start, end, fall, elapsed
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=st.integers(0, 2**128), part=AMOUNTS, supply=st.integers(1, 2**96 - 1), end=st.integers(1, 20_000))
def test_lot__any_part__is_what_solidity_says(library: Harness, value: int, part: int, supply: int, end: int) -> None:
    worth = TokenUnits(value), ShareUnits(part), ShareUnits(supply)
    assert lot_value_up(*worth) == library("lotValueUp", value, part, supply)
    assert floor_down(*worth, end) == library("floorDown", value, part, supply, end)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(amount=AMOUNTS, left=AMOUNTS, price=AMOUNTS, owed=AMOUNTS, bps=st.integers(1, 10_000))
def test_fill__any_bid__is_what_solidity_says(
    library: Harness, amount: int, left: int, price: int, owed: int, bps: int
) -> None:
    assert least_fill(amount, left, bps) == library("leastFill", amount, left, bps)
    assert cut_to_debt(amount, TokenUnits(price), TokenUnits(owed)) == library("cutToDebt", amount, price, owed)


@pytest.mark.parametrize(("hours", "coins"), [(0, 105), (3, 97.5), (6, 90), (100, 90)])
def test_collateral_price__along_the_fall__is_linear(hours: int, coins: float) -> None:
    value = TokenUnits(100 * COIN)
    assert collateral_price_up(value, DEFAULT_AUCTION, hours * HOUR_S) - int(coins * COIN) in (1, 2)


def test_lot_price__half_of_the_shares_half_of_the_fall__is_forty_percent() -> None:
    price = lot_price_up(TokenUnits(100 * COIN), ShareUnits(50), ShareUnits(100), DEFAULT_AUCTION, 36 * HOUR_S)
    assert price == 40 * COIN


def test_started__never_sold_before__begins_at_zero() -> None:
    sale, resumed = started(NONE, BOTH, DEFAULT_AUCTION, NOW, NOW, told=True)
    assert (sale.collateral_elapsed, sale.lot_elapsed, sale.still, resumed) == (0, 0, False, False)
    assert sale.collateral_at_start == BOTH.collateral_left


def test_started__without_collateral__the_lot_is_open() -> None:
    sale, _ = started(NONE, LOT, DEFAULT_AUCTION, NOW, NOW, told=True)
    assert LOT.is_lot_open(sale, DEFAULT_AUCTION)


@pytest.mark.parametrize(("later", "resumed"), [(30 * 86_400, True), (30 * 86_400 + 1, False)])
def test_started__breach_that_recurs__goes_on_within_thirty_days(later: int, resumed: bool) -> None:
    sale, _ = started(NONE, BOTH, DEFAULT_AUCTION, NOW, NOW, told=True)
    sale = touched(sale, BOTH, DEFAULT_AUCTION, UnixSeconds(NOW + HOUR_S), told=True, up_since=EPOCH)
    again = UnixSeconds(NOW + HOUR_S + later)
    found = started(sale, BOTH, DEFAULT_AUCTION, again, again, told=True)
    assert (found[0].collateral_elapsed, found[1]) == (HOUR_S if resumed else 0, resumed)


@pytest.mark.parametrize(
    ("gap", "told", "up_since", "counted"),
    [
        (HOUR_S, True, EPOCH, HOUR_S),
        (HOUR_S + 1, True, EPOCH, 0),
        (600, True, UnixSeconds(NOW + 1), 0),
        (600, True, NOW, 600),
        (600, False, EPOCH, 0),
    ],
)
def test_touched__a_gap__counts_where_nothing_stood_still(
    gap: int, told: bool, up_since: UnixSeconds, counted: int
) -> None:
    sale, _ = started(NONE, BOTH, DEFAULT_AUCTION, NOW, NOW, told=True)
    moved = touched(sale, BOTH, DEFAULT_AUCTION, UnixSeconds(NOW + gap), told, up_since)
    assert (moved.collateral_elapsed, moved.touched_at, moved.still) == (counted, NOW + gap, not told)
    if not told:
        after = touched(moved, BOTH, DEFAULT_AUCTION, UnixSeconds(NOW + 2 * gap), True, EPOCH)
        assert (after.collateral_elapsed, after.still) == (0, False)


@given(steps=st.lists(st.tuples(st.integers(0, 2 * HOUR_S), st.booleans()), max_size=200), has_lot=st.booleans())
def test_clocks__any_touches__run_one_at_a_time_and_never_outrun_time(
    steps: list[tuple[int, bool]], has_lot: bool
) -> None:
    offer = Offer(collateral_left=1, has_lot=has_lot)
    sale, _ = started(NONE, offer, DEFAULT_AUCTION, NOW, NOW, told=True)
    now = NOW
    for gap, told in steps:
        now = UnixSeconds(now + gap)
        moved = touched(sale, offer, DEFAULT_AUCTION, now, told, EPOCH)
        collateral = moved.collateral_elapsed - sale.collateral_elapsed
        lot = moved.lot_elapsed - sale.lot_elapsed
        assert min(collateral, lot) == 0
        assert 0 <= collateral + lot <= (gap if told and gap <= HOUR_S and not sale.still else 0)
        sale = moved
    assert sale.collateral_elapsed <= DEFAULT_AUCTION.collateral_alone
    assert sale.lot_elapsed <= (DEFAULT_AUCTION.lot_fall if has_lot else 0)
