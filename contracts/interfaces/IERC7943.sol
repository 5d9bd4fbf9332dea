// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7943 for fungible tokens, Universal RWA
/// @dev https://eips.ethereum.org/EIPS/eip-7943; ERC-165 id 0x3edbb4c4.
interface IERC7943Fungible {
    event ForcedTransfer(address indexed from, address indexed to, uint256 amount);
    event Frozen(address indexed account, uint256 amount);

    error ERC7943CannotSend(address account);
    error ERC7943CannotReceive(address account);
    error ERC7943CannotTransfer(address from, address to, uint256 amount);
    error ERC7943InsufficientUnfrozenBalance(address account, uint256 amount, uint256 unfrozen);

    /// @notice Moves `amount` from `from` to `to` without `from`'s consent; the receiver is tested, the sender is not.
    function forcedTransfer(address from, address to, uint256 amount) external returns (bool);

    /// @notice Sets how much of `account`'s balance is frozen; it may exceed the balance.
    function setFrozenTokens(address account, uint256 amount) external returns (bool);

    /// @notice Whether `account` may send.
    function canSend(address account) external view returns (bool);

    /// @notice Whether `account` may receive.
    function canReceive(address account) external view returns (bool);

    /// @notice How much of `account`'s balance is frozen.
    function getFrozenTokens(address account) external view returns (uint256);

    /// @notice Whether a transfer would pass the gate and the frozen amounts.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool);
}
