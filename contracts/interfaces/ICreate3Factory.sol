// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Create3Factory: addresses that depend on deployer and salt alone
/// @notice Itself at a CREATE2 address, it puts a contract at one address on every chain, whatever its constructor
/// arguments. Salts are bound to the caller, so nobody takes another's address.
interface ICreate3Factory {
    event Deploy(address indexed deployer, bytes32 indexed salt, address indexed deployed);

    /// @notice Deploys `creationCode`, constructor arguments appended. Reverts where the salt was used.
    function deploy(bytes32 salt, bytes calldata creationCode) external payable returns (address deployed);

    /// @notice Where `deployer` deploys with `salt`.
    function addressOf(address deployer, bytes32 salt) external view returns (address);
}
