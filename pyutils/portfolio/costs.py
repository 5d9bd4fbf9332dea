"""What shares cost and what was gained by selling them: at average cost, from transfers and the payments beside them.

A payment is the net that the account paid in the fleet's coin in the transaction that moved the shares. Enrolment
mints shares at no cost. Shares in custody for a loan are the account's still; when the lot is sold, the sale's price
less its costs is what was got for them, since it paid the account's debt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

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
    """The event that told it."""


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
    tokens = {fleet.shares: fleet.token.lower() for fleet in fleets.values()}
    events = [event for event in transfers(source, "FleetShares", account) if event.contract in tokens]
    custodies = {market.address("FleetCustody").lower() for market in manifest.credit}
    lots = _lots(source) if custodies else []
    bought = {(lot.release.transaction, lot.release.arguments["fleetId"]) for lot in lots}
    of_shares = {fleet.shares: fleet.fleet_id for fleet in fleets.values()}

    def is_pledge(event: Event) -> bool:
        """Whether shares went into custody, or came back."""
        told = event.arguments
        if told["to"] in custodies:
            return True
        return told["from"] in custodies and (event.transaction, of_shares[event.contract]) not in bought

    traded = [event for event in events if not _is_minted(event) and not is_pledge(event)]
    paid = payments.paid(account, [event.transaction for event in traded])
    several = Counter((event.transaction, tokens[event.contract]) for event in traded)
    prices = {key: amount for key, amount in paid.items() if several[key] == 1}
    loans = {
        (event.contract, event.arguments["loanId"])
        for event in source.events("FleetCredit.RequestLoan", borrower=account)
    }
    lost = [lot for lot in lots if (lot.sale.contract, lot.sale.arguments["loanId"]) in loans]

    moves: dict[FleetId, list[tuple[Event, ShareMove]]] = {}
    for event in events:
        if not is_pledge(event):
            price = 0 if _is_minted(event) else prices.get((event.transaction, tokens[event.contract]), 0)
            moves.setdefault(of_shares[event.contract], []).append((event, _move(event, account, price)))
    for lot in lost:
        moves.setdefault(FleetId(lot.release.arguments["fleetId"]), []).append((lot.sale, _lot_sold(lot)))
    return tuple(_cost(fleets[fleet_id], moves[fleet_id], block) for fleet_id in sorted(moves))


def _lots(source: EventSource) -> list[_Lot]:
    sales = {(one.transaction, one.arguments["loanId"]): one for one in source.events("FleetCredit.SellLot")}
    return [
        _Lot(sales[key], release)
        for release in source.events("FleetCustody.ReleaseLot")
        if (key := (release.transaction, release.arguments["loanId"])) in sales
    ]


def _is_minted(event: Event) -> bool:
    sender: str = event.arguments["from"]
    return sender == ZERO_ADDRESS


def _move(event: Event, account: str, price: int) -> ShareMove:
    shares = moved(event, account)
    if _is_minted(event):
        how = Move.ENROLLED
    elif shares > 0:
        how = Move.BOUGHT if price > 0 else Move.RECEIVED
    else:
        how = Move.SOLD if price < 0 else Move.SENT
    # Money that went the same way as the shares is no price of theirs.
    paid = price if how in (Move.BOUGHT, Move.SOLD) else 0
    return ShareMove(at=event.at, how=how, shares=shares, paid=paid, event=event.label)


def _lot_sold(lot: _Lot) -> ShareMove:
    shares = -lot.release.arguments["shares"]
    return ShareMove(at=lot.sale.at, how=Move.LOT_SOLD, shares=shares, paid=-lot.proceeds, event=lot.sale.label)


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
