// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";
import {ICreate3Factory} from "./interfaces/ICreate3Factory.sol";

/// @title Create3Factory
contract Create3Factory is ICreate3Factory {
    /// @inheritdoc ICreate3Factory
    function deploy(bytes32 salt, bytes calldata creationCode) external payable returns (address deployed) {
        deployed = Create3.deploy(msg.value, _bound(msg.sender, salt), creationCode);
        emit Deploy(msg.sender, salt, deployed);
    }

    /// @inheritdoc ICreate3Factory
    function addressOf(address deployer, bytes32 salt) external view returns (address) {
        return Create3.computeAddress(_bound(deployer, salt));
    }

    function _bound(address deployer, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(deployer, salt));
    }
}
