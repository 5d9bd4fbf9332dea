"""Statements against raw logs, read and added up here in a few lines of their own."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from pyutils.devnet import account
from pyutils.operations.event_source import NodeEvents
from pyutils.portfolio.fleet_facts import read_fleet_facts
from pyutils.portfolio.fleet_history import read_fleet_history
from pyutils.portfolio.incomes import read_incomes
from pyutils.portfolio.lending import Lending, read_lending
from pyutils.portfolio.loan_tracks import read_loan_tracks
from pyutils.portfolio.statement import read_statement
from pyutils.units import BlockNumber, FleetId

from .conftest import Played

FLEETS = FleetId(1), FleetId(2)
PEOPLE = ("investor-1", "investor-2", "operator-a", "operator-b", "lessee-1", "lender-1", "lender-2", "bidder")


@pytest.fixture(scope="module")
def block(played: Played) -> BlockNumber:
    return BlockNumber(played.system.web3.eth.block_number)


def lending(played: Played, who: str, block: BlockNumber) -> tuple[Lending, ...]:
    return read_lending(played.system, NodeEvents(played.system, block), account(who).address)


def raw_logs(played: Played, signature: str) -> list[Any]:
    """Return all logs of an event by its signature, from any contract."""
    web3 = played.system.web3
    topic = web3.to_hex(web3.keccak(text=signature))
    return list(web3.eth.get_logs({"fromBlock": 0, "toBlock": "latest", "topics": [topic]}))


def words(log: Any) -> list[int]:
    data = bytes(log["data"])
    return [int.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32)]


def names(log: Any, place: int, who: str) -> bool:
    return bytes(log["topics"][place])[12:] == bytes.fromhex(who[2:])


@pytest.mark.parametrize("who", PEOPLE)
def test_incomes__anybody__are_what_coins_were_sent(played: Played, block: BlockNumber, who: str) -> None:
    """Every payment is a transfer of the coin from the contract that told it, and nothing else is one of theirs."""
    system, address = played.system, account(who).address
    source = NodeEvents(system, block)
    incomes = read_incomes(source, address, read_fleet_facts(source))
    payers = [system.router, system.lease_book, system.bond, system.oracle, *(system.shares(one) for one in FLEETS)]
    payers += [market.credit for market in system.credit_markets()]
    received = sum(
        words(log)[0]
        for log in raw_logs(played, "Transfer(address,address,uint256)")
        if Web3.to_checksum_address(log["address"]) == system.coin().address
        and names(log, 2, address)
        and any(names(log, 1, payer.address) for payer in payers)
        # what a loan pays out when it is drawn is lent, not earned
        and not (who.startswith("operator") and log["transactionHash"] in _draws(played))
    )
    assert sum(one.amount for one in incomes) == received
    assert [one.block for one in incomes] == sorted(one.block for one in incomes)


def _draws(played: Played) -> set[bytes]:
    return {log["transactionHash"] for log in raw_logs(played, "DrawLoan(uint256,address,uint256,uint256)")}


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_fleet_history__intervals__add_up_to_the_head(played: Played, block: BlockNumber, fleet_id: FleetId) -> None:
    history = read_fleet_history(played.system, NodeEvents(played.system, block), fleet_id)
    head = played.system.oracle.head(fleet_id)
    assert sum(one.available_gpu_ms for one in history.intervals) == head.available_gpu_ms
    assert sum(one.busy_gpu_ms for one in history.intervals) == head.busy_gpu_ms
    assert sum(one.energy_joules for one in history.intervals) == head.energy_joules
    assert [one.begin for one in history.intervals[1:]] == [one.end for one in history.intervals[:-1]]
    assert history.intervals[-1].end == head.as_of
    for one in history.intervals:
        assert 0 <= one.busy_gpu_ms <= one.available_gpu_ms <= one.capacity_gpu_ms
        assert one.event.startswith(("AdvanceHead in block", "PostPending in block"))
    # a fleet of the demo is confirmed once, whole
    first, last = history.intervals[0], history.intervals[-1]
    assert sum(one.capacity_gpu_ms for one in history.intervals) == (
        history.fleet.capacity * (last.end - first.begin) * 1_000
    )


@pytest.mark.parametrize("fleet_id", FLEETS)
def test_waterfall__every_unit__is_somewhere(played: Played, block: BlockNumber, fleet_id: FleetId) -> None:
    flow = read_fleet_history(played.system, NodeEvents(played.system, block), fleet_id).waterfall
    assert flow.deposits + flow.distributed == (
        flow.refunded + flow.held + flow.unrouted + flow.protocol_fee + flow.operating + flow.shares
    )
    opened = sum(words(log)[3] for log in raw_logs(played, _OPEN) if words_topic(log, 1) >> 32 == fleet_id)
    assert flow.deposits == opened
    routed = [words(log) for log in raw_logs(played, _ROUTE) if words_topic(log, 1) == fleet_id]
    assert (flow.protocol_fee, flow.operating) == (sum(row[1] for row in routed), sum(row[2] for row in routed))
    assert flow.earned > 0


_OPEN = "Open(uint256,address,address,uint256,uint256,uint256,uint256,bytes32)"
_ROUTE = "Route(uint256,address,uint256,uint256,uint256,uint256)"


def words_topic(log: Any, place: int) -> int:
    return int.from_bytes(bytes(log["topics"][place]))


def test_loan_tracks__demo__good_one_paid_and_bad_one_did_not(played: Played, block: BlockNumber) -> None:
    good, bad = read_loan_tracks(played.system, NodeEvents(played.system, block))
    assert good.actual[0].principal == good.scheduled[0].principal == good.loan.drawn
    assert good.actual[-1].principal == 0
    assert good.scheduled[-1].principal == 0
    assert bad.actual[-1].principal > 0
    assert len(good.scheduled) == good.loan.terms.months + 1
    assert good.interest_paid > 0
    assert all(early.at <= late.at for early, late in zip(good.actual, good.actual[1:], strict=False))


def test_lending__demo__gain_is_money_back_less_money_in(played: Played, block: BlockNumber) -> None:
    coin = played.system.coin()
    for who in ("lender-1", "lender-2"):
        (one,) = lending(played, who, block)
        assert one.token == coin.address
        assert one.gain == one.taken_out + one.worth - one.paid_in
        assert one.gain < 0, "the loan that failed cost its lenders"
        assert one.yearly is not None
        assert -1 < one.yearly < 0
    assert lending(played, "lessee-1", block) == ()


def test_lending__earlier__was_worth_what_was_paid_in(played: Played, block: BlockNumber) -> None:
    (late,) = lending(played, "lender-1", block)
    deposited = late.flows[0]
    at = next(BlockNumber(number) for number in range(block) if f"block {number}," in deposited.event)
    (early,) = lending(played, "lender-1", at)
    assert early.paid_in == late.paid_in
    assert early.taken_out == 0
    assert early.yearly is None
    assert 0 <= -early.gain <= 1, "a deposit costs a unit of rounding at most"


def test_statement__investor__concerns_the_fleets_it_has_shares_in(played: Played, block: BlockNumber) -> None:
    statement = read_statement(played.system, account("investor-1").address, block)
    assert [one.fleet_id for one in statement.fleets] == list(FLEETS)
    assert statement.position.block.number == block
    assert statement.loans == ()
    nobody = read_statement(played.system, "0x" + "00" * 19 + "99", block)
    assert (nobody.incomes, nobody.fleets, nobody.lending, nobody.loans) == ((), (), (), ())
