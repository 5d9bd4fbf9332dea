// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

/// @dev Reverts for whoever is on its list, as large stablecoins do.
contract BlocklistToken is TestStablecoin {
    mapping(address account => bool) public blocked;

    error Blocked(address account);

    constructor(uint8 decimals_) TestStablecoin("Block Coin", "BLK", decimals_) {}

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[from], Blocked(from));
        require(!blocked[to], Blocked(to));
        super._update(from, to, amount);
    }
}
