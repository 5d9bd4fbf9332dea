// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "solady/tokens/ERC721.sol";

import {IERC4907} from "../interfaces/IERC4907.sol";

/// @notice The lease as a token: an ERC-721 whose user (ERC-4907) is cleared by every transfer.
abstract contract LeaseToken is ERC721, IERC4907 {
    struct User {
        address account;
        uint64 expires;
    }

    mapping(uint256 leaseId => User) internal _users;

    /// @notice Name of the token.
    function name() public pure override returns (string memory) {
        return "GPU lease";
    }

    /// @notice Symbol of the token.
    function symbol() public pure override returns (string memory) {
        return "LEASE";
    }

    /// @notice Empty: what a lease is stands in `lease`, not behind a link.
    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }

    /// @inheritdoc IERC4907
    function setUser(uint256 tokenId, address user, uint64 expires) external {
        require(_isApprovedOrOwner(msg.sender, tokenId), NotOwnerNorApproved());
        _users[tokenId] = User(user, expires);
        emit UpdateUser(tokenId, user, expires);
    }

    /// @inheritdoc IERC4907
    function userOf(uint256 tokenId) public view returns (address) {
        User memory user = _users[tokenId];
        return user.expires >= block.timestamp ? user.account : address(0);
    }

    /// @inheritdoc IERC4907
    function userExpires(uint256 tokenId) external view returns (uint256) {
        return _users[tokenId].expires;
    }

    /// @notice ERC-165: ERC-721, its metadata, ERC-4907.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC4907).interfaceId || super.supportsInterface(interfaceId);
    }

    function _clearUser(uint256 leaseId) internal {
        delete _users[leaseId];
        emit UpdateUser(leaseId, address(0), 0);
    }
}
