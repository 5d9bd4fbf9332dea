"""What readers ask of an index is what a naive search of all events finds."""

from __future__ import annotations

import random

import pytest

from pyutils.index import Index, open_index
from pyutils.index.errors import (
    BehindError,
    DatabaseUrlError,
    NoIndexError,
    OtherIndexError,
    UnindexedContractError,
    UnknownEventNameError,
)
from pyutils.operations.history import Event
from pyutils.units import FleetId, LeaseId

from .histories import ACCOUNTS, SHAPES, SHARES, addresses_of, history, log_of, naive_events
from .stage import Stage

FLEET, OTHER = FleetId(7), FleetId(8)
LEASE = LeaseId(FLEET << 32 | 3)


def told(stage: Stage, seed: int) -> list[tuple[str, str, Event]]:
    """Let a history happen in which a fleet, a lease and a loan of their own appear, and return all of it."""
    dice = random.Random(seed)
    logs = history(dice, stage.manifest, 500)
    at = addresses_of(stage.manifest)
    registry, book, credit, vault = (at[name] for name in ("FleetRegistry", "LeaseBook", "FleetCredit", "CreditVault"))
    request = (FLEET, 1, False, 1, 2, ACCOUNTS[3], 3)
    logs += [
        log_of(dice, "FleetRegistry.Enrol", registry, fleetId=FLEET, shares=SHARES[2]),
        log_of(dice, "FleetRegistry.Transfer", registry, id=FLEET),
        log_of(dice, "FleetRegistry.ProveDoubleEnrolment", registry, fleetA=OTHER, fleetB=FLEET),
        log_of(dice, "LeaseBook.Settle", book, leaseId=LEASE),
        log_of(dice, "LeaseBook.Transfer", book, id=LEASE),
        log_of(dice, "LeaseBook.UpdateUser", book, tokenId=(FLEET + 1 << 32) - 1),
        log_of(dice, "LeaseBook.Settle", book, leaseId=OTHER << 32),
        log_of(dice, "FleetCredit.RequestLoan", credit, loanId=77, fleetId=FLEET, request=request),
        log_of(dice, "FleetCredit.RepayLoan", credit, loanId=77),
        log_of(dice, "CreditVault.Receive", vault, loanId=77),
        log_of(dice, "FleetShares.Transfer", SHARES[2]),
        log_of(dice, "MeterOracle.Restate", at["MeterOracle"]),
    ]
    stage.emit(logs, dice)
    return naive_events(stage.web3, stage.manifest)


def names_account(label: str, event: Event, account: str) -> bool:
    shape = SHAPES[label]
    rows = zip(shape.arguments, shape.types, shape.indexed, strict=True)
    return any(indexed and kind == "address" and event.arguments[name] == account for name, kind, indexed in rows)


def test_of_account__any__is_every_event_that_names_it(stage: Stage, database: str) -> None:
    everything = told(stage, 1)
    stage.sync(database)
    with stage.open(database) as index:
        for account in ACCOUNTS:
            expected = [event for label, _, event in everything if names_account(label, event, account)]
            assert list(index.of_account(account)) == expected
            assert expected


def test_of_lease_and_fleet__theirs__is_what_a_search_finds(stage: Stage, database: str) -> None:
    everything = told(stage, 2)
    stage.sync(database)
    titles, leases = ("fleetId", "id", "tokenId", "fleetA", "fleetB"), ("leaseId", "id", "tokenId")
    loans = {
        event.arguments["loanId"]
        for label, _, event in everything
        if label == "FleetCredit.RequestLoan" and event.arguments["request"][0] == FLEET
    }
    shares = {
        event.arguments["shares"]
        for label, _, event in everything
        if label == "FleetRegistry.Enrol" and event.arguments["fleetId"] == FLEET
    }
    assert loans
    assert SHARES[2] in shares

    def of_fleet(label: str, contract: str, event: Event) -> bool:
        kind, values = label.partition(".")[0], event.arguments
        return (
            values.get("fleetId") == FLEET
            or (kind == "FleetRegistry" and any(values.get(name) == FLEET for name in titles))
            or (kind == "LeaseBook" and any(values.get(name, 0) >> 32 == FLEET for name in leases))
            or contract in shares
            or values.get("loanId") in loans
        )

    with stage.open(database) as index:
        expected = [event for label, contract, event in everything if of_fleet(label, contract, event)]
        assert list(index.of_fleet(FLEET)) == expected
        assert len(expected) >= 10
        expected = [
            event
            for label, _, event in everything
            if label.startswith("LeaseBook.") and any(event.arguments.get(name) == LEASE for name in leases)
        ]
        assert list(index.of_lease(LEASE)) == expected
        assert len(expected) == 2


def test_events__several_names_and_arguments__come_in_the_order_of_the_chain(stage: Stage, database: str) -> None:
    everything = told(stage, 3)
    stage.sync(database)
    middle = (stage.manifest.first_block + stage.head) // 2
    names = ["FleetCredit.DrawLoan", "FleetCredit.RepayLoan", "CreditVault.Receive"]
    with stage.open(database) as index:
        found = list(index.events(names, first=middle, block=stage.head - 1))
        assert found == [e for label, _, e in everything if label in names and middle <= e.block <= stage.head - 1]
        wide = next(e for label, _, e in everything if label == "LeaseBook.Settle" and e.arguments["rent"] >= 1 << 63)
        assert wide in list(index.events("LeaseBook.Settle", rent=wide.arguments["rent"]))
        sender = ACCOUNTS[3]
        expected = [
            e for label, _, e in everything if label == "FleetShares.Transfer" and e.arguments["from"] == sender
        ]
        assert list(index.events("FleetShares.Transfer", {"from": sender})) == expected
        assert list(index.events("FleetShares.Transfer", {"from": bytes.fromhex(sender[2:])})) == expected
        either = [1, 2, 3, (1 << 256) - 1]
        expected = [e for label, _, e in everything if label == "LeaseBook.Release" and e.arguments["gpus"] in either]
        assert list(index.events("LeaseBook.Release", gpus=either)) == expected
        assert list(index.events("LeaseBook.Release", gpus=[])) == []
        digest = next(e for label, _, e in everything if label == "MeterOracle.Restate").arguments["digest"]
        restated = index.events("MeterOracle.Restate", digest="0x" + digest.hex())
        assert [event.arguments["digest"] for event in restated] == [digest]


def test_owners__titles__are_the_last_receivers(stage: Stage, database: str) -> None:
    everything = told(stage, 4)
    stage.sync(database)
    owners = {e.arguments["id"]: e.arguments["to"] for label, _, e in everything if label == "FleetRegistry.Transfer"}
    with stage.open(database) as index:
        held = {number: owner.lower() for number, owner in index.owners("FleetRegistry").items()}
    assert held == {number: owner for number, owner in owners.items() if owner != ACCOUNTS[0]}


def test_events__unknown_or_beyond__says_so_in_one_line(stage: Stage, sqlite: str) -> None:
    told(stage, 5)
    stage.sync(sqlite, to=stage.head - 1)
    with stage.open(sqlite) as index:
        for name, where, error in (
            ("LeaseBook.Sattle", {}, UnknownEventNameError),
            ("LeaseBook.Settle", {"lease": 1}, UnknownEventNameError),
            ("MeterOracle.AdvanceHead", {"report": 1}, UnknownEventNameError),
            ("MeterOracle.SetVerifiers", {"verifiers": ()}, UnknownEventNameError),
            ("FleetShares.Claim", {"account": "0x12"}, UnindexedContractError),
        ):
            with pytest.raises(error):
                list(index.events(name, where))
        with pytest.raises(UnindexedContractError, match="follows no contract"):
            list(index.events("FleetShares.Claim", contract=ACCOUNTS[3]))
        with pytest.raises(UnindexedContractError):
            index.share_balances(ACCOUNTS[3])
        with pytest.raises(BehindError, match=f"block {stage.head} is asked for and the index ends at"):
            list(index.of_account(ACCOUNTS[3], block=stage.head))


def test_open_index__none_or_anothers__says_so_in_one_line(stage: Stage, database: str, sqlite: str) -> None:
    with pytest.raises(NoIndexError, match="there is no index"):
        open_index(database, stage.manifest)
    stage.sync(database)
    other = stage.manifest.model_copy(update={"chain_id": 1})
    with pytest.raises(OtherIndexError, match="on chain 31337"):
        open_index(database, other)
    for url in ("nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "postgresql://host/name"):
        with pytest.raises(DatabaseUrlError):
            open_index(url, stage.manifest)


def test_events__reader_that_stops_early__lets_go(stage: Stage, database: str) -> None:
    told(stage, 6)
    stage.sync(database)
    with stage.open(database) as index:
        stream = index.events("LeaseBook.Settle")
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert isinstance(index, Index)
    stage.play(random.Random(7), 50)
    stage.sync(database)
