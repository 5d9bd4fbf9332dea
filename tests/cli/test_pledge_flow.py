"""What secures a loan, by commands: collateral given and taken back, and a pledge that could not be sent back."""

from __future__ import annotations

import pytest

from pyutils.contracts import CreditSystem, System
from pyutils.devnet import account
from pyutils.migration import Kind, read_remaining
from pyutils.units import FleetId, LoanId

from .lending import ANYONE, OWNER, draw
from .shell import LiveFleet, Shell, confirm, enroll, twice

BTC = 10**8
WITH_BTC = ("--collateral", "TestCollateral", "--collateral-amount", "0.1")
REGISTRAR = ("--account", "registrar")


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


@pytest.fixture
def market(system: System) -> CreditSystem:
    return system.credit_markets()[0]


@pytest.fixture
def gated(sh: Shell, market: CreditSystem) -> LiveFleet:
    """A fleet of four GPUs whose shares only permitted accounts, and custody, may hold."""
    ids = tuple(f"gated-{number}" for number in range(4))
    sh("admin", "holder", "operator-a", *REGISTRAR)
    fleet_id = enroll(sh, ids, "--gated", "--custodian", market.custody.address)
    appoint = ("admin", "verifiers", fleet_id, "verifier-1", "verifier-2", "verifier-3", "--quorum", 2)
    twice(sh, confirm(sh, fleet_id, ids), (*appoint, "--account", "verifier-admin"))
    sh("fleet", "reporter", fleet_id, "reporter-a", *OWNER)
    sh("bond", "stake", fleet_id, "5000", *OWNER)
    return LiveFleet(fleet_id, ids)


def borrow(sh: Shell, fleet: LiveFleet) -> int:
    """Draw a loan against a fleet and a tenth of the one bitcoin that operator-a has."""
    sh("faucet", "operator-a", "--collateral", "--amount", "1", *OWNER)
    return draw(sh, fleet, *WITH_BTC)


def collateral_of(sh: Shell, system: System, who: str) -> int:
    return system.token(sh.chain.manifest.address("TestCollateral")).balance_of(account(who).address)


def test_pledge_and_take_back__of_bitcoin__moves_it(
    sh: Shell, fleet: LiveFleet, system: System, market: CreditSystem
) -> None:
    loan = borrow(sh, fleet)
    assert collateral_of(sh, system, "operator-a") == BTC * 9 // 10
    sh("credit", "take-back", loan, "--collateral", "0.04", "--to", "investor-2", *OWNER)
    assert collateral_of(sh, system, "investor-2") == BTC * 4 // 100
    sh("credit", "take-back", loan, "--collateral", "0.00000001", *OWNER)
    assert collateral_of(sh, system, "operator-a") == BTC * 9 // 10 + 1
    sh("credit", "pledge", loan, "--collateral", "0.01", "--account", "investor-2")
    assert collateral_of(sh, system, "investor-2") == BTC * 3 // 100
    held = BTC * 7 // 100 - 1
    assert market.credit.loan(LoanId(loan)).collateral_amount == held
    assert collateral_of(sh, system, "operator-a") + collateral_of(sh, system, "investor-2") + held == BTC

    line = sh.refused("credit", "take-back", loan, "--collateral", "0.07", *OWNER)
    assert f"insufficient pledge (loan id {loan}, held {held}, asked {held + 1})" in line
    assert "not borrower" in sh.refused("credit", "take-back", loan, "--collateral", "0.01", *ANYONE)
    assert "finer than" in sh.refused("credit", "pledge", loan, "--collateral", "0.000000001", *OWNER)
    assert market.credit.loan(LoanId(loan)).collateral_amount == held


def test_repay__all_of_a_loan_with_bitcoin__sends_it_back(
    sh: Shell, fleet: LiveFleet, system: System, market: CreditSystem
) -> None:
    loan = borrow(sh, fleet)
    sh("faucet", "operator-a", *OWNER)
    sh("credit", "repay", loan, "all", *OWNER)
    assert collateral_of(sh, system, "operator-a") == BTC
    for part in ("--lot", "--collateral"):
        line = sh.refused("credit", "reclaim", loan, part, *OWNER)
        assert line.endswith("Nothing is left to do: the pledge went back when the loan closed")
    assert market.credit.loan(LoanId(loan)).collateral_amount == 0


def test_reclaim__borrower_whom_the_gate_refuses__sends_the_lot_to_somebody_whom_it_permits(
    sh: Shell, gated: LiveFleet, system: System, market: CreditSystem
) -> None:
    loan, fleet_id = borrow(sh, gated), FleetId(gated.fleet_id)
    sh("admin", "holder", "operator-a", "--forbidden", *REGISTRAR)
    sh("faucet", "investor-3", *ANYONE)
    assert sh.json("credit", "repay", loan, "all", *ANYONE)["closed"] is True
    assert system.registry.owner_of(fleet_id) == market.custody.address
    assert system.registry.controller_of(fleet_id) == account("operator-a").address
    # The collateral, which nobody refused, went home.
    assert collateral_of(sh, system, "operator-a") == BTC

    assert "one at a time" in sh.refused("credit", "reclaim", loan, *OWNER)
    assert "not borrower" in sh.refused("credit", "reclaim", loan, "--lot", *ANYONE)
    assert "nothing to reclaim" in sh.refused("credit", "reclaim", loan, "--collateral", *OWNER)
    sh.refused("credit", "reclaim", loan, "--lot", *OWNER)
    assert system.registry.owner_of(fleet_id) == market.custody.address
    (kept,) = (one for one in read_remaining(system).obligations if one.kind is Kind.PLEDGE)
    assert kept.steps[0].command == f"gpurwa credit reclaim {loan} --lot --network devnet"
    assert kept.steps[0].accounts == (account("operator-a").address,)
    sh("admin", "holder", "investor-2", *REGISTRAR)
    sh("credit", "reclaim", loan, "--lot", "--to", "investor-2", *OWNER)
    assert Kind.PLEDGE not in read_remaining(system).count()
    assert system.registry.owner_of(fleet_id) == account("investor-2").address
    assert system.shares(fleet_id).balance_of(account("investor-2").address) == 900_000 * 10**18
    assert "nothing to reclaim" in sh.refused("credit", "reclaim", loan, "--lot", *OWNER)
