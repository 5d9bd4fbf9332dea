// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RevenueTest} from "../base/RevenueTest.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";

/// @dev Sums over days, against a list that the test itself keeps. Nothing is taken for protocol or operator: net is gross.
contract NetRevenueBetweenTest is RevenueTest {
    uint256 internal constant FIRST = MIDNIGHT / DAY;

    mapping(uint256 day => uint256) internal _kept;

    function _earnOn(uint256 day, uint256 amount) internal {
        vm.warp(day * DAY + day % DAY);
        _earn(amount);
        _kept[day] += amount;
    }

    function _keptBetween(uint256 fromDay, uint256 toDay) internal view returns (uint256 sum) {
        for (uint256 day = fromDay; day < toDay; ++day) {
            sum += _kept[day];
        }
    }

    function _between(uint256 fromDay, uint256 toDay) internal view returns (uint256) {
        return router.netRevenueBetween(fleetId, fromDay, toDay);
    }

    /// @dev Every pair of days around the history, the wrong way round too.
    function _checkEveryPair(uint256 firstDay, uint256 lastDay) internal view {
        for (uint256 fromDay = firstDay - 2; fromDay <= lastDay + 2; ++fromDay) {
            for (uint256 toDay = firstDay - 2; toDay <= lastDay + 2; ++toDay) {
                vm.assertEq(_between(fromDay, toDay), _keptBetween(fromDay, toDay));
            }
            vm.assertEq(router.netRevenueOn(fleetId, fromDay), _kept[fromDay]);
        }
    }

    function test_netRevenueBetween__nothingEverRecorded__zero() public view {
        vm.assertEq(_between(0, type(uint256).max), 0);
        vm.assertEq(_between(FIRST, FIRST + 1), 0);
        vm.assertEq(router.netRevenueBetween(77, 0, type(uint256).max), 0);
    }

    function test_netRevenueBetween__todayAlone__onlyWhereItIsInside() public {
        _earnOn(FIRST, 700);
        vm.assertEq(_between(FIRST, FIRST + 1), 700);
        vm.assertEq(_between(0, FIRST), 0);
        vm.assertEq(_between(FIRST - 90, FIRST), 0);
        vm.assertEq(_between(FIRST + 1, FIRST + 2), 0);
        vm.assertEq(_between(0, type(uint256).max), 700);
    }

    function test_netRevenueBetween__noDaysOrBackwards__zero() public {
        _earnOn(FIRST, 700);
        vm.assertEq(_between(FIRST, FIRST), 0);
        vm.assertEq(_between(FIRST + 1, FIRST), 0);
        vm.assertEq(_between(type(uint256).max, 0), 0);
        vm.assertEq(_between(type(uint256).max, type(uint256).max), 0);
    }

    function test_netRevenueBetween__everyDayRecorded__everyPair() public {
        for (uint256 i; i < 9; ++i) {
            _earnOn(FIRST + i, 10 ** i);
            _checkEveryPair(FIRST, FIRST + i);
        }
    }

    function test_netRevenueBetween__gapsOfEverySize__everyPair() public {
        uint256 day = FIRST;
        for (uint256 i; i < 6; ++i) {
            _earnOn(day, 10 ** i);
            day += i + 1;
        }
        _checkEveryPair(FIRST, day);
        // Time alone changes nothing.
        vm.warp((day + 400) * DAY);
        _checkEveryPair(FIRST, day);
    }

    function test_netRevenueBetween__daysThatCountedNothing__leaveNoTrace() public {
        _earnOn(FIRST, 5);
        vm.warp((FIRST + 1) * DAY);
        vm.prank(address(book));
        router.credit(fleetId, 100, 0);
        _earnOn(FIRST + 2, 0);
        _earnOn(FIRST + 3, 7);
        _earnOn(FIRST + 4, 0);
        _checkEveryPair(FIRST, FIRST + 5);
    }

    function test_netRevenueBetween__farFutureAndFarPast__wholeHistory() public {
        _earnOn(FIRST, 5);
        _earnOn(FIRST + 100, 7);
        vm.assertEq(_between(0, type(uint256).max), 12);
        vm.assertEq(_between(FIRST + 1, type(uint256).max), 7);
        vm.assertEq(_between(FIRST + 101, type(uint256).max), 0);
        vm.assertEq(_between(0, FIRST + 100), 5);
        vm.assertEq(_between(0, 1), 0);
    }

    function test_netRevenueBetween__anotherFleet__doesNotCount() public {
        vm.prank(operator);
        uint256 other = registry.enrol(_enrolment());
        _earnOn(FIRST, 5);
        vm.prank(address(book));
        router.credit(other, 11, 11);
        vm.assertEq(_between(0, FIRST + 1), 5);
        vm.assertEq(router.netRevenueBetween(other, 0, FIRST + 1), 11);
    }

    /// @dev Adjacent windows add up, whatever was recorded when.
    function testFuzz_netRevenueBetween__anyHistory__sumOfItsDays(
        uint8[24] calldata gaps,
        uint64[24] calldata amounts,
        uint256 fromDay,
        uint256 toDay,
        uint256 later
    ) public {
        uint256 day = FIRST;
        for (uint256 i; i < gaps.length; ++i) {
            // Half of them on the day before or the next: dense stretches and gaps in one history.
            day += gaps[i] < 128 ? gaps[i] % 2 : gaps[i] % 40;
            _earnOn(day, amounts[i]);
        }
        vm.warp((day + bound(later, 0, 3)) * DAY);
        fromDay = bound(fromDay, FIRST - 5, day + 5);
        toDay = bound(toDay, fromDay, day + 6);

        vm.assertEq(_between(fromDay, toDay), _keptBetween(fromDay, toDay));
        vm.assertEq(_between(0, fromDay) + _between(fromDay, toDay), _between(0, toDay));
        for (uint256 d = day - 3; d < day + 3; ++d) {
            vm.assertEq(router.netRevenueOn(fleetId, d), _kept[d]);
            vm.assertEq(_between(d, d + 1), _kept[d]);
        }
    }
}
