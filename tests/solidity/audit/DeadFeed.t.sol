// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {Report, Signature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev The sequencer is up until the feed is taken out of service.
contract MortalFeed is ISequencerFeed {
    bool public isDead;

    function die() external {
        isDead = true;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        require(!isDead, "No data present");
        return (1, 0, 1, 1, 1);
    }
}

/// @dev Without its sequencer feed the oracle adopts no pending report any more, and everything else goes on.
contract DeadFeedTest is LeaseScene {
    MortalFeed internal feed;
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
        coin.mint(operator, _coins(10_000));
        vm.prank(operator);
        coin.approve(address(oracle), type(uint256).max);
        vm.warp(START + 1 hours);
        Report memory report = _report(fleetId, START + 1 hours, 0, "root");
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.prank(operator);
        oracle.post(report, signature);
    }

    function _sequencerFeed() internal override returns (ISequencerFeed) {
        feed = new MortalFeed();
        return feed;
    }

    function test_touch__feedAnswers__adoptsWhenLivenessHasPassed() public {
        vm.warp(block.timestamp + oracle.liveness());
        oracle.touch(fleetId);
        vm.assertEq(oracle.head(fleetId).leaseRoot, "root");
    }

    function test_closeUnproved__feedIsDeadAndAReportPending__depositIsNotLockedUp() public {
        feed.die();
        vm.warp(START + 10 hours + 7 days + 30 days);
        book.closeUnproved(leaseId);
        vm.assertEq(book.owed(coin, lessee), _coins(160));
    }

    function test_submit__feedIsDeadAndAReportPending__quorumTakesOverAndTheStakeReturns() public {
        feed.die();
        vm.warp(START + 10 hours);
        _proveAndClose(leaseId, 8 * 10 * HOUR, START + 10 hours);
        vm.assertTrue(book.lease(leaseId).closed);
        vm.assertEq(oracle.owed(coin, operator), _coins(1000));
    }

    function test_touch__feedIsDead__headStays() public {
        feed.die();
        vm.warp(START + 30 days);
        oracle.touch(fleetId);
        vm.assertEq(oracle.head(fleetId).digest, bytes32(0));
        vm.assertEq(oracle.pending(fleetId).poster, operator);
    }
}
