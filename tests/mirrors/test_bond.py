"""The mirror of OperatorBond: nothing staked is lost, and what leases reserved stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyutils.bond import (
    UNBONDING_S,
    BondModel,
    BondTooSmallError,
    InvalidAmountError,
    NothingUnbondingError,
    StillUnbondingError,
    stake_requirement_up,
)
from pyutils.payouts import NothingOwedError
from pyutils.units import FleetId, TokenUnits, UnixSeconds

FLEET = FleetId(1)
COIN = 10**6
NOW = UnixSeconds(1_800_000_000)
NOTHING = TokenUnits(0)


def coins(whole: int) -> TokenUnits:
    return TokenUnits(whole * COIN)


@pytest.fixture
def bond() -> BondModel:
    model = BondModel("loss fund")
    model.seat(FLEET, "operator", "coin", 6)
    model.stake(FLEET, "operator", coins(10_000))
    return model


@pytest.mark.parametrize(
    ("escrow", "decimals", "needed"),
    [
        (0, 6, 1_000 * COIN),
        (20_000 * COIN, 6, 1_000 * COIN),
        (20_000 * COIN + 1, 6, 1_000 * COIN + 1),
        (10**24, 18, 5 * 10**22),
    ],
)
def test_stake_requirement__by_escrow__is_a_thousand_coins_or_five_percent_up(
    escrow: int, decimals: int, needed: int
) -> None:
    assert stake_requirement_up(TokenUnits(escrow), decimals) == needed


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["stake", "unbond", "finish", "reserve", "close", "slash", "take over"]),
        st.sampled_from(["operator", "successor"]),
        st.integers(0, 6_000 * COIN),
        st.integers(0, 30 * 86_400),
    ),
    max_size=40,
)


@given(steps=STEPS, escrow=st.integers(0, 10**6 * COIN))
def test_everything_staked_is_reserved_lie_stake_free_unbonding_slashed_or_withdrawn(
    steps: list[tuple[str, str, int, int]], escrow: int
) -> None:
    model, now, paid_out = BondModel("loss fund"), NOW, 0
    model.seat(FLEET, "operator", "coin", 6)
    for act, who, amount, pause in steps:
        now = UnixSeconds(now + pause)
        try:
            _do(model, act, who, TokenUnits(amount), TokenUnits(escrow), now)
        except (BondTooSmallError, InvalidAmountError, NothingUnbondingError, StillUnbondingError):
            continue
        ever = 0
        for (fleet_id, operator), account in model.accounts.items():
            bond = model.view(fleet_id, operator, TokenUnits(escrow))
            parts = (bond.reserved, bond.lie_stake, bond.free, bond.unbonding, bond.slashed, bond.withdrawn)
            assert min(parts) >= 0
            assert sum(parts) == account.ever_staked
            ever += account.ever_staked
        if model.payouts.owed("coin", "successor"):
            paid_out += model.payouts.withdraw("coin", "successor")
        assert model.holds("coin") + paid_out == ever


def _do(model: BondModel, act: str, who: str, amount: TokenUnits, escrow: TokenUnits, now: UnixSeconds) -> None:
    if act == "stake":
        model.stake(FLEET, who, amount)
    elif act == "unbond":
        model.unbond(FLEET, who, amount, escrow, now)
    elif act == "finish":
        model.finish_unbonding(FLEET, who, now)
    elif act == "reserve":
        model.reserve(FLEET, amount, escrow)
    elif act == "slash":
        model.slash_lie(FLEET, who, escrow, "finder")
    elif act == "take over" and model.seats[FLEET].operator != who:
        model.take_over(FLEET, who, escrow)
    elif act == "close":
        reserved = model.accounts[FLEET, model.seats[FLEET].operator].reserved
        closed = TokenUnits(min(reserved, amount))
        model.close_reservation(FLEET, closed, TokenUnits(closed // 2), "lessee")


def test_unbond__with_money_in_escrow__keeps_the_lie_stake(bond: BondModel) -> None:
    with pytest.raises(BondTooSmallError) as refused:
        bond.unbond(FLEET, "operator", coins(9_001), coins(1), NOW)
    assert refused.value.facts["needed"] == 10_001 * COIN
    bond.unbond(FLEET, "operator", coins(9_000), coins(1), NOW)


def test_unbond__nothing_in_escrow__may_take_all(bond: BondModel) -> None:
    bond.unbond(FLEET, "operator", coins(10_000), NOTHING, NOW)
    with pytest.raises(StillUnbondingError):
        bond.finish_unbonding(FLEET, "operator", UnixSeconds(NOW + UNBONDING_S - 1))
    assert bond.finish_unbonding(FLEET, "operator", UnixSeconds(NOW + UNBONDING_S)) == 10_000 * COIN
    assert bond.payouts.withdraw("coin", "operator") == 10_000 * COIN
    with pytest.raises(NothingOwedError):
        bond.payouts.withdraw("coin", "operator")


def test_slash_lie__stake_on_its_way_out__is_reached_after_the_rest(bond: BondModel) -> None:
    bond.unbond(FLEET, "operator", coins(9_500), NOTHING, NOW)

    assert bond.slash_lie(FLEET, "operator", NOTHING, "finder") == 1_000 * COIN

    account = bond.accounts[FLEET, "operator"]
    assert (account.staked, account.unbonding, account.slashed) == (0, 9_000 * COIN, 1_000 * COIN)
    assert bond.payouts.owed("coin", "finder") == 100 * COIN
    assert bond.payouts.owed("coin", "loss fund") == 900 * COIN


def test_slash_lie__everything_reserved__takes_nothing_of_what_leases_reserved(bond: BondModel) -> None:
    bond.reserve(FLEET, coins(9_000), NOTHING)
    bond.slash_lie(FLEET, "operator", NOTHING, "finder")
    assert bond.slash_lie(FLEET, "operator", NOTHING, "finder") == 0
    assert bond.accounts[FLEET, "operator"].staked == bond.accounts[FLEET, "operator"].reserved == 9_000 * COIN


def test_reserve__bond_without_room__names_what_is_needed(bond: BondModel) -> None:
    with pytest.raises(BondTooSmallError) as refused:
        bond.reserve(FLEET, coins(9_001), NOTHING)
    assert refused.value.facts == {
        "fleetId": 1,
        "operator": "operator",
        "needed": 10_001 * COIN,
        "staked": 10_000 * COIN,
    }


def test_take_over__successor_with_enough__frees_the_old_operators_reservations(bond: BondModel) -> None:
    bond.reserve(FLEET, coins(500), NOTHING)
    with pytest.raises(BondTooSmallError):
        bond.take_over(FLEET, "successor", NOTHING)
    bond.stake(FLEET, "successor", coins(1_500))

    bond.take_over(FLEET, "successor", NOTHING)

    assert bond.accounts[FLEET, "operator"].reserved == 0
    assert bond.view(FLEET, "successor", coins(1)).lie_stake == 1_000 * COIN
    assert bond.view(FLEET, "operator", coins(1)).free == 10_000 * COIN
