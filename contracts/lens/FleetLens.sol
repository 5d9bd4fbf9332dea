// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {FleetValue, IAppraisal} from "../interfaces/IAppraisal.sol";
import {IFixedPricing} from "../interfaces/IFixedPricing.sol";
import {Health, IFleetCredit, LoanState} from "../interfaces/IFleetCredit.sol";
import {
    FleetLoan,
    FleetMarket,
    FleetQuery,
    FleetRow,
    IFleetLens,
    LastInterval,
    LendingPlace
} from "../interfaces/IFleetLens.sol";
import {IFleetRegistry} from "../interfaces/IFleetRegistry.sol";
import {IFleetShares} from "../interfaces/IFleetShares.sol";
import {ILeaseBook} from "../interfaces/ILeaseBook.sol";
import {IMeterOracle} from "../interfaces/IMeterOracle.sol";
import {IRevenueRouter} from "../interfaces/IRevenueRouter.sol";

/// @title FleetLens
contract FleetLens is IFleetLens {
    /// @dev Of the gas: more than the dearest fleet takes, and the encoding of a full page.
    uint256 internal constant GAS_RESERVE = 4_000_000;
    uint256 internal constant HISTORY_DAYS = 30;
    /// @dev For asking a title's owner whether it is a custodian, and whom it names.
    uint256 internal constant CUSTODIAN_GAS = 500_000;

    /// @inheritdoc IFleetLens
    function fleets(FleetQuery calldata q) external view returns (FleetRow[] memory rows, uint256 next) {
        uint256 last = q.first == q.last ? q.last : Math.min(q.last, IFleetRegistry(q.registry).fleetCount());
        uint256 wanted = last < q.first ? 0 : last - q.first + 1;
        rows = new FleetRow[](wanted);
        uint256 found;
        uint256 size;
        while (found < wanted && (found == 0 || (gasleft() > GAS_RESERVE && size < q.mostBytes))) {
            rows[found] = _read(q, q.first + found);
            size += abi.encode(rows[found++]).length;
        }
        if (found < wanted) {
            next = q.first + found;
            assembly ("memory-safe") {
                mstore(rows, found)
            }
        }
    }

    function _read(FleetQuery calldata q, uint256 fleetId) private view returns (FleetRow memory row) {
        IFleetRegistry registry = IFleetRegistry(q.registry);
        row.fleetId = fleetId;
        row.fleet = registry.fleet(fleetId);
        // Not by the interface, which takes a `bytes32` for no string and would refuse all fleets.
        (, row.symbol) = row.fleet.settlementToken.staticcall(abi.encodeCall(IERC20Metadata.symbol, ()));
        row.owner = IERC721(q.registry).ownerOf(fleetId);
        row.controller = _controller(registry, fleetId);
        if (address(row.fleet.pricing) == q.fixedPricing) {
            row.pricePerGpuHour = IFixedPricing(q.fixedPricing).priceOf(fleetId);
        }
        row.leasedGpus = ILeaseBook(q.leaseBook).leasedGpus(fleetId);
        row.escrow = ILeaseBook(q.leaseBook).escrowOf(fleetId);
        _addMeter(row, IMeterOracle(q.oracle), registry);
        _addRevenue(row, IRevenueRouter(q.router));
        for (uint256 i; i < q.markets.length; ++i) {
            if (q.markets[i].token != row.fleet.settlementToken) continue;
            row.markets = new FleetMarket[](1);
            row.markets[0] = _market(q.markets[i], fleetId);
            break;
        }
    }

    /// @dev Asks the title's owner where that is a contract, which may be anybody's: it hides its own fleet's controller at most.
    function _controller(IFleetRegistry registry, uint256 fleetId) private view returns (address) {
        try registry.controllerOf{gas: CUSTODIAN_GAS}(fleetId) returns (address controller) {
            return controller;
        } catch {
            return address(0);
        }
    }

    function _addMeter(FleetRow memory row, IMeterOracle oracle, IFleetRegistry registry) private view {
        row.head = oracle.head(row.fleetId);
        row.reporter = oracle.reporterOf(row.fleetId);
        (row.verifiers, row.quorum) = oracle.verifiersOf(row.fleetId);
        if (row.head.digest == 0) return;

        row.capacityGpuMs = registry.capacityGpuMs(row.fleetId, row.head.asOf);
        row.interval = _interval(oracle, row.fleetId);
    }

    /// @dev The oracle refuses what an interval cannot tell: power before the second report, joules where nothing was busy.
    function _interval(IMeterOracle oracle, uint256 fleetId) private view returns (LastInterval memory interval) {
        try oracle.meanPowerWatts(fleetId) returns (uint256 watts) {
            interval.powerTold = true;
            interval.meanPowerWatts = watts;
        } catch {}
        try oracle.utilizationWad(fleetId) returns (uint256 wad) {
            interval.utilizationTold = true;
            interval.utilizationWad = wad;
        } catch {}
        try oracle.joulesPerBusyGpuHour(fleetId) returns (uint256 joules) {
            interval.joulesTold = true;
            interval.joulesPerBusyGpuHour = joules;
        } catch {}
    }

    function _addRevenue(FleetRow memory row, IRevenueRouter router) private view {
        uint256 today = block.timestamp / 1 days;
        row.revenue = router.revenue(row.fleetId);
        row.netRevenue30 = router.netRevenueBetween(row.fleetId, today - HISTORY_DAYS, today);
        IFleetShares shares = IFleetShares(row.fleet.shares);
        row.supply = shares.totalSupply();
        row.boundShares = shares.boundShares();
        row.collected = shares.collected();
        row.unreleased = shares.unreleased();
    }

    function _market(LendingPlace calldata place, uint256 fleetId) private view returns (FleetMarket memory market) {
        market.credit = place.credit;
        try IAppraisal(place.appraisal).lastKnown(fleetId) returns (FleetValue memory value) {
            market.valueTold = true;
            market.value = value;
        } catch {}
        uint256 loanId = IFleetCredit(place.credit).loanOf(fleetId);
        if (loanId == 0) return market;

        market.loans = new FleetLoan[](1);
        market.loans[0] = _loan(IFleetCredit(place.credit), loanId);
    }

    function _loan(IFleetCredit credit, uint256 loanId) private view returns (FleetLoan memory l) {
        l.loanId = loanId;
        l.loan = credit.loan(loanId);
        l.hasLot = credit.saleState(loanId).hasLot;
        (l.principal, l.interest) = credit.debt(loanId);
        if (l.loan.state != LoanState.Open) return l;

        (uint256 principal, uint256 interest) = credit.arrears(loanId);
        l.arrears = principal + interest;
        (l.evidence, l.since) = credit.evidence(loanId);
        try credit.health(loanId) returns (Health memory health) {
            l.healthTold = true;
            l.health = health;
        } catch {}
    }
}
