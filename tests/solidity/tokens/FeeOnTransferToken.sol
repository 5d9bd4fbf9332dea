// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

/// @dev Keeps a hundredth of each transfer.
contract FeeOnTransferToken is TestStablecoin {
    constructor(uint8 decimals_) TestStablecoin("Fee Coin", "FEE", decimals_) {}

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        super._update(from, address(0), amount / 100);
        super._update(from, to, amount - amount / 100);
    }
}
