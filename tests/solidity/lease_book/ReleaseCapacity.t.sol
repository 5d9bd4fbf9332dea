// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract ReleaseCapacityTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 60, 10 hours);
    }

    function test_releaseCapacity__byAnyoneAtTheEnd__freesTheGpus() public {
        vm.warp(START + 10 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.Release(leaseId, 60);
        vm.prank(stranger);
        book.releaseCapacity(leaseId);
        vm.assertEq(book.leasedGpus(fleetId), 0);
        vm.assertTrue(book.lease(leaseId).released);
        vm.assertFalse(book.lease(leaseId).closed);
        _openLease(fleetId, lessee, 64, 1 hours);
    }

    function test_releaseCapacity__aSecondEarly__reverts() public {
        vm.warp(START + 10 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseNotEnded.selector, leaseId, START + 10 hours));
        book.releaseCapacity(leaseId);
    }

    /// @dev Freed twice, the fleet could lease what it does not have.
    function test_releaseCapacity__twice__reverts() public {
        vm.warp(START + 10 hours);
        book.releaseCapacity(leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.AlreadyReleased.selector, leaseId));
        book.releaseCapacity(leaseId);
    }

    function test_releaseCapacity__thenClose__countedOnce() public {
        vm.warp(START + 10 hours);
        book.releaseCapacity(leaseId);
        _openLease(fleetId, lessee, 20, 1 hours);
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.assertEq(book.leasedGpus(fleetId), 20);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.releaseCapacity(leaseId);
    }

    function test_releaseCapacity__earlyEnd__fromTheEffectiveEnd() public {
        vm.prank(lessee);
        book.endByLessee(leaseId);
        vm.warp(START + 2 hours);
        book.releaseCapacity(leaseId);
        vm.assertEq(book.leasedGpus(fleetId), 0);
    }

    function test_releaseCapacity__ungranted__reverts() public {
        uint256 other = _openLease(fleetId, lessee, 1, 1 hours);
        vm.warp(START + 10 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, other));
        book.releaseCapacity(other);
    }
}
