"""What accounts have, earned and paid, from random histories: against sums made of raw logs, event by event."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.index.layout import snake
from pyutils.models import parse_address
from pyutils.operations.event_source import NodeEvents
from pyutils.operations.history import Event
from pyutils.portfolio.block import pin
from pyutils.portfolio.costs import ShareCost, read_costs
from pyutils.portfolio.fleet_facts import read_fleet_facts
from pyutils.portfolio.holdings import Holdings, read_holdings
from pyutils.portfolio.incomes import SOURCES
from pyutils.units import BlockNumber

from .emitter import MadeLog
from .histories import ACCOUNTS, SHARES, addresses_of, log_of, naive_events
from .stage import Stage

ZERO = ACCOUNTS[0]
PEOPLE = ACCOUNTS[1:4]
FLEETS = range(1, len(SHARES) + 1)
Told = list[tuple[str, str, Event]]
"""Name, contract and event, in the order of the chain."""
Owners = dict[tuple[str, int], str]
"""Of titles and leases."""

MOVING = (
    "FleetRegistry.Transfer", "FleetRegistry.ReplaceOperator", "LeaseBook.Transfer", "LeaseBook.Open",
    "LeaseBook.Settle", "LeaseBook.Settle", "LeaseBook.EndEarly", "LeaseBook.Cancel", "LeaseBook.Close",
    "OperatorBond.Stake", "OperatorBond.Slash", "OperatorBond.Unbonded", "OperatorBond.Reserve", "OperatorBond.Release",
    "OperatorBond.TakeOver", "CreditVault.Transfer", "CreditVault.RedeemRequest", "CreditVault.CancelRedeemClaim",
    "CreditVault.Withdraw", "FleetCredit.RequestLoan", "FleetCredit.DrawLoan", "FleetCredit.RepayLoan",
    "FleetCredit.HoldLot", "FleetCredit.CancelLoan", "FleetCredit.CloseLoan", "RevenueRouter.Withdraw",
    "LeaseBook.Withdraw", "OperatorBond.Withdraw", "MeterOracle.Withdraw", "FleetCredit.Withdraw",
    "FleetShares.Claim", "FleetShares.ClaimTitle",
)  # fmt: skip
"""Events that change what an account has; transfers of shares beside them, as often as all others."""


def beginning(dice: random.Random, stage: Stage) -> list[MadeLog]:
    """Return how the fleets came to be."""
    at, logs = addresses_of(stage.manifest), list[MadeLog]()
    for fleet_id in FLEETS:
        shares = SHARES[fleet_id - 1]
        logs.append(log_of(dice, "FleetShareFactory.CreateShares", at["FleetShareFactory"], shares=shares))
        enrolment = {
            "fleetId": fleet_id,
            "shares": shares,
            "gpuClass": b"H100".ljust(32, b"\0"),
            "region": b"\xff" * 32,
        }
        logs.append(log_of(dice, "FleetRegistry.Enrol", at["FleetRegistry"], **enrolment))
        logs.append(log_of(dice, "FleetShares.Transfer", shares, **{"from": ZERO, "to": dice.choice(PEOPLE)}))
    return logs


def life(dice: random.Random, stage: Stage, count: int, owners: Owners) -> list[MadeLog]:
    """Return random events of few accounts, fleets, leases and loans, so that they meet."""
    at, logs = addresses_of(stage.manifest), list[MadeLog]()
    custody = at["FleetCustody"]
    while len(logs) < count:
        fleet_id = dice.choice(FLEETS)
        if dice.random() < 0.5:
            ends = dice.choices([*PEOPLE, ZERO, custody], [8, 8, 8, 1, 2], k=2)
            fixed: dict[str, Any] = {"from": ends[0], "to": ends[1], "value": dice.randrange(10**24)}
            logs.append(log_of(dice, "FleetShares.Transfer", SHARES[fleet_id - 1], **fixed))
            continue
        label = dice.choice(MOVING)
        kind = label.partition(".")[0]
        who = {place: dice.choice(PEOPLE) for place in _WHO}
        lease = fleet_id << 32 | dice.randrange(1, 9)
        numbers = {"fleetId": fleet_id, "leaseId": lease, "loanId": dice.randrange(1, 13)}
        numbers["id"] = lease if kind == "LeaseBook" else fleet_id
        if label in ("FleetRegistry.Transfer", "LeaseBook.Transfer"):
            # Only its owner hands a token on.
            who["from"], owners[kind, numbers["id"]] = owners.get((kind, numbers["id"]), ZERO), who["to"]
        amounts = {place: dice.randrange(10**12) for place in _AMOUNTS}
        address = SHARES[fleet_id - 1] if kind == "FleetShares" else at[kind]
        logs.append(log_of(dice, label, address, **{**who, **numbers, **amounts}))
    return logs


_WHO = ("from", "to", "account", "owner", "operator", "controller", "borrower", "lessee")
_AMOUNTS = (
    "amount",
    "value",
    "rent",
    "fee",
    "refund",
    "deposit",
    "principal",
    "interest",
    "owed",
    "shares",
    "reserved",
)


def pretended(account: str, transaction: str, token: str) -> int:
    """Return what a transaction is said to have paid: any sum, in either direction, and often none."""
    word = hashlib.sha256(f"{account.lower()}{transaction}{token}".encode()).digest()
    return 0 if word[0] < 64 else int.from_bytes(word[1:6]) * (1 if word[0] & 1 else -1)


class Pretended:
    """Payments that nobody made, but everybody agrees on."""

    def paid(self, account: str, transactions: Iterable[str]) -> Mapping[tuple[str, str], int]:
        return {(one, ""): amount for one in transactions if (amount := pretended(account, one, ""))}


def plain(found: Holdings) -> dict[str, Any]:
    """Return the amounts of holdings, by what they are of."""
    return {
        "shares": {one.fleet_id: one.shares for one in found.shares},
        "titles": set(found.titles),
        "leases": {
            one.lease_id: (one.deposit, one.paid, one.fee, one.refunded, one.held, one.closed) for one in found.leases
        },
        "bonds": {one.fleet_id: (one.staked, one.reserved) for one in found.bonds},
        "vaults": {one.vault.lower(): (one.shares, one.queued) for one in found.vaults},
        "loans": {(one.loan_id, one.fleet_id): one.principal for one in found.loans},
        "incomes": [(one.block, one.source, one.fleet_id, int(one.amount)) for one in found.incomes],
    }


class NaiveBooks:
    """Goes through all events once, and keeps books of one account."""

    def __init__(self, who: str) -> None:
        self.who = who.lower()
        self.shares, self.vaults, self.queued = Counter[int](), Counter[str](), Counter[str]()
        self.staked, self.reserved = Counter[int](), Counter[int]()
        self.owner: dict[tuple[str, int], str] = {}
        self.leases: dict[int, dict[str, int]] = defaultdict(Counter)
        self.borrower: dict[int, tuple[str, int]] = {}
        self.principals: dict[int, int] = {}
        self.over: set[int] = set()
        self.incomes: list[Any] = []

    def take(self, label: str, contract: str, event: Event) -> None:
        if label in SOURCES:
            self.income(label, contract, event)
        elif event.name == "Transfer":
            self.transfer(label, contract, event.arguments)
        elif label in MOVING:
            getattr(self, snake(label.partition(".")[0]))(event.name, contract, event.arguments)

    def income(self, label: str, contract: str, event: Event) -> None:
        if event.arguments["owner" if event.name == "ClaimTitle" else "account"] == self.who:
            fleet_id = SHARES.index(contract) + 1 if contract in SHARES else None
            self.incomes.append((event.block, SOURCES[label], fleet_id, event.arguments["amount"]))

    def transfer(self, label: str, contract: str, one: dict[str, Any]) -> None:
        kind = label.partition(".")[0]
        if "id" in one:
            self.owner[kind, one["id"]] = one["to"]
            return
        change = one["value"] * ((one["to"] == self.who) - (one["from"] == self.who))
        if kind == "FleetShares":
            self.shares[SHARES.index(contract) + 1] += change
        else:
            self.vaults[contract] += change

    def lease_book(self, name: str, _: str, one: dict[str, Any]) -> None:
        row = self.leases[one["leaseId"]]
        for argument, column in (("deposit", "deposit"), ("rent", "paid"), ("fee", "fee"), ("refund", "refunded")):
            row[column] += one.get(argument, 0)
        row["closed"] |= name in ("Cancel", "Close")

    def fleet_registry(self, name: str, _: str, one: dict[str, Any]) -> None:
        """Operators change nobody's holdings."""

    def operator_bond(self, name: str, _: str, one: dict[str, Any]) -> None:
        if name == "TakeOver":
            self.reserved[one["fleetId"]] += one["reserved"] * ((one["to"] == self.who) - (one["from"] == self.who))
        elif one["operator"] == self.who:
            sign = {"Stake": 1, "Slash": -1, "Unbonded": -1, "Reserve": 1, "Release": -1}[name]
            book = self.staked if name in ("Stake", "Slash", "Unbonded") else self.reserved
            book[one["fleetId"]] += sign * one["amount"]

    def credit_vault(self, name: str, contract: str, one: dict[str, Any]) -> None:
        if one["owner" if name == "Withdraw" else "controller"] == self.who:
            self.queued[contract] += one["shares"] * (1 if name == "RedeemRequest" else -1)

    def fleet_credit(self, name: str, _: str, one: dict[str, Any]) -> None:
        loan_id = one["loanId"]
        if name == "RequestLoan":
            self.borrower[loan_id] = one["borrower"], one["fleetId"]
        elif name == "RepayLoan":
            self.principals[loan_id] = self.principals.get(loan_id, 0) - one["principal"]
        elif name in ("DrawLoan", "HoldLot"):
            self.principals[loan_id] = one["principal" if name == "DrawLoan" else "owed"]
        else:
            self.over.add(loan_id)

    def lease(self, number: int) -> tuple[Any, ...]:
        row = Counter(self.leases[number])
        held = row["deposit"] - row["paid"] - row["fee"] - row["refunded"]
        return row["deposit"], row["paid"], row["fee"], row["refunded"], held, bool(row["closed"])

    def result(self) -> dict[str, Any]:
        owned = {key for key, owner in self.owner.items() if owner == self.who}
        return {
            "shares": {number: amount for number, amount in self.shares.items() if amount},
            "titles": {number for kind, number in owned if kind == "FleetRegistry"},
            "leases": {number: self.lease(number) for kind, number in owned if kind == "LeaseBook"},
            "bonds": both(self.staked, self.reserved),
            "vaults": both(self.vaults, self.queued),
            "loans": {
                (loan_id, fleet_id): self.principals.get(loan_id, 0)
                for loan_id, (borrower, fleet_id) in self.borrower.items()
                if borrower == self.who and loan_id not in self.over
            },
            "incomes": self.incomes,
        }


def both(one: Counter[Any], other: Counter[Any]) -> dict[Any, tuple[int, int]]:
    return {key: (one[key], other[key]) for key in one.keys() | other.keys() if one[key] or other[key]}


def naive(told: Told, who: str) -> dict[str, Any]:
    books = NaiveBooks(who)
    for label, contract, event in told:
        books.take(label, contract, event)
    return books.result()


def naive_costs(told: Told, who: str, custody: str) -> dict[int, tuple[int, int, int]]:
    """Go through all transfers once: shares, what they cost, and what sales gained."""
    who, custody = who.lower(), custody.lower()
    loans = {
        event.arguments["loanId"]: event.arguments["fleetId"]
        for label, _, event in told
        if label == "FleetCredit.RequestLoan" and event.arguments["borrower"] == who
    }
    net, last = Counter[tuple[str, int, bool]](), dict[tuple[str, int, bool], int]()
    for place, (label, contract, event) in enumerate(told):
        if label != "FleetShares.Transfer":
            continue
        fleet_id = SHARES.index(contract) + 1
        sender, receiver, value = (event.arguments[name] for name in ("from", "to", "value"))
        if who not in (sender, receiver) or (custody in (sender, receiver) and fleet_id in loans.values()):
            continue
        # Each mint stands for itself, all else by transaction.
        key = (f"{place}" if sender == ZERO else event.transaction, fleet_id, sender == ZERO)
        net[key] += value * ((receiver == who) - (sender == who))
        last[key] = place
    fleets = Counter(transaction for (transaction, _, minted), shares in net.items() if shares and not minted)
    books: dict[int, list[int]] = {}
    for transaction, fleet_id, minted in sorted(net, key=lambda key: last[key]):
        shares = net[transaction, fleet_id, minted]
        if not shares:
            continue
        book = books.setdefault(fleet_id, [0, 0, 0])
        price = 0 if minted or fleets[transaction] > 1 else pretended(who, transaction, "")
        if shares > 0:
            book[0] += shares
            book[1] += max(price, 0)
            continue
        gone = min(-shares, book[0])
        cost = book[1] * gone // book[0] if book[0] else 0
        book[0] -= gone
        book[1] -= cost
        if price < 0:
            book[2] += -price - cost
    return {number: (book[0], book[1], book[2]) for number, book in books.items()}


def shown(costs: Iterable[ShareCost]) -> dict[int, tuple[int, int, int]]:
    return {one.fleet_id: (one.shares, one.basis, one.gained) for one in costs}


@pytest.mark.parametrize(
    "seed", [11, pytest.param(12, marks=pytest.mark.slow), pytest.param(13, marks=pytest.mark.slow)]
)
def test_holdings__random_history_with_reorgs__equal_a_naive_recomputation(
    stage: Stage, database: str, seed: int
) -> None:
    dice = random.Random(seed)
    stage.emit(beginning(dice, stage), dice)
    owners: Owners = {}
    for _ in range(2):
        stage.emit(life(dice, stage, 4_900, owners), dice)
        snapshot = rpc.request(stage.web3, "evm_snapshot")
        stage.emit(life(dice, stage, 150, dict(owners)), dice)
        stage.sync(database)
        rpc.request(stage.web3, "evm_revert", snapshot)
        stage.emit(life(dice, stage, 150, owners), dice)
        assert stage.sync(database).rolled_back > 0
    told = naive_events(stage.web3, stage.manifest)
    assert len(told) > 10_000
    custody = addresses_of(stage.manifest)["FleetCustody"]
    with stage.open(database) as index:
        for block in (stage.head // 2, stage.head):
            until = [one for one in told if one[2].block <= block]
            at = pin(stage.web3, block)
            with index.view(block) as view:
                for who in map(parse_address, PEOPLE):
                    assert plain(read_holdings(view, stage.manifest, who, at)) == naive(until, who)
                    costs = read_costs(view, Pretended(), stage.manifest, who, read_fleet_facts(view), at)
                    assert shown(costs) == naive_costs(until, who, custody)
                    assert any(one.gained for one in costs)


def test_holdings__from_the_node__are_those_from_the_index(stage: Stage, sqlite: str) -> None:
    dice = random.Random(21)
    stage.emit(beginning(dice, stage) + life(dice, stage, 600, {}), dice)
    stage.sync(sqlite)
    source = NodeEvents(System.at(stage.web3, stage.manifest), BlockNumber(stage.head))
    source._tokens = {}  # what stands there tells no coin
    at = pin(stage.web3, stage.head)
    with stage.open(sqlite) as index, index.view() as view:
        for who in map(parse_address, PEOPLE):
            assert read_holdings(source, stage.manifest, who, at) == read_holdings(view, stage.manifest, who, at)
