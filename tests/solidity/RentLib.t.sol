// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RentLib} from "../../contracts/libraries/RentLib.sol";
import {bound} from "./base/Bound.sol";
import {vm} from "./base/Vm.sol";

contract RentLibTest {
    function test_rentDown__roundNumbers__exact() public pure {
        vm.assertEq(RentLib.rentDown(2_000_000, 3_600_000), 2_000_000);
        vm.assertEq(RentLib.rentDown(2_000_000, 1), 0);
        vm.assertEq(RentLib.rentDown(2_000_000, 2), 1);
        vm.assertEq(RentLib.rentDown(type(uint72).max, 3_599_999), uint256(type(uint72).max) * 3_599_999 / 3_600_000);
    }

    function test_rentDown__anything__atMostAUnitBelowTheFraction(uint72 price, uint64 delivered) public pure {
        uint256 rent = RentLib.rentDown(price, delivered);
        vm.assertLe(rent * 3_600_000, uint256(price) * delivered);
        vm.assertGt((rent + 1) * 3_600_000, uint256(price) * delivered);
    }

    /// @dev Rent is a difference of cumulative amounts: more delivery never costs less.
    function test_rentDown__moreDelivery__neverLess(uint72 price, uint64 a, uint64 b) public pure {
        (uint64 less, uint64 more) = a < b ? (a, b) : (b, a);
        vm.assertLe(RentLib.rentDown(price, less), RentLib.rentDown(price, more));
    }

    function test_depositUp__roundNumbers__exact() public pure {
        vm.assertEq(RentLib.depositUp(2_000_000, 8, 10 hours), 160_000_000);
        vm.assertEq(RentLib.depositUp(1, 1, 1 hours + 1), 2);
        vm.assertEq(RentLib.depositUp(0, 1, 1 hours), 0);
    }

    function test_depositUp__anything__coversWhateverCanBeDelivered(uint72 price, uint32 gpus, uint24 duration)
        public
        pure
    {
        uint256 deposit = RentLib.depositUp(price, gpus, duration);
        vm.assertGe(deposit, RentLib.rentDown(price, RentLib.deliverable(gpus, duration)));
        vm.assertGe(deposit * 3600, uint256(price) * gpus * duration);
        vm.assertLt(deposit * 3600, uint256(price) * gpus * duration + 3600);
    }

    function test_deliverable__anything__gpusTimesMilliseconds(uint256 gpus, uint256 duration) public pure {
        gpus = bound(gpus, 0, type(uint32).max);
        duration = bound(duration, 0, type(uint40).max);
        vm.assertEq(RentLib.deliverable(gpus, duration), gpus * duration * 1000);
    }
}
