"""What accounts have by events alone, against what the contracts say of themselves at many blocks."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from pyutils.devnet import account
from pyutils.index import open_index
from pyutils.index.check import StaleIndexError
from pyutils.index.errors import NothingYetError
from pyutils.models import ZERO_ADDRESS, parse_address
from pyutils.operations.event_source import EventSource, NodeEvents, UnknownArgumentError
from pyutils.portfolio.block import pin
from pyutils.portfolio.costs import Move, ShareCost, read_costs
from pyutils.portfolio.exposure import Exposure
from pyutils.portfolio.fleet import read_fleets
from pyutils.portfolio.fleet_facts import read_fleet_facts
from pyutils.portfolio.holdings import Holdings, read_holdings
from pyutils.portfolio.indexed import UnknownCoinError, indexed_events, indexed_holdings
from pyutils.portfolio.payments import ReceiptPayments
from pyutils.portfolio.position import Position, ZeroAddressError, read_position
from pyutils.portfolio.statement import read_statement
from pyutils.portfolio.yields import xirr
from pyutils.units import BlockNumber, FleetId, UnixSeconds

from .conftest import Played

PEOPLE = (
    "investor-1", "investor-2", "investor-3", "operator-a", "operator-b", "lessee-1", "lessee-2", "lender-1",
    "lender-2", "bidder",
)  # fmt: skip
MOMENTS = 6
"""Blocks of the demo's life that are looked at, the last among them."""


@pytest.fixture(scope="module")
def database(played: Played, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an index of the whole life."""
    return played.indexed(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def moments(played: Played) -> list[BlockNumber]:
    last = played.system.web3.eth.block_number
    first = max(record.block or 0 for _, record in played.manifest.everything)
    return [BlockNumber(first + (last - first) * step // MOMENTS) for step in range(1, MOMENTS + 1)]


def assert_same(holdings: Holdings, position: Position) -> None:
    """Compare what events sum to with what contracts say."""
    assert {(one.fleet_id, one.token, one.shares) for one in holdings.shares} == {
        (one.fleet_id, one.token, one.shares) for one in position.shares if one.shares
    }
    assert list(holdings.titles) == sorted(one.fleet_id for one in position.titles)
    assert {
        (one.lease_id, one.token, one.deposit, one.paid, one.fee, one.refunded, one.held, one.closed)
        for one in holdings.leases
    } == {
        (one.lease_id, one.token, *(getattr(one.lease, name) for name in _LEASE), one.lease.closed)
        for one in position.leases
    }
    assert {(one.fleet_id, one.token, one.staked, one.reserved) for one in holdings.bonds} == {
        (one.fleet_id, one.token, at_stake, one.bond.reserved)
        for one in position.bonds
        if (at_stake := one.bond.reserved + one.bond.lie_stake + one.bond.free + one.bond.unbonding)
    }
    assert {(one.vault, one.token, one.shares, one.queued) for one in holdings.vaults} == {
        (one.vault, one.token, one.shares, queued)
        for one in position.vaults
        if (queued := one.pending + one.claimable_shares + one.cancelled) or one.shares
    }
    assert {(one.credit, one.loan_id, one.fleet_id, one.principal) for one in holdings.loans} == {
        (one.credit, one.loan_id, one.loan.fleet_id, one.principal) for one in position.loans
    }


_LEASE = ("deposit", "paid", "fee", "refunded", "held")


@pytest.mark.parametrize("who", PEOPLE)
def test_holdings__whole_life__are_what_the_contracts_say(
    played: Played, database: str, moments: list[BlockNumber], who: str
) -> None:
    system, address = played.system, account(who).address
    items = 0
    with open_index(database, played.manifest) as index:
        for number in moments:
            block = pin(system.web3, number)
            with index.view(number) as view:
                found = read_holdings(view, played.manifest, address, block)
            assert_same(found, read_position(system, address, number))
            assert found == read_holdings(NodeEvents(system, number), played.manifest, address, block)
            items += found.items
    assert items


def test_holdings__origins__name_events_of_the_account(played: Played, database: str) -> None:
    address = account("lessee-1").address
    with open_index(database, played.manifest) as index, index.view() as view:
        found = read_holdings(view, played.manifest, address, pin(played.system.web3, view.block))
    assert found.leases
    for lease in found.leases:
        assert lease.origin.first is not None
        assert lease.origin.first.startswith("Open in block")
        assert lease.origin.block == found.block.number
        assert (lease.origin.age_s or 0) >= 0
        assert lease.origin.events >= 2


@pytest.mark.parametrize("who", ["investor-1", "operator-a", "lender-1"])
def test_statement__from_the_index__is_that_of_the_node(played: Played, database: str, who: str) -> None:
    address = account(who).address
    with open_index(database, played.manifest) as index:
        indexed = read_statement(
            played.system, address, index.state.block or 0, indexed_events(index, played.system.web3)
        )
    assert indexed == read_statement(played.system, address)


def test_statement__index_that_followed_another_chain__is_refused(played: Played, tmp_path: Path) -> None:
    """Even where the index keeps nothing of the very block that is asked for, as nothing happened in it."""
    url = played.indexed(tmp_path)
    with sqlite3.connect(tmp_path / "index.sqlite") as database:
        kept = {number for (number,) in database.execute("SELECT number FROM blocks")}
        asked = next(number for number in range(max(kept), min(kept), -1) if number not in kept)
        before = max(number for number in kept if number < asked)
        database.execute("UPDATE blocks SET hash = ? WHERE number = ?", (bytes(32), before))
    with (
        open_index(url, played.manifest) as index,
        pytest.raises(StaleIndexError, match=f"block {before} of .* is not the chain's"),
    ):
        read_statement(played.system, account("investor-1").address, asked, indexed_events(index, played.system.web3))


def test_holdings__zero_address__has_none(played: Played, database: str) -> None:
    with open_index(database, played.manifest) as index, pytest.raises(ZeroAddressError):
        indexed_holdings(index, ZERO_ADDRESS)


def test_holdings__before_anything_happened__says_so(played: Played, database: str) -> None:
    with (
        open_index(database, played.manifest) as index,
        pytest.raises(NothingYetError, match="has nothing up to block 0"),
    ):
        indexed_holdings(index, parse_address(account("investor-1").address), 0)


def test_node_events__argument_that_is_not_indexed__refused(played: Played) -> None:
    source: EventSource = NodeEvents(played.system, BlockNumber(1))
    with pytest.raises(UnknownArgumentError, match=r"LeaseBook\.Settle has no indexed argument 'rent'"):
        list(source.events("LeaseBook.Settle", rent=1))


def costs_of(played: Played, who: str) -> tuple[ShareCost, ...]:
    system = played.system
    source = NodeEvents(system, BlockNumber(system.web3.eth.block_number))
    facts = read_fleet_facts(source)
    payments = ReceiptPayments(system.web3, [])
    block = pin(system.web3, source.block)
    return read_costs(source, payments, played.manifest, account(who).address, facts, block)


def test_costs__operators__enrolled_for_nothing(played: Played) -> None:
    for who in ("operator-a", "operator-b"):
        (cost,) = costs_of(played, who)
        assert cost.moves[0].how is Move.ENROLLED
        assert cost.basis == 0
        assert cost.shares == sum(move.shares for move in cost.moves)


def test_costs__lot__is_bought_for_its_price_and_sold_for_what_the_debt_got(played: Played) -> None:
    system = played.system
    source = NodeEvents(system, BlockNumber(system.web3.eth.block_number))
    (sale,) = source.events("FleetCredit.SellLot")
    (release,) = [one for one in source.events("FleetCustody.ReleaseLot") if one.transaction == sale.transaction]
    price, shares = sale.arguments["price"], release.arguments["shares"]
    buyer = parse_address(sale.arguments["to"])
    name = next(who for who in PEOPLE if account(who).address == buyer)
    (bought,) = costs_of(played, name)
    assert [(move.how, move.shares, move.paid) for move in bought.moves] == [(Move.BOUGHT, shares, price)]
    assert (bought.shares, bought.basis, bought.gained) == (shares, price, 0)
    (lost,) = [
        cost
        for who in ("operator-a", "operator-b")
        for cost in costs_of(played, who)
        if cost.moves[-1].how is Move.LOT_SOLD
    ]
    got = price - sale.arguments["costs"]
    assert (lost.moves[-1].shares, lost.moves[-1].paid, lost.gained) == (-shares, -got, got)
    held = {one.fleet_id: one.shares for one in read_position(system, account("operator-b").address).shares}
    assert lost.shares == held.get(lost.fleet_id, 0)


def test_payments__what_came_in__is_negative_unless_the_system_paid_it(played: Played) -> None:
    system = played.system
    source = NodeEvents(system, BlockNumber(system.web3.eth.block_number))
    claim = next(source.events("FleetShares.Claim"))
    who, amount = claim.arguments["to"], claim.arguments["amount"]
    coin = system.coin().address.lower()
    assert ReceiptPayments(system.web3, []).paid(who, [claim.transaction]) == {(claim.transaction, coin): -amount}
    assert ReceiptPayments(system.web3, [claim.contract]).paid(who, [claim.transaction]) == {}


def test_yields__lot_that_was_bought__is_worth_its_cost_and_pays_what_it_claims(played: Played) -> None:
    system = played.system
    sale = next(NodeEvents(system, BlockNumber(system.web3.eth.block_number)).events("FleetCredit.SellLot"))
    statement = read_statement(system, parse_address(sale.arguments["to"]))
    (found,) = statement.yields
    assert found.basis == sale.arguments["price"]
    paid = sum(one.amount for one in statement.incomes if one.source == "shares")
    assert found.income == paid
    years = (statement.position.block.at - sale.at) / (365 * 86_400)
    assert found.simple == pytest.approx(paid / (found.basis * years))


def test_exposures__investor__are_its_part_of_what_fleets_are_worth(played: Played) -> None:
    statement = read_statement(played.system, account("investor-1").address)
    views = {view.row.fleet_id: view.row for view in read_fleets(played.system)}
    expected = 0
    for one in statement.position.shares:
        market = views[one.fleet_id].market
        assert market is not None
        expected += market.value.hardware * one.shares // views[one.fleet_id].supply
    for dimension in ("class", "region", "operator"):
        rows = [row for row in statement.exposures if row.dimension == dimension]
        assert sum(row.total for row in rows) == sum(row.shares for row in rows) == expected > 0
        assert sum(row.part or 0 for row in rows) == pytest.approx(1)


def of_class(played: Played, who: str, block: BlockNumber) -> list[Exposure]:
    statement = read_statement(played.system, account(who).address, block)
    return [row for row in statement.exposures if row.dimension == "class"]


def test_exposures__lender__are_the_part_of_its_worth_that_is_lent(played: Played) -> None:
    system = played.system
    drawn = next(NodeEvents(system, BlockNumber(system.web3.eth.block_number)).events("FleetCredit.DrawLoan"))
    block, principal = drawn.block, drawn.arguments["principal"]
    (market,) = system.credit_markets()
    address = account("lender-2").address
    worth = market.vault.convert_to_assets(market.vault.balance_of(address, block), block)
    cash = system.coin().balance_of(market.vault.address, block) - market.vault.book(block).set_aside
    (row,) = of_class(played, "lender-2", block)
    fleet = system.registry.fleet(FleetId(market.credit.loan(drawn.arguments["loanId"], block).fleet_id), block)
    assert (row.name, row.shares, row.deposits, row.bonds) == (fleet.gpu_class, 0, 0, 0)
    assert row.total == row.lent == worth * principal // (cash + principal) > 0


def test_exposures__lessee_and_operator__are_what_is_held_and_at_stake(played: Played) -> None:
    source = NodeEvents(played.system, BlockNumber(played.system.web3.eth.block_number))
    opened = next(event for event in source.events("LeaseBook.Open"))
    lessee = next(who for who in PEOPLE if account(who).address == parse_address(opened.arguments["lessee"]))
    (row,) = of_class(played, lessee, opened.block)
    assert row.total == row.deposits == opened.arguments["deposit"] > 0
    # By then a part is reserved for the lease, and a part is kept against lies.
    operator = played.system.registry.fleet(FleetId(opened.arguments["leaseId"] >> 32), opened.block).operator
    before = NodeEvents(played.system, opened.block)
    staked = sum(one.arguments["amount"] for one in before.events("OperatorBond.Stake", operator=operator))
    name = next(who for who in PEOPLE if account(who).address == operator)
    (row,) = of_class(played, name, opened.block)
    assert row.bonds == staked > 0
    assert row.total == row.shares + row.bonds


def test_xirr__known_flows__is_the_rate_that_balances_them() -> None:
    day = 86_400
    flows = [(UnixSeconds(0), -1_000), (UnixSeconds(365 * day), 100), (UnixSeconds(730 * day), 100)]
    rate = xirr(flows, 1_000, UnixSeconds(730 * day))
    assert rate == pytest.approx(0.10, abs=1e-6)
    assert xirr(flows[:1], 1_000, UnixSeconds(day // 2)) is None
    assert xirr([], 5, UnixSeconds(0)) is None


def test_statement__index_without_a_fleets_coin__is_refused(played: Played, database: str, tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled.sqlite"
    shutil.copyfile(database.removeprefix("sqlite:///"), spoiled)
    with sqlite3.connect(spoiled) as connection:
        connection.execute("UPDATE contracts SET settlement_token = NULL WHERE created")
    with open_index(f"sqlite:///{spoiled}", played.manifest) as index:
        block, source = index.state.block or 0, indexed_events(index, played.system.web3)
        with pytest.raises(UnknownCoinError, match="lacks the coin of the shares 0x"):
            read_statement(played.system, account("investor-1").address, block, source)
