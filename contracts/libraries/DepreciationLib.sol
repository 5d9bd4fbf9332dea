// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What is left of a new board's price, by age.
library DepreciationLib {
    /// @dev Twelve months, each a twelfth of it.
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant BPS = 10_000;
    uint256 internal constant WAD_PER_BPS = 1e14;

    /// @dev Linear between 100 % at age zero and `leftBps` after each further year, constant after the last. Rounds down, for lenders.
    /// Never rises with age where `leftBps` never rises.
    function leftWad(uint16[4] memory leftBps, uint256 ageSeconds) internal pure returns (uint256) {
        uint256 year = ageSeconds / YEAR;
        if (year >= leftBps.length) return leftBps[leftBps.length - 1] * WAD_PER_BPS;
        uint256 from = year == 0 ? BPS : leftBps[year - 1];
        uint256 into = ageSeconds % YEAR;
        return (from * (YEAR - into) + leftBps[year] * into) * WAD_PER_BPS / YEAR;
    }
}
