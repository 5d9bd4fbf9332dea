// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../base/Vm.sol";
import {MeterToHolderHandler} from "./MeterToHolderHandler.sol";

/// @dev What holds of a fleet from its meter to its shareholders, whatever people do and in whatever order.
contract MeterToHolderInvariants {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    MeterToHolderHandler internal handler;

    function setUp() public {
        handler = new MeterToHolderHandler();
        handler.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory s = new bytes4[](27);
        (s[0], s[1], s[2]) = (handler.pass.selector, handler.submit.selector, handler.post.selector);
        (s[3], s[4], s[5]) = (handler.touch.selector, handler.submitWithoutOperator.selector, handler.restate.selector);
        (s[6], s[7], s[8]) = (handler.dispute.selector, handler.rule.selector, handler.expireDispute.selector);
        (s[9], s[10]) = (handler.withdrawFromOracle.selector, handler.collectForLossFund.selector);
        (s[11], s[12], s[13]) = (handler.open.selector, handler.settle.selector, handler.close.selector);
        (s[14], s[15]) = (handler.route.selector, handler.lowerOperatingShare.selector);
        (s[16], s[17], s[18]) =
        (handler.withdrawFromRouter.selector, handler.collect.selector, handler.transfer.selector);
        (s[19], s[20], s[21]) = (handler.claim.selector, handler.claimTitle.selector, handler.sellTitle.selector);
        // Time and settlements twice, disputes three times: most of the rest waits for them.
        (s[22], s[23]) = (handler.pass.selector, handler.settle.selector);
        (s[24], s[25], s[26]) = (handler.post.selector, handler.dispute.selector, handler.dispute.selector);
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), s);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_headsOnlyAdvanceInTime() public view {
        vm.assertFalse(handler.headWentBack());
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_countersFallOnlyByRestatement() public view {
        vm.assertFalse(handler.counterFell());
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_stakesInTheOracleArePendingOrDisputedOrOwed() public {
        handler.bringUpToDate();
        vm.assertEq(handler.oracleHolds(), handler.stakesPendingOrDisputed() + handler.oracleOwes());
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_routedIsTheSumOfItsLegs() public view {
        (uint256 routed, uint256 fee, uint256 operating, uint256 leg, uint256 uncollected) = handler.revenue();
        vm.assertEq(routed, fee + operating + leg);
        (uint256 held, uint256 owed) = handler.routerHolds();
        vm.assertEq(held, owed + uncollected);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_theSharesLegIsClaimedClaimableUnreleasedUncollectedOrDust() public {
        handler.bringUpToDate();
        (,,, uint256 leg, uint256 uncollected) = handler.revenue();
        uint256 accounted = handler.claimed() + handler.claimableByAll() + handler.shares().unreleased() + uncollected;
        vm.assertLe(accounted, leg);
        vm.assertLt(leg - accounted, handler.holders());
        vm.assertEq(handler.sharesHold(), leg - uncollected - handler.claimed());
    }

    /// @dev The invariants above would hold of a handler that does nothing: this one lives through all that it can do.
    function test_handler__anyAction__happens() public {
        uint256 seed = 1;
        string[22] memory actions = [
            "pass",
            "submit",
            "post",
            "adopt",
            "submitWithoutOperator",
            "restate",
            "restate, lower",
            "dispute",
            "rule, upheld",
            "rule, struck",
            "rule, superseded",
            "expireDispute",
            "withdrawFromOracle",
            "collectForLossFund",
            "open",
            "settle",
            "close",
            "route",
            "collect",
            "transfer",
            "claim",
            "claimTitle"
        ];
        FuzzSelector[] memory targets = targetSelectors();
        for (uint256 i; i < 3000; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            bytes4 selector = targets[0].selectors[seed % targets[0].selectors.length];
            (bool done,) = address(handler).call(abi.encodePacked(selector, _arguments(selector, seed)));
            vm.assertTrue(done, "an action reverted");
        }
        for (uint256 i; i < actions.length; ++i) {
            vm.assertGt(handler.times(actions[i]), 0, actions[i]);
        }
        vm.assertGt(handler.times("lowerOperatingShare"), 0);
        vm.assertGt(handler.times("withdrawFromRouter"), 0);
        vm.assertGt(handler.times("sellTitle"), 0);
        invariant_headsOnlyAdvanceInTime();
        invariant_countersFallOnlyByRestatement();
        invariant_stakesInTheOracleArePendingOrDisputedOrOwed();
        invariant_routedIsTheSumOfItsLegs();
        invariant_theSharesLegIsClaimedClaimableUnreleasedUncollectedOrDust();
    }

    /// @dev Three words serve every action; a ruling wants a truth value.
    function _arguments(bytes4 selector, uint256 seed) private view returns (bytes memory) {
        if (selector == handler.rule.selector) return abi.encode(seed >> 128 & 1 == 1);
        return abi.encode(seed >> 7, seed >> 50, seed >> 100);
    }
}
