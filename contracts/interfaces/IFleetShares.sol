// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title FleetShares: what does an owner of a part of the fleet earn?
/// @notice ERC-20 with ERC-2612, fixed supply. Revenue that arrives in UTC day d enters the index linearly during day d+1,
/// so that a flash-borrowed balance earns nothing of others', and dust cannot restart the clock. A transfer leaves what
/// accrued with the seller.
/// @dev A tenth of the supply is bound to the title: it is the balance of this contract itself, its revenue belongs to the
/// title's owner, and it changes hands when the title does. Assumes that the settlement token neither rebases nor takes fees.
interface IFleetShares is IERC20 {
    /// @notice `amount` of revenue arrived and is released during the next UTC day.
    event Collect(uint256 amount);
    event Claim(address indexed account, address indexed to, uint256 amount);
    event ClaimTitle(address indexed owner, address indexed to, uint256 amount);
    event MoveTitle(address indexed from, address indexed to, uint256 settled);

    error NotRegistry(address caller);
    error NotTitleOwner(address caller);
    error NothingToClaim(address account);
    error InvalidReceiver(address to);

    /// @notice Brings the fleet's routed revenue here. For anyone.
    /// @return amount Settlement-token units that arrived.
    function collect() external returns (uint256 amount);

    /// @notice Sends all that accrued to the caller to `to`. Works while paused.
    function claim(address to) external returns (uint256 amount);

    /// @notice Sends what accrued to the shares bound to the title to `to`. For the title's owner.
    function claimTitle(address to) external returns (uint256 amount);

    /// @notice Leaves what the bound shares earned with the seller of the title. Only for the registry, on each transfer.
    function moveTitle(address from, address to) external;

    /// @notice What `account` may claim now, rounded down, in settlement-token units.
    function claimable(address account) external view returns (uint256);

    /// @notice What the title's owner may claim now for the bound shares.
    function claimableByTitle() external view returns (uint256);

    /// @notice Revenue that has arrived and not entered the index yet.
    function unreleased() external view returns (uint256);

    /// @notice Revenue that ever arrived.
    function collected() external view returns (uint256);

    /// @notice Index now: revenue released so far. Shares earn their part of the supply of what it grows by.
    function index() external view returns (uint256);

    function fleetId() external view returns (uint256);
    function settlementToken() external view returns (IERC20);
    /// @notice Shares bound to the title.
    function boundShares() external view returns (uint256);
}
