// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7887, redemption: how does one take a request back?
interface IERC7887Redeem {
    event CancelRedeemRequest(address indexed controller, uint256 indexed requestId, address sender);
    event CancelRedeemClaim(
        address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 shares
    );

    /// @notice Cancels all that is pending. The shares are to be claimed.
    function cancelRedeemRequest(uint256 requestId, address controller) external;

    /// @notice Sends the shares of cancelled requests to `receiver`.
    function claimCancelRedeemRequest(uint256 requestId, address receiver, address controller) external;

    function pendingCancelRedeemRequest(uint256 requestId, address controller) external view returns (bool isPending);

    function claimableCancelRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
}
