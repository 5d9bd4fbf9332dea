// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMeterOracle, Report} from "../../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {DeliveryTree} from "../base/DeliveryTree.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev What others may ask: each read answers one question, and reverts when it cannot.
contract ReadsTest is OracleTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant SECOND = START + 2 hours;

    function test_head__noReportEver__empty() public view {
        vm.assertEq(oracle.head(fleetId).digest, 0);
        vm.assertEq(oracle.head(fleetId).acceptedAt, 0);
        vm.assertEq(oracle.head(9).digest, 0);
    }

    /* ---- freshHead ---- */

    function test_freshHead__youngEnough__answers() public {
        Report memory report = _headAt(FIRST);
        vm.warp(FIRST + 1 hours);
        vm.assertEq(oracle.freshHead(fleetId, 1 hours).digest, oracle.digestOf(report));
    }

    function test_freshHead__oneSecondTooOld__reverts() public {
        _headAt(FIRST);
        vm.warp(FIRST + 1 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.StaleReport.selector, fleetId, FIRST, 1 hours));
        oracle.freshHead(fleetId, 1 hours);
    }

    /// @dev Age counts from what the report speaks of, not from when it came.
    function test_freshHead__lateReport__isAsOldAsWhatItSaysReverts() public {
        vm.warp(START + 10 hours);
        _submit(_next(FIRST));
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.StaleReport.selector, fleetId, FIRST, 1 hours));
        oracle.freshHead(fleetId, 1 hours);
    }

    function test_freshHead__noReportEver__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NoReport.selector, fleetId));
        oracle.freshHead(fleetId, type(uint256).max);
    }

    function test_freshHead__pendingLapsed__answersWithIt() public {
        _headAt(FIRST);
        Report memory report = _postAt(SECOND);
        vm.warp(SECOND + 2 hours);
        vm.assertEq(oracle.freshHead(fleetId, 2 hours).digest, oracle.digestOf(report));
    }

    /* ---- the last interval ---- */

    function test_utilizationWad__lastInterval__roundsDown() public {
        _headAt(FIRST);
        _secondHead(3000, 2000, 0);
        vm.assertEq(oracle.utilizationWad(fleetId), uint256(2e18) / 3);
    }

    function test_utilizationWad__firstReport__isSinceEnrolment() public {
        _headAt(FIRST);
        vm.assertEq(oracle.utilizationWad(fleetId), 0.5e18);
    }

    function test_utilizationWad__nothingAvailable__reverts() public {
        _headAt(FIRST);
        _secondHead(0, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId));
        oracle.utilizationWad(fleetId);
    }

    function test_meanPowerWatts__lastInterval__roundsDown() public {
        _headAt(FIRST);
        _secondHead(0, 0, 3600 * 1000 - 1);
        vm.assertEq(oracle.meanPowerWatts(fleetId), 999);
    }

    function test_meanPowerWatts__firstReport__hasNoInterval() public {
        _headAt(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId));
        oracle.meanPowerWatts(fleetId);
    }

    function test_joulesPerBusyGpuHour__lastInterval__roundsDown() public {
        _headAt(FIRST);
        _secondHead(8 * HOUR, 3 * HOUR, 4_000_000);
        vm.assertEq(oracle.joulesPerBusyGpuHour(fleetId), 1_333_333);
    }

    function test_joulesPerBusyGpuHour__nothingBusy__reverts() public {
        _headAt(FIRST);
        _secondHead(8 * HOUR, 0, 4_000_000);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId));
        oracle.joulesPerBusyGpuHour(fleetId);
    }

    function test_interval__pendingLapsed__isTheLastOne() public {
        _headAt(FIRST);
        Report memory report = _next(SECOND);
        report.busyGpuMs += uint64(FULL_HOUR / 4);
        vm.warp(SECOND);
        _post(report);
        vm.assertEq(oracle.utilizationWad(fleetId), 0.5e18);
        vm.warp(SECOND + 2 hours);
        vm.assertEq(oracle.utilizationWad(fleetId), 0.75e18);
        oracle.touch(fleetId);
        vm.assertEq(oracle.utilizationWad(fleetId), 0.75e18);
    }

    function test_interval__noReportEver__reverts() public {
        bytes memory reason = abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId);
        vm.expectRevert(reason);
        oracle.utilizationWad(fleetId);
        vm.expectRevert(reason);
        oracle.meanPowerWatts(fleetId);
        vm.expectRevert(reason);
        oracle.joulesPerBusyGpuHour(fleetId);
    }

    /* ---- verifyLease ---- */

    function test_verifyLease__leavesOfTheHead__proved() public {
        DeliveryTree.Tree memory tree = _tree();
        _headWithRoot(tree.root());
        for (uint256 i = 1; i <= 5; ++i) {
            vm.assertTrue(oracle.verifyLease(fleetId, i, i * 100, tree.proof(LeafLib.delivery(i, i * 100))));
            vm.assertFalse(oracle.verifyLease(fleetId, i, i * 100 + 1, tree.proof(LeafLib.delivery(i, i * 100))));
            vm.assertFalse(oracle.verifyLease(fleetId, i + 1, i * 100, tree.proof(LeafLib.delivery(i, i * 100))));
            vm.assertFalse(oracle.verifyLease(fleetId, i, i * 100, _noProof()));
        }
    }

    function test_verifyLease__treeOfOneLeaf__needsNoProof() public {
        _headWithRoot(LeafLib.delivery(7, 70));
        vm.assertTrue(oracle.verifyLease(fleetId, 7, 70, _noProof()));
    }

    function test_verifyLease__emptyRootOrNoReport__provesNothing() public {
        vm.assertFalse(oracle.verifyLease(fleetId, 7, 70, _noProof()));
        _headWithRoot(0);
        vm.assertFalse(oracle.verifyLease(fleetId, 7, 70, _noProof()));
    }

    function test_verifyLease__pendingLapsed__againstIt() public {
        _headAt(FIRST);
        vm.warp(SECOND);
        _post(_report(fleetId, SECOND, 0, LeafLib.delivery(7, 70)));
        vm.assertFalse(oracle.verifyLease(fleetId, 7, 70, _noProof()));
        vm.warp(SECOND + 2 hours);
        vm.assertTrue(oracle.verifyLease(fleetId, 7, 70, _noProof()));
    }

    /* ---- steps ---- */

    function _secondHead(uint256 available, uint256 busy, uint256 joules) private {
        vm.warp(SECOND);
        Report memory report = _report(fleetId, SECOND, 0, 0);
        report.availableGpuMs += uint64(available);
        report.busyGpuMs += uint64(busy);
        report.energyJoules += uint64(joules);
        _submit(report);
    }

    function _headWithRoot(bytes32 root) private {
        vm.warp(FIRST);
        _submit(_report(fleetId, FIRST, 0, root));
    }

    function _tree() private pure returns (DeliveryTree.Tree memory) {
        bytes32[] memory leaves = new bytes32[](5);
        for (uint256 i; i < 5; ++i) {
            leaves[i] = LeafLib.delivery(i + 1, (i + 1) * 100);
        }
        return DeliveryTree.build(leaves);
    }
}
