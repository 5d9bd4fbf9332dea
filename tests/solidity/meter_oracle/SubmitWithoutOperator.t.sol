// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMeterOracle, Report, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev When no head advanced for 24 hours, a quorum of verifiers reports alone.
contract SubmitWithoutOperatorTest is OracleTest {
    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant SILENT = FIRST + 24 hours;

    function test_submitWithoutOperator__dayOfSilence__isTheHead() public {
        _headAt(FIRST);
        vm.warp(SILENT);
        Report memory report = _next(SILENT);
        VerifierSignature[] memory quorum = _quorum(report, 2);

        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdvanceHead(fleetId, SILENT, oracle.digestOf(report), 3, report);
        vm.prank(stranger);
        oracle.submitWithoutOperator(report, quorum);

        _assertHead(report, SILENT);
    }

    function test_submitWithoutOperator__oneSecondEarly__reverts() public {
        _headAt(FIRST);
        vm.warp(SILENT - 1);
        _refuseWithoutOperator(_next(SILENT - 1), _notSilent(FIRST));
    }

    function test_submitWithoutOperator__lateHead__countsFromItsAcceptance() public {
        vm.warp(START + 10 hours);
        _submit(_next(FIRST));
        vm.warp(SILENT);
        _refuseWithoutOperator(_next(SILENT), _notSilent(START + 10 hours));
        vm.warp(START + 34 hours);
        Report memory report = _next(START + 34 hours);
        oracle.submitWithoutOperator(report, _quorum(report, 2));
    }

    function test_submitWithoutOperator__noReportEver__countsFromTheCommissioning() public {
        vm.warp(START + 24 hours - 1);
        _refuseWithoutOperator(_next(START + 24 hours - 1), _notSilent(START));
        vm.warp(START + 24 hours);
        Report memory report = _next(START + 24 hours);
        oracle.submitWithoutOperator(report, _quorum(report, 2));
        _assertHead(report, START + 24 hours);
    }

    function test_submitWithoutOperator__neverCommissioned__reverts() public {
        vm.prank(operator);
        uint256 second = registry.enrol(_enrolment());
        vm.prank(verifierAdmin);
        oracle.setVerifiers(second, _verifiers(), 2);
        vm.warp(START + 60 days);
        Report memory report = _report(second, START + 60 days, 0, 0);
        _refuseWithoutOperator(
            report, abi.encodeWithSelector(IMeterOracle.OperatorNotSilent.selector, second, 0, 24 hours)
        );
    }

    function test_submitWithoutOperator__silenceBegunAnewByIt__needsAnotherDay() public {
        _headAt(FIRST);
        vm.warp(SILENT);
        Report memory report = _next(SILENT);
        oracle.submitWithoutOperator(report, _quorum(report, 2));

        vm.warp(SILENT + 24 hours - 1);
        _refuseWithoutOperator(_next(SILENT + 1 hours), _notSilent(SILENT));
    }

    function test_submitWithoutOperator__tooFewVerifiers__reverts() public {
        vm.warp(SILENT);
        Report memory report = _next(SILENT);
        VerifierSignature[] memory quorum = _quorum(report, 1);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.QuorumNotReached.selector, fleetId, 1, 2));
        oracle.submitWithoutOperator(report, quorum);
    }

    function test_submitWithoutOperator__impossible__reverts() public {
        _headAt(FIRST);
        vm.warp(SILENT);
        Report memory report = _report(fleetId, SILENT, 24 * FULL_HOUR + 1, 0);
        _refuseWithoutOperator(
            report,
            abi.encodeWithSelector(
                IMeterOracle.AvailableAboveCapacity.selector, fleetId, 24 * FULL_HOUR + 1, 24 * FULL_HOUR
            )
        );
    }

    /// @dev The theft: an operator posts a report a day and strikes it by its own dispute, and verifiers never get a turn.
    function test_submitWithoutOperator__pendingAndStruckReports__areNoActivity() public {
        _headAt(FIRST);
        _postAt(SILENT - 3 hours);
        _dispute();
        _rule(false);
        _postAt(SILENT - 1 hours);

        vm.warp(SILENT);
        Report memory report = _next(SILENT);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.DropPending(fleetId, oracle.pending(fleetId).digest);
        oracle.submitWithoutOperator(report, _quorum(report, 2));

        _assertHead(report, SILENT);
        vm.assertEq(oracle.pending(fleetId).digest, 0);
        _assertOwed(poster, _coins(1000));
    }

    function test_submitWithoutOperator__pendingBecameTheHead__isActivity() public {
        _headAt(FIRST);
        _postAt(SILENT - 2 hours);
        vm.warp(SILENT);
        // Its liveness of two hours passed just now.
        _refuseWithoutOperator(_next(SILENT), _notSilent(SILENT));
    }

    function _notSilent(uint256 since) private view returns (bytes memory) {
        return abi.encodeWithSelector(IMeterOracle.OperatorNotSilent.selector, fleetId, since, since + 24 hours);
    }
}
