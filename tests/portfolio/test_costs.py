"""What shares cost, from events and payments that are written down here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyutils.manifest import CreditMarket, DeployedContract, Manifest
from pyutils.models import ZERO_ADDRESS, parse_address
from pyutils.portfolio.costs import Move, ShareCost, read_costs
from pyutils.portfolio.fleet_facts import FleetFacts

from .written import COIN, SHARES, Written

BUYER, SELLER, OTHER, CREDIT, CUSTODY = (f"0x{number:040x}" for number in (0xB1, 0x5E, 0x0F, 0xCE, 0xC5))
MARKET = CreditMarket(
    token=parse_address(COIN),
    contracts={
        name: DeployedContract(artifact=name, address=parse_address(address), code_hash=bytes(32))
        for name, address in (("FleetCredit", CREDIT), ("FleetCustody", CUSTODY))
    },
)
MANIFEST = Manifest(network="written", chain_id=1, deployer=parse_address(OTHER), contracts={}, credit=(MARKET,))


class Paid:
    """Payments that are written down, by transaction."""

    def __init__(self, amounts: Mapping[str, int]) -> None:
        self.amounts = amounts

    def paid(self, account: str, transactions: Iterable[str]) -> Mapping[tuple[str, str], int]:
        del account
        return {(one, COIN): self.amounts[one] for one in transactions if one in self.amounts}


def costs(source: Written, account: str, **paid: int) -> dict[int, ShareCost]:
    fleets = {number: FleetFacts(number, shares, COIN, "H100", "eu", OTHER) for number, shares in SHARES.items()}
    return {one.fleet_id: one for one in read_costs(source, Paid(paid), MANIFEST, account, fleets, source.pinned)}


def moves(cost: ShareCost) -> list[tuple[Move, int, int]]:
    return [(move.how, move.shares, move.paid) for move in cost.moves]


def test_costs__one_transaction_buys_of_two_sellers__net_is_bought_for_what_was_paid() -> None:
    source = Written()
    source.move("both", SELLER, BUYER, 30)
    source.move("both", OTHER, BUYER, 20)
    source.move("both", BUYER, BUYER, 7)
    source.move("out", BUYER, OTHER, 10)
    found = costs(source, BUYER, both=500, out=-150)[1]
    assert moves(found) == [(Move.BOUGHT, 50, 500), (Move.SOLD, -10, -150)]
    assert (found.shares, found.basis, found.gained) == (40, 400, 50)


def test_costs__one_transaction_moves_two_fleets__neither_has_a_price() -> None:
    source = Written()
    source.move("both", SELLER, BUYER, 30, fleet_id=1)
    source.move("both", SELLER, BUYER, 20, fleet_id=2)
    assert {number: moves(cost) for number, cost in costs(source, BUYER, both=500).items()} == {
        1: [(Move.RECEIVED, 30, 0)],
        2: [(Move.RECEIVED, 20, 0)],
    }


def pledged() -> Written:
    """Return a fleet whose owner borrows against 60 of its shares, and keeps 40."""
    source = Written()
    source.move("enrol", ZERO_ADDRESS, BUYER, 100)
    source.add("FleetCredit.RequestLoan", CREDIT, "ask", loanId=1, fleetId=1, borrower=BUYER)
    source.move("draw", BUYER, CUSTODY, 60)
    return source


def test_costs__pledge_that_comes_back__moves_nothing() -> None:
    source = pledged()
    source.add("FleetCredit.WithdrawShares", CREDIT, "back", loanId=1, to=BUYER, amount=15)
    source.move("back", CUSTODY, BUYER, 15)
    found = costs(source, BUYER)[1]
    assert (moves(found), found.shares) == ([(Move.ENROLLED, 100, 0)], 100)


def test_costs__pledge_that_goes_to_somebody_else__is_sent_and_received() -> None:
    source = pledged()
    source.add("FleetCredit.WithdrawShares", CREDIT, "gift", loanId=1, to=OTHER, amount=15)
    source.move("gift", CUSTODY, OTHER, 15)
    source.add("FleetCustody.ReleaseLot", CUSTODY, "reclaim", loanId=1, fleetId=1, to=OTHER, shares=45)
    source.move("reclaim", CUSTODY, OTHER, 45)
    mine, others = costs(source, BUYER)[1], costs(source, OTHER)[1]
    assert moves(mine) == [(Move.ENROLLED, 100, 0), (Move.SENT, -15, 0), (Move.SENT, -45, 0)]
    assert moves(others) == [(Move.RECEIVED, 15, 0), (Move.RECEIVED, 45, 0)]
    assert (mine.shares, others.shares) == (40, 60)


def test_costs__shares_that_somebody_else_pledges__are_the_borrowers_from_then_on() -> None:
    source = pledged()
    source.move("bought", SELLER, OTHER, 20)
    source.add("FleetCredit.AddShares", CREDIT, "help", loanId=1, from_=OTHER, amount=20)
    source.move("help", OTHER, CUSTODY, 20)
    source.add("FleetCredit.SellLot", CREDIT, "sale", loanId=1, to=SELLER, price=900, costs=100)
    source.add("FleetCustody.ReleaseLot", CUSTODY, "sale", loanId=1, fleetId=1, to=SELLER, shares=80)
    source.move("sale", CUSTODY, SELLER, 80)
    mine, others = costs(source, BUYER)[1], costs(source, OTHER, bought=200)[1]
    assert moves(mine) == [(Move.ENROLLED, 100, 0), (Move.RECEIVED, 20, 0), (Move.LOT_SOLD, -80, -800)]
    assert moves(others) == [(Move.BOUGHT, 20, 200), (Move.SENT, -20, 0)]
    assert (mine.shares, others.shares, others.basis) == (40, 0, 0)
