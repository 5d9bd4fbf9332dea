// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPricing} from "../../../contracts/interfaces/IPricing.sol";

/// @dev Says any price, or nothing, and remembers what it was asked.
contract PricingSaying is IPricing {
    uint256 internal _price;
    bool internal _silent;
    bytes32 public last;

    error Silent();

    constructor(uint256 price) {
        _price = price;
    }

    function say(uint256 price) external {
        _price = price;
    }

    function silence() external {
        _silent = true;
    }

    function quote(uint256, uint256, uint256, uint256, uint256) external view returns (uint256) {
        return _price;
    }

    function charge(uint256 fleetId, uint256 gpus, uint256 duration, uint256 leased, uint256 capacity)
        external
        returns (uint256)
    {
        require(!_silent, Silent());
        last = keccak256(abi.encode(fleetId, gpus, duration, leased, capacity));
        return _price;
    }
}
