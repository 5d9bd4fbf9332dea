// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPricing} from "../../../contracts/interfaces/IPricing.sol";

/// @dev Does something else first, and passes on what it meets.
contract PricingActing is IPricing {
    uint256 internal immutable PRICE;
    address internal _target;
    bytes internal _data;

    constructor(uint256 price) {
        PRICE = price;
    }

    function act(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    function quote(uint256, uint256, uint256, uint256, uint256) external view returns (uint256) {
        return PRICE;
    }

    function charge(uint256, uint256, uint256, uint256, uint256) external returns (uint256) {
        (bool success, bytes memory result) = _target.call(_data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
        return PRICE;
    }
}
