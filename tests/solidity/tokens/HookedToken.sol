// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

interface ITokenHook {
    function onTokenMove(address from, address to, uint256 amount) external;
}

/// @dev Calls whoever asked for it before and after each of its transfers, as ERC-777 did.
contract HookedToken is TestStablecoin {
    mapping(address account => bool) public hooked;

    constructor(uint8 decimals_) TestStablecoin("Hook Coin", "HOOK", decimals_) {}

    function hook() external {
        hooked[msg.sender] = true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (hooked[from]) ITokenHook(from).onTokenMove(from, to, amount);
        super._update(from, to, amount);
        if (hooked[to]) ITokenHook(to).onTokenMove(from, to, amount);
    }
}
