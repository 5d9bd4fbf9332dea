// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ShareTerms} from "./IFleetRegistry.sol";

/// @title Makes the fleets' ERC-20 shares; the only factory of the system
interface IFleetShareFactory {
    event CreateShares(uint256 indexed fleetId, address indexed shares, address indexed owner, bool gated);

    error NotRegistry(address caller);

    /// @notice Creates the shares of `fleetId` and gives `owner` all that is not bound to the title. Only for the registry.
    function create(uint256 fleetId, address owner, address settlementToken, ShareTerms calldata terms)
        external
        returns (address shares);

    /// @notice The shares of `fleetId`; zero where there are none.
    function sharesOf(uint256 fleetId) external view returns (address);
}
