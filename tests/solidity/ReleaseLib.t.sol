// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ReleaseLib} from "../../contracts/libraries/ReleaseLib.sol";
import {vm} from "./base/Vm.sol";

/// @dev The stream, which remembers two days, against a ledger of every arrival.
contract ReleaseLibTest {
    using ReleaseLib for ReleaseLib.Stream;

    uint256 internal constant DAY = 1 days;
    uint256 internal constant FIRST = 19_675;

    ReleaseLib.Stream internal stream;
    /// @dev By day, as it arrived.
    mapping(uint256 day => uint256) internal arrivals;
    uint256 internal arrived;

    function test_released__nothingEver__nothing() public {
        vm.warp(FIRST * DAY + 5);
        vm.assertEq(stream.released(), 0);
        vm.assertEq(stream.arrived(), 0);
    }

    function test_released__nextDay__linear() public {
        _arrive(FIRST * DAY, 86_400);
        _assertReleased((FIRST + 1) * DAY - 1, 0);
        _assertReleased((FIRST + 1) * DAY + 1, 1);
        _assertReleased((FIRST + 1) * DAY + 43_200, 43_200);
        _assertReleased((FIRST + 2) * DAY, 86_400);
    }

    function test_released__weeksLater__all() public {
        _arrive(FIRST * DAY, 86_400);
        _assertReleased((FIRST + 20) * DAY + 7, 86_400);
    }

    function test_released__releaseAndArrivalOfTwoDays__bothAfterAGap() public {
        _arrive(FIRST * DAY, 86_400);
        _arrive((FIRST + 1) * DAY + 100, 1000);
        _assertReleased((FIRST + 1) * DAY + 100, 100);
        _assertReleased((FIRST + 5) * DAY, 87_400);
        _arrive((FIRST + 5) * DAY, 1);
        _assertReleased((FIRST + 5) * DAY, 87_400);
    }

    function test_arrive__allTheRevenueThereCanBe__fits() public {
        _arrive(FIRST * DAY, type(uint96).max);
        _assertReleased((FIRST + 3) * DAY, type(uint96).max);
    }

    function test_arrive__moreThanThereCanBe__reverts() public {
        _arrive(FIRST * DAY, type(uint96).max);
        vm.expectRevert(abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, 96, uint256(1) << 96));
        this.arrive((FIRST + 3) * DAY, 1);
    }

    function testFuzz_released__anyArrivals__equalsTheLedger(uint32[12] calldata gaps, uint80[12] calldata amounts)
        public
    {
        uint256 time = FIRST * DAY;
        for (uint256 i; i < 12; ++i) {
            time += gaps[i] % (i % 3 == 0 ? 4 * DAY : DAY / 2);
            _arrive(time, amounts[i]);
            arrivals[time / DAY] += amounts[i];
            arrived += amounts[i];

            _assertReleased(time, _ledger(time));
            uint256 later = time + gaps[i] % (3 * DAY);
            _assertReleased(later, _ledger(later));
            vm.assertEq(stream.arrived(), arrived);
        }
        _assertReleased((time / DAY + 2) * DAY, arrived);
    }

    function arrive(uint256 time, uint256 amount) external {
        _arrive(time, amount);
    }

    function _arrive(uint256 time, uint256 amount) private {
        vm.warp(time);
        stream.arrive(amount);
    }

    function _ledger(uint256 time) private view returns (uint256 released) {
        uint256 today = time / DAY;
        for (uint256 day = FIRST; day + 1 < today; ++day) {
            released += arrivals[day];
        }
        released += arrivals[today - 1] * (time % DAY) / DAY;
    }

    function _assertReleased(uint256 time, uint256 released) private {
        vm.warp(time);
        vm.assertEq(stream.released(), released);
    }
}
