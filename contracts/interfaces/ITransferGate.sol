// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title TransferGate: who may hold gated shares
/// @notice One list for all gated shares, kept by the registrar. Frozen amounts and forced transfers reach the shares
/// through here alone; a forced transfer needs the registrar's slow hand and, before it, a second delayed role.
interface ITransferGate {
    event SetPermitted(address indexed account, bool permitted);
    event ApproveForcedTransfer(address indexed shares, address indexed from, address indexed to, uint256 amount);

    error ForcedTransferNotApproved(address shares, address from, address to, uint256 amount);

    /// @notice Permits or forbids `account` to send and receive gated shares.
    function setPermitted(address account, bool permitted) external;

    /// @notice Freezes `amount` of `account`'s shares.
    function freeze(address shares, address account, uint256 amount) external;

    /// @notice The second role agrees to exactly one forced transfer.
    function approveForcedTransfer(address shares, address from, address to, uint256 amount) external;

    /// @notice Executes an approved forced transfer once.
    function forceTransfer(address shares, address from, address to, uint256 amount) external;

    /// @notice Whether `account` may hold gated shares.
    function isPermitted(address account) external view returns (bool);
}
