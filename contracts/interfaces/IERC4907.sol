// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-4907, Rental NFT
/// @dev https://eips.ethereum.org/EIPS/eip-4907
interface IERC4907 {
    event UpdateUser(uint256 indexed tokenId, address indexed user, uint64 expires);

    /// @notice Lets `user` use `tokenId` until `expires` (Unix seconds). For the owner and those it approved.
    function setUser(uint256 tokenId, address user, uint64 expires) external;

    /// @notice The current user; zero where there is none or its time is over.
    function userOf(uint256 tokenId) external view returns (address);

    /// @notice Until when the user may use it, Unix seconds.
    function userExpires(uint256 tokenId) external view returns (uint256);
}
