// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

/// @dev Says no instead of reverting, once told to.
contract FalseReturningToken is TestStablecoin {
    bool public refusing;

    constructor(uint8 decimals_) TestStablecoin("No Coin", "NO", decimals_) {}

    function refuse(bool refusing_) external {
        refusing = refusing_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refusing && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !refusing && super.transferFrom(from, to, amount);
    }
}
