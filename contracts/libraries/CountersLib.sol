// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../interfaces/IMeterOracle.sol";

/// @dev A report's counters in one word, read and written whole. From the highest bit: 40 of `asOf`, three times 64 of
/// available GPU-milliseconds, busy GPU-milliseconds and joules, 23 of `lag`, one that says whether a report is pending.
type Counters is uint256;

using CountersLib for Counters global;

/// @notice Packs and unpacks counters.
library CountersLib {
    uint256 internal constant MOST_LAG = (1 << 23) - 1;

    /// @dev `lag` is how many seconds after `asOf` the report became the head, at most 97 days. No report is pending.
    function pack(Report calldata report, uint256 lag) internal pure returns (Counters) {
        return Counters.wrap(
                (uint256(report.asOf) << 216) | (uint256(report.availableGpuMs) << 152)
                    | (uint256(report.busyGpuMs) << 88) | (uint256(report.energyJoules) << 24)
            ).withLag(lag);
    }

    function withLag(Counters self, uint256 lag) internal pure returns (Counters) {
        uint256 bits = Counters.unwrap(self) & ~(MOST_LAG << 1);
        return Counters.wrap(bits | ((lag > MOST_LAG ? MOST_LAG : lag) << 1));
    }

    function withPending(Counters self, bool pending) internal pure returns (Counters) {
        uint256 bits = Counters.unwrap(self) & ~uint256(1);
        return Counters.wrap(pending ? bits | 1 : bits);
    }

    function asOf(Counters self) internal pure returns (uint40) {
        return uint40(Counters.unwrap(self) >> 216);
    }

    function availableGpuMs(Counters self) internal pure returns (uint64) {
        return uint64(Counters.unwrap(self) >> 152);
    }

    function busyGpuMs(Counters self) internal pure returns (uint64) {
        return uint64(Counters.unwrap(self) >> 88);
    }

    function energyJoules(Counters self) internal pure returns (uint64) {
        return uint64(Counters.unwrap(self) >> 24);
    }

    /// @dev When the report became the head, where that was within 97 days.
    function acceptedAt(Counters self) internal pure returns (uint40) {
        return asOf(self) + uint40((Counters.unwrap(self) >> 1) & MOST_LAG);
    }

    function hasPending(Counters self) internal pure returns (bool) {
        return Counters.unwrap(self) & 1 == 1;
    }
}
