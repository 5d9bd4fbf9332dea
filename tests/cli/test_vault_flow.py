"""Lenders by commands: entering, asking to leave, taking it back, being served and paid."""

from __future__ import annotations

import pytest

from pyutils.contracts import CreditSystem, System
from pyutils.devnet import account

from .lending import ANYONE, LENDER, draw, lend
from .shell import LiveFleet, Shell

COIN = 10**6
SHARE = 10**12
WEEK = 7 * 86_400


@pytest.fixture
def market(sh: Shell) -> CreditSystem:
    return System.at(sh.chain.web3, sh.chain.manifest).credit_markets()[0]


def test_deposit__first_lender__gets_a_share_for_a_coin(sh: Shell, market: CreditSystem) -> None:
    done = lend(sh, 1_000)
    assert (done["assets"], done["shares"]) == (1_000 * COIN, 1_000 * SHARE)
    view = sh.json("vault", "status", "lender-1")
    assert view["conservative"] == view["optimistic"] == view["book"]["cash"] == 1_000 * COIN
    assert view["lender"]["shares"] == 1_000 * SHARE
    assert view["lender"]["worth"] == 1_000 * COIN
    shown = sh("vault", "status", "lender-1")
    assert "1000 TUSD" in shown
    assert "Position of" in shown
    assert "Position of" not in sh("vault", "status")


def test_deposit__more_than_is_held_or_taken__is_refused(sh: Shell, market: CreditSystem) -> None:
    sh("faucet", "lender-1", "--amount", "50000000", *LENDER)
    assert "are needed" in sh.refused("vault", "deposit", "60000000", *LENDER)
    assert "approved" in sh.refused("vault", "deposit", "1", "--pay", "allowance", *LENDER)
    room = sh.json("vault", "status")["room"]
    line = sh.refused("vault", "deposit", str(room // COIN + 1), *LENDER)
    assert "`gpurwa vault status`" in line
    assert "finer than" in sh.refused("vault", "deposit", "0.0000001", *LENDER)


def test_redeem__asked_served_and_claimed__pays_the_lender(sh: Shell, market: CreditSystem) -> None:
    lend(sh, 1_000)
    assert "nothing is set aside" in sh.refused("vault", "claim", *LENDER)
    assert "nothing to serve" in sh.refused("vault", "serve", *ANYONE)
    asked = sh.json("vault", "request-redeem", "400", *LENDER)
    assert asked["shares"] == 400 * SHARE
    assert "epoch still open" in sh.refused("vault", "serve", *ANYONE)
    view = sh.json("vault", "status", "lender-1")
    assert (view["lender"]["pending"], view["lender"]["pending_epoch"]) == (400 * SHARE, asked["epoch"])
    assert view["oldest_epoch"] == asked["epoch"] == view["current_epoch"]
    sh.clock.travel(asked["closes_at"])
    served = sh.json("vault", "serve", *ANYONE)
    assert (served["shares"], served["assets"], served["whole"]) == (400 * SHARE, 400 * COIN, True)
    assert sh.json("vault", "status", "lender-1")["lender"]["claimable"] == 400 * COIN
    before = market.token.balance_of(account("lender-2").address)
    assert sh.json("vault", "claim", "--to", "lender-2", *LENDER)["assets"] == 400 * COIN
    assert market.token.balance_of(account("lender-2").address) == before + 400 * COIN


def test_redeem__all_and_taken_back__the_shares_are_there_again(sh: Shell, market: CreditSystem) -> None:
    lend(sh, 1_000)
    assert "is asked for" in sh.refused("vault", "request-redeem", "1001", *LENDER).replace("are asked", "is asked")
    sh("vault", "request-redeem", "all", *LENDER)
    assert market.vault.balance_of(account("lender-1").address) == 0
    assert sh.json("vault", "cancel", *LENDER)["shares"] == 1_000 * SHARE
    assert market.vault.balance_of(account("lender-1").address) == 1_000 * SHARE
    assert "nothing pending" in sh.refused("vault", "cancel", *LENDER)


def test_redeem__cash_is_lent__waits_for_it_and_stops_lending(sh: Shell, fleet: LiveFleet) -> None:
    draw(sh, fleet)
    asked = sh.json("vault", "request-redeem", "all", *LENDER)
    sh.clock.travel(asked["closes_at"])
    view = sh.json("vault", "status")
    assert view["book"]["performing_principal"] == 12_000 * COIN
    assert view["lendable"] == 0
    served = sh.json("vault", "serve", *ANYONE)
    assert served["whole"] is False
    assert 0 <= view["book"]["cash"] - served["assets"] <= 1
    assert "cut off passed" in sh.refused("vault", "cancel", *LENDER)


def test_operator__approved_and_revoked__is_on_chain(sh: Shell, market: CreditSystem) -> None:
    pair = (account("lender-1").address, account("lender-2").address)
    read = ("read", "CreditVault", "isOperator", *pair)
    sh("vault", "operator", "lender-2", *LENDER)
    assert sh.json(*read) is True
    sh("vault", "operator", "lender-2", "--revoked", *LENDER)
    assert sh.json(*read) is False
