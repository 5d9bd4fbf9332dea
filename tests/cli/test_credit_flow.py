"""Loans by commands: one that is served by the fleet's revenue and paid off, and what roles and borrowers set."""

from __future__ import annotations

import pytest

from pyutils.contracts import CreditSystem, System
from pyutils.credit import payments
from pyutils.devnet import account
from pyutils.units import Bps, FleetId, LoanId, TokenUnits, UnixSeconds

from .lending import ANYONE, CLASS, OWNER, RISK, approve, ask, draw, lend, price_fleet, report
from .shell import LiveFleet, Shell, twice

COIN = 10**6
DAY = 86_400


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


@pytest.fixture
def market(system: System) -> CreditSystem:
    return system.credit_markets()[0]


def test_quote__before_anything_is_asked__tells_every_payment_and_the_limits(sh: Shell, fleet: LiveFleet) -> None:
    quote = ("credit", "quote", fleet.fleet_id, "--principal", 12_000, "--months", 12, "--shares", 900_000)
    blind = sh.json(*quote)
    assert (blind["limits"], blind["ltv_bps"], blind["coverage_bps"]) == (None, None, None)
    assert blind["untold"] == f"class not priced (GPU class {CLASS})"
    price_fleet(sh)
    offer = sh.json(*quote)
    start = UnixSeconds(offer["cost"]["start"])
    lines = payments(TokenUnits(12_000 * COIN), 12, Bps(1_200), start)
    assert [(line["due_at"], line["principal"], line["interest"]) for line in offer["cost"]["payments"]] == [
        (line.due_at, line.principal, line.interest) for line in lines
    ]
    assert offer["cost"]["reserve"] == 3_330 * COIN
    assert offer["limits"]["hardware"] <= 100_000 * COIN
    assert offer["limits"]["borrow_limit"] == offer["limits"]["hardware"] * 35 // 100
    assert offer["ltv_bps"] == -(-12_000 * COIN * 10_000 // offer["limits"]["hardware"])
    printed = sh(*quote)
    for line in lines:
        assert f"{line.total / COIN:.6f}" in printed
    assert "8670 TUSD" in printed


def test_loan__served_by_revenue_and_paid_off__gives_the_fleet_back(
    sh: Shell, fleet: LiveFleet, system: System, market: CreditSystem
) -> None:
    loan = draw(sh, fleet)
    assert system.registry.owner_of(FleetId(fleet.fleet_id)) == market.custody.address
    assert system.registry.controller_of(FleetId(fleet.fleet_id)) == account("operator-a").address
    view = sh.json("credit", "status", loan)
    assert (view["loan"]["state"], view["loan"]["principal"], view["loan"]["reserve"]) == (
        "open",
        12_000 * COIN,
        3_330 * COIN,
    )
    assert (view["arrears"]["principal"], view["needed"], view["evidence"]) == (0, 0, "none")
    assert view["health"]["borrow_limit"] > 12_000 * COIN
    shown = sh("credit", "status", loan)
    assert "open" in shown
    assert "1 of 12" in shown

    sh("faucet", "investor-3", *ANYONE)
    sh("shares", "distribute", fleet.fleet_id, "500", *ANYONE)
    sh("shares", "collect", fleet.fleet_id, *ANYONE)
    sh.clock.advance(2 * DAY)
    served = sh.json("credit", "service", loan, *ANYONE)
    assert (served["revenue"], served["paid"], served["set_aside"]) == (500 * COIN, 0, 500 * COIN)

    paid = sh.json("credit", "repay", loan, "2000", "--account", "investor-3")
    assert paid["principal"] + paid["interest"] == 2_000 * COIN
    assert paid["closed"] is False
    sh("faucet", "operator-a", *OWNER)
    last = sh.json("credit", "repay", loan, "all", *OWNER)
    assert last["closed"] is True
    assert last["principal"] == 12_000 * COIN - paid["principal"]
    assert system.registry.owner_of(FleetId(fleet.fleet_id)) == account("operator-a").address
    sent = sh.json("withdraw", *OWNER)
    # The reserve, and the revenue that was set aside and not needed.
    assert ("credit", 3_830 * COIN) in [(one["contract"], one["amount"]) for one in sent]
    assert sh.json("credit", "status", loan)["loan"]["state"] == "closed"
    assert [row["state"] for row in sh.json("credit", "list")] == ["closed"]
    assert "closed" in sh("credit", "list")


def test_positions__of_borrower_and_lender__show_what_is_owed_and_lent(sh: Shell, fleet: LiveFleet) -> None:
    loan = draw(sh, fleet)
    (borrowed,) = sh.json("positions", "operator-a")["loans"]
    assert (borrowed["loan_id"], borrowed["principal"]) == (loan, 12_000 * COIN)
    (lent,) = sh.json("positions", "lender-1")["vaults"]
    assert lent["worth"] == 500_000 * COIN
    assert "Borrowed" in sh("positions", "operator-a")
    assert "500000 TUSD" in sh("positions", "lender-1")


def test_request__not_wanted_any_more__is_cancelled(sh: Shell, fleet: LiveFleet) -> None:
    loan = ask(sh, fleet)
    assert sh.json("credit", "status", loan)["loan"]["state"] == "requested"
    assert "not borrower" in sh.refused("credit", "cancel", loan, *ANYONE)
    sh("credit", "cancel", loan, *OWNER)
    assert sh.json("credit", "status", loan)["loan"]["state"] == "closed"
    assert "wrong state (loan id 1, state closed)" in sh.refused("credit", "cancel", loan, *OWNER)


def test_approve__by_the_risk_role__is_announced_and_then_granted(
    sh: Shell, fleet: LiveFleet, market: CreditSystem
) -> None:
    loan = ask(sh, fleet)
    granted = approve(sh, loan, "--ceiling", "9000", "--rate", "9.5%", "--months", 24, "--coverage", "1.2")
    assert "may not call" in sh.refused(*granted[:-2], *ANYONE)
    line = sh.refused(*approve(sh, loan, "--hardware-ltv", "90%"))
    assert "InvalidTerms: field hardwareLtvBps" in line
    twice(sh, granted)
    terms = market.credit.loan(LoanId(loan)).terms
    assert (terms.ceiling, terms.rate_bps, terms.months, terms.coverage_bps) == (9_000 * COIN, 950, 24, 12_000)
    assert (terms.hardware_ltv_bps, terms.hardware_breach_bps, terms.late_rate_bps) == (7_000, 8_500, 500)


def test_draw__less_than_granted_and_to_somebody_else__pays_there(sh: Shell, fleet: LiveFleet, system: System) -> None:
    report(sh, fleet)
    lend(sh)
    loan = ask(sh, fleet)
    twice(sh, approve(sh, loan), ("credit", "price-class", CLASS, "25000", "--account", "appraiser"))
    assert "above ceiling" in sh.refused("credit", "draw", loan, "--principal", "12000.000001", *OWNER)
    before = system.coin().balance_of(account("investor-2").address)
    drawn = sh.json("credit", "draw", loan, "--principal", "6000", "--to", "investor-2", *OWNER)
    assert drawn["cost"]["principal"] == 6_000 * COIN
    received = system.coin().balance_of(account("investor-2").address) - before
    assert received == drawn["received"] == drawn["cost"]["received"] == 6_000 * COIN - drawn["cost"]["reserve"]


def test_draw__without_a_fresh_report__says_what_is_missing(sh: Shell, fleet: LiveFleet) -> None:
    lend(sh)
    loan = ask(sh, fleet)
    twice(sh, approve(sh, loan), ("credit", "price-class", CLASS, "25000", "--account", "appraiser"))
    line = sh.refused("credit", "draw", loan, *OWNER)
    assert "no fresh report" in line
    assert line.endswith("Wait for a report of the fleet that is not older than 48 hours")


def test_pledge_and_take_back__within_the_limits__moves_shares(
    sh: Shell, fleet: LiveFleet, system: System, market: CreditSystem
) -> None:
    loan = draw(sh, fleet)
    shares = system.shares(FleetId(fleet.fleet_id))
    sh("credit", "take-back", loan, "--shares", "100000", "--to", "investor-2", *OWNER)
    assert shares.balance_of(account("investor-2").address) == 100_000 * 10**18
    assert "above limit" in sh.refused("credit", "take-back", loan, "--shares", "700000", *OWNER)
    sh("credit", "pledge", loan, "--shares", "100000", "--account", "investor-2")
    assert market.credit.loan(LoanId(loan)).shares == 900_000 * 10**18
    for wrong in ((), ("--shares", "1", "--collateral", "1")):
        assert "one at a time" in sh.refused("credit", "pledge", loan, *wrong, *OWNER)
    assert "share units are needed" in sh.refused("credit", "pledge", loan, "--shares", "1", *ANYONE)


def test_sweep__chosen_by_the_borrower__prepays(sh: Shell, fleet: LiveFleet, market: CreditSystem) -> None:
    loan = draw(sh, fleet)
    assert "not borrower" in sh.refused("credit", "sweep", loan, "--prepay", *ANYONE)
    sh("credit", "sweep", loan, "--prepay", *OWNER)
    sh("faucet", "investor-3", *ANYONE)
    sh("shares", "distribute", fleet.fleet_id, "5000", *ANYONE)
    sh("shares", "collect", fleet.fleet_id, *ANYONE)
    sh.clock.advance(2 * DAY)
    served = sh.json("credit", "service", loan, *ANYONE)
    assert served["paid"] + served["set_aside"] == 5_000 * COIN
    assert market.credit.loan(LoanId(loan)).principal < 8_000 * COIN
    sh("credit", "sweep", loan, "--release", *OWNER)
    assert market.credit.loan(LoanId(loan)).sweep is False


def test_caps_and_recipient__by_their_roles__are_set(sh: Shell, fleet: LiveFleet, market: CreditSystem) -> None:
    parameters = ("--account", "parameters")
    twice(
        sh,
        ("credit", "cap", "fleet", "50000", *RISK),
        ("credit", "cap", "fleet", "70000", "--for", fleet.fleet_id, *RISK),
        ("credit", "cap", "vault", "123456", *RISK),
    )
    twice(sh, ("credit", "cost-recipient", "investor-1", *parameters))
    kind, key = b"fleet".ljust(32, b"\0"), fleet.fleet_id.to_bytes(32)
    assert market.credit.cap_of(kind, bytes(32)) == 50_000 * COIN
    assert market.credit.cap_of(kind, key) == 70_000 * COIN
    assert market.vault.cap() == 123_456 * COIN
    assert sh.json("read", "FleetCredit", "costRecipient") == account("investor-1").address.lower()
    assert "one vault" in sh.refused("credit", "cap", "vault", "1", "--for", "1", *RISK)
    assert "no number of a fleet" in sh.refused("credit", "cap", "fleet", "1", "--for", "one", *RISK)


def test_draw__above_the_borrower_s_cap__is_refused(sh: Shell, fleet: LiveFleet) -> None:
    report(sh, fleet)
    loan = ask(sh, fleet)
    price = ("credit", "price-class", CLASS, "25000", "--account", "appraiser")
    twice(sh, approve(sh, loan), price, ("credit", "cap", "borrower", "1000", "--for", "operator-a", *RISK))
    line = sh.refused("credit", "draw", loan, *OWNER)
    assert "cap exceeded (kind borrower" in line
    assert "cap 1000000000)" in line


def test_caps__of_a_fleet__show_what_is_drawn_under_each(sh: Shell, fleet: LiveFleet) -> None:
    draw(sh, fleet)
    rows = sh.json("credit", "caps", fleet.fleet_id)
    assert [(row["kind"], row["outstanding"]) for row in rows] == [
        (kind, 12_000 * COIN) for kind in ("fleet", "operator", "borrower")
    ]
    assert rows[1]["whose"] == rows[2]["whose"] == account("operator-a").address
    assert [row["cap"] for row in rows] == [row["default"] for row in rows]
    assert "12000 TUSD" in sh("credit", "caps", fleet.fleet_id)


def test_appraise__fresh_and_stale__shows_every_step(sh: Shell, fleet: LiveFleet) -> None:
    assert "class not priced" in sh.refused("credit", "appraise", fleet.fleet_id)
    price_fleet(sh)
    view = sh.json("credit", "appraise", fleet.fleet_id)
    assert (view["value"]["capacity"], view["value"]["price_per_gpu"], view["stale"]) == (4, 25_000 * COIN, "")
    assert view["value"]["hardware"] == 100_000 * COIN * view["value"]["depreciation_wad"] // 10**18
    assert "25000 TUSD" in sh("credit", "appraise", fleet.fleet_id)
    sh.clock.advance(36 * DAY)
    assert sh.json("credit", "appraise", fleet.fleet_id)["stale"].startswith("appraisal stale")
    assert "nothing is lent on it" in sh("credit", "appraise", fleet.fleet_id)


def test_shrink_in_custody__with_consent_to_exactly_that__is_done_by_the_borrower(
    sh: Shell, fleet: LiveFleet, system: System
) -> None:
    draw(sh, fleet)
    three = sh.write("three.txt", "".join(f"{gpu_id}\n" for gpu_id in fleet.gpu_ids[:3]))
    shrink = ("fleet", "shrink", fleet.fleet_id, "--gpus", three, *OWNER)
    assert "no consent" in sh.refused(*shrink)
    twice(sh, ("credit", "consent", fleet.fleet_id, "shrink", "--gpus", three, *RISK))
    sh(*shrink)
    assert system.registry.fleet(FleetId(fleet.fleet_id)).capacity == 3
    assert "do not fit" in sh.refused("credit", "consent", fleet.fleet_id, "shrink", *RISK)
    assert "no consent" in sh.refused("fleet", "wind-down", fleet.fleet_id, *OWNER)


def test_return_title__sent_without_a_loan__goes_back(
    sh: Shell, fleet: LiveFleet, system: System, market: CreditSystem
) -> None:
    sh("fleet", "transfer", fleet.fleet_id, market.custody.address, *OWNER)
    twice(sh, ("credit", "return-title", fleet.fleet_id, "operator-a", *RISK))
    assert system.registry.owner_of(FleetId(fleet.fleet_id)) == account("operator-a").address


def test_request__nonsense__one_line_and_nothing_sent(sh: Shell, fleet: LiveFleet) -> None:
    asked = ("credit", "request", fleet.fleet_id, *OWNER)
    assert "finer than" in sh.refused(*asked, "--principal", "0.0000001")
    assert "a loan of nothing" in sh.refused(*asked, "--principal", "0")
    assert "principal" in sh.refused(*asked, "--principal", "9" * 40)
    assert "Give both or neither" in sh.refused(*asked, "--principal", "1", "--collateral", "TestCollateral")
    assert "leaves nothing" in sh.refused(*asked, "--principal", "1", "--months", "3")
    assert "not title owner" in sh.refused(*asked[:-2], "--principal", "12000", *ANYONE)
    assert "unknown fleet" in sh.refused("credit", "quote", 9, "--principal", "1")
    assert "unknown loan" in sh.refused("credit", "status", 9)
    assert "no credit market in" in sh.refused("credit", "list", "--coin", "TestCollateral")
    assert "is more than" in sh.refused("credit", "quote", fleet.fleet_id, "--principal", "1", "--rate", "900%")
