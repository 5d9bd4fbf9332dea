// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7575: which token are a vault's shares?
/// @dev What the standard adds to ERC-4626.
interface IERC7575 {
    function share() external view returns (address shareTokenAddress);
}
