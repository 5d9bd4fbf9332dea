// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev A fuzzed `value` folded into `[least, most]`, which is less than the whole range.
function bound(uint256 value, uint256 least, uint256 most) pure returns (uint256) {
    return least + value % (most - least + 1);
}
