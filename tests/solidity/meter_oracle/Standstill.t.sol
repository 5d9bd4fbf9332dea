// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StandstillLib} from "../../../contracts/libraries/StandstillLib.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev When a fleet's proof clock stood still.
contract StandstillTest is OracleTest {
    using StandstillLib for StandstillLib.Clock;

    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant POSTED = START + 2 hours;
    uint256 internal constant LAPSE = POSTED + 2 hours;
    uint256 internal constant MINUTES = 600;

    StandstillLib.Clock internal clock;
    /// @dev Whether the clock stood still in the minute that begins here.
    mapping(uint256 time => bool) internal stood;

    /// @dev Against a list of minutes.
    function testFuzz_between__anyStopsAndStarts__equalsTheMinutes(
        uint16[16] calldata gaps,
        bool[16] calldata standings,
        uint16 from,
        uint16 to
    ) public {
        uint256 time = 1;
        bool standing;
        for (uint256 i; i < 16; ++i) {
            uint256 next = time + gaps[i] % 60;
            _mark(time, next, standing);
            time = next;
            standing = standings[i];
            clock.set(standing, time);
        }
        _mark(time, MINUTES * 2, standing);
        uint256 low = bound(from, 0, MINUTES * 2);
        uint256 high = bound(to, low, MINUTES * 2);

        uint256 expected;
        for (uint256 t = low; t < high; ++t) {
            if (stood[t]) ++expected;
        }
        vm.assertEq(clock.between(low, high), expected);
    }

    function test_set__noChange__keepsTheFirst() public {
        clock.set(false, 5);
        vm.assertEq(clock.ticks.length, 0);
        clock.set(true, 10);
        clock.set(true, 20);
        vm.assertEq(clock.ticks.length, 1);
        clock.set(false, 30);
        clock.set(false, 40);
        vm.assertEq(clock.ticks.length, 2);
        vm.assertEq(clock.between(0, 100), 20);
    }

    /* ---- the oracle's clocks ---- */

    function test_standstillBetween__nothingEver__runs() public view {
        vm.assertEq(oracle.standstillBetween(fleetId, 0, START + 100 days), 0);
    }

    function test_standstillBetween__pendingAndFresh__standsUntilItIsTheHead() public {
        _headAt(FIRST);
        _postAt(POSTED);
        vm.warp(POSTED + 1 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 1 hours), 1 hours);
        vm.warp(LAPSE + 7 days);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, LAPSE + 7 days), 2 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, LAPSE + 1 days, LAPSE + 7 days), 0);
        oracle.touch(fleetId);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, LAPSE + 7 days), 2 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, POSTED + 30 minutes, POSTED + 40 minutes), 10 minutes);
    }

    /// @dev The theft: an operator posts reports of long ago, one after the other, and no lease is ever due.
    function test_standstillBetween__pendingButOld__runs() public {
        _headAt(FIRST);
        vm.warp(POSTED + 2 hours + 1);
        _post(_next(POSTED));
        vm.warp(POSTED + 3 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 3 hours), 0);
    }

    function test_standstillBetween__pendingJustFreshEnough__stands() public {
        _headAt(FIRST);
        vm.warp(POSTED + 2 hours);
        _post(_next(POSTED));
        vm.warp(POSTED + 3 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 3 hours), 1 hours);
    }

    function test_standstillBetween__oldReportDisputed__standsFromTheDispute() public {
        _headAt(FIRST);
        vm.warp(POSTED + 2 hours + 1);
        _post(_next(POSTED));
        vm.warp(POSTED + 3 hours);
        _dispute();
        vm.warp(POSTED + 13 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 13 hours), 10 hours);
        _rule(false);
        vm.warp(POSTED + 20 hours);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 20 hours), 10 hours);
    }

    function test_standstillBetween__disputed__standsFromPostingToRuling() public {
        _headAt(FIRST);
        _postAt(POSTED);
        vm.warp(POSTED + 1 hours);
        _dispute();
        vm.warp(POSTED + 3 days);
        _rule(true);
        vm.warp(POSTED + 4 days);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 4 days), 3 days);
    }

    function test_standstillBetween__disputeExpired__standsUntilThen() public {
        _headAt(FIRST);
        _postAt(POSTED);
        _dispute();
        vm.warp(POSTED + 16 days);
        oracle.expireDispute(fleetId);
        vm.warp(POSTED + 20 days);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 20 days), 16 days);
    }

    function test_standstillBetween__superseded__runsFromThen() public {
        _headAt(FIRST);
        _postAt(POSTED);
        _dispute();
        _headAt(POSTED + 1 hours);
        vm.warp(POSTED + 2 days);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 2 days), 1 hours);
        _rule(false);
        vm.assertEq(oracle.standstillBetween(fleetId, FIRST, POSTED + 2 days), 1 hours);
    }

    function test_standstillBetween__twoFleets__eachHasItsClock() public {
        uint256 second = _liveFleet();
        _headAt(FIRST);
        _postAt(POSTED);
        vm.warp(POSTED + 1 hours);
        vm.assertEq(oracle.standstillBetween(second, FIRST, POSTED + 1 hours), 0);
    }

    /// @dev Before any head, with a head, pending, lapsed but not written down, written down, disputed, and ruled upon.
    function test_sinceHead__atEachStage__isHeadAndStandstill() public {
        _sinceHeadIs(0, 0);
        _headAt(FIRST);
        vm.warp(POSTED - 1);
        _sinceHeadIs(FIRST, 0);
        _postAt(POSTED);
        vm.warp(POSTED + 1 hours);
        _sinceHeadIs(FIRST, 1 hours);
        vm.warp(LAPSE + 1 hours);
        _sinceHeadIs(LAPSE, 0);
        oracle.touch(fleetId);
        _sinceHeadIs(LAPSE, 0);

        _postAt(POSTED + 1 days);
        vm.warp(POSTED + 1 days + 30 minutes);
        _dispute();
        vm.warp(POSTED + 3 days);
        _sinceHeadIs(LAPSE, 2 days);
        _rule(true);
        vm.warp(POSTED + 4 days);
        _sinceHeadIs(POSTED + 3 days, 0);
    }

    function _sinceHeadIs(uint256 acceptedAt, uint256 standstill) private view {
        vm.assertEq(oracle.head(fleetId).acceptedAt, acceptedAt, "head");
        vm.assertEq(oracle.standstillBetween(fleetId, acceptedAt, block.timestamp), standstill, "standstill");
        (uint256 accepted, uint256 stood_) = oracle.sinceHead(fleetId);
        vm.assertEq(accepted, acceptedAt, "accepted");
        vm.assertEq(stood_, standstill, "since");
    }

    function _mark(uint256 from, uint256 to, bool standing) private {
        for (uint256 t = from; t < to; ++t) {
            stood[t] = standing;
        }
    }
}
