// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {DateTimeLib} from "solady/utils/DateTimeLib.sol";

import {InterestLib} from "./InterestLib.sol";

/// @notice Equal monthly principal. Due dates are calendar months from the start, never from each other: a loan that began on
/// the 31st is due on the 31st again after February.
library ScheduleLib {
    /// @dev Due date `n`; a day that a month lacks is its last.
    function dueAt(uint256 startedAt, uint256 n) internal pure returns (uint256) {
        return DateTimeLib.addMonths(startedAt, n);
    }

    /// @dev Principal that is to be left after instalment `n`. Rounds up, for the borrower; after the last it is zero.
    function balanceAfter(uint256 drawn, uint256 months, uint256 n) internal pure returns (uint256) {
        return drawn - drawn * n / months;
    }

    /// @dev How many due dates have come by `time`, that of this very second included; at most `months`.
    function passed(uint256 startedAt, uint256 months, uint256 time) internal pure returns (uint256 n) {
        (uint256 fromYear, uint256 fromMonth,) = DateTimeLib.timestampToDate(startedAt);
        (uint256 year, uint256 month,) = DateTimeLib.timestampToDate(time);
        n = (year * 12 + month) - (fromYear * 12 + fromMonth);
        if (n > 0 && dueAt(startedAt, n) > time) --n;
        return Math.min(n, months);
    }

    /// @dev The first `count` instalments with interest for months of equal length. Rounds up, once for all of them, for the
    /// vault that the reserve serves.
    function serviceUp(uint256 drawn, uint256 months, uint256 rateBps, uint256 count) internal pure returns (uint256) {
        uint256 scaled;
        for (uint256 n; n < count; ++n) {
            scaled += InterestLib.accrue(balanceAfter(drawn, months, n), rateBps, InterestLib.MONTH);
        }
        return drawn - balanceAfter(drawn, months, count) + InterestLib.unitsUp(scaled);
    }
}
