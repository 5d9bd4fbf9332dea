// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract CancelTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _openLease(fleetId, lessee, 8, 10 hours);
    }

    function test_cancel__withinTheHour__costsOneHoursRent() public {
        vm.warp(START + 1 hours - 1);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Release(fleetId, operator, _coins(16));
        vm.expectEmit(address(book));
        emit ILeaseBook.Cancel(leaseId, lessee, _coins(144), _coins(16));
        vm.prank(lessee);
        book.cancel(leaseId);

        Lease memory l = book.lease(leaseId);
        vm.assertTrue(l.closed);
        vm.assertEq(l.fee, _coins(16));
        vm.assertEq(l.refunded, _coins(144));
        vm.assertEq(l.held, 0);
        vm.assertEq(book.owed(coin, lessee), _coins(144));
        vm.assertEq(book.escrowOf(fleetId), _coins(16));
        vm.assertEq(book.leasedGpus(fleetId), 0);
        vm.assertEq(bond.bond(fleetId, operator).reserved, 0);
        vm.assertEq(router.revenue(fleetId).pending, _coins(16));
        // A fee is no evidence of what the fleet earns.
        vm.assertEq(_netRevenueToday(), 0);
    }

    function test_cancel__oneHourLeaseAtOnce__keepsNothingBack() public {
        uint256 short = _openLease(fleetId, lessee, 3, 1 hours);
        vm.prank(lessee);
        book.cancel(short);
        vm.assertEq(book.lease(short).fee, _coins(6));
        vm.assertEq(book.lease(short).refunded, 0);
    }

    function test_cancel__anHourLater__costsNothing() public {
        vm.warp(START + 1 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.Cancel(leaseId, lessee, _coins(160), 0);
        vm.prank(lessee);
        book.cancel(leaseId);
        vm.assertEq(book.owed(coin, lessee), _coins(160));
        vm.assertEq(router.revenue(fleetId).pending, 0);
    }

    function test_cancel__byAnyoneBefore24Hours__reverts() public {
        vm.warp(START + 24 hours - 1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.CannotCancelBefore.selector, leaseId, START + 24 hours));
        book.cancel(leaseId);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.CannotCancelBefore.selector, leaseId, START + 24 hours));
        book.cancel(leaseId);
    }

    function test_cancel__byAnyoneFrom24Hours__refundsTheLessee() public {
        vm.warp(START + 24 hours);
        vm.prank(stranger);
        book.cancel(leaseId);
        vm.assertEq(book.owed(coin, lessee), _coins(160));
        vm.assertEq(book.owed(coin, stranger), 0);
    }

    function test_cancel__granted__reverts() public {
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "");
        vm.warp(START + 24 hours);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.AlreadyGranted.selector, leaseId));
        book.cancel(leaseId);
    }

    function test_cancel__twice__reverts() public {
        vm.startPrank(lessee);
        book.cancel(leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.cancel(leaseId);
        vm.assertEq(book.owed(coin, lessee), _coins(144));
    }

    function test_cancel__unknown__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, leaseId + 1));
        book.cancel(leaseId + 1);
    }

    function test_cancel__clearsTheUser() public {
        vm.startPrank(lessee);
        book.setUser(leaseId, stranger, uint64(START + 1 days));
        book.cancel(leaseId);
        vm.assertEq(book.userOf(leaseId), address(0));
    }

    function test_cancel__afterTransfer__refundsTheNewOwner() public {
        vm.prank(lessee);
        book.transferFrom(lessee, investor, leaseId);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.CannotCancelBefore.selector, leaseId, START + 24 hours));
        book.cancel(leaseId);
        vm.prank(investor);
        book.cancel(leaseId);
        vm.assertEq(book.owed(coin, investor), _coins(144));
        vm.assertEq(book.owed(coin, lessee), 0);
    }

    function test_cancel__whilePaused__goesOn() public {
        vm.prank(guardian);
        registry.pause();
        vm.prank(lessee);
        book.cancel(leaseId);
        vm.prank(lessee);
        vm.assertEq(book.withdraw(coin, lessee), _coins(144));
    }
}
