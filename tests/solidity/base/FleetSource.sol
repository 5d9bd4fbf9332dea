// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

/// @dev Registry and router of one fleet, as far as its shares can see them: a title's owner, and money that arrives.
contract FleetSource {
    TestStablecoin public immutable coin;
    address public titleOwner;
    uint256 public pending;

    constructor(TestStablecoin coin_, address titleOwner_) {
        coin = coin_;
        titleOwner = titleOwner_;
    }

    function earn(uint256 amount) external {
        coin.mint(address(this), amount);
        pending += amount;
    }

    function collectShares(uint256) external returns (uint256 amount) {
        amount = pending;
        pending = 0;
        require(coin.transfer(msg.sender, amount), "not sent");
    }

    function sellTitle(FleetShares shares, address to) external {
        address from = titleOwner;
        titleOwner = to;
        shares.moveTitle(from, to);
    }

    function ownerOf(uint256) external view returns (address) {
        return titleOwner;
    }
}
