// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A contract that keeps titles and lets another control the fleet
/// @dev Found by ERC-165. Whoever it names sets prices, operator and documents; what only an owner may do stays with it.
interface ICustodian {
    /// @notice Who controls the fleet whose title this contract owns.
    function controllerOf(uint256 fleetId) external view returns (address);
}
