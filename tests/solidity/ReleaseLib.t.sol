// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReleaseLib} from "../../contracts/libraries/ReleaseLib.sol";
import {bound} from "./base/Bound.sol";
import {vm} from "./base/Vm.sol";

/// @dev The stream, which remembers two days, against a ledger of every arrival.
contract ReleaseLibTest {
    using ReleaseLib for ReleaseLib.Stream;

    uint256 internal constant DAY = 1 days;
    uint256 internal constant FIRST = 19_675;

    /// @dev By day, as it arrived.
    mapping(uint256 day => uint256) internal arrivals;
    uint256 internal arrived;

    function test_advance__nothingEver__nothing() public pure {
        ReleaseLib.Stream memory stream;
        stream = stream.advance(100e18, FIRST * DAY + 5);
        vm.assertEq(stream.index, 0);
        vm.assertEq(stream.unreleased(), 0);
        vm.assertEq(stream.day, FIRST);
        vm.assertEq(stream.updatedAt, FIRST * DAY + 5);
    }

    function test_advance__nextDay__linear() public pure {
        ReleaseLib.Stream memory stream = _arrived(86_400);
        stream = stream.advance(100e18, (FIRST + 1) * DAY + 1);
        vm.assertEq(stream.unreleased(), 86_399);
        stream = stream.advance(100e18, (FIRST + 1) * DAY + 43_200);
        vm.assertEq(stream.unreleased(), 43_200);
        stream = stream.advance(100e18, (FIRST + 2) * DAY);
        vm.assertEq(stream.unreleased(), 0);
        _assertReleased(stream, 100e18, 86_400);
    }

    function test_advance__touchedWeeksLater__allReleased() public pure {
        ReleaseLib.Stream memory stream = _arrived(86_400);
        stream = stream.advance(100e18, (FIRST + 20) * DAY + 7);
        vm.assertEq(stream.unreleased(), 0);
        _assertReleased(stream, 100e18, 86_400);
    }

    function test_advance__releaseAndArrivalOfTwoDays__bothReleasedAfterAGap() public pure {
        ReleaseLib.Stream memory stream = _arrived(86_400);
        stream = stream.advance(100e18, (FIRST + 1) * DAY + 100);
        stream.arriving += 1000;
        stream = stream.advance(100e18, (FIRST + 5) * DAY);
        _assertReleased(stream, 100e18, 87_400);
    }

    function test_advance__sameTimeTwice__once() public pure {
        ReleaseLib.Stream memory stream = _arrived(86_400);
        stream = stream.advance(100e18, (FIRST + 1) * DAY + 77);
        uint256 index = stream.index;
        stream = stream.advance(100e18, (FIRST + 1) * DAY + 77);
        vm.assertEq(stream.index, index);
        _assertReleased(stream, 100e18, 77);
    }

    function test_advance__allTheRevenueThereCanBe__fits() public pure {
        ReleaseLib.Stream memory stream = _arrived(type(uint96).max);
        stream = stream.advance(100e18, (FIRST + 3) * DAY);
        _assertReleased(stream, 100e18, type(uint96).max);
    }

    /// @dev The index times the supply, with the carried remainder, is what the ledger says was released: to the bit.
    function testFuzz_advance__anyArrivals__equalsTheLedger(
        uint96 supply,
        uint32[12] calldata gaps,
        uint80[12] calldata amounts
    ) public {
        supply = uint96(bound(supply, 100e18, type(uint96).max));
        ReleaseLib.Stream memory stream;
        uint256 time = FIRST * DAY;
        for (uint256 i; i < 12; ++i) {
            time += gaps[i] % (i % 3 == 0 ? 4 * DAY : DAY / 2);
            stream = stream.advance(supply, time);
            stream.arriving += amounts[i];
            arrivals[time / DAY] += amounts[i];
            arrived += amounts[i];

            uint256 released = _ledger(time);
            _assertReleased(stream, supply, released);
            vm.assertEq(stream.unreleased(), arrived - released);
            vm.assertLt(stream.remainder, supply);
        }
        stream = stream.advance(supply, (time / DAY + 2) * DAY);
        _assertReleased(stream, supply, arrived);
    }

    function _arrived(uint96 amount) private pure returns (ReleaseLib.Stream memory stream) {
        stream = stream.advance(100e18, FIRST * DAY);
        stream.arriving = amount;
    }

    function _ledger(uint256 time) private view returns (uint256 released) {
        uint256 today = time / DAY;
        for (uint256 day = FIRST; day + 1 < today; ++day) {
            released += arrivals[day];
        }
        released += arrivals[today - 1] * (time % DAY) / DAY;
    }

    function _assertReleased(ReleaseLib.Stream memory stream, uint256 supply, uint256 released) private pure {
        vm.assertEq(stream.index * supply + stream.remainder, released << ReleaseLib.INDEX_BITS);
    }
}
