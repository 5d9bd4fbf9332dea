// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Revenue that arrives in UTC day d is released linearly during day d+1, in constant work.
library ReleaseLib {
    using SafeCast for uint256;

    /// @dev Money in token units. Everything follows from the last `arrive`, so readers need not write.
    struct Stream {
        // slot 0: all that is read on a day on which something arrived
        /// Released before `day` began.
        uint96 done;
        /// Released during `day`, in whole.
        uint96 releasing;
        uint24 day;
        // slot 1
        /// Arrived during `day`, released during the next.
        uint96 arriving;
    }

    /// @dev `amount` arrives now.
    function arrive(Stream storage self, uint256 amount) internal {
        uint256 today = block.timestamp / 1 days;
        uint256 arriving = self.arriving;
        uint256 day = self.day;
        if (today > day) {
            bool next = today == day + 1;
            self.done = (uint256(self.done) + self.releasing + (next ? 0 : arriving)).toUint96();
            // Safe: it was a uint96.
            self.releasing = next ? uint96(arriving) : 0;
            self.day = uint24(today);
            arriving = 0;
        }
        self.arriving = (arriving + amount).toUint96();
        // Whatever ever arrived stays below 2^96, on which all that is computed from it relies.
        arrived(self).toUint96();
    }

    /// @dev All that was released until now. Rounds down; the day's end makes it whole.
    function released(Stream storage self) internal view returns (uint256) {
        uint256 done = self.done;
        uint256 releasing = self.releasing;
        uint256 day = self.day;
        uint256 today = block.timestamp / 1 days;
        // Safe: sums of uint96, and times.
        unchecked {
            if (today == day) return done + _part(releasing);
            return done + releasing + (today == day + 1 ? _part(self.arriving) : self.arriving);
        }
    }

    /// @dev All that ever arrived.
    function arrived(Stream storage self) internal view returns (uint256) {
        return uint256(self.done) + self.releasing + self.arriving;
    }

    /// @dev Of what is released during today, what is out.
    function _part(uint256 releasing) private view returns (uint256) {
        unchecked {
            return releasing * (block.timestamp % 1 days) / 1 days;
        }
    }
}
