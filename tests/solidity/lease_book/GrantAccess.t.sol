// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract GrantAccessTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _openLease(fleetId, lessee, 8, 10 hours);
    }

    function test_grantAccess__byOperator__deliveryCountsFromNow() public {
        vm.warp(START + 30 minutes);
        vm.expectEmit(address(book));
        emit ILeaseBook.GrantAccess(leaseId, operator, START + 30 minutes + 10 hours, "gpus", "sealed");
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "sealed");

        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.grantedAt, START + 30 minutes);
        vm.assertEq(l.end, START + 30 minutes + 10 hours);
        vm.assertEq(book.gpuRootOf(leaseId), "gpus");
    }

    function test_grantAccess__byAnybodyElse__reverts() public {
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotOperator.selector, fleetId, lessee));
        book.grantAccess(leaseId, "gpus", "");
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotOperator.selector, fleetId, owner));
        book.grantAccess(leaseId, "gpus", "");
    }

    function test_grantAccess__twice__reverts() public {
        vm.startPrank(operator);
        book.grantAccess(leaseId, "gpus", "");
        vm.warp(START + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.AlreadyGranted.selector, leaseId));
        book.grantAccess(leaseId, "other", "");
        vm.assertEq(book.lease(leaseId).grantedAt, START);
    }

    function test_grantAccess__noGpuRoot__reverts() public {
        vm.prank(operator);
        vm.expectRevert(ILeaseBook.InvalidGpuRoot.selector);
        book.grantAccess(leaseId, 0, "");
    }

    function test_grantAccess__cancelled__reverts() public {
        vm.prank(lessee);
        book.cancel(leaseId);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.grantAccess(leaseId, "gpus", "");
    }

    function test_grantAccess__unknown__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, leaseId + 1));
        book.grantAccess(leaseId + 1, "gpus", "");
    }

    function test_replaceGpus__granted__newCommitment() public {
        vm.startPrank(operator);
        book.grantAccess(leaseId, "gpus", "");
        vm.expectEmit(address(book));
        emit ILeaseBook.ReplaceGpus(leaseId, "others", "resealed");
        book.replaceGpus(leaseId, "others", "resealed");
        vm.assertEq(book.gpuRootOf(leaseId), "others");
        vm.assertEq(book.lease(leaseId).grantedAt, START);
    }

    function test_replaceGpus__ungranted__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, leaseId));
        book.replaceGpus(leaseId, "others", "");
    }

    function test_replaceGpus__noGpuRoot__reverts() public {
        vm.startPrank(operator);
        book.grantAccess(leaseId, "gpus", "");
        vm.expectRevert(ILeaseBook.InvalidGpuRoot.selector);
        book.replaceGpus(leaseId, 0, "");
    }

    function test_replaceGpus__byLessee__reverts() public {
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "");
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotOperator.selector, fleetId, lessee));
        book.replaceGpus(leaseId, "others", "");
    }

    function test_rekey__byOwnerOrUser__published() public {
        vm.expectEmit(address(book));
        emit ILeaseBook.Rekey(leaseId, lessee, "new");
        vm.prank(lessee);
        book.rekey(leaseId, "new");

        vm.prank(lessee);
        book.setUser(leaseId, stranger, uint64(START + 1 hours));
        vm.expectEmit(address(book));
        emit ILeaseBook.Rekey(leaseId, stranger, "newer");
        vm.prank(stranger);
        book.rekey(leaseId, "newer");
    }

    function test_rekey__userPastItsTime__reverts() public {
        vm.prank(lessee);
        book.setUser(leaseId, stranger, uint64(START + 1 hours));
        vm.warp(START + 1 hours + 1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotLessee.selector, leaseId, stranger));
        book.rekey(leaseId, "new");
    }

    function test_rekey__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotLessee.selector, leaseId, operator));
        book.rekey(leaseId, "new");
    }

    function test_rekey__toNothing__reverts() public {
        vm.prank(lessee);
        vm.expectRevert(ILeaseBook.InvalidAccessKey.selector);
        book.rekey(leaseId, 0);
    }

    function test_rekey__closed__reverts() public {
        vm.startPrank(lessee);
        book.cancel(leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.rekey(leaseId, "new");
    }
}
