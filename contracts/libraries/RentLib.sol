// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Rent and delivery. Prices in token units per GPU-hour, delivery in GPU-milliseconds, times in seconds.
library RentLib {
    uint256 internal constant MS_PER_HOUR = 3_600_000;
    uint256 internal constant MS_PER_SECOND = 1000;

    /// @dev Rent for `deliveredGpuMs`. Rounds down: the lessee never pays for a fraction that was not delivered.
    function rentDown(uint256 pricePerGpuHour, uint256 deliveredGpuMs) internal pure returns (uint256) {
        return pricePerGpuHour * deliveredGpuMs / MS_PER_HOUR;
    }

    /// @dev Rent of `gpus` for `duration`. Rounds up: the deposit covers whatever can be delivered.
    function depositUp(uint256 pricePerGpuHour, uint256 gpus, uint256 duration) internal pure returns (uint256) {
        return Math.ceilDiv(pricePerGpuHour * gpus * duration, 1 hours);
    }

    /// @dev The most that `gpus` can deliver in `duration` seconds, in GPU-milliseconds.
    function deliverable(uint256 gpus, uint256 duration) internal pure returns (uint256) {
        return gpus * duration * MS_PER_SECOND;
    }
}
