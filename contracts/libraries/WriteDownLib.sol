// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Many values that fall, each linearly in whole UTC days, as one sum: what has fallen, what falls a day, and on which days
/// how much of that stops. Each fall lasts 30 or 90 days, and the sum is kept in ninetieths of a unit, so that a day's step is
/// whole and what is taken out is exactly what was put in.
library WriteDownLib {
    using SafeCast for uint256;

    /// @dev Divisible by both spans.
    uint256 internal constant SCALE = 90;
    uint256 internal constant MARK_DAYS = 30;
    uint256 internal constant LOT_DAYS = 90;
    /// @dev A mark is young on its first seven days.
    uint256 internal constant YOUNG_DAYS = 7;

    /// @dev One value: `base` until the end of UTC day `firstDay`, then a step every midnight, `floor` after `span` of them.
    /// One slot.
    struct Fall {
        uint96 base;
        uint96 floor;
        uint24 firstDay;
        /// Zero where there is none.
        uint8 span;
    }

    struct Day {
        /// Of what falls a day, what took its last step at this day's beginning.
        uint104 ending;
        /// Marks that stand and began on this day.
        uint32 marks;
    }

    /// @dev In ninetieths of a unit: each sum is at most 2^96 × 90.
    struct Falls {
        // slot 0
        uint104 fallen;
        uint104 perDay;
        /// Until when the two are reckoned.
        uint24 day;
        /// The last day on which a mark began, whether or not it stands.
        uint24 youngest;
        mapping(uint256 day => Day) days_;
    }

    function today() internal view returns (uint256) {
        return block.timestamp / 1 days;
    }

    /// @dev What has fallen until now, in asset units. Rounds up: for those who stay.
    function fallenUp(Falls storage self) internal view returns (uint256) {
        (uint256 fallen,) = _reckon(self);
        return Math.ceilDiv(fallen, SCALE);
    }

    /// @dev Adds a fall that began today or before.
    function add(Falls storage self, Fall memory fall) internal {
        (uint256 fallen, uint256 perDay) = _reckon(self);
        (uint256 step, uint256 taken) = _steps(fall);
        fallen += step * taken;
        if (taken < fall.span) {
            perDay += step;
            self.days_[uint256(fall.firstDay) + fall.span].ending += uint104(step);
        }
        _store(self, fallen, perDay);
    }

    /// @dev Takes a fall out again, with all that it has fallen.
    function remove(Falls storage self, Fall memory fall) internal {
        (uint256 fallen, uint256 perDay) = _reckon(self);
        (uint256 step, uint256 taken) = _steps(fall);
        fallen -= step * taken;
        if (taken < fall.span) {
            perDay -= step;
            self.days_[uint256(fall.firstDay) + fall.span].ending -= uint104(step);
        }
        _store(self, fallen, perDay);
    }

    /// @dev A fall becomes another one of the same beginning and span: as `remove` and `add`, with each slot read and written once.
    function replace(Falls storage self, Fall memory before, Fall memory later) internal {
        (uint256 fallen, uint256 perDay) = _reckon(self);
        (uint256 stepBefore, uint256 taken) = _steps(before);
        (uint256 step,) = _steps(later);
        fallen = fallen + step * taken - stepBefore * taken;
        if (taken < before.span) {
            perDay = perDay + step - stepBefore;
            Day storage last = self.days_[uint256(before.firstDay) + before.span];
            // Safe: a sum of steps, which fits as each of them does.
            last.ending = uint104(last.ending + step - stepBefore);
        }
        _store(self, fallen, perDay);
    }

    /// @dev A mark began on `day`.
    function begin(Falls storage self, uint256 day) internal {
        ++self.days_[day].marks;
        if (day > self.youngest) self.youngest = uint24(day);
    }

    /// @dev A mark that began on `day` stands no longer.
    function end(Falls storage self, uint256 day) internal {
        --self.days_[day].marks;
    }

    /// @dev When the last of the standing marks stops being young, Unix seconds; zero where none is. At most seven days are
    /// looked at.
    function youngUntil(Falls storage self) internal view returns (uint256) {
        uint256 now_ = today();
        for (uint256 day = self.youngest; day + YOUNG_DAYS > now_; --day) {
            if (self.days_[day].marks > 0) return (day + YOUNG_DAYS) * 1 days;
        }
        return 0;
    }

    /// @dev The sums as of today. Steps through the days only while something falls, which is at most `LOT_DAYS` of them.
    function _reckon(Falls storage self) private view returns (uint256 fallen, uint256 perDay) {
        (fallen, perDay) = (self.fallen, self.perDay);
        uint256 now_ = today();
        for (uint256 day = self.day; perDay > 0 && day < now_;) {
            fallen += perDay;
            perDay -= self.days_[++day].ending;
        }
    }

    /// @dev One write; `youngest` stays.
    function _store(Falls storage self, uint256 fallen, uint256 perDay) private {
        uint256 slot =
            fallen.toUint104() | uint256(perDay.toUint104()) << 104 | today() << 208 | uint256(self.youngest) << 232;
        assembly ("memory-safe") {
            sstore(self.slot, slot)
        }
    }

    /// @dev A day's step, scaled, and how many were taken until today.
    function _steps(Fall memory fall) private view returns (uint256 step, uint256 taken) {
        step = uint256(fall.base - fall.floor) * (SCALE / fall.span);
        taken = Math.min(today() - fall.firstDay, fall.span);
    }
}
