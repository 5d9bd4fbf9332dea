"""What an account has by what contracts emitted, and nothing else: no state of any block is asked for.

A second way to the same amounts as `position`, which asks the contracts; and the only one at blocks whose state no node
keeps. What accrues without an event, as revenue to be claimed and interest, is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from pyutils.manifest import Manifest
from pyutils.models import Address, FrozenModel, parse_address
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.operations.leases import LEASE_BITS
from pyutils.portfolio.block import PinnedBlock
from pyutils.portfolio.fleet_facts import FleetFacts, read_fleet_facts
from pyutils.portfolio.incomes import Income, read_incomes
from pyutils.portfolio.loan_tracks import principal_after
from pyutils.portfolio.origin import Origin
from pyutils.units import FleetId, LeaseId, LoanId


class ShareHolding(FrozenModel):
    """Shares of a fleet, in their smallest unit."""

    fleet_id: FleetId
    token: str
    """In which the fleet settles; empty where that is not known."""
    shares: int
    origin: Origin


class LeaseHolding(FrozenModel):
    """A lease whose NFT the account owns, in units of the fleet's settlement token."""

    lease_id: LeaseId
    fleet_id: FleetId
    token: str
    deposit: int
    paid: int
    fee: int
    refunded: int
    closed: bool
    origin: Origin

    @property
    def held(self) -> int:
        """What is neither paid nor refunded yet."""
        return self.deposit - self.paid - self.fee - self.refunded


class BondHolding(FrozenModel):
    """What the account has at stake for a fleet as its operator, in units of the fleet's settlement token."""

    fleet_id: FleetId
    token: str
    staked: int
    """All of it: reserved, free, and on its way out."""
    reserved: int
    """For leases."""
    origin: Origin


class VaultHolding(FrozenModel):
    """Shares of a credit vault, in their smallest unit."""

    vault: Address
    token: Address
    shares: int
    queued: int
    """Of requests to redeem: waiting, served and not claimed yet, or taken back and not claimed yet."""
    origin: Origin


class LoanHolding(FrozenModel):
    """A loan of which the account is the borrower, from its request until it is closed."""

    credit: Address
    token: Address
    loan_id: LoanId
    fleet_id: FleetId
    principal: int
    """0 until it is drawn."""
    origin: Origin


class Holdings(FrozenModel):
    """What an account has up to a block, and what it was paid; nothing is listed that is empty."""

    account: Address
    block: PinnedBlock
    shares: tuple[ShareHolding, ...]
    titles: tuple[FleetId, ...]
    leases: tuple[LeaseHolding, ...]
    bonds: tuple[BondHolding, ...]
    vaults: tuple[VaultHolding, ...]
    loans: tuple[LoanHolding, ...]
    incomes: tuple[Income, ...]

    @property
    def items(self) -> int:
        """How many things it has."""
        return sum(map(len, (self.shares, self.titles, self.leases, self.bonds, self.vaults, self.loans)))


@dataclass(frozen=True, slots=True)
class _Reading:
    source: EventSource
    manifest: Manifest
    account: str
    block: PinnedBlock
    fleets: Mapping[FleetId, FleetFacts]

    def token(self, fleet_id: FleetId) -> str:
        return self.fleets[fleet_id].token if fleet_id in self.fleets else ""

    def origin(self, events: Iterable[Event]) -> Origin:
        return Origin.of_events(self.block, events)


def read_holdings(source: EventSource, manifest: Manifest, account: str, block: PinnedBlock) -> Holdings:
    """Return what `account` has by the events up to the source's block, which `block` tells more of."""
    fleets = read_fleet_facts(source)
    reading = _Reading(source, manifest, parse_address(account), block, fleets)
    return Holdings(
        account=reading.account,
        block=block,
        shares=tuple(_shares(reading)),
        titles=tuple(FleetId(number) for number in _owned(reading, "FleetRegistry")),
        leases=tuple(_leases(reading)),
        bonds=tuple(_bonds(reading)),
        vaults=tuple(_vaults(reading)),
        loans=tuple(_loans(reading)),
        incomes=read_incomes(source, account, fleets),
    )


def transfers(source: EventSource, kind: str, account: str) -> list[Event]:
    """Return the transfers of a kind of token from and to an account, oldest first, one to itself once."""
    both = [*source.events(f"{kind}.Transfer", {"from": account}), *source.events(f"{kind}.Transfer", {"to": account})]
    once = {(event.block, event.index): event for event in both}
    return [once[place] for place in sorted(once)]


def moved(event: Event, account: str) -> int:
    """Return by how much a transfer changed what an account has."""
    told, who = event.arguments, account.lower()
    value: int = told["value"]
    return value * (int(told["to"] == who) - int(told["from"] == who))


def _shares(reading: _Reading) -> Iterator[ShareHolding]:
    by_shares = {fleet.shares: fleet for fleet in reading.fleets.values()}
    for contract, events in _by_contract(transfers(reading.source, "FleetShares", reading.account)):
        amount = sum(moved(event, reading.account) for event in events)
        fleet = by_shares.get(contract)
        if amount and fleet is not None:
            yield ShareHolding(fleet_id=fleet.fleet_id, token=fleet.token, shares=amount, origin=reading.origin(events))


def _owned(reading: _Reading, kind: str) -> list[int]:
    """Return which ERC-721 tokens the account owns."""
    who = reading.account.lower()
    last = {event.arguments["id"]: event.arguments["to"] for event in transfers(reading.source, kind, who)}
    return sorted(number for number, owner in last.items() if owner == who)


def _leases(reading: _Reading) -> Iterator[LeaseHolding]:
    owned = _owned(reading, "LeaseBook")
    names = [f"LeaseBook.{name}" for name in ("Open", "Settle", "EndEarly", "Cancel", "Close")]
    lives: dict[int, list[Event]] = {number: [] for number in owned}
    for event in reading.source.events(names, {"leaseId": owned}) if owned else ():
        lives[event.arguments["leaseId"]].append(event)
    for number, life in lives.items():
        fleet_id = FleetId(number >> LEASE_BITS)
        yield LeaseHolding(
            lease_id=LeaseId(number),
            fleet_id=fleet_id,
            token=reading.token(fleet_id),
            deposit=_sum(life, "deposit"),
            paid=_sum(life, "rent"),
            fee=_sum(life, "fee"),
            refunded=_sum(life, "refund"),
            closed=any(event.name in ("Cancel", "Close") for event in life),
            origin=reading.origin(life),
        )


def _bonds(reading: _Reading) -> Iterator[BondHolding]:
    names = [f"OperatorBond.{name}" for name in ("Stake", "Slash", "Unbonded", "Reserve", "Release")]
    mine: dict[int, list[Event]] = {}
    both = [
        *reading.source.events(names, operator=reading.account),
        *reading.source.events("OperatorBond.TakeOver", {"from": reading.account}),
        *reading.source.events("OperatorBond.TakeOver", {"to": reading.account}),
    ]
    for event in both:
        mine.setdefault(event.arguments["fleetId"], []).append(event)
    for number, events in sorted(mine.items()):
        amounts = {name: _sum([one for one in events if one.name == name], "amount") for name in _names(events)}
        staked = amounts.get("Stake", 0) - amounts.get("Slash", 0) - amounts.get("Unbonded", 0)
        who = reading.account.lower()
        taken = sum(
            one.arguments["reserved"] * ((one.arguments["to"] == who) - (one.arguments["from"] == who))
            for one in {(one.block, one.index): one for one in events if one.name == "TakeOver"}.values()
        )
        reserved = amounts.get("Reserve", 0) - amounts.get("Release", 0) + taken
        if staked or reserved:
            yield BondHolding(
                fleet_id=FleetId(number),
                token=reading.token(FleetId(number)),
                staked=staked,
                reserved=reserved,
                origin=reading.origin(events),
            )


def _vaults(reading: _Reading) -> Iterator[VaultHolding]:
    for market in reading.manifest.credit:
        vault, who = market.address("CreditVault"), reading.account
        changes = [event for event in transfers(reading.source, "CreditVault", who) if event.contract == vault.lower()]
        queue = [
            *reading.source.events("CreditVault.RedeemRequest", controller=who, contract=vault),
            *reading.source.events("CreditVault.CancelRedeemClaim", controller=who, contract=vault),
            *reading.source.events("CreditVault.Withdraw", owner=who, contract=vault),
        ]
        shares = sum(moved(event, who) for event in changes)
        queued = sum(one.arguments["shares"] * (1 if one.name == "RedeemRequest" else -1) for one in queue)
        if shares or queued:
            yield VaultHolding(
                vault=vault, token=market.token, shares=shares, queued=queued, origin=reading.origin(changes + queue)
            )


def _loans(reading: _Reading) -> Iterator[LoanHolding]:
    for market in reading.manifest.credit:
        credit = market.address("FleetCredit")
        asked = list(reading.source.events("FleetCredit.RequestLoan", borrower=reading.account, contract=credit))
        lives = {event.arguments["loanId"]: [event] for event in asked}
        names = [f"FleetCredit.{name}" for name in ("DrawLoan", "RepayLoan", "HoldLot", "CancelLoan", "CloseLoan")]
        for event in reading.source.events(names, {"loanId": list(lives)}, contract=credit) if lives else ():
            lives[event.arguments["loanId"]].append(event)
        for number, life in lives.items():
            if any(event.name in ("CancelLoan", "CloseLoan") for event in life):
                continue
            yield LoanHolding(
                credit=credit,
                token=market.token,
                loan_id=LoanId(number),
                fleet_id=FleetId(life[0].arguments["fleetId"]),
                principal=_principal(life),
                origin=reading.origin(life),
            )


def _principal(life: Iterable[Event]) -> int:
    return reduce(principal_after, life, 0)


def _sum(events: Iterable[Event], argument: str) -> int:
    return sum(event.arguments.get(argument, 0) for event in events)


def _names(events: Iterable[Event]) -> set[str]:
    return {event.name for event in events}


def _by_contract(events: Iterable[Event]) -> list[tuple[str, list[Event]]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.contract, []).append(event)
    return list(found.items())
