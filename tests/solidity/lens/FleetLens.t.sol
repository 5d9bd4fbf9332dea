// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

import {FleetValue} from "../../../contracts/interfaces/IAppraisal.sol";
import {Evidence, Health, Loan} from "../../../contracts/interfaces/IFleetCredit.sol";
import {
    FleetLoan,
    FleetMarket,
    FleetQuery,
    FleetRow,
    LastInterval,
    LendingPlace
} from "../../../contracts/interfaces/IFleetLens.sol";
import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {ICustodian} from "../../../contracts/interfaces/ICustodian.sol";
import {FleetLens} from "../../../contracts/lens/FleetLens.sol";
import {bound} from "../base/Bound.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev Says that it is a custodian, and then burns all gas, or refuses.
contract HostileCustodian is ERC165 {
    bool internal immutable BURNS;

    constructor(bool burns) {
        BURNS = burns;
    }

    function controllerOf(uint256) external view returns (address) {
        while (BURNS) {}
        revert("nobody's business");
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(ICustodian).interfaceId || super.supportsInterface(interfaceId);
    }
}

/// @dev A fleet with revenue and a loan, and others that only were enrolled.
contract FleetLensTest is CreditScene {
    uint256 internal constant LARGE = 1_000_000;

    FleetLens internal lens;
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        lens = new FleetLens();
        _history(3, _coins(500));
        loanId = _drawnLoan();
    }

    function test_fleet__everyFigure__isTheContracts() public {
        _earnProved(block.timestamp + 3 hours, 2 * HOUR);
        FleetRow memory row = _one(fleetId);
        vm.assertEq(_hash(abi.encode(row.fleet)), _hash(abi.encode(registry.fleet(fleetId))));
        vm.assertEq(_hash(abi.encode(row.head)), _hash(abi.encode(oracle.head(fleetId))));
        vm.assertEq(_hash(abi.encode(row.revenue)), _hash(abi.encode(router.revenue(fleetId))));
        vm.assertEq(abi.decode(row.symbol, (string)), coin.symbol());
        vm.assertEq(row.owner, address(custody));
        vm.assertEq(row.controller, owner);
        vm.assertEq(row.pricePerGpuHour, pricing.priceOf(fleetId));
        vm.assertEq(row.leasedGpus, book.leasedGpus(fleetId));
        vm.assertEq(row.escrow, book.escrowOf(fleetId));
        vm.assertEq(row.reporter, reporter);
        vm.assertEq(row.verifiers.length, 3);
        vm.assertEq(row.quorum, 2);
        vm.assertEq(row.capacityGpuMs, registry.capacityGpuMs(fleetId, row.head.asOf));
        vm.assertEq(row.netRevenue30, 3 * _coins(500));
        vm.assertEq(row.supply, shares.totalSupply());
        vm.assertEq(row.boundShares, shares.boundShares());
        vm.assertEq(row.collected, shares.collected());
        vm.assertEq(row.unreleased, shares.unreleased());
        vm.assertTrue(row.interval.utilizationTold);
        vm.assertTrue(row.interval.powerTold);
        vm.assertTrue(row.interval.joulesTold);
        vm.assertEq(row.interval.utilizationWad, oracle.utilizationWad(fleetId));
        vm.assertEq(row.interval.meanPowerWatts, oracle.meanPowerWatts(fleetId));
        vm.assertEq(row.interval.joulesPerBusyGpuHour, oracle.joulesPerBusyGpuHour(fleetId));
    }

    function test_fleet__loan__withItsHealth() public {
        _goTo(credit.loan(loanId).nextDueAt + 1);
        FleetMarket memory found = _one(fleetId).markets[0];
        vm.assertEq(_hash(abi.encode(found.value)), _hash(abi.encode(appraisal.appraise(fleetId))));
        FleetLoan memory l = found.loans[0];
        vm.assertEq(l.loanId, loanId);
        vm.assertTrue(l.hasLot);
        vm.assertEq(_hash(abi.encode(l.loan)), _hash(abi.encode(credit.loan(loanId))));
        vm.assertEq(l.principal + l.interest, _owed(loanId));
        (uint256 principal, uint256 interest) = credit.arrears(loanId);
        vm.assertEq(l.arrears, principal + interest);
        vm.assertGt(l.arrears, 0);
        (Evidence evidence, uint256 since) = credit.evidence(loanId);
        vm.assertTrue(l.evidence == evidence);
        vm.assertEq(l.since, since);
        vm.assertTrue(l.healthTold);
        vm.assertEq(_hash(abi.encode(l.health)), _hash(abi.encode(credit.health(loanId))));
    }

    function test_fleet__stalePrices__valueStaysKnownAndHealthIsNot() public {
        vm.warp(block.timestamp + 40 days);
        FleetMarket memory found = _one(fleetId).markets[0];
        vm.assertTrue(found.valueTold);
        vm.assertEq(found.value.pricedAt, appraisal.priceOf(CLASS).updatedAt);
        vm.assertFalse(found.loans[0].healthTold);
        vm.assertEq(found.loans[0].health.debt, 0);
    }

    function test_fleet__heldLot__owesWithoutHealth() public {
        _breach(loanId);
        vm.startPrank(address(auction));
        credit.collateralSold(loanId, uint96(2 * BTC), 0, 0, bidder);
        credit.lotUnsold(loanId, _coins(100_000));
        vm.stopPrank();
        FleetLoan memory l = _one(fleetId).markets[0].loans[0];
        vm.assertEq(l.loanId, loanId);
        vm.assertEq(l.principal + l.interest, _owed(loanId));
        vm.assertFalse(l.healthTold);
        vm.assertEq(l.arrears, 0);
    }

    function test_fleet__justEnrolled__hasNoFigures() public {
        FleetRow memory row = _one(_liveFleet());
        vm.assertEq(row.head.digest, bytes32(0));
        vm.assertEq(row.capacityGpuMs, 0);
        vm.assertEq(_hash(abi.encode(row.interval)), _hash(abi.encode(_none())));
        vm.assertEq(row.markets[0].loans.length, 0);
    }

    function test_fleets__titleAtAHostileCustodian__hidesNoOtherFleet(bool burns) public {
        uint256 second = _liveFleet();
        address hostile = address(new HostileCustodian(burns));
        vm.prank(owner);
        registry.transferFrom(owner, hostile, second);
        (FleetRow[] memory rows, uint256 next) = lens.fleets{gas: 20_000_000}(_query(1, type(uint256).max));
        vm.assertEq(rows.length, 2);
        vm.assertEq(next, 0);
        vm.assertEq(rows[0].controller, owner);
        vm.assertEq(rows[1].owner, hostile);
        vm.assertEq(rows[1].controller, address(0));
    }

    function test_fleet__otherPricing__hasNoFixedPrice() public view {
        FleetQuery memory q = _query(fleetId, fleetId);
        q.fixedPricing = address(0xdead);
        (FleetRow[] memory rows,) = lens.fleets(q);
        vm.assertEq(rows[0].pricePerGpuHour, 0);
    }

    function test_fleet__symbolOfAnOldCoin__isHandedOnAsItIs() public {
        vm.mockCall(address(coin), abi.encodeCall(IERC20Metadata.symbol, ()), abi.encode(bytes32("MKR")));
        vm.assertEq(_one(fleetId).symbol, abi.encode(bytes32("MKR")));
        vm.clearMockedCalls();
    }

    function test_fleet__noMarket__isToldWithout() public view {
        FleetQuery memory q = _query(fleetId, fleetId);
        q.markets[0].token = address(0xdead);
        (FleetRow[] memory rows, uint256 next) = lens.fleets(q);
        vm.assertEq(rows[0].markets.length, 0);
        vm.assertEq(next, 0);
    }

    function test_fleet__notThere__isRefused() public {
        FleetQuery memory q = _query(9, 9);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 9));
        lens.fleets(q);
    }

    function test_fleets__pages__areAllOfThemInOrder(uint256 most) public {
        for (uint256 i; i < 4; ++i) {
            _liveFleet();
        }
        FleetQuery memory q = _query(1, type(uint256).max);
        q.mostBytes = bound(most, 1, 12_000);
        uint256 expected;
        for (uint256 next = 1; next != 0;) {
            q.first = next;
            FleetRow[] memory rows;
            (rows, next) = lens.fleets(q);
            vm.assertGt(rows.length, 0);
            for (uint256 i; i < rows.length; ++i) {
                vm.assertEq(rows[i].fleetId, ++expected);
            }
        }
        vm.assertEq(expected, registry.fleetCount());
    }

    function test_fleets__littleGas__oneAtATime() public {
        _liveFleet();
        (FleetRow[] memory rows, uint256 next) = lens.fleets{gas: 4_000_000}(_query(1, type(uint256).max));
        vm.assertEq(rows.length, 1);
        vm.assertEq(next, 2);
    }

    function test_fleets__beyondTheLast__none() public view {
        (FleetRow[] memory rows, uint256 next) = lens.fleets(_query(2, type(uint256).max));
        vm.assertEq(rows.length, 0);
        vm.assertEq(next, 0);
    }

    /* ---- internals ---- */

    function _one(uint256 which) private view returns (FleetRow memory) {
        (FleetRow[] memory rows, uint256 next) = lens.fleets(_query(which, which));
        vm.assertEq(rows.length, 1);
        vm.assertEq(next, 0);
        return rows[0];
    }

    function _query(uint256 first, uint256 last) private view returns (FleetQuery memory q) {
        q.first = first;
        q.last = last;
        q.registry = address(registry);
        q.oracle = address(oracle);
        q.leaseBook = address(book);
        q.router = address(router);
        q.fixedPricing = address(pricing);
        q.markets = new LendingPlace[](1);
        q.markets[0] = LendingPlace(address(coin), address(credit), address(appraisal));
        q.mostBytes = LARGE;
    }

    function _none() private pure returns (LastInterval memory none) {}

    function _hash(bytes memory data) private pure returns (bytes32) {
        return keccak256(data);
    }
}
