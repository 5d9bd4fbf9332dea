"""Positions by a lens are what the wrappers say one by one, at any block."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import Web3

from pyutils import devnet
from pyutils.contracts import System
from pyutils.deployment import DEV_ACCOUNTS, Plan, deploy_system
from pyutils.models import ZERO_ADDRESS, LoanState
from pyutils.portfolio import lens as lens_module
from pyutils.portfolio import read_position
from pyutils.portfolio.block import BeforeDeploymentError, NoSuchBlockError
from pyutils.portfolio.lens import GasCapError
from pyutils.portfolio.position import ContractAddressError, ZeroAddressError
from pyutils.units import FleetId, TokenUnits

from .one_by_one import positions

ACCOUNTS = sorted(DEV_ACCOUNTS)
PLACES = st.integers(0, 10**6)
HERE = (HealthCheck.function_scoped_fixture,)


def compare(system: System, account: str, block: int) -> None:
    """Compare what the lens reads with what the wrappers read."""
    found, by_hand = read_position(system, account, block, contract=True), positions(system, account, block)
    assert (found.account, found.block.number, found.block.at) == (by_hand.account, by_hand.block, by_hand.at)
    assert found.wei == by_hand.wei
    assert {(one.token, one.symbol, one.decimals, one.amount) for one in found.coins} == {
        (one.token, one.symbol, one.decimals, one.amount) for one in by_hand.coins
    }
    assert [(one.fleet_id, one.shares, one.supply, one.claimable) for one in found.shares] == [
        (one.fleet_id, one.shares, one.supply, one.claimable) for one in by_hand.shares if one.shares or one.claimable
    ]
    assert [(one.fleet_id, one.bound_shares, one.claimable) for one in found.titles] == [
        (one.fleet_id, one.bound, one.claimable_by_title) for one in by_hand.shares if one.bound
    ]
    assert [(one.lease_id, one.lease) for one in found.leases] == list(by_hand.leases)
    assert [(one.fleet_id, one.bond) for one in found.bonds] == list(by_hand.bonds)
    assert [
        (one.token, one.shares, one.worth, one.pending, one.claimable_shares, one.claimable, one.cancelled)
        for one in found.vaults
    ] == [
        (token, one.shares, one.worth, one.pending, one.claimable_shares, one.claimable, one.cancelled)
        for token, one in by_hand.lent
    ]
    owing = [one for one in found.loans if one.loan.state in {LoanState.OPEN, LoanState.HELD}]
    assert [(one.token, one.loan_id, one.loan, one.debt) for one in owing] == [
        (one.token, one.loan_id, one.loan, one.debt) for one in by_hand.loans
    ]
    assert sorted((one.contract, one.token, one.amount) for one in found.owed) == sorted(
        (one.contract, one.token, one.amount) for one in by_hand.owed
    )


@settings(max_examples=60, deadline=None, suppress_health_check=HERE)
@given(who=st.sampled_from(ACCOUNTS), place=PLACES)
def test_position__anyone_at_any_block__is_what_the_wrappers_say(
    lived: System, blocks: range, who: str, place: int
) -> None:
    compare(lived, devnet.account(who).address, blocks[place * (len(blocks) - 1) // 10**6])


def test_position__whole_history__shows_every_kind(lived: System, blocks: range) -> None:
    kinds: set[str] = set()
    for who in ("operator-a", "operator-b", "investor-1", "lessee-1", "lender-1"):
        for block in blocks[:: max(1, len(blocks) // 60)]:
            found = read_position(lived, devnet.account(who).address, block)
            kinds |= {name for name in ("shares", "titles", "bonds", "leases", "vaults", "loans", "owed")
                      if getattr(found, name)}  # fmt: skip
    assert kinds == {"shares", "titles", "bonds", "leases", "vaults", "loans", "owed"}


@pytest.mark.parametrize("contract", ["FleetCustody", "FleetCredit", "CreditVault"])
def test_position__contract_that_is_meant__is_read(lived: System, blocks: range, contract: str) -> None:
    for block in (blocks[len(blocks) // 2], blocks[-1]):
        compare(lived, lived.manifest.credit[0].address(contract), block)


def test_position__of_anyone__takes_two_requests(lived: System, quiet: list[str]) -> None:
    read_position(lived, devnet.account("operator-a").address)
    assert quiet == ["eth_getBlockByNumber", "eth_call"]


@settings(max_examples=20, deadline=None, suppress_health_check=HERE)
@given(who=st.sampled_from(ACCOUNTS), place=PLACES, most=st.integers(2_000, 4_000))
def test_position__pages_of_any_size__are_the_whole(
    lived: System, blocks: range, who: str, place: int, most: int
) -> None:
    account, block = devnet.account(who).address, blocks[place * (len(blocks) - 1) // 10**6]
    whole = read_position(lived, account, block)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyutils.portfolio.position.MOST_PAGE_BYTES", most)
        assert read_position(lived, account, block) == whole


def test_position__page_that_holds_nothing__says_so(lived: System, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lens_module.MOST_PAGE_BYTES < 100_000, "Erigon's limit"
    monkeypatch.setattr("pyutils.portfolio.position.MOST_PAGE_BYTES", 1)
    with pytest.raises(GasCapError, match="gas cap for eth_call is too small"):
        read_position(lived, devnet.account("operator-a").address)


def test_claimables__after_a_claim__only_what_is_left(lived: System, blocks: range) -> None:
    earned = 0
    for block in blocks[:: max(1, len(blocks) // 40)]:
        found = read_position(lived, devnet.account("investor-1").address, block)
        by_hand = sum(one.claimable for one in found.shares) + sum(one.claimable for one in found.titles)
        by_hand += sum(one.claimable for one in found.vaults)
        assert sum(one.amount for one in found.claimables) == by_hand + sum(one.amount for one in found.owed)
        assert all(one.amount and one.command.startswith("gpurwa ") for one in found.claimables)
        earned = max(earned, by_hand)
    assert earned > 0


def test_position__before_a_market_was_added__reads_without_it(lived: System) -> None:
    core = max(record.block or 0 for record in lived.manifest.contracts.values())
    later = max(record.block or 0 for record in lived.manifest.credit[0].contracts.values())
    assert core < later, "the demo deploys the market after the rest"
    found = read_position(lived, devnet.account("lender-1").address, core)
    assert (found.vaults, found.loans) == ((), ())


def test_position__block_that_is_not_there__is_refused(lived: System, blocks: range) -> None:
    account = devnet.account("operator-a").address
    with pytest.raises(NoSuchBlockError, match=f"the newest is {blocks[-1]}"):
        read_position(lived, account, blocks[-1] + 1)
    with pytest.raises(NoSuchBlockError):
        read_position(lived, account, 2**80)
    with pytest.raises(BeforeDeploymentError, match="deployed from block"):
        read_position(lived, account, "earliest")


def test_position__nobody_or_a_contract__is_refused(lived: System) -> None:
    with pytest.raises(ZeroAddressError):
        read_position(lived, ZERO_ADDRESS)
    with pytest.raises(ContractAddressError, match="the system's MeterOracle"):
        read_position(lived, lived.oracle.address)
    with pytest.raises(ContractAddressError, match="is a contract"):
        read_position(lived, lived.shares(FleetId(1)).address)


@pytest.fixture
def without_market(web3: Web3) -> System:
    """Return a system in which nothing is lent."""
    plan = Plan.default(devnet.CHAIN_ID, credit=())
    return System.at(web3, deploy_system(devnet.account("deployer"), plan, web3))


def test_position__system_without_a_market__is_read(without_market: System) -> None:
    coin, operator = without_market.coin(), devnet.account("operator-a")
    coin.mint(without_market.lane(operator), operator.address, TokenUnits(7))
    found = read_position(without_market, operator.address)
    assert [one.amount for one in found.coins] == [7]
    assert (found.vaults, found.loans) == ((), ())
