// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Payouts
/// @notice Money is credited to its owner and withdrawn by its owner to an address of its choice, so that no blacklisted or
/// reverting receiver can block anyone else.
interface IPayouts {
    /// @notice `amount` of `token` was withdrawn by `account` to `to`.
    event Withdraw(IERC20 indexed token, address indexed account, address indexed to, uint256 amount);

    /// @notice `account` has nothing to withdraw in `token`.
    error NothingOwed(IERC20 token, address account);
    /// @notice The receiver of a payout may be neither the zero address nor the paying contract.
    error InvalidReceiver(address to);
    /// @notice A pull of `expected` brought `received`: the token takes a fee, rebases, or lies.
    error TransferFellShort(IERC20 token, uint256 expected, uint256 received);

    /// @notice What `account` may withdraw, in units of `token`.
    function owed(IERC20 token, address account) external view returns (uint256);

    /// @notice Sends everything owed to the caller in `token` to `to`. Works while paused.
    /// @return amount Units of `token` that were sent.
    function withdraw(IERC20 token, address to) external returns (uint256 amount);
}
