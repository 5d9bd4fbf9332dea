"""A loan that fails, by commands: marked, in breach, cured or sold, down to a lot that the vault takes."""

from __future__ import annotations

from typing import Any

import pytest

from pyutils.contracts import CreditSystem, System
from pyutils.devnet import account
from pyutils.units import FleetId, LoanId

from .lending import ANYONE, BIDDER, OWNER, RISK, draw
from .shell import LiveFleet, Shell, twice

COIN = 10**6
BTC = 10**8
DAY = 86_400
WITH_BTC = ("--collateral", "TestCollateral", "--collateral-amount", "0.1")


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


@pytest.fixture
def market(system: System) -> CreditSystem:
    return system.credit_markets()[0]


@pytest.fixture
def failed(sh: Shell, fleet: LiveFleet) -> int:
    """A loan with a tenth of a bitcoin whose fleet was silent for more than two days: in breach."""
    sh("faucet", "operator-a", "--collateral", "--amount", "1", *OWNER)
    loan = draw(sh, fleet, *WITH_BTC)
    sh.clock.advance(3 * DAY)
    sh("credit", "test-price", "60000", *ANYONE)
    sh("credit", "mark", loan, *ANYONE)
    return loan


def bought(sh: Shell, loan: int, *what: object) -> Any:
    """Let the bidder buy."""
    sh("faucet", "bidder", *BIDDER)
    return sh.json("credit", "bid", loan, *what, *BIDDER)


def test_mark__without_evidence__is_refused(sh: Shell, fleet: LiveFleet) -> None:
    loan = draw(sh, fleet)
    line = sh.refused("credit", "mark", loan, *ANYONE)
    assert line.endswith("Nothing is wrong with the loan that the chain can prove")
    assert "not marked" in sh.refused("credit", "cure", loan, *ANYONE)
    assert "not breached" in sh.refused("credit", "auction", "start", loan, *ANYONE)


def test_mark__a_silent_fleet__is_a_breach_that_a_report_cures(sh: Shell, fleet: LiveFleet) -> None:
    loan = draw(sh, fleet)
    sh.clock.advance(3 * DAY)
    assert sh.json("credit", "status", loan)["evidence"] == "no_report"
    marked = sh.json("credit", "mark", loan, *ANYONE)
    assert (marked["evidence"], marked["breached"]) == ("no_report", True)
    shown = sh("credit", "status", loan)
    assert "in breach" in shown
    assert "no report, since" in shown
    assert "still wrong (loan id 1, evidence no report)" in sh.refused("credit", "cure", loan, *ANYONE)


def test_bid__all_collateral__pays_the_loan_and_is_cheaper_later(
    sh: Shell, failed: int, system: System, market: CreditSystem
) -> None:
    assert sh.json("credit", "auction", "status", failed)["sale"]["touched_at"] == 0
    assert "no collateral of loan 1 is for sale" in sh.refused("credit", "bid", failed, "--collateral", "0.1", *BIDDER)
    assert sh.json("credit", "auction", "start", failed, *ANYONE)["resumed"] is False
    assert "sale running" in sh.refused("credit", "auction", "start", failed, *ANYONE)
    asked = sh.json("credit", "auction", "status", failed)["asking"]
    assert (asked["collateral_for_sale"], asked["lot_for_sale"]) == (True, False)
    # 105 % of a tenth of 60,000, rounded up at each step.
    assert 6_300 * COIN <= asked["collateral_price"] <= 6_300 * COIN + 3
    for _ in range(2):
        sh.clock.advance(1_800)
        sh("credit", "auction", "touch", failed, *ANYONE)
    sh("faucet", "bidder", *BIDDER)
    assert "below minimum fill" in sh.refused("credit", "bid", failed, "--collateral", "0.00001", *BIDDER)
    assert "price above limit" in sh.refused("credit", "bid", failed, "--collateral", "0.1", "--most", "6000", *BIDDER)
    sold = bought(sh, failed, "--collateral", "0.1", "--to", "investor-1")
    assert sold["amount"] == BTC // 10
    assert 6_100 * COIN < sold["price"] < 6_300 * COIN
    token = system.token(sh.chain.manifest.address("TestCollateral"))
    assert token.balance_of(account("investor-1").address) == BTC // 10
    loan = market.credit.loan(LoanId(failed))
    assert loan.collateral_amount == 0
    assert 12_000 * COIN - sold["price"] < loan.principal < 12_200 * COIN - sold["price"]


def test_bid__a_part_and_then_more_than_is_left__buys_each_at_what_is_asked(
    sh: Shell, failed: int, market: CreditSystem
) -> None:
    sh("credit", "auction", "start", failed, *ANYONE)
    first = bought(sh, failed, "--collateral", "0.03333333")
    assert first["amount"] == 3_333_333
    rest = bought(sh, failed, "--collateral", "1")
    assert rest["amount"] == BTC // 10 - 3_333_333
    assert 6_290 * COIN < first["price"] + rest["price"] <= 6_300 * COIN + 6
    assert market.credit.loan(LoanId(failed)).collateral_amount == 0


def test_bid__the_lot__pays_lenders_and_gives_the_surplus_to_the_borrower(
    sh: Shell, fleet: LiveFleet, failed: int, system: System, market: CreditSystem
) -> None:
    sh("credit", "auction", "start", failed, *ANYONE)
    assert "not for sale" in sh.refused("credit", "bid", failed, "--lot", *BIDDER)
    bought(sh, failed, "--collateral", "0.1")
    assert "title and shares cost" in sh("credit", "auction", "status", failed)
    owed = sh.json("credit", "status", failed)["debt"]
    price = bought(sh, failed, "--lot")["price"]
    # 120 % of four boards of 25,000 that are days old, for all shares.
    assert 118_000 * COIN < price <= 120_000 * COIN
    assert system.registry.owner_of(FleetId(fleet.fleet_id)) == account("bidder").address
    assert market.credit.loan(LoanId(failed)).state.name == "CLOSED"
    coin = system.coin().address
    surplus = market.credit.owed(coin, account("operator-a").address)
    costs = market.credit.owed(coin, sh.json("read", "FleetCredit", "costRecipient"))
    assert costs == price * 3 // 100
    reserve = 3_330 * COIN
    assert surplus + costs + owed["principal"] + owed["interest"] - price - reserve in range(-COIN, COIN)
    assert market.vault.book().performing_principal == market.vault.book().marked_owed == 0


def test_give__nobody_bids__the_vault_takes_the_lot_and_sells_it(
    sh: Shell, fleet: LiveFleet, system: System, market: CreditSystem
) -> None:
    loan = draw(sh, fleet)
    sh.clock.advance(3 * DAY)
    sh("credit", "mark", loan, *ANYONE)
    sh("credit", "auction", "start", loan, *ANYONE)
    assert "floor not reached" in sh.refused("credit", "auction", "give", loan, *ANYONE)
    keeper = system.lane(account("keeper"))
    while market.auction.sale(LoanId(loan)).lot_elapsed < 72 * 3_600:
        sh.clock.advance(3_600 - 1)
        market.auction.touch(keeper, LoanId(loan))
    given = sh.json("credit", "auction", "give", loan, *ANYONE)
    assert given["floor"] == 0  # no revenue, and the vault books it with the revenue cap
    assert "the vault's lot owes" in sh("credit", "status", loan)
    assert "not on offer" in sh.refused("credit", "bid", loan, "--lot", *BIDDER)
    sh("credit", "offer", loan, "0", *RISK)
    twice(sh, ("credit", "offer", loan, "9000", *RISK), ("credit", "step-in", loan, "investor-2", *RISK))
    assert "price too low" in sh.refused("credit", "offer", loan, "0", *RISK)
    assert system.registry.controller_of(FleetId(fleet.fleet_id)) == account("investor-2").address
    assert "asked for it" in sh("credit", "status", loan)
    price = bought(sh, loan, "--lot")["price"]
    assert price == 9_000 * COIN
    assert market.credit.loan(LoanId(loan)).state.name == "CLOSED"
    assert market.vault.book().held_owed == 0


def test_step_in__during_a_breach__names_who_controls_the_fleet(
    sh: Shell, fleet: LiveFleet, failed: int, system: System
) -> None:
    twice(sh, ("credit", "step-in", failed, "investor-2", *RISK))
    assert system.registry.controller_of(FleetId(fleet.fleet_id)) == account("investor-2").address
    assert "for the lenders" in sh("credit", "status", failed)
    twice(sh, ("credit", "step-in", failed, *RISK))
    assert system.registry.controller_of(FleetId(fleet.fleet_id)) == account("operator-a").address


def test_insured__papers_renewed__are_on_record(sh: Shell, failed: int, market: CreditSystem) -> None:
    twice(sh, ("credit", "insured", failed, "2045-01-01", *RISK))
    assert market.credit.loan(LoanId(failed)).terms.insured_until == 2_366_841_600


def test_collateral__listed_and_delisted__by_their_roles(sh: Shell, fleet: LiveFleet, market: CreditSystem) -> None:
    token = sh.chain.manifest.address("TestCollateral")
    sh("credit", "delist-collateral", "TestCollateral", "--account", "guardian")
    assert market.prices.is_listed(token) is False
    assert sh.json("credit", "collateral", "TestCollateral")["listed"] is False
    asked = ("credit", "request", fleet.fleet_id, "--principal", "12000", *WITH_BTC, *OWNER)
    assert "invalid request (field collateral)" in sh.refused(*asked)
    bounds = ("--max-age", "1d", "--least", "1000", "--most", "1000000", "--most-jump", "5%")
    sh("credit", "test-price", "60000", *ANYONE)
    listing = ("credit", "list-collateral", "TestCollateral", "TestPriceFeed", *bounds, "--account", "parameters")
    announced = sh.json(*listing)["scheduled_for"]
    sh.clock.travel(announced)
    sh("credit", "test-price", "60000", *ANYONE)
    sh(*listing)
    feed = market.prices.feed_of(token)
    assert (feed.max_age, feed.most_jump_bps, feed.least, feed.most) == (DAY, 500, 1_000 * BTC, 1_000_000 * BTC)
    shown = sh.json("credit", "collateral", "TestCollateral")
    assert (shown["listed"], shown["value"], shown["untold"]) == (True, 60_000 * COIN, "")
    assert "60000 TUSD" in sh("credit", "collateral", "TestCollateral")
    sh.clock.advance(2 * DAY)
    assert sh.json("credit", "collateral", token)["untold"].startswith("price stale")
    assert "not known: price stale" in sh("credit", "collateral", "TestCollateral")


def test_bid__neither_collateral_nor_lot_or_both__is_refused(sh: Shell, failed: int) -> None:
    for wrong in ((), ("--lot", "--collateral", "1")):
        assert "for collateral or for the lot" in sh.refused("credit", "bid", failed, *wrong, *BIDDER)
