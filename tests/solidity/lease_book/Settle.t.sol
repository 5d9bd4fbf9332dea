// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Report} from "../../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {bound} from "../base/Bound.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract SettleTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
    }

    function test_settle__provedDelivery__paysRentToTheFleet() public {
        _prove(leaseId, 8 * HOUR, START + 1 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.Settle(leaseId, 8 * HOUR, START + 1 hours, _coins(16));
        vm.prank(stranger);
        vm.assertEq(book.settle(leaseId, uint64(8 * HOUR), _noProof()), _coins(16));

        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.deliveredGpuMs, 8 * HOUR);
        vm.assertEq(l.settledAsOf, START + 1 hours);
        vm.assertEq(l.paid, _coins(16));
        vm.assertEq(l.held, _coins(1584));
        vm.assertEq(router.revenue(fleetId).pending, _coins(16));
        vm.assertEq(book.escrowOf(fleetId), _coins(1600), "rent stays until the router pulls");
        _checkMoney(leaseId);
    }

    function test_settle__twice__equalsOnce() public {
        _proveAndSettle(leaseId, 8 * HOUR, START + 1 hours);
        vm.assertEq(book.settle(leaseId, uint64(8 * HOUR), _noProof()), 0);
        vm.assertEq(book.lease(leaseId).paid, _coins(16));
        vm.assertEq(router.revenue(fleetId).pending, _coins(16));
    }

    /// @dev Prices that do not divide an hour make each settlement lose a fraction, were fractions lost.
    /// forge-config: default.fuzz.runs = 8
    function test_settle__hundredSmall__payExactlyWhatOneLargeDoes(uint256 price, uint256 seed) public {
        price = bound(price, _coins(1), _coins(3));
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(price));
        uint256 id = _grantedLease(fleetId, lessee, 3, 200 hours);
        uint256 delivered;
        uint256 sum;
        for (uint256 i = 1; i <= 100; ++i) {
            delivered += uint256(keccak256(abi.encode(seed, i))) % (3 * HOUR + 1);
            sum += _proveAndSettle(id, delivered, START + i * 1 hours);
        }
        vm.assertEq(sum, price * delivered / HOUR);
        vm.assertEq(book.lease(id).paid, sum);
        vm.assertEq(router.revenue(fleetId).pending, sum);
    }

    function test_settle__leafBelowWhatWasCredited__paysNothingAndRevertsNothing() public {
        _proveAndSettle(leaseId, 8 * HOUR, START + 1 hours);
        vm.assertEq(_proveAndSettle(leaseId, 8 * HOUR - 1, START + 2 hours), 0);
        vm.assertEq(book.lease(leaseId).deliveredGpuMs, 8 * HOUR);
        vm.assertEq(book.lease(leaseId).settledAsOf, START + 1 hours);
        // What is delivered later counts from what was credited.
        vm.assertEq(_proveAndSettle(leaseId, 9 * HOUR, START + 3 hours), _coins(2));
    }

    function test_settle__leafAboveWhatTheGpusCouldDeliver__capped() public {
        vm.assertEq(_proveAndSettle(leaseId, 64 * HOUR, START + 1 hours), _coins(16));
        vm.assertEq(book.lease(leaseId).deliveredGpuMs, 8 * HOUR);
        vm.assertEq(_proveAndSettle(leaseId, type(uint64).max, START + 2 hours), _coins(16));
    }

    function test_settle__headPastTheEnd__capsAtTheEnd() public {
        vm.assertEq(_proveAndSettle(leaseId, type(uint64).max, START + 200 hours), _coins(1600));
        vm.assertEq(book.lease(leaseId).settledAsOf, START + 100 hours);
        vm.assertEq(book.lease(leaseId).held, 0);
        _checkMoney(leaseId);
    }

    function test_settle__grantedLate__countsFromTheGrant() public {
        vm.warp(START + 10 hours);
        uint256 late = _openLease(fleetId, lessee, 1, 10 hours);
        vm.warp(START + 12 hours);
        vm.prank(operator);
        book.grantAccess(late, "gpus", "");
        vm.assertEq(_proveAndSettle(late, 100 * HOUR, START + 13 hours), _coins(2));
    }

    function test_settle__headNotAfterTheGrant__paysNothing() public {
        vm.warp(START + 1 hours);
        uint256 late = _grantedLease(fleetId, lessee, 1, 10 hours);
        vm.assertEq(_proveAndSettle(late, 100 * HOUR, START + 1 hours), 0);
        vm.assertEq(book.lease(late).settledAsOf, 0);
    }

    function test_settle__noHead__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, leaseId, HOUR));
        book.settle(leaseId, uint64(HOUR), _noProof());
    }

    function test_settle__otherNumberThanTheLeaf__reverts() public {
        _prove(leaseId, HOUR, START + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, leaseId, HOUR + 1));
        book.settle(leaseId, uint64(HOUR + 1), _noProof());
    }

    /// @dev A root of one fleet proves nothing of another's lease.
    function test_settle__provedByAnotherFleetsHead__reverts() public {
        uint256 mine = leaseId;
        uint256 first = fleetId;
        fleetId = _liveFleet();
        _prove(mine, HOUR, START + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, mine, HOUR));
        book.settle(mine, uint64(HOUR), _noProof());
        vm.assertEq(router.revenue(first).pending, 0);
    }

    function test_settle__unknownUngrantedOrClosed__reverts() public {
        _prove(leaseId + 1, HOUR, START + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, leaseId + 1));
        book.settle(leaseId + 1, uint64(HOUR), _noProof());

        uint256 other = _openLease(fleetId, lessee, 1, 10 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, other));
        book.settle(other, uint64(HOUR), _noProof());

        vm.prank(lessee);
        book.cancel(other);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, other));
        book.settle(other, uint64(HOUR), _noProof());
    }

    function test_settle__pendingReportWhoseLivenessPassed__countsAsHead() public {
        vm.warp(START + 1 hours);
        Report memory report = _report(fleetId, START + 1 hours, 0, LeafLib.delivery(leaseId, HOUR));
        coin.mint(operator, _coins(1000));
        vm.startPrank(operator);
        coin.approve(address(oracle), type(uint256).max);
        oracle.post(report, _sign(REPORTER_KEY, report));
        vm.stopPrank();
        vm.warp(START + 3 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, leaseId, HOUR));
        book.settle(leaseId, uint64(HOUR), _noProof());
        vm.warp(START + 3 hours);
        vm.assertEq(book.settle(leaseId, uint64(HOUR), _noProof()), _coins(2));
    }

    function test_settle__whilePaused__goesOn() public {
        vm.prank(guardian);
        registry.pause();
        vm.assertEq(_proveAndSettle(leaseId, HOUR, START + 1 hours), _coins(2));
    }
}
