"""Fleets by a lens are what the wrappers say one by one, at any block, and their figures follow from that."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import Web3

from pyutils import devnet
from pyutils.chain import RevertedError
from pyutils.contracts import System
from pyutils.deployment import Plan, deploy_system
from pyutils.operations.calls import read
from pyutils.operations.history import block_time
from pyutils.portfolio import FleetView, figures_of, read_fleet, read_fleets
from pyutils.portfolio.fleet import FleetLoan
from pyutils.units import BPS, MS_PER_HOUR, WAD, FleetId, LoanId, to_bytes32_text

PLACES = st.integers(0, 10**6)
HERE = (HealthCheck.function_scoped_fixture,)


def compare(system: System, fleet_id: FleetId, view: FleetView) -> None:
    """Compare every figure with the wrapper's."""
    row, block = view.row, view.block.number
    assert view.block.at == block_time(system.web3, block)
    assert row.fleet == system.registry.fleet(fleet_id, block)
    assert row.owner == system.registry.owner_of(fleet_id, block)
    assert row.controller == system.registry.controller_of(fleet_id, block)
    assert row.price_per_gpu_hour == system.pricing.price_of(fleet_id, block)
    assert row.leased_gpus == system.lease_book.leased_gpus(fleet_id, block)
    assert row.escrow == system.lease_book.escrow_of(fleet_id, block)
    assert row.head == system.oracle.head(fleet_id, block)
    assert row.reporter == system.oracle.reporter_of(fleet_id, block)
    assert (row.verifiers, row.quorum) == system.oracle.verifiers_of(fleet_id, block)
    assert row.revenue == system.router.revenue(fleet_id, block)
    shares = system.shares(fleet_id)
    assert (row.supply, row.bound_shares) == (shares.total_supply(block), shares.bound_shares(block))
    assert (row.collected, row.unreleased) == (shares.collected(block), shares.unreleased(block))
    assert row.symbol == system.token(row.fleet.settlement_token).symbol(block)
    market = system.credit(row.fleet.settlement_token)
    assert row.market is not None
    priced = market.appraisal.price_of(to_bytes32_text(row.fleet.gpu_class), block).per_gpu > 0
    assert row.market.value_told == priced
    loan_id = market.credit.loan_of(fleet_id, block)
    assert (row.loan.loan_id if row.loan else None) == loan_id
    if row.loan is not None:
        compare_loan(system, row.loan, row.fleet.settlement_token, block)


def compare_loan(system: System, found: FleetLoan, token: str, block: int) -> None:
    """Compare a loan with the wrapper's."""
    credit, loan_id = system.credit(token).credit, LoanId(found.loan_id)
    assert found.loan == credit.loan(loan_id, block)
    assert found.debt == credit.debt(loan_id, block)
    if found.health_told:
        assert found.health == credit.health(loan_id, block)
    assert found.arrears == (credit.arrears(loan_id, block).total if found.loan.state.name == "OPEN" else 0)
    if found.loan.state.name == "OPEN":
        assert (found.evidence, found.since) == credit.evidence(loan_id, block)


@settings(max_examples=40, deadline=None, suppress_health_check=HERE)
@given(place=PLACES)
def test_fleets__at_any_block__are_what_the_wrappers_say(lived: System, blocks: range, place: int) -> None:
    block = blocks[place * (len(blocks) - 1) // 10**6]
    views = read_fleets(lived, block)
    assert [view.row.fleet_id for view in views] == list(range(1, lived.registry.fleet_count(block) + 1))
    for view in views:
        compare(lived, FleetId(view.row.fleet_id), view)
        assert read_fleet(lived, FleetId(view.row.fleet_id), block) == view


def test_figures__whole_history__follow_from_counters_and_books(lived: System, blocks: range) -> None:
    seen: set[str] = set()
    for block in blocks[:: max(1, len(blocks) // 80)]:
        for view in read_fleets(lived, block):
            row, found = view.row, figures_of(view)
            assert found.revenue.routed == found.revenue.protocol_fee + found.revenue.operating + found.revenue.shares
            if row.fleet.capacity:
                assert found.leased_wad == row.leased_gpus * WAD // row.fleet.capacity
            if found.meter is None:
                assert row.head.as_of == 0
                continue
            seen.add("meter")
            capacity = read(
                "FleetRegistry", lived.registry.address, "capacityGpuMs", row.fleet_id, row.head.as_of,
                web3=lived.web3, block=block,
            )  # fmt: skip
            assert row.capacity_gpu_ms == capacity
            assert found.meter.age_s == view.block.at - row.head.as_of >= 0
            if capacity:
                assert found.meter.availability_wad == row.head.available_gpu_ms * WAD // capacity <= WAD
            if row.head.busy_gpu_ms:
                joules = row.head.energy_joules * MS_PER_HOUR // row.head.busy_gpu_ms
                assert found.meter.joules_per_busy_gpu_hour == joules
                assert found.meter.energy_wh * 3_600 <= row.head.energy_joules
                seen.add("busy")
            if found.debt is not None:
                assert row.loan is not None
                seen.add("debt")
                debt = found.debt
                if debt.ltv_bps is not None:
                    worth = row.loan.health.hardware + row.loan.health.collateral
                    assert (debt.ltv_bps - 1) * worth < (debt.principal + debt.interest) * BPS <= debt.ltv_bps * worth
                    seen.add("ltv")
                if debt.coverage_bps is not None and debt.revenue_per_month is not None:
                    assert debt.coverage_bps == debt.revenue_per_month * BPS // debt.service_per_month
                    seen.add("coverage")
    assert seen == {"meter", "busy", "debt", "ltv", "coverage"}


def test_coverage__open_loan__is_by_the_revenue_that_its_limits_tell(lived: System, blocks: range) -> None:
    told = 0
    for block in blocks:
        for view in read_fleets(lived, block):
            debt, loan, market = figures_of(view).debt, view.row.loan, view.row.market
            if debt is None or loan is None or not loan.health_told or not loan.has_lot:
                continue
            assert market is not None
            pledge = (
                view.row.fleet_id, view.row.bound_shares + loan.loan.shares, view.row.supply, loan.loan.collateral,
                loan.loan.collateral_amount, loan.loan.young, loan.loan.terms.hardware_ltv_bps,
                loan.loan.terms.hardware_breach_bps, loan.loan.terms.young_ltv_bps,
                loan.loan.terms.collateral_ltv_bps, loan.loan.terms.collateral_breach_bps,
            )  # fmt: skip
            health = lived.credit(view.row.fleet.settlement_token).health
            limits = read("LoanHealth", health.address, "limits", pledge, web3=lived.web3, block=block)
            assert debt.revenue_per_month == limits[5]
            assert debt.breach_limit == limits[3]
            told += 1
    assert told > 0


def test_fleet__not_there__is_refused(lived: System) -> None:
    with pytest.raises(RevertedError, match="unknown fleet"):
        read_fleet(lived, FleetId(99))


def test_fleets__of_any_number__take_two_requests(lived: System, quiet: list[str]) -> None:
    assert len(read_fleets(lived)) == 2
    assert quiet == ["eth_getBlockByNumber", "eth_call"]


def test_fleets__small_pages__are_the_whole(lived: System, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_fleets(lived)
    monkeypatch.setattr("pyutils.portfolio.fleet.MOST_PAGE_BYTES", 1)
    assert read_fleets(lived) == whole


def test_fleets__system_without_market_or_fleet__none(web3: Web3) -> None:
    plan = Plan.default(devnet.CHAIN_ID, credit=())
    assert read_fleets(System.at(web3, deploy_system(devnet.account("deployer"), plan, web3))) == ()


def test_fleet__zero__is_unknown(lived: System) -> None:
    with pytest.raises(RevertedError, match="unknown fleet"):
        read_fleet(lived, FleetId(0))
