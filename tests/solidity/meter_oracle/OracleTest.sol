// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMeterOracle, Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev A live fleet that has not reported yet: 64 boards of 700 W, three verifiers of whom two must sign. The reporter's
/// messenger and a disputer have money and gave the oracle an allowance.
abstract contract OracleTest is SystemTest {
    /// @dev What 64 GPUs can be available for in an hour.
    uint256 internal constant FULL_HOUR = 64 * HOUR;
    uint256 internal constant REPORTER_BIT = 1 << 255;

    address internal poster = _actor("poster");
    address internal disputer = _actor("disputer");
    uint256 internal fleetId;

    function setUp() public virtual override {
        super.setUp();
        fleetId = _liveFleet();
        _fund(poster);
        _fund(disputer);
    }

    /* ---- steps ---- */

    function _fund(address who) internal {
        coin.mint(who, _coins(1_000_000));
        vm.prank(who);
        coin.approve(address(oracle), type(uint256).max);
    }

    /// @dev At `time`, a quorum makes a report the head by which all GPUs were available since the last.
    function _headAt(uint256 time) internal returns (Report memory report) {
        vm.warp(time);
        report = _next(time);
        _submit(report);
    }

    /// @dev A report as of `time` that nothing speaks against, on the head.
    function _next(uint256 time) internal view returns (Report memory) {
        uint256 since = oracle.head(fleetId).asOf;
        if (since == 0) since = START;
        return _report(fleetId, time, (time - since) * 64_000, keccak256(abi.encode("root", time)));
    }

    function _post(Report memory report) internal {
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.prank(poster);
        oracle.post(report, signature);
    }

    /// @dev At `time`, the operator alone posts a report as of then.
    function _postAt(uint256 time) internal returns (Report memory report) {
        vm.warp(time);
        report = _next(time);
        _post(report);
    }

    function _dispute() internal {
        vm.prank(disputer);
        oracle.dispute(fleetId);
    }

    function _rule(bool upheld) internal {
        vm.prank(arbiter);
        oracle.rule(fleetId, upheld);
    }

    function _restate(Report memory report) internal {
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.prank(arbiter);
        oracle.restate(report, quorum);
    }

    /* ---- refusals: signatures are made first, so that the next call is the one that reverts ---- */

    function _refuse(Report memory report, bytes memory reason) internal {
        Signature memory reporterSignature = _sign(REPORTER_KEY, report);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectRevert(reason);
        oracle.submit(report, reporterSignature, quorum);
    }

    function _refusePost(Report memory report, bytes memory reason) internal {
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.expectRevert(reason);
        vm.prank(poster);
        oracle.post(report, signature);
    }

    function _refuseWithoutOperator(Report memory report, bytes memory reason) internal {
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectRevert(reason);
        oracle.submitWithoutOperator(report, quorum);
    }

    function _refuseRestatement(Report memory report, bytes memory reason) internal {
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectRevert(reason);
        vm.prank(arbiter);
        oracle.restate(report, quorum);
    }

    /* ---- comparing ---- */

    function _assertHead(Report memory report, uint256 acceptedAt) internal view {
        vm.assertEq(oracle.head(fleetId).asOf, report.asOf, "asOf");
        vm.assertEq(oracle.head(fleetId).availableGpuMs, report.availableGpuMs, "available");
        vm.assertEq(oracle.head(fleetId).busyGpuMs, report.busyGpuMs, "busy");
        vm.assertEq(oracle.head(fleetId).energyJoules, report.energyJoules, "energy");
        vm.assertEq(oracle.head(fleetId).leaseRoot, report.leaseRoot, "root");
        vm.assertEq(oracle.head(fleetId).digest, oracle.digestOf(report), "digest");
        vm.assertEq(oracle.head(fleetId).acceptedAt, acceptedAt, "acceptedAt");
        (bytes32 root, uint256 asOf) = oracle.leaseRoot(fleetId);
        vm.assertEq(root, report.leaseRoot);
        vm.assertEq(asOf, report.asOf);
    }

    function _assertOwed(address who, uint256 amount) internal view {
        vm.assertEq(oracle.owed(coin, who), amount, "owed");
    }

    /// @dev All that the oracle holds is owed to somebody.
    function _assertOnlyOwed(uint256 amount) internal view {
        vm.assertEq(coin.balanceOf(address(oracle)), amount, "held");
    }
}
