// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

/// @dev Keeps a part of each transfer, in per cent, from the moment it is told to.
contract FeeOnTransferToken is TestStablecoin {
    uint256 public feePercent;

    constructor(uint8 decimals_) TestStablecoin("Fee Coin", "FEE", decimals_) {}

    function setFee(uint256 percent) external {
        feePercent = percent;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount * feePercent / 100;
        if (fee > 0) super._update(from, address(0), fee);
        super._update(from, to, amount - fee);
    }
}
