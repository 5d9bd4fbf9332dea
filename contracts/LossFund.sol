// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ILossFund} from "./interfaces/ILossFund.sol";
import {IPayouts} from "./interfaces/IPayouts.sol";

/// @title LossFund
contract LossFund is AccessManaged, ReentrancyGuardTransient, ILossFund {
    using SafeERC20 for IERC20;

    /// @inheritdoc ILossFund
    mapping(IERC20 token => uint256) public held;
    /// @inheritdoc ILossFund
    mapping(address booker => mapping(IERC20 token => uint256)) public allowance;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc ILossFund
    function collect(IPayouts source, IERC20 token) external nonReentrant returns (uint256 amount) {
        uint256 before = token.balanceOf(address(this));
        source.withdraw(token, address(this));
        amount = token.balanceOf(address(this)) - before;

        held[token] += amount;

        emit Collect(source, token, amount);
    }

    /// @inheritdoc ILossFund
    function allow(address booker, IERC20 token, uint256 amount) external restricted {
        require(booker.code.length > 0, NotAContract(booker));
        allowance[booker][token] = amount;
        emit Allow(booker, token, amount);
    }

    /// @inheritdoc ILossFund
    function cover(IERC20 token, uint256 amount) external nonReentrant {
        uint256 allowed = allowance[msg.sender][token];
        require(amount <= allowed, AllowanceExceeded(msg.sender, token, amount, allowed));
        require(amount <= held[token], FundExceeded(token, amount, held[token]));

        allowance[msg.sender][token] = allowed - amount;
        held[token] -= amount;

        emit Cover(msg.sender, token, amount);
        token.safeTransfer(msg.sender, amount);
    }
}
