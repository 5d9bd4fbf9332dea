// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev Says what a test tells it to say of an L2's sequencer.
contract FeedSaying is ISequencerFeed {
    int256 public answer;
    uint256 public startedAt;

    function say(int256 newAnswer, uint256 since) external {
        (answer, startedAt) = (newAnswer, since);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, answer, startedAt, startedAt, 1);
    }
}

/// @dev On an L2 the liveness stands still while the sequencer is down, and counts anew from its restart: while it is down,
/// nobody can dispute.
contract SequencerTest is OracleTest {
    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant POSTED = START + 2 hours;
    uint256 internal constant LAPSE = POSTED + 2 hours;

    FeedSaying internal feed;
    Report internal head;
    Report internal report;

    function setUp() public override {
        super.setUp();
        head = _headAt(FIRST);
        report = _postAt(POSTED);
    }

    function _sequencerFeed() internal override returns (ISequencerFeed) {
        feed = new FeedSaying();
        feed.say(0, 1);
        return feed;
    }

    function test_head__upAllTheTime__lapsesAsElsewhere() public {
        vm.warp(LAPSE - 1);
        _assertHead(head, FIRST);
        vm.warp(LAPSE);
        _assertHead(report, LAPSE);
    }

    function test_head__sequencerDown__waits() public {
        feed.say(1, POSTED + 1 hours);
        vm.warp(LAPSE + 5 days);
        _assertHead(head, FIRST);
        vm.assertEq(oracle.pending(fleetId).digest, oracle.digestOf(report));
        oracle.touch(fleetId);
        _assertHead(head, FIRST);
    }

    function test_head__restartWithinTheLiveness__beginsItAnew() public {
        feed.say(0, POSTED + 90 minutes);
        vm.warp(POSTED + 90 minutes + 2 hours - 1);
        _assertHead(head, FIRST);
        vm.warp(POSTED + 90 minutes + 2 hours);
        _assertHead(report, POSTED + 90 minutes + 2 hours);
    }

    function test_dispute__afterARestart__isStillPossible() public {
        feed.say(0, POSTED + 90 minutes);
        vm.warp(LAPSE + 1 hours);
        _dispute();
        vm.assertEq(oracle.openDispute(fleetId).digest, oracle.digestOf(report));
    }

    /// @dev The feed remembers its last restart only, so a head that nobody wrote down would wait again.
    function test_touch__beforeALaterRestart__keepsTheHead() public {
        vm.warp(LAPSE);
        uint256 unwritten = vm.snapshotState();
        feed.say(0, LAPSE + 1 hours);
        vm.warp(LAPSE + 1 hours);
        _assertHead(head, FIRST);

        vm.revertToState(unwritten);
        oracle.touch(fleetId);
        feed.say(0, LAPSE + 1 hours);
        vm.warp(LAPSE + 1 hours);
        _assertHead(report, LAPSE);
    }

    function test_submit__sequencerDown__movesTheHeadAnyway() public {
        feed.say(1, POSTED + 1 hours);
        Report memory next = _headAt(POSTED + 3 hours);
        _assertHead(next, POSTED + 3 hours);
        _assertOwed(poster, _coins(1000));
    }

    function test_standstill__restartWithinTheLiveness__lastsUntilTheReportIsTheHead() public {
        feed.say(0, POSTED + 90 minutes);
        uint256 end = POSTED + 90 minutes + 2 hours;
        vm.warp(end + 3 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, START, end + 3 hours), end - POSTED);
        oracle.touch(fleetId);
        vm.assertEq(oracle.standstillBetween(fleetId, START, end + 3 hours), end - POSTED);
    }
}
