// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPricing} from "./IPricing.sol";

/// @title FixedPricing: one price per fleet, set by its controller
interface IFixedPricing is IPricing {
    event SetPrice(uint256 indexed fleetId, uint256 pricePerGpuHour);

    error NotController(uint256 fleetId, address caller);
    error PriceBelowFloor(uint256 price, uint256 floor);
    error NoPrice(uint256 fleetId);

    /// @notice Sets the price of leases opened from now on, in token units per GPU-hour.
    function setPrice(uint256 fleetId, uint72 pricePerGpuHour) external;

    function priceOf(uint256 fleetId) external view returns (uint72);
}
