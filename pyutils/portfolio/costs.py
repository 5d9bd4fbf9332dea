"""What shares cost and what was gained by selling them: at average cost, from transfers and the payments beside them.

A payment is the net that the account paid in the fleet's coin in the transaction that moved the shares, and shares
count by their net there too. Enrolment mints shares at no cost. Shares in custody for a loan of the account's own are
its still, also those that others pledged for it; when the lot is sold, the sale's price less its costs is what was got
for them, since it paid the account's debt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from pyutils.manifest import Manifest
from pyutils.models import ZERO_ADDRESS, FrozenModel
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.portfolio.block import PinnedBlock
from pyutils.portfolio.fleet_facts import FleetFacts
from pyutils.portfolio.holdings import moved, transfers
from pyutils.portfolio.origin import Origin
from pyutils.portfolio.payments import Payments
from pyutils.units import FleetId, UnixSeconds

_Loan: TypeAlias = tuple[str, int]
"""Contract, in lower case, and number."""


class Move(Enum):
    """How shares came or went."""

    ENROLLED = "enrolled"
    """Minted to the title's owner."""
    BOUGHT = "bought"
    SOLD = "sold"
    RECEIVED = "received"
    """Without a payment in the same transaction."""
    SENT = "sent"
    LOT_SOLD = "lot sold"
    """Out of custody, for the account's debt."""


class ShareMove(FrozenModel):
    """Shares that came to an account, or left it."""

    at: UnixSeconds
    how: Move
    shares: int
    """Positive where they came."""
    paid: int
    """In token units; negative where money came in."""
    basis: int = 0
    """What the shares that were there after it had cost."""
    event: str
    """The event that told it; the last of them where a transaction had several."""


class ShareCost(FrozenModel):
    """What one account's shares of one fleet cost, in units of its settlement token."""

    fleet_id: FleetId
    token: str
    shares: int
    """Held, and in custody for its loans."""
    basis: int
    """What these cost, at average cost. What leaves takes its part of it with it, rounded down."""
    gained: int
    """By sales: what was got less what the shares had cost; negative for a loss."""
    moves: tuple[ShareMove, ...]
    origin: Origin


@dataclass(slots=True)
class _Book:
    shares: int = 0
    basis: int = 0
    gained: int = 0

    def take(self, move: ShareMove) -> None:
        """Enter a move. An unknown part of a history never makes a cost negative."""
        if move.shares >= 0:
            self.basis += max(move.paid, 0)
            self.shares += move.shares
            return
        gone = min(-move.shares, self.shares)
        cost = self.basis * gone // self.shares if self.shares else 0
        self.basis -= cost
        self.shares -= gone
        if move.how in (Move.SOLD, Move.LOT_SOLD):
            self.gained += -move.paid - cost


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot that was sold: title and shares out of custody, in one transaction."""

    sale: Event
    release: Event

    @property
    def proceeds(self) -> int:
        return int(self.sale.arguments["price"] - self.sale.arguments["costs"])


def read_costs(
    source: EventSource,
    payments: Payments,
    manifest: Manifest,
    account: str,
    fleets: Mapping[FleetId, FleetFacts],
    block: PinnedBlock,
) -> tuple[ShareCost, ...]:
    """Return what `account` paid for shares, for each fleet of which it ever had any.

    Where one transaction moved shares of several fleets for one coin, none of them has a price.
    """
    of_shares = {fleet.shares: fleet for fleet in fleets.values()}
    events = [event for event in transfers(source, "FleetShares", account) if event.contract in of_shares]
    custodies = {market.address("FleetCustody").lower() for market in manifest.credit}
    lots = _lots(source) if custodies else []
    bought = {(lot.release.transaction, lot.release.arguments["fleetId"]) for lot in lots}
    loans = {
        (event.contract, int(event.arguments["loanId"])): FleetId(event.arguments["fleetId"])
        for event in (source.events("FleetCredit.RequestLoan", borrower=account) if custodies else ())
    }
    pledged = set(loans.values())

    def is_pledge(event: Event) -> bool:
        """Whether shares went into custody for a loan of the account's own, or came back."""
        told, fleet_id = event.arguments, of_shares[event.contract].fleet_id
        if fleet_id not in pledged:
            return False
        if told["to"] in custodies:
            return True
        return told["from"] in custodies and (event.transaction, fleet_id) not in bought

    kept = [event for event in events if not is_pledge(event)]
    traded: dict[tuple[str, str], list[Event]] = {}
    for event in kept:
        if not _is_minted(event):
            traded.setdefault((event.transaction, event.contract), []).append(event)
    paid = payments.paid(account, [transaction for transaction, _ in traded])
    net = {place: shares for place, legs in traded.items() if (shares := sum(moved(event, account) for event in legs))}
    several = Counter((transaction, of_shares[contract].token.lower()) for transaction, contract in net)

    moves: dict[FleetId, list[tuple[Event, ShareMove]]] = {}
    for event in filter(_is_minted, kept):
        move = _move(event, Move.ENROLLED, moved(event, account))
        moves.setdefault(of_shares[event.contract].fleet_id, []).append((event, move))
    for (transaction, contract), shares in net.items():
        fleet, last = of_shares[contract], traded[transaction, contract][-1]
        key = transaction, fleet.token.lower()
        price = paid.get(key, 0) if several[key] == 1 else 0
        moves.setdefault(fleet.fleet_id, []).append((last, _traded(last, shares, price)))
    for fleet_id, event, shares in _of_others(source, manifest, account, loans, lots):
        how = Move.RECEIVED if shares > 0 else Move.SENT
        moves.setdefault(fleet_id, []).append((event, _move(event, how, shares)))
    for lot in lots:
        if (lot.sale.contract, lot.sale.arguments["loanId"]) in loans:
            moves.setdefault(FleetId(lot.release.arguments["fleetId"]), []).append((lot.sale, _lot_sold(lot)))
    return tuple(_cost(fleets[fleet_id], moves[fleet_id], block) for fleet_id in sorted(moves))


def _lots(source: EventSource) -> list[_Lot]:
    sales = {(one.transaction, one.arguments["loanId"]): one for one in source.events("FleetCredit.SellLot")}
    return [
        _Lot(sales[key], release)
        for release in source.events("FleetCustody.ReleaseLot")
        if (key := (release.transaction, release.arguments["loanId"])) in sales
    ]


def _of_others(
    source: EventSource, manifest: Manifest, account: str, loans: Mapping[_Loan, FleetId], lots: Sequence[_Lot]
) -> Iterator[tuple[FleetId, Event, int]]:
    """Yield shares that somebody else pledged for the account's loans, and those that it let custody hand to others."""
    if not loans:
        return
    lenders = {
        market.address("FleetCustody").lower(): market.address("FleetCredit").lower() for market in manifest.credit
    }
    sold = {(lot.release.transaction, lot.release.index) for lot in lots}
    signs = {
        "AddShares": ("from", "amount", 1),
        "WithdrawShares": ("to", "amount", -1),
        "ReleaseLot": ("to", "shares", -1),
    }
    names = ("FleetCredit.AddShares", "FleetCredit.WithdrawShares", "FleetCustody.ReleaseLot")
    for event in source.events(names, loanId=sorted({number for _, number in loans})):
        told = event.arguments
        party, amount, sign = signs[event.name]
        fleet_id = loans.get((lenders.get(event.contract, event.contract), told["loanId"]))
        is_sale = (event.transaction, event.index) in sold
        if fleet_id is not None and told[party] != account.lower() and not is_sale and told[amount]:
            yield fleet_id, event, sign * told[amount]


def _is_minted(event: Event) -> bool:
    sender: str = event.arguments["from"]
    return sender == ZERO_ADDRESS


def _traded(event: Event, shares: int, price: int) -> ShareMove:
    """Return what came or went in a transaction. Money that went the same way as the shares is no price of theirs."""
    if shares > 0:
        return _move(event, Move.BOUGHT, shares, price) if price > 0 else _move(event, Move.RECEIVED, shares)
    return _move(event, Move.SOLD, shares, price) if price < 0 else _move(event, Move.SENT, shares)


def _move(event: Event, how: Move, shares: int, paid: int = 0) -> ShareMove:
    return ShareMove(at=event.at, how=how, shares=shares, paid=paid, event=event.label)


def _lot_sold(lot: _Lot) -> ShareMove:
    return _move(lot.sale, Move.LOT_SOLD, -lot.release.arguments["shares"], -lot.proceeds)


def _cost(fleet: FleetFacts, told: Sequence[tuple[Event, ShareMove]], block: PinnedBlock) -> ShareCost:
    in_order = sorted(told, key=lambda one: (one[0].block, one[0].index))
    book, moves = _Book(), []
    for _, move in in_order:
        book.take(move)
        moves.append(move.model_copy(update={"basis": book.basis}))
    return ShareCost(
        fleet_id=fleet.fleet_id,
        token=fleet.token,
        shares=book.shares,
        basis=book.basis,
        gained=book.gained,
        moves=tuple(moves),
        origin=Origin.of_events(block, [event for event, _ in in_order]),
    )
