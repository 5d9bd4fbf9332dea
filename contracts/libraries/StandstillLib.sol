// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Remembers when a fleet's proof clock stood still. Its stops and starts are events on chain, so their times are
/// exact and nobody has to keep touching a clock.
library StandstillLib {
    /// @dev From `since` (Unix seconds) on the clock stands still, or runs; `total` is the standstill until then, in seconds.
    struct Tick {
        uint40 since;
        uint40 total;
        bool standing;
    }

    struct Clock {
        Tick[] ticks;
    }

    /// @dev From `time` on, not before the last tick, the clock stands still or runs. No change, no tick.
    function set(Clock storage self, bool standing, uint256 time) internal {
        uint256 n = self.ticks.length;
        Tick memory last;
        if (n > 0) last = self.ticks[n - 1];
        if (last.standing == standing) return;
        // Safe: seconds since 1970, and differences of them.
        self.ticks.push(Tick(uint40(time), uint40(_total(last, time)), standing));
    }

    /// @dev Seconds of standstill between `from` and `to`, where `from <= to`.
    function between(Clock storage self, uint256 from, uint256 to) internal view returns (uint256) {
        return _totalAt(self, to) - _totalAt(self, from);
    }

    function _totalAt(Clock storage self, uint256 time) private view returns (uint256) {
        uint256 low;
        uint256 high = self.ticks.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (self.ticks[middle].since <= time) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : _total(self.ticks[low - 1], time);
    }

    function _total(Tick memory tick, uint256 time) private pure returns (uint256) {
        return tick.standing ? tick.total + (time - tick.since) : tick.total;
    }
}
