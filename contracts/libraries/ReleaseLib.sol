// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Revenue that arrives in UTC day d is released linearly during day d+1, in constant work.
/// @dev The index is revenue per share times 2^96: as fine as the largest supply is large, so that what no holder has yet is
/// below one unit. Division remainders are carried, so nothing is lost over time.
library ReleaseLib {
    uint256 internal constant INDEX_BITS = 96;

    /// @dev Money in token units, times in Unix seconds. Everything follows from the last `arrive`, so readers need not write.
    struct Stream {
        // slot 0
        /// Released during `day`, in whole.
        uint96 releasing;
        /// Arrived during `day`, released during the next.
        uint96 arriving;
        uint24 day;
        /// Until when the release of `day` is in the index.
        uint40 updatedAt;
        // slot 1
        uint128 index;
        /// What the last division left, less than the supply.
        uint96 remainder;
    }

    /// @dev The stream as of `time`, not earlier than its last update.
    function advance(Stream memory self, uint256 supply, uint256 time) internal pure returns (Stream memory) {
        uint256 today = time / 1 days;
        uint256 released;
        if (today > self.day) {
            released = self.releasing - _releasedBy(self.releasing, self.updatedAt, self.day);
            if (today == uint256(self.day) + 1) {
                self.releasing = self.arriving;
            } else {
                released += self.arriving;
                self.releasing = 0;
            }
            self.arriving = 0;
            self.day = uint24(today);
            self.updatedAt = uint40(today * 1 days);
        }
        released += _releasedBy(self.releasing, time, today) - _releasedBy(self.releasing, self.updatedAt, today);
        self.updatedAt = uint40(time);

        // Safe: all revenue of one token is below 2^96 and the supply above 2^64, so the index stays below 2^128.
        uint256 scaled = (released << INDEX_BITS) + self.remainder;
        self.index += uint128(scaled / supply);
        self.remainder = uint96(scaled % supply);
        return self;
    }

    /// @dev What has arrived and is not in the index as of the last update.
    function unreleased(Stream memory self) internal pure returns (uint256) {
        return self.arriving + self.releasing - _releasedBy(self.releasing, self.updatedAt, self.day);
    }

    /// @dev Of a day's release, what is out by `time` of that day. Rounds down; the day's end makes it whole.
    function _releasedBy(uint256 releasing, uint256 time, uint256 day) private pure returns (uint256) {
        return releasing * (time - day * 1 days) / 1 days;
    }
}
