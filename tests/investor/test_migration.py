"""What must run out on the demo's chain: all of it at its end, and all money that the contracts hold, at any time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyutils.chain import AnvilClock, connect, rpc
from pyutils.contracts import System
from pyutils.deployment import DEV_ACCOUNTS
from pyutils.devnet import CHAIN_ID, account
from pyutils.migration import Kind, Remaining, read_remaining
from pyutils.migration.participants import participants
from pyutils.models import LoanState
from pyutils.operations.history import events
from pyutils.operations.loans import loans
from pyutils.portfolio import read_position
from pyutils.units import BlockNumber, FleetId, TokenUnits

from .conftest import Played

NOT_MONEY = {Kind.LOAN, Kind.LOT, Kind.PLEDGE, Kind.LENT, Kind.REDEMPTION}
"""Kinds whose amount is a debt or counts shares of the vault."""


@pytest.fixture
def system(played: Played) -> Iterator[System]:
    """Return the system in the demo's end state, and put that back afterwards."""
    web3 = connect([played.url], CHAIN_ID)
    snapshot = rpc.request(web3, "evm_snapshot")
    yield played.system
    rpc.request(web3, "evm_revert", snapshot)


def test_read_remaining__end_of_the_demo__fleets_and_their_bonds(system: System) -> None:
    found = read_remaining(system)
    assert found.count() == {Kind.BUSINESS: 1, Kind.FLEET: 2, Kind.BOND: 2}
    assert not found.is_paused

    for kind in (Kind.BUSINESS, Kind.FLEET, Kind.BOND):
        for one in (one for one in found.obligations if one.kind is kind):
            (step,) = one.steps
            assert step.not_before is None
            lane = system.lane(account(next(n for n in DEV_ACCOUNTS if account(n).address == step.accounts[0])))
            words = step.command.split()
            if kind is Kind.BUSINESS:
                system.registry.pause(lane)
            elif kind is Kind.FLEET:
                data = system.registry.call_data("windDown", int(words[3]))
                lane.transact(system.registry.address, data, call="wind down")
            else:
                system.bond.unbond(lane, FleetId(int(words[3])), TokenUnits(one.amount))
    found = read_remaining(system)
    assert found.is_paused
    assert [one.kind for one in found.obligations] == [Kind.BOND, Kind.BOND]
    assert all(one.steps[0].not_before == found.block.at + 21 * 86_400 for one in found.obligations)
    for one in found.obligations:
        name = next(name for name in DEV_ACCOUNTS if account(name).address == one.steps[0].accounts[0])
        lane, fleet_id = system.lane(account(name)), FleetId(int(one.steps[0].command.split()[3]))
        AnvilClock(system.web3).travel(max(one.steps[0].not_before or 0, read_remaining(system).block.at + 1))
        system.bond.finish_unbonding(lane, fleet_id)
        assert {claim.kind for claim in read_remaining(system).obligations} <= {Kind.CLAIM, Kind.BOND}
        system.bond.withdraw(lane, system.coin().address, lane.address)
    assert read_remaining(system).ran_out


def test_participants__end_of_the_demo__everybody_who_has_something(system: System) -> None:
    number = BlockNumber(int(rpc.request(system.web3, "eth_blockNumber"), 16))
    found = set(participants(system, number))
    assert not found & {record.address for _, record in system.manifest.everything}
    for name in DEV_ACCOUNTS:
        position = read_position(system, account(name).address, number)
        has = (position.shares, position.titles, position.bonds, position.leases, position.vaults, position.loans)
        if any(has) or position.owed:
            assert account(name).address in found, name


def test_read_remaining__any_time_of_the_demo__every_coin_in_the_contracts_is_listed(system: System) -> None:
    first, last = system.manifest.first_block, int(rpc.request(system.web3, "eth_blockNumber"), 16)
    kinds: set[Kind] = set()
    rare = [
        *events(system.oracle, ("PostPending", "OpenDispute", "RuleDispute"), first=first),
        *events(system.credit_markets()[0].vault, "RedeemRequest", first=first),
    ]
    for number in {*range(first + 40, last, (last - first) // 20), *(event.block for event in rare)}:
        found = read_remaining(system, number)
        kinds |= set(found.count())
        assert counted(system, found, number) == held(system, number), number
    assert kinds >= set(Kind) - {Kind.PLEDGE, Kind.ANNOUNCED, Kind.LOT}


def counted(system: System, found: Remaining, number: int) -> int:
    """Return the money that is listed, without what holders may claim from shares: that lies in the shares."""
    coin, total = system.coin().address, sum(one.amount for one in found.loss_fund)
    for one in found.obligations:
        from_shares = one.kind is Kind.REVENUE and not one.steps[0].command
        from_shares |= one.kind is Kind.CLAIM and "gpurwa withdraw" not in one.steps[0].command
        if one.token == coin and one.kind not in NOT_MONEY and not from_shares:
            total += one.amount
    for market in system.credit_markets():
        kept = (loan for _, loan in loans(market, number) if loan.state is LoanState.OPEN)
        total += sum(loan.reserve + loan.set_aside for loan in kept)
    return total


def held(system: System, number: int) -> int:
    """Return the coins of all contracts that credit money, and of the loss fund."""
    places = [system.lease_book, system.oracle, system.bond, system.router, system.loss_fund]
    markets = [market.credit for market in system.credit_markets()]
    return sum(system.coin().balance_of(one.address, number) for one in (*places, *markets))
