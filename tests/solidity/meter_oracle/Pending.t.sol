// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {
    IMeterOracle,
    Pending,
    Report,
    Signature,
    VerifierSignature
} from "../../../contracts/interfaces/IMeterOracle.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev One report at a time may wait, with a stake, on the operator's word alone.
contract PendingTest is OracleTest {
    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant POSTED = START + 2 hours;
    uint256 internal constant LAPSE = POSTED + 2 hours;

    Report internal head;

    function setUp() public override {
        super.setUp();
        head = _headAt(FIRST);
    }

    /* ---- post ---- */

    function test_post__onTheHead__waitsWithAStake() public {
        vm.warp(POSTED);
        Report memory report = _next(POSTED);
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.PostPending(fleetId, POSTED, oracle.digestOf(report), poster, _coins(1000), report);
        vm.prank(poster);
        oracle.post(report, signature);

        Pending memory p = oracle.pending(fleetId);
        vm.assertEq(p.digest, oracle.digestOf(report));
        vm.assertEq(p.asOf, POSTED);
        vm.assertEq(p.poster, poster);
        vm.assertEq(p.postedAt, POSTED);
        vm.assertEq(p.liveness, 2 hours);
        vm.assertEq(p.stake, _coins(1000));
        vm.assertEq(coin.balanceOf(address(oracle)), _coins(1000));
        _assertHead(head, FIRST);
    }

    function test_post__firstReportEver__isAllowed() public {
        uint256 second = _liveFleet();
        vm.warp(POSTED);
        Report memory report = _report(second, POSTED, 1, "root");
        _post(report);
        vm.warp(LAPSE);
        vm.assertEq(oracle.head(second).digest, oracle.digestOf(report));
    }

    function test_post__notSignedByTheReporter__reverts() public {
        vm.warp(POSTED);
        Report memory report = _next(POSTED);
        Signature memory signature = _sign(OPERATOR_KEY, report);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, operator));
        vm.prank(poster);
        oracle.post(report, signature);
    }

    function test_post__impossible__reverts() public {
        vm.warp(POSTED);
        _refusePost(
            _report(fleetId, POSTED, FULL_HOUR + 1, 0),
            abi.encodeWithSelector(IMeterOracle.AvailableAboveCapacity.selector, fleetId, FULL_HOUR + 1, FULL_HOUR)
        );
    }

    function test_post__withoutMoney__reverts() public {
        vm.warp(POSTED);
        Report memory report = _next(POSTED);
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(oracle), 0, _coins(1000))
        );
        vm.prank(stranger);
        oracle.post(report, signature);
    }

    /// @dev The theft: its signer replaces a pending report just before somebody disputes it.
    function test_post__signerReplacesItsPendingReport__reverts() public {
        Report memory report = _postAt(POSTED);
        vm.warp(POSTED + 1 hours);
        _refusePost(
            _next(POSTED + 1 hours),
            abi.encodeWithSelector(IMeterOracle.PendingExists.selector, fleetId, oracle.digestOf(report))
        );
    }

    function test_post__disputeStillOpen__reverts() public {
        Report memory report = _postAt(POSTED);
        _dispute();
        _headAt(POSTED + 1 hours);
        vm.warp(POSTED + 2 hours);
        _refusePost(
            _next(POSTED + 2 hours),
            abi.encodeWithSelector(IMeterOracle.DisputeIsOpen.selector, fleetId, oracle.digestOf(report))
        );
    }

    function test_post__livenessRaisedLater__keepsWhatItHad() public {
        Report memory report = _postAt(POSTED);
        vm.prank(parameters);
        oracle.setLiveness(7 days);
        vm.warp(LAPSE);
        _assertHead(report, LAPSE);
    }

    /* ---- becoming the head ---- */

    function test_head__oneSecondBeforeTheLiveness__isTheOldOne() public {
        Report memory report = _postAt(POSTED);
        vm.warp(LAPSE - 1);
        _assertHead(head, FIRST);
        vm.assertEq(oracle.pending(fleetId).digest, oracle.digestOf(report));
    }

    function test_head__livenessPassed__isReadWithoutATransaction() public {
        Report memory report = _postAt(POSTED);
        vm.warp(LAPSE + 5 days);
        _assertHead(report, LAPSE);
        vm.assertEq(oracle.pending(fleetId).poster, address(0));
        _assertOwed(poster, 0);
    }

    function test_touch__livenessPassed__writesItDownAndReturnsTheStake() public {
        Report memory report = _postAt(POSTED);
        vm.warp(LAPSE + 5 days);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdoptPending(fleetId, POSTED, oracle.digestOf(report), LAPSE);
        (bytes32 root, uint256 asOf) = oracle.touch(fleetId);

        vm.assertEq(root, report.leaseRoot);
        vm.assertEq(asOf, POSTED);
        _assertHead(report, LAPSE);
        _assertOwed(poster, _coins(1000));
        vm.expectEmit(address(oracle));
        emit IPayouts.Withdraw(coin, poster, stranger, _coins(1000));
        vm.prank(poster);
        oracle.withdraw(coin, stranger);
        _assertOnlyOwed(0);
    }

    function test_touch__nothingLapsed__changesNothing() public {
        Report memory report = _postAt(POSTED);
        vm.warp(LAPSE - 1);
        vm.recordLogs();
        (bytes32 root, uint256 asOf) = oracle.touch(fleetId);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(root, head.leaseRoot);
        vm.assertEq(asOf, FIRST);
        vm.assertEq(oracle.pending(fleetId).digest, oracle.digestOf(report));
    }

    function test_touch__noReportEver__zeros() public {
        (bytes32 root, uint256 asOf) = oracle.touch(9);
        vm.assertEq(root, 0);
        vm.assertEq(asOf, 0);
    }

    function test_submit__onAPendingThatLapsed__adoptsItFirst() public {
        Report memory report = _postAt(POSTED);
        vm.warp(LAPSE);
        Report memory next = _next(LAPSE);
        vm.assertEq(next.previousDigest, oracle.digestOf(report));
        Signature memory signature = _sign(REPORTER_KEY, next);
        VerifierSignature[] memory quorum = _quorum(next, 2);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdoptPending(fleetId, POSTED, oracle.digestOf(report), LAPSE);
        oracle.submit(next, signature, quorum);

        _assertHead(next, LAPSE);
        _assertOwed(poster, _coins(1000));
        // The interval is the last one, not both.
        vm.assertEq(oracle.utilizationWad(fleetId), 0.5e18);
    }

    function test_submit__besideAPendingThatLapsed__reverts() public {
        Report memory beside = _next(POSTED);
        Report memory report = _postAt(POSTED);
        vm.warp(LAPSE);
        beside.asOf += 1;
        _refuse(
            beside,
            abi.encodeWithSelector(
                IMeterOracle.WrongParent.selector, fleetId, oracle.digestOf(head), oracle.digestOf(report)
            )
        );
    }

    function test_post__onAPendingThatLapsed__adoptsItFirst() public {
        _postAt(POSTED);
        Report memory next = _postAt(LAPSE);
        vm.assertEq(oracle.pending(fleetId).digest, oracle.digestOf(next));
        _assertOwed(poster, _coins(1000));
        _assertOnlyOwed(_coins(2000));
    }

    /* ---- promoted, superseded ---- */

    function test_submit__sameDigestWithAQuorum__promotesThePendingReport() public {
        Report memory report = _postAt(POSTED);
        vm.warp(POSTED + 30 minutes);
        Signature memory signature = _sign(REPORTER_KEY, report);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.DropPending(fleetId, oracle.digestOf(report));
        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdvanceHead(fleetId, POSTED, oracle.digestOf(report), REPORTER_BIT | 3, report);
        oracle.submit(report, signature, quorum);

        _assertHead(report, POSTED + 30 minutes);
        _assertOwed(poster, _coins(1000));
        vm.assertEq(oracle.pending(fleetId).digest, 0);
        vm.warp(LAPSE);
        _assertHead(report, POSTED + 30 minutes);
    }

    function test_submit__anotherReportOnTheHead__supersedesThePendingOne() public {
        Report memory pending = _postAt(POSTED);
        Report memory report = _next(POSTED);
        report.energyJoules -= 1;
        Signature memory signature = _sign(REPORTER_KEY, report);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.DropPending(fleetId, oracle.digestOf(pending));
        oracle.submit(report, signature, quorum);

        _assertHead(report, POSTED);
        _assertOwed(poster, _coins(1000));
        vm.warp(LAPSE);
        _assertHead(report, POSTED);
        _assertOnlyOwed(_coins(1000));
    }
}
