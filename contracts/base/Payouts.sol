// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IPayouts} from "../interfaces/IPayouts.sol";

/// @notice Credit now, withdraw later; and pulls that check what arrived.
abstract contract Payouts is IPayouts {
    using SafeERC20 for IERC20;

    /// @inheritdoc IPayouts
    mapping(IERC20 token => mapping(address account => uint256)) public owed;

    /// @inheritdoc IPayouts
    function withdraw(IERC20 token, address to) external returns (uint256 amount) {
        require(to != address(0) && to != address(this), InvalidReceiver(to));
        amount = owed[token][msg.sender];
        require(amount > 0, NothingOwed(token, msg.sender));

        owed[token][msg.sender] = 0;

        emit Withdraw(token, msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    function _credit(IERC20 token, address account, uint256 amount) internal {
        if (amount > 0) owed[token][account] += amount;
    }

    /// @dev Callers guard against reentry: a token with hooks could otherwise count one arrival twice.
    function _pull(IERC20 token, address from, uint256 amount) internal {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        require(received == amount, TransferFellShort(token, amount, received));
    }
}
