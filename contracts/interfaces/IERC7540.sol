// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7540, operators: who may handle requests for whom?
interface IERC7540Operator {
    event OperatorSet(address indexed controller, address indexed operator, bool approved);

    /// @notice Lets `operator` request with the caller's shares and claim, cancel and add for it, or no longer.
    /// @return success Always true.
    function setOperator(address operator, bool approved) external returns (bool success);

    function isOperator(address controller, address operator) external view returns (bool status);
}

/// @title ERC-7540, redemption: how does one leave a vault that cannot pay at once?
/// @notice A request is pending, then claimable, then claimed by ERC-4626's `redeem` or `withdraw`, whose owner is the controller.
interface IERC7540Redeem {
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );

    /// @notice Takes `shares` of `owner` and asks for their redemption, for `controller` to claim.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);

    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);

    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
}
