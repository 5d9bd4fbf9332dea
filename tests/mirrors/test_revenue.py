"""The mirrors of WaterfallLib, RevenueRouter, ReleaseLib and FleetShares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.revenue import TITLE, InvalidShareError, NothingToClaimError, RouterModel, SharesModel, Stream, split
from pyutils.revenue.shares import ERC20InsufficientBalanceError
from pyutils.units import FleetId, ShareUnits, TokenUnits, UnixSeconds

DAY = 86_400
MIDNIGHT = 20_000 * DAY
FLEET = FleetId(1)
BPS = st.integers(0, 10_000)
SUPPLIES = st.sampled_from([10**18, 10**18 + 1, 999_983 * 10**18, 10**24, 2**96 - 1])
HOLDERS = ("owner", "ann", "bea")


def shares_of(supply: int = 10**24) -> SharesModel:
    return SharesModel(ShareUnits(supply), "owner")


@given(amount=st.integers(0, 2**128), fee=st.integers(0, 1_000), operating=BPS)
def test_legs_sum_to_what_was_routed(amount: int, fee: int, operating: int) -> None:
    legs = split(TokenUnits(amount), fee, operating)
    assert sum(legs) == amount
    assert min(legs) >= 0


def test_split__remainders__are_the_shareholders() -> None:
    assert split(TokenUnits(99), 100, 5_000) == (0, 49, 50)


def test_router__credit_and_route__keep_legs_pending_and_the_days_record() -> None:
    router = RouterModel("treasury", 200)
    router.register(FLEET, "coin", 2_000)
    router.credit(FLEET, TokenUnits(1_000), TokenUnits(500), UnixSeconds(MIDNIGHT))
    router.credit(FLEET, TokenUnits(1_000), TokenUnits(0), UnixSeconds(MIDNIGHT + DAY))
    fleet = router.fleets[FLEET]
    assert (fleet.pending, dict(fleet.net_revenue)) == (2_000, {20_000: 392, 20_001: 0})

    assert router.route(FLEET, "operator") == 2_000

    assert (fleet.pending, fleet.routed) == (0, 2_000)
    assert (fleet.protocol_fee, fleet.operating, fleet.shares, fleet.uncollected) == (40, 392, 1_568, 1_568)
    assert router.payouts.owed("coin", "treasury") == 40
    assert router.payouts.owed("coin", "operator") == 392
    assert router.holds("coin") == 2_000
    assert router.collect(FLEET) == 1_568
    assert router.holds("coin") == 432


def test_distribute__proceeds_of_hardware__are_the_shares_and_no_evidence() -> None:
    router = RouterModel("treasury", 200)
    router.register(FLEET, "coin", 2_000)
    router.distribute(FLEET, TokenUnits(1_000))
    fleet = router.fleets[FLEET]
    assert (fleet.routed, fleet.shares, fleet.pending, fleet.protocol_fee, fleet.operating) == (1_000, 1_000, 0, 0, 0)
    assert dict(fleet.net_revenue) == {}
    assert router.holds("coin") == router.collect(FLEET) == 1_000
    assert router.holds("coin") == 0


def test_lower_operating_share__money_pending__is_split_under_the_old_share() -> None:
    router = RouterModel("treasury", 0)
    router.register(FLEET, "coin", 5_000)
    router.credit(FLEET, TokenUnits(1_000), TokenUnits(0), UnixSeconds(MIDNIGHT))

    assert router.lower_operating_share(FLEET, "operator", 1_000) == 1_000
    assert router.payouts.owed("coin", "operator") == 500
    with pytest.raises(InvalidShareError):
        router.lower_operating_share(FLEET, "operator", 1_000)


@given(
    amount=st.integers(0, 2**96 - 1),
    arrives=st.integers(0, DAY - 1),
    looks=st.lists(st.integers(0, 3 * DAY), max_size=30).map(sorted),
)
def test_what_arrives_in_a_day_is_released_linearly_during_the_next_and_in_whole(
    amount: int, arrives: int, looks: list[int]
) -> None:
    shares = shares_of()
    shares.arrive(TokenUnits(amount), UnixSeconds(MIDNIGHT + arrives))
    for look in looks:
        time = MIDNIGHT + max(arrives, look)
        elapsed = min(DAY, max(0, time - MIDNIGHT - DAY))
        assert shares.unreleased(UnixSeconds(time)) == amount - amount * elapsed // DAY
    assert shares.unreleased(UnixSeconds(MIDNIGHT + 2 * DAY)) == 0


@given(
    arrivals=st.lists(st.tuples(st.integers(0, 4 * DAY), st.integers(1, 10**30)), max_size=8).map(sorted),
    nothings=st.lists(st.integers(0, 9 * DAY), max_size=20),
    look=st.integers(0, 3 * DAY),
)
def test_index_does_not_depend_on_collections_of_nothing(
    arrivals: list[tuple[int, int]], nothings: list[int], look: int
) -> None:
    busy = lazy = Stream()
    for time, amount in sorted([(time, 0) for time in nothings] + arrivals):
        busy = busy.arrive(TokenUnits(amount), UnixSeconds(MIDNIGHT + time))
        if amount:
            lazy = lazy.arrive(TokenUnits(amount), UnixSeconds(MIDNIGHT + time))
    end = UnixSeconds(MIDNIGHT + 9 * DAY + look)
    assert busy.released(end) == lazy.released(end)
    assert busy.arrived == lazy.arrived == sum(amount for _, amount in arrivals)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "claim", "transfer", "title"]),
        st.sampled_from(HOLDERS),
        st.sampled_from(HOLDERS),
        st.integers(0, 10**24),
        st.integers(0, 2 * DAY),
    ),
    max_size=40,
)


@given(supply=SUPPLIES, acts=ACTS)
def test_collected_is_claimed_claimable_unreleased_and_dust_below_one_unit_per_holder(
    supply: int, acts: list[tuple[str, str, str, int, int]]
) -> None:
    shares, now = shares_of(supply), UnixSeconds(MIDNIGHT)
    for act, one, other, amount, pause in acts:
        now = UnixSeconds(now + pause)
        if act == "arrive":
            shares.arrive(TokenUnits(amount), now)
        elif act == "transfer":
            shares.transfer(one, other, ShareUnits(min(amount, shares.holdings[one].shares)), now)
        elif act == "title":
            shares.move_title(one, now)
        elif shares.claimable(one, now):
            shares.claim(one, now)
        # The title is a holder too.
        assert 0 <= shares.dust(now) <= len(HOLDERS) + 1
        assert sum(holding.shares for holding in shares.holdings.values()) == supply
    assert shares.unreleased(UnixSeconds(now + 2 * DAY)) == 0


def test_transfer__after_revenue_was_released__leaves_what_accrued_with_the_seller() -> None:
    shares, now = shares_of(), UnixSeconds(MIDNIGHT)
    shares.arrive(TokenUnits(10**6), now)
    later = UnixSeconds(MIDNIGHT + 2 * DAY)

    shares.transfer("owner", "ann", ShareUnits(shares.holdings["owner"].shares), later)

    assert shares.claimable("owner", later) == 900_000
    assert shares.claimable("ann", later) == 0
    assert shares.claim("owner", later) == 900_000
    with pytest.raises(NothingToClaimError):
        shares.claim("owner", later)


def test_transfer__to_oneself__changes_nothing() -> None:
    shares, now = shares_of(), UnixSeconds(MIDNIGHT)
    shares.transfer("owner", "owner", ShareUnits(10**20), now)
    assert shares.holdings["owner"].shares == 9 * 10**23


def test_transfer__more_than_there_is__refuses() -> None:
    shares = shares_of()
    with pytest.raises(ERC20InsufficientBalanceError):
        shares.transfer("ann", "owner", ShareUnits(1), UnixSeconds(MIDNIGHT))


def test_flash_borrowed_shares__on_the_day_of_arrival__earn_nothing() -> None:
    shares, now = shares_of(), UnixSeconds(MIDNIGHT + 60)
    shares.transfer("owner", "ann", ShareUnits(10**23), now)
    shares.arrive(TokenUnits(10**9), now)
    assert shares.claimable("ann", now) == 0
    shares.transfer("ann", "owner", ShareUnits(10**23), now)
    assert shares.claimable("ann", UnixSeconds(now + 5 * DAY)) == 0


def test_move_title__revenue_of_the_bound_shares__stays_with_the_seller() -> None:
    shares, later = shares_of(), UnixSeconds(MIDNIGHT + 2 * DAY)
    shares.arrive(TokenUnits(10**6), UnixSeconds(MIDNIGHT))

    shares.move_title("owner", later)

    assert shares.claimable("owner", later) == 1_000_000
    assert shares.claimable(TITLE, later) == 0
