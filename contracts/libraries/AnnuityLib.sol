// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Present value of one unit at the end of each month.
library AnnuityLib {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant RAY = 1e27;
    /// @dev A year's rate in basis points over this is a month's.
    uint256 internal constant BPS_MONTHS = 10_000 * 12;

    /// @dev (1 − v^n) ÷ i, where i is a twelfth of `rateBps` and v = 1 ÷ (1 + i); n where i is zero. Powers of v round up, so
    /// the value rounds down, for lenders.
    function annuityWad(uint256 rateBps, uint256 months) internal pure returns (uint256) {
        if (rateBps == 0) return months * WAD;
        uint256 discount = RAY - _powUp(Math.ceilDiv(RAY * BPS_MONTHS, BPS_MONTHS + rateBps), months);
        return discount * BPS_MONTHS * WAD / (rateBps * RAY);
    }

    /// @dev `base`^`exponent` in RAY, of a base of at most one: each product rounds up and stays within it.
    function _powUp(uint256 base, uint256 exponent) private pure returns (uint256 power) {
        power = RAY;
        // Safe: no factor exceeds RAY.
        unchecked {
            while (exponent > 0) {
                if (exponent & 1 == 1) power = (power * base + RAY - 1) / RAY;
                base = (base * base + RAY - 1) / RAY;
                exponent >>= 1;
            }
        }
    }
}
