// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WaterfallLib} from "../../contracts/libraries/WaterfallLib.sol";
import {bound} from "./base/Bound.sol";
import {vm} from "./base/Vm.sol";

contract WaterfallLibTest {
    function test_split__roundNumbers__feeThenOperatorThenShares() public pure {
        (uint256 fee, uint256 operating, uint256 shares) = WaterfallLib.split(1000, 200, 2000);
        vm.assertEq(fee, 20);
        vm.assertEq(operating, 196);
        vm.assertEq(shares, 784);
    }

    function test_split__remainders__areTheShareholders() public pure {
        (uint256 fee, uint256 operating, uint256 shares) = WaterfallLib.split(99, 100, 5000);
        vm.assertEq(fee, 0);
        vm.assertEq(operating, 49);
        vm.assertEq(shares, 50);
    }

    function test_split__everythingToTheOperator__leavesNothing() public pure {
        (uint256 fee, uint256 operating, uint256 shares) = WaterfallLib.split(1000, 1000, 10_000);
        vm.assertEq(fee, 100);
        vm.assertEq(operating, 900);
        vm.assertEq(shares, 0);
    }

    /// @dev Each leg is the largest integer that its share allows; nothing is lost.
    function testFuzz_split__anyAmount__nothingLostAndRoundedForShareholders(
        uint96 amount,
        uint256 feeBps,
        uint256 operatingBps
    ) public pure {
        feeBps = bound(feeBps, 0, 1000);
        operatingBps = bound(operatingBps, 0, 10_000);
        (uint256 fee, uint256 operating, uint256 shares) = WaterfallLib.split(amount, feeBps, operatingBps);

        vm.assertEq(fee + operating + shares, amount);
        vm.assertLe(fee * 10_000, amount * feeBps);
        vm.assertGt((fee + 1) * 10_000, amount * feeBps);
        vm.assertLe(operating * 10_000, (amount - fee) * operatingBps);
        vm.assertGt((operating + 1) * 10_000, (amount - fee) * operatingBps);
    }
}
