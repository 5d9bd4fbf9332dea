// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IERC7943Fungible} from "./interfaces/IERC7943.sol";
import {ITransferGate} from "./interfaces/ITransferGate.sol";

/// @title TransferGate
contract TransferGate is AccessManaged, ITransferGate {
    /// @inheritdoc ITransferGate
    mapping(address account => bool) public isPermitted;
    mapping(bytes32 transfer => uint256 times) internal _approved;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc ITransferGate
    function setPermitted(address account, bool permitted) external restricted {
        isPermitted[account] = permitted;
        emit SetPermitted(account, permitted);
    }

    /// @inheritdoc ITransferGate
    function freeze(address shares, address account, uint256 amount) external restricted {
        IERC7943Fungible(shares).setFrozenTokens(account, amount);
    }

    /// @inheritdoc ITransferGate
    function approveForcedTransfer(address shares, address from, address to, uint256 amount) external restricted {
        ++_approved[keccak256(abi.encode(shares, from, to, amount))];
        emit ApproveForcedTransfer(shares, from, to, amount);
    }

    /// @inheritdoc ITransferGate
    function forceTransfer(address shares, address from, address to, uint256 amount) external restricted {
        bytes32 key = keccak256(abi.encode(shares, from, to, amount));
        require(_approved[key] > 0, ForcedTransferNotApproved(shares, from, to, amount));
        --_approved[key];
        IERC7943Fungible(shares).forcedTransfer(from, to, amount);
    }
}
