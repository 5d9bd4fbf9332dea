// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFixedPricing} from "./interfaces/IFixedPricing.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {IPricing} from "./interfaces/IPricing.sol";

/// @title FixedPricing
contract FixedPricing is IFixedPricing {
    IFleetRegistry internal immutable REGISTRY;

    /// @inheritdoc IFixedPricing
    mapping(uint256 fleetId => uint72) public priceOf;

    constructor(address registry) {
        REGISTRY = IFleetRegistry(registry);
    }

    /// @inheritdoc IFixedPricing
    function setPrice(uint256 fleetId, uint72 pricePerGpuHour) external {
        require(msg.sender == REGISTRY.controllerOf(fleetId), NotController(fleetId, msg.sender));
        uint256 floor = REGISTRY.fleet(fleetId).priceFloor;
        require(pricePerGpuHour >= floor, PriceBelowFloor(pricePerGpuHour, floor));

        priceOf[fleetId] = pricePerGpuHour;

        emit SetPrice(fleetId, pricePerGpuHour);
    }

    /// @inheritdoc IPricing
    function quote(uint256 fleetId, uint256, uint256, uint256, uint256) external view returns (uint256) {
        return _price(fleetId);
    }

    /// @inheritdoc IPricing
    function charge(uint256 fleetId, uint256, uint256, uint256, uint256) external view returns (uint256) {
        return _price(fleetId);
    }

    function _price(uint256 fleetId) internal view returns (uint256 pricePerGpuHour) {
        pricePerGpuHour = priceOf[fleetId];
        require(pricePerGpuHour > 0, NoPrice(fleetId));
    }
}
