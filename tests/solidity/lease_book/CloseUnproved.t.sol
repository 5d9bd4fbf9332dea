// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Report, Signature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract CloseUnprovedTest is LeaseScene {
    uint256 internal constant END = START + 10 hours;
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
        coin.mint(operator, _coins(100_000));
        coin.mint(stranger, _coins(100_000));
        vm.prank(operator);
        coin.approve(address(oracle), type(uint256).max);
        vm.prank(stranger);
        coin.approve(address(oracle), type(uint256).max);
    }

    function _post(uint256 asOf) internal {
        Report memory report = _report(fleetId, asOf, 0, LeafLib.delivery(leaseId, HOUR));
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.prank(operator);
        oracle.post(report, signature);
    }

    /// @dev No proof, no pay.
    function test_closeUnproved__sevenDaysAfterTheEnd__everythingRefunded() public {
        vm.warp(END + 7 days);
        vm.expectEmit(address(book));
        emit ILeaseBook.Close(leaseId, lessee, _coins(160), _coins(16), 0, 0);
        vm.prank(stranger);
        book.closeUnproved(leaseId);
        Lease memory l = book.lease(leaseId);
        vm.assertTrue(l.closed);
        vm.assertEq(l.paid, 0);
        vm.assertEq(l.refunded, _coins(160));
        vm.assertEq(bond.owed(coin, lessee), _coins(16));
    }

    function test_closeUnproved__aSecondEarly__reverts() public {
        vm.warp(END + 7 days - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseBook.ProofDeadlineRunning.selector, leaseId, uint256(7 days - 1), uint256(7 days)
            )
        );
        book.closeUnproved(leaseId);
    }

    function test_closeUnproved__beforeTheEnd__reverts() public {
        vm.warp(END - 1);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseNotEnded.selector, leaseId, uint256(END)));
        book.closeUnproved(leaseId);
    }

    function test_closeUnproved__someProved__thatIsPaid() public {
        _proveAndSettle(leaseId, 8 * 4 * HOUR, START + 4 hours);
        vm.warp(END + 7 days);
        book.closeUnproved(leaseId);
        vm.assertEq(book.lease(leaseId).paid, _coins(64));
        vm.assertEq(book.lease(leaseId).refunded, _coins(96));
    }

    function test_closeUnproved__coveringReportPending__clockStoodStill() public {
        vm.warp(END + 1 hours);
        _post(END);
        vm.warp(END + 1 hours + 30 minutes);
        // A quorum's report takes its place after half an hour, and says nothing of this lease.
        _head(END + 1 hours, bytes32("nothing"));
        vm.warp(END + 7 days);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseBook.ProofDeadlineRunning.selector, leaseId, uint256(7 days - 30 minutes), uint256(7 days)
            )
        );
        book.closeUnproved(leaseId);
        vm.warp(END + 7 days + 30 minutes);
        book.closeUnproved(leaseId);
    }

    function test_closeUnproved__reportDisputed__clockStoodStill() public {
        vm.warp(END + 1 days);
        _post(END);
        vm.warp(END + 1 days + 1 hours);
        vm.prank(stranger);
        oracle.dispute(fleetId);
        vm.warp(END + 6 days);
        vm.prank(arbiter);
        oracle.rule(fleetId, false);
        // A day and an hour before the dispute, 7 days - (1 day + 1 hour) after it.
        vm.warp(END + 6 days + 6 days - 1 hours - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseBook.ProofDeadlineRunning.selector, leaseId, uint256(7 days - 1), uint256(7 days)
            )
        );
        book.closeUnproved(leaseId);
        vm.warp(END + 6 days + 6 days - 1 hours);
        book.closeUnproved(leaseId);
    }

    /// @dev An operator that disputes its own reports again and again gains at most 30 days.
    function test_closeUnproved__standstillWithoutEnd__countsAtMost30Days() public {
        vm.warp(END);
        for (uint256 i; i < 4; ++i) {
            _post(END - 1);
            vm.prank(stranger);
            oracle.dispute(fleetId);
            vm.warp(END + (i + 1) * 14 days);
            if (i == 2) {
                vm.warp(END + 37 days - 1);
                vm.expectRevert(
                    abi.encodeWithSelector(
                        ILeaseBook.ProofDeadlineRunning.selector, leaseId, uint256(7 days - 1), uint256(7 days)
                    )
                );
                book.closeUnproved(leaseId);
                vm.warp(END + 37 days);
                book.closeUnproved(leaseId);
                return;
            }
            oracle.expireDispute(fleetId);
        }
        revert("not reached");
    }

    function test_closeUnproved__disputeBeforeTheEnd__doesNotCount() public {
        vm.warp(START + 2 hours);
        _post(START + 1 hours);
        vm.prank(stranger);
        oracle.dispute(fleetId);
        vm.warp(END);
        vm.prank(arbiter);
        oracle.rule(fleetId, false);
        vm.warp(END + 7 days);
        book.closeUnproved(leaseId);
    }

    function test_closeUnproved__ungrantedOrClosed__reverts() public {
        uint256 other = _openLease(fleetId, lessee, 1, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, other));
        book.closeUnproved(other);
        vm.warp(END + 7 days);
        book.closeUnproved(leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.closeUnproved(leaseId);
    }
}
