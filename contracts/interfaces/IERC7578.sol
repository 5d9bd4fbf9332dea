// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A declared value and its currency, as ERC-7578 has it.
struct Amount {
    string currency;
    uint256 value;
}

/// @notice The documents of a physical asset, as ERC-7578 has them.
struct Properties {
    string tokenIssuer;
    string assetHolder;
    string storedLocation;
    string terms;
    string jurisdiction;
    Amount declaredValue;
}

/// @title Reads and events of ERC-7578, Physical Asset Redemption
/// @dev https://eips.ethereum.org/EIPS/eip-7578. Its open setter is left out: here the fleet's controller sets documents.
interface IERC7578 {
    event PropertiesSet(uint256 indexed tokenId, Properties properties);
    event PropertiesRemoved(uint256 indexed tokenId, Properties properties);

    /// @notice The documents of `tokenId`; empty where there are none.
    function getProperties(uint256 tokenId) external view returns (Properties memory properties);
}
