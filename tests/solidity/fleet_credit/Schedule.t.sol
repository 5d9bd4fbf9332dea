// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DateTimeLib} from "solady/utils/DateTimeLib.sol";

import {LoanTerms} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ScheduleLib} from "../../../contracts/libraries/ScheduleLib.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";

contract ScheduleTest is CreditScene {
    /// @dev 31 January 2024, 12:30:15 UTC: a leap year.
    uint256 internal constant LAST_OF_JANUARY = 1_706_704_215;

    function test_dueAt__lastOfJanuaryInALeapYear__lastOfEachMonth() public pure {
        uint256[5] memory day = [uint256(29), 31, 30, 31, 30];
        for (uint256 n = 1; n <= 5; ++n) {
            _is(ScheduleLib.dueAt(LAST_OF_JANUARY, n), 2024, 1 + n, day[n - 1]);
        }
        // Counted from the start, so the 31st comes back, and next February has 28 days.
        _is(ScheduleLib.dueAt(LAST_OF_JANUARY, 12), 2025, 1, 31);
        _is(ScheduleLib.dueAt(LAST_OF_JANUARY, 13), 2025, 2, 28);
        _is(ScheduleLib.dueAt(LAST_OF_JANUARY, 49), 2028, 2, 29);
    }

    function test_dueAt__leapDay__the28thInOtherYears() public pure {
        uint256 leapDay = DateTimeLib.dateTimeToTimestamp(2024, 2, 29, 23, 59, 59);
        _isAt(ScheduleLib.dueAt(leapDay, 12), DateTimeLib.dateTimeToTimestamp(2025, 2, 28, 23, 59, 59));
        _isAt(ScheduleLib.dueAt(leapDay, 1), DateTimeLib.dateTimeToTimestamp(2024, 3, 29, 23, 59, 59));
        _isAt(ScheduleLib.dueAt(leapDay, 48), DateTimeLib.dateTimeToTimestamp(2028, 2, 29, 23, 59, 59));
    }

    function test_instalment__loanOfTheLastOfJanuary__dueOnTheLasts() public {
        vm.warp(LAST_OF_JANUARY - 10 days);
        _earnToday(_coins(150_000));
        _goTo(LAST_OF_JANUARY);
        uint256 loanId = _drawnLoan();
        _is(credit.instalment(loanId, 1).dueAt, 2024, 2, 29);
        _is(credit.instalment(loanId, 2).dueAt, 2024, 3, 31);
        _is(credit.instalment(loanId, 12).dueAt, 2025, 1, 31);
        vm.assertEq(credit.loan(loanId).nextDueAt, credit.instalment(loanId, 1).dueAt);
    }

    /// @dev Against the plain count of due dates that have come.
    function testFuzz_passed__anyTimes__countsDueDates(uint256 start, uint256 later, uint256 months) public pure {
        start = bound(start, 1_700_000_000, 4_000_000_000);
        months = bound(months, 1, 240);
        uint256 time = start + bound(later, 0, 21 * 365 days);
        uint256 n;
        while (n < months && ScheduleLib.dueAt(start, n + 1) <= time) {
            ++n;
        }
        vm.assertEq(ScheduleLib.passed(start, months, time), n);
    }

    function test_passed__theSecondOfADueDate__hasCome() public pure {
        uint256 due = ScheduleLib.dueAt(LAST_OF_JANUARY, 1);
        vm.assertEq(ScheduleLib.passed(LAST_OF_JANUARY, 12, due - 1), 0);
        vm.assertEq(ScheduleLib.passed(LAST_OF_JANUARY, 12, due), 1);
        vm.assertEq(ScheduleLib.passed(LAST_OF_JANUARY, 12, LAST_OF_JANUARY), 0);
    }

    function testFuzz_balanceAfter__amortization__sumsToPrincipal(uint96 drawn, uint256 months) public pure {
        months = bound(months, 1, 240);
        uint256 sum;
        uint256 before = drawn;
        for (uint256 n = 1; n <= months; ++n) {
            uint256 balance = ScheduleLib.balanceAfter(drawn, months, n);
            sum += before - balance;
            // Equal to a unit.
            vm.assertLe(before - balance, drawn / months + 1);
            before = balance;
        }
        vm.assertEq(sum, drawn);
        vm.assertEq(before, 0);
    }

    function test_serviceUp__threeMonths__interestRoundedUpOnce() public pure {
        // 100,000 units over 3 months at 12 %: 1 % of 100,000, of 66,667 and of 33,334 are 2,000.01.
        vm.assertEq(ScheduleLib.serviceUp(100_000, 3, 1200, 3), 100_000 + 2001);
        vm.assertEq(ScheduleLib.serviceUp(100_000, 3, 1200, 1), 33_333 + 1000);
        vm.assertEq(ScheduleLib.serviceUp(100_000, 3, 1200, 0), 0);
    }

    function test_arrears__dueSecondAndAfter__principalAndInterestUntilThen() public {
        uint256 loanId = _drawnLoan();
        uint256 due = credit.loan(loanId).nextDueAt;
        vm.warp(due - 1);
        (uint256 principal, uint256 interest) = credit.arrears(loanId);
        vm.assertEq(principal + interest, 0);

        uint256 until = (_coins(300_000) * 1200 * 30 days + SCALE - 1) / SCALE;
        for (uint256 i; i < 2; ++i) {
            vm.warp(due + i * 20 days);
            (principal, interest) = credit.arrears(loanId);
            vm.assertEq(principal, _coins(25_000));
            // Later interest is not due yet.
            vm.assertEq(interest, until);
        }
        vm.warp(credit.instalment(loanId, 3).dueAt);
        (principal, interest) = credit.arrears(loanId);
        vm.assertEq(principal, _coins(75_000));
    }

    function test_arrears__prepaidPrincipal__counts() public {
        uint256 loanId = _drawnLoan();
        _repay(loanId, _coins(60_000));
        vm.warp(credit.instalment(loanId, 2).dueAt);
        (uint256 principal, uint256 interest) = credit.arrears(loanId);
        vm.assertEq(principal, 0);
        vm.assertGt(interest, 0);
        _repay(loanId, interest);
        (principal, interest) = credit.arrears(loanId);
        vm.assertEq(principal + interest, 0);
        vm.assertEq(credit.loan(loanId).nextDue, 3);
    }

    function test_arrears__notOpen__nothing() public {
        uint256 loanId = _approvedLoan();
        (uint256 principal, uint256 interest) = credit.arrears(loanId);
        vm.assertEq(principal + interest, 0);
    }

    /// @dev What fell due before a loan was brought up to date is met by one payment of it all.
    function test_repay__whatIsNeeded__meetsEveryInstalmentThatPassed() public {
        uint256 loanId = _drawnLoan();
        vm.warp(credit.instalment(loanId, 4).dueAt + 3 days);
        (uint256 principal,) = credit.arrears(loanId);
        (, uint256 all) = credit.debt(loanId);
        _repay(loanId, principal + all - 1);
        vm.assertEq(credit.loan(loanId).nextDue, 4);
        _repay(loanId, 1);
        vm.assertEq(credit.loan(loanId).nextDue, 5);
        vm.assertEq(credit.loan(loanId).nextDueAt, credit.instalment(loanId, 5).dueAt);
        vm.assertEq(credit.loan(loanId).principal, credit.instalment(loanId, 4).balance);
    }

    /// @dev The late rate's part of the interest is due at once, not a month later.
    function test_arrears__lateRate__countsAsDue() public {
        LoanTerms memory terms = _loanTerms();
        terms.reserveMonths = 0;
        uint256 loanId = _drawnLoan(_request(), terms);
        uint256 due = credit.loan(loanId).nextDueAt;
        _goTo(due + 1 days);
        credit.mark(loanId);
        vm.warp(due + 6 days);
        (, uint256 interest) = credit.arrears(loanId);
        uint256 scaled = _coins(300_000) * (1200 * 30 days + 400 * 5 days);
        vm.assertEq(interest, (scaled + SCALE - 1) / SCALE);
    }

    function _is(uint256 time, uint256 year, uint256 month, uint256 day) private pure {
        (uint256 y, uint256 m, uint256 d, uint256 hour, uint256 minute, uint256 second) =
            DateTimeLib.timestampToDateTime(time);
        vm.assertEq(y, year);
        vm.assertEq(m, month);
        vm.assertEq(d, day);
        vm.assertEq(hour * 3600 + minute * 60 + second, LAST_OF_JANUARY % 1 days);
    }

    function _isAt(uint256 time, uint256 expected) private pure {
        vm.assertEq(time, expected);
    }
}
