// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPayouts} from "./IPayouts.sol";

/// @notice A fleet's revenue, in settlement-token units.
struct Revenue {
    uint16 protocolFeeBps;
    uint16 operatingShareBps;
    /// @dev Credited by LeaseBook, not split yet; the money is still there.
    uint96 pending;
    /// @dev Split so far, and its three legs.
    uint128 routed;
    uint128 protocolFee;
    uint128 operating;
    uint128 shares;
    /// @dev Of `shares`, what the shares have not collected yet.
    uint128 uncollected;
}

/// @title RevenueRouter: who gets the rent, in which order?
/// @notice Protocol fee first, then the operator's share of the rest, then the shareholders. Fee and operating share round
/// down, so shareholders get the remainders. Rent is credited per fleet and split when somebody pulls.
interface IRevenueRouter is IPayouts {
    event Register(uint256 indexed fleetId, uint256 protocolFeeBps, uint256 operatingShareBps);
    event Route(
        uint256 indexed fleetId,
        address indexed operator,
        uint256 amount,
        uint256 protocolFee,
        uint256 operating,
        uint256 shares
    );
    event CollectShares(uint256 indexed fleetId, address indexed shares, uint256 amount);
    event Distribute(uint256 indexed fleetId, address indexed from, uint256 amount);
    event RecordDay(uint256 indexed fleetId, uint256 indexed day, uint256 netRevenue);
    event LowerOperatingShare(uint256 indexed fleetId, uint256 operatingShareBps);
    event SetProtocolFee(uint256 protocolFeeBps);
    event SetFeeRecipient(address indexed feeRecipient);

    error NotRegistry(address caller);
    error NotLeaseBook(address caller);
    error NotShares(uint256 fleetId, address caller);
    error NotController(uint256 fleetId, address caller);
    error InvalidShare(uint256 bps, uint256 limit);
    error InvalidRecipient();

    /// @notice Fixes a new fleet's terms. Only for the registry.
    function register(uint256 fleetId, uint16 operatingShareBps) external;

    /// @notice Credits `amount` of rent, of which `counted` is evidence for appraisals. Only for LeaseBook.
    /// @dev `counted` leaves out lumps, notice, fees, mutual closings and lessees not of record. The day's record is net of
    /// fee and operating share, rounded down.
    function credit(uint256 fleetId, uint256 amount, uint256 counted) external;

    /// @notice Splits what was credited. For anyone; nothing pending is no error.
    /// @return amount What was split.
    function route(uint256 fleetId) external returns (uint256 amount);

    /// @notice Sends the shares' leg to the fleet's shares, which alone may call.
    function collectShares(uint256 fleetId) external returns (uint256 amount);

    /// @notice Gives `amount` of the caller's money to the fleet's shareholders, without fee and operating share: proceeds of
    /// retired hardware, for instance. For anyone; never evidence for an appraisal.
    function distribute(uint256 fleetId, uint256 amount) external;

    /// @notice Splits under the old share, then lowers it. For the fleet's controller.
    function lowerOperatingShare(uint256 fleetId, uint16 operatingShareBps) external;

    /// @notice Protocol fee of fleets enrolled from now on, in basis points, at most 10 %.
    function setProtocolFee(uint16 newFeeBps) external;

    /// @notice Who is credited with fees from now on.
    function setFeeRecipient(address newRecipient) external;

    function revenue(uint256 fleetId) external view returns (Revenue memory);
    /// @notice Net revenue recorded for a UTC day (Unix time ÷ 86,400), in settlement-token units.
    function netRevenueOn(uint256 fleetId, uint256 day) external view returns (uint256);
    /// @notice Net revenue recorded for the UTC days from `fromDay` up to, and without, `toDay`. A few reads however many days.
    function netRevenueBetween(uint256 fleetId, uint256 fromDay, uint256 toDay) external view returns (uint256);
    function protocolFeeBps() external view returns (uint16);
    function feeRecipient() external view returns (address);
}
