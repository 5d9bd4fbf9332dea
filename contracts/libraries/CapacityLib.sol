// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A fleet's capacity over time, integrated exactly.
library CapacityLib {
    /// @dev From `since` (Unix seconds) on, `capacity` GPUs; `gpuMs` is the integral until then.
    struct Checkpoint {
        uint40 since;
        uint32 capacity;
        uint128 gpuMs;
    }

    struct History {
        Checkpoint[] checkpoints;
    }

    /// @dev Capacity is `capacity` from now on. A second change in one block replaces the first.
    function push(History storage self, uint32 capacity) internal {
        uint256 n = self.checkpoints.length;
        if (n == 0) {
            self.checkpoints.push(Checkpoint(uint40(block.timestamp), capacity, 0));
            return;
        }
        Checkpoint storage last = self.checkpoints[n - 1];
        if (last.since == block.timestamp) {
            last.capacity = capacity;
        } else {
            self.checkpoints
                .push(Checkpoint(uint40(block.timestamp), capacity, uint128(_integral(last, block.timestamp))));
        }
    }

    /// @dev GPU-milliseconds from the first checkpoint to `time`.
    function gpuMsAt(History storage self, uint256 time) internal view returns (uint256) {
        uint256 n = _after(self, time);
        return n == 0 ? 0 : _integral(self.checkpoints[n - 1], time);
    }

    /// @dev GPU-milliseconds from `from` to `to`, where `from <= to`. Cheap where both lie behind the last change.
    function gpuMsBetween(History storage self, uint256 from, uint256 to) internal view returns (uint256) {
        uint256 n = self.checkpoints.length;
        if (n == 0) return 0;
        Checkpoint storage last = self.checkpoints[n - 1];
        if (from >= last.since) return last.capacity * (to - from) * 1000;
        return gpuMsAt(self, to) - gpuMsAt(self, from);
    }

    /// @dev How many checkpoints lie at or before `time`.
    function _after(History storage self, uint256 time) private view returns (uint256 low) {
        uint256 high = self.checkpoints.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (self.checkpoints[middle].since <= time) low = middle + 1;
            else high = middle;
        }
    }

    function _integral(Checkpoint storage checkpoint, uint256 time) private view returns (uint256) {
        return checkpoint.gpuMs + checkpoint.capacity * (time - checkpoint.since) * 1000;
    }
}
