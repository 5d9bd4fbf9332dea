// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Simple interest per second of a 365-day year, kept scaled: asset units × basis points × seconds. So nothing is
/// rounded until it is paid, and the sum over loans is what their sum accrues.
library InterestLib {
    /// @dev One asset unit of interest: a year of 365 days at 100 %.
    uint256 internal constant SCALE = 10_000 * 365 days;
    /// @dev A month where no calendar is meant.
    uint256 internal constant MONTH = 365 days / 12;

    /// @dev What `principal` earns in `elapsed` seconds. Exact.
    function accrue(uint256 principal, uint256 rateBps, uint256 elapsed) internal pure returns (uint256) {
        return principal * rateBps * elapsed;
    }

    /// @dev Accrued interest in asset units. Rounds down: what redeeming lenders are paid for.
    function unitsDown(uint256 scaled) internal pure returns (uint256) {
        return scaled / SCALE;
    }

    /// @dev Accrued interest in asset units. Rounds up: what entering lenders pay for, and what borrowers owe. Assumes that `scaled`
    /// is below 2^255: what loans accrue stays far below it.
    function unitsUp(uint256 scaled) internal pure returns (uint256) {
        unchecked {
            return (scaled + SCALE - 1) / SCALE;
        }
    }
}
