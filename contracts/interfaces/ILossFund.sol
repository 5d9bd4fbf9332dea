// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IPayouts} from "./IPayouts.sol";

/// @title LossFund: slashed stakes, kept for lenders' shortfalls
/// @notice Nobody can withdraw from it. A contract that books losses may draw what the risk role allowed it, after that
/// role's delay, and only to itself.
interface ILossFund {
    event Collect(IPayouts indexed source, IERC20 indexed token, uint256 amount);
    event Allow(address indexed booker, IERC20 indexed token, uint256 amount);
    event Cover(address indexed booker, IERC20 indexed token, uint256 amount);

    error NotAContract(address booker);
    error AllowanceExceeded(address booker, IERC20 token, uint256 asked, uint256 allowed);
    error FundExceeded(IERC20 token, uint256 asked, uint256 held);

    /// @notice Brings what `source` owes the fund in `token`. For anyone.
    /// @dev A contract that lies about what it paid gains nothing: the fund counts what arrived.
    function collect(IPayouts source, IERC20 token) external returns (uint256 amount);

    /// @notice Lets `booker`, a contract, draw `amount` in all. Restricted to the risk role.
    function allow(address booker, IERC20 token, uint256 amount) external;

    /// @notice Pays `amount` to the calling contract, within its allowance.
    function cover(IERC20 token, uint256 amount) external;

    /// @notice Counted holdings; a donation changes nothing.
    function held(IERC20 token) external view returns (uint256);

    function allowance(address booker, IERC20 token) external view returns (uint256);
}
