"""What accounts have by events alone, against what the contracts say of themselves at many blocks."""

from __future__ import annotations

import pytest

from pyutils.devnet import account
from pyutils.index import Store, open_index, sync
from pyutils.index.source import bulk_source
from pyutils.operations.event_source import EventSource, NodeEvents, UnknownArgumentError
from pyutils.portfolio.block import pin
from pyutils.portfolio.costs import Move, read_costs
from pyutils.portfolio.fleet_facts import read_fleet_facts
from pyutils.portfolio.holdings import Holdings, read_holdings
from pyutils.portfolio.indexed import indexed_events
from pyutils.portfolio.payments import ReceiptPayments
from pyutils.portfolio.position import Position, read_position
from pyutils.portfolio.statement import read_statement
from pyutils.units import BlockNumber

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
    url = f"sqlite:///{tmp_path_factory.mktemp('index') / 'index.sqlite'}"
    sync(Store.at(url, writes=True), bulk_source([played.url], played.manifest.chain_id), played.manifest)
    return url


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
        indexed = read_statement(played.system, address, index.state.block or 0, indexed_events(index))
    assert indexed == read_statement(played.system, address)


def test_node_events__argument_that_is_not_indexed__refused(played: Played) -> None:
    source: EventSource = NodeEvents(played.system, BlockNumber(1))
    with pytest.raises(UnknownArgumentError, match=r"LeaseBook\.Settle has no indexed argument 'rent'"):
        list(source.events("LeaseBook.Settle", rent=1))


def test_costs__demo__enrolled_for_nothing_and_pledged_are_still_there(played: Played) -> None:
    system, address = played.system, account("operator-a").address
    source = NodeEvents(system, BlockNumber(system.web3.eth.block_number))
    facts = read_fleet_facts(source)
    costs = read_costs(
        source, ReceiptPayments(system.web3, []), played.manifest, address, facts, pin(system.web3, source.block)
    )
    assert costs
    assert costs[0].moves[0].how is Move.ENROLLED
    assert costs[0].basis == 0
