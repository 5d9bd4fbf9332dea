// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {vm} from "../base/Vm.sol";
import {HeadsAndSharesActions} from "./HeadsAndSharesActions.sol";
import {FuzzSelector} from "./LeaseInvariants.t.sol";

/// @dev What holds of meters, revenue and shares of two fleets with one coin, whatever happens, in whatever order. Fewer
/// runs than elsewhere, as each step reads both heads twice.
contract HeadsAndShares {
    HeadsAndSharesActions internal actions;

    function setUp() public {
        actions = new HeadsAndSharesActions();
        actions.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actions), _selectors());
    }

    function _selectors() internal pure returns (bytes4[] memory s) {
        s = new bytes4[](21);
        s[0] = HeadsAndSharesActions.pass.selector;
        s[1] = HeadsAndSharesActions.submit.selector;
        s[2] = HeadsAndSharesActions.submitWithoutOperator.selector;
        s[3] = HeadsAndSharesActions.post.selector;
        s[4] = HeadsAndSharesActions.dispute.selector;
        s[5] = HeadsAndSharesActions.rule.selector;
        s[6] = HeadsAndSharesActions.expireDispute.selector;
        s[7] = HeadsAndSharesActions.restate.selector;
        s[8] = HeadsAndSharesActions.open.selector;
        s[9] = HeadsAndSharesActions.settle.selector;
        s[10] = HeadsAndSharesActions.close.selector;
        s[11] = HeadsAndSharesActions.route.selector;
        s[12] = HeadsAndSharesActions.collect.selector;
        s[13] = HeadsAndSharesActions.lowerOperatingShare.selector;
        s[14] = HeadsAndSharesActions.withdraw.selector;
        s[15] = HeadsAndSharesActions.collectForLossFund.selector;
        s[16] = HeadsAndSharesActions.transfer.selector;
        s[17] = HeadsAndSharesActions.forceTransfer.selector;
        s[18] = HeadsAndSharesActions.claim.selector;
        s[19] = HeadsAndSharesActions.claimTitle.selector;
        s[20] = HeadsAndSharesActions.sellTitle.selector;
    }

    /// @dev In time of measurement and of acceptance; the same digest never means another time.
    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_headOnlyAdvances() public view {
        vm.assertFalse(actions.headWentBack());
    }

    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_countersFallOnlyByRestatement() public view {
        vm.assertFalse(actions.counterFell());
    }

    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_stakesAreHeldOrOwed() public {
        actions.bringUpToDate();
        (uint256 held, uint256 staked, uint256 owed) = actions.oracleMoney();
        vm.assertEq(held, staked + owed, "oracle");
    }

    /// @dev Rent that leases paid is pending or routed, and what is routed is still in the router, or left by its leg.
    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_routedIsTheSumOfItsLegs() public view {
        uint256 uncollectedOfBoth;
        for (uint256 k; k < 2; ++k) {
            uint256 fleetId = actions.fleets(k);
            (uint256 pending, uint256 routed, uint256 fee, uint256 operating, uint256 shares, uint256 uncollected) =
                actions.revenueOf(fleetId);
            vm.assertEq(routed, fee + operating + shares, "legs");
            vm.assertEq(pending + routed, actions.earned(fleetId), "earned");
            uncollectedOfBoth += uncollected;
        }
        (uint256 held, uint256 owed) = actions.routerMoney();
        vm.assertEq(held, owed + uncollectedOfBoth, "router");
    }

    /// @dev The dust is less than a unit for each of four holders and the title.
    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_sharesLegIsClaimedClaimableUnreleasedUncollectedAndDust() public {
        actions.bringUpToDate();
        for (uint256 k; k < 2; ++k) {
            uint256 fleetId = actions.fleets(k);
            (,,,, uint256 leg, uint256 uncollected) = actions.revenueOf(fleetId);
            (uint256 held, uint256 claimable, uint256 unreleased) = actions.sharesMoney(fleetId);
            uint256 known = actions.claimed(fleetId) + claimable + unreleased + uncollected;
            vm.assertLe(known, leg, "no more than the leg");
            vm.assertLt(leg - known, 5, "dust");
            vm.assertEq(held, leg - uncollected - actions.claimed(fleetId), "shares");
        }
    }

    /// forge-config: default.invariant.runs = 64
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_supplyIsFixedAndATenthStaysWithTheTitle() public view {
        for (uint256 k; k < 2; ++k) {
            FleetShares shares = actions.sharesOf(actions.fleets(k));
            vm.assertEq(shares.totalSupply(), 1_000_000e18, "supply");
            vm.assertEq(shares.balanceOf(address(shares)), 100_000e18, "bound");
            vm.assertEq(shares.boundShares(), 100_000e18, "bound shares");
            uint256 sum;
            for (uint256 i; i < 4; ++i) {
                sum += shares.balanceOf(actions.holders(i));
            }
            vm.assertEq(sum, 900_000e18, "free");
        }
    }

    /// @dev The invariants above are not vacuous: a long walk comes through every action, and they hold all along.
    function test_actions__longWalk__everythingHappensAndInvariantsHold() public {
        bytes4[] memory selectors = _selectors();
        for (uint256 i; i < 5000; ++i) {
            bytes32 luck = keccak256(abi.encode("walk", i));
            bytes4 selector = selectors[uint256(luck) % selectors.length];
            (bool done,) =
                address(actions).call(abi.encodePacked(selector, keccak256(abi.encode(luck)), luck >> 3, luck >> 7));
            vm.assertTrue(done, "actions with an occasion succeed");
            if (i % 250 == 0) _checkAll();
        }
        _checkAll();
        for (uint256 i; i < selectors.length; ++i) {
            vm.assertGt(actions.times(bytes32(selectors[i])), 0, vm.toString(i));
        }
        vm.assertGt(actions.times("rule, upheld"), 0, "upheld");
        vm.assertGt(actions.times("rule, struck"), 0, "struck");
        vm.assertGt(actions.times("rule, superseded"), 0, "superseded");
        vm.assertGt(actions.times("restate, lower"), 0, "lowered");
        vm.assertGt(actions.times("restate, disputed"), 0, "restated beside a dispute");
        vm.assertGt(actions.times("submit, disputed"), 0, "reported beside a dispute");
    }

    function _checkAll() internal {
        invariant_headOnlyAdvances();
        invariant_countersFallOnlyByRestatement();
        invariant_stakesAreHeldOrOwed();
        invariant_routedIsTheSumOfItsLegs();
        invariant_sharesLegIsClaimedClaimableUnreleasedUncollectedAndDust();
        invariant_supplyIsFixedAndATenthStaysWithTheTitle();
    }
}
