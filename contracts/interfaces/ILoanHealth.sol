// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What secures a loan, and how much of it may be owed. Amounts in smallest units, ratios in basis points.
struct Pledge {
    uint256 fleetId;
    /// @dev Pledged and bound shares, and the supply of which they are a part; no shares for a loan without its lot.
    uint256 shares;
    uint256 supply;
    IERC20 collateral;
    uint256 collateralAmount;
    /// @dev Drawn, or to be drawn, before the fleet had 30 days of history.
    bool young;
    uint16 hardwareLtvBps;
    uint16 hardwareBreachBps;
    uint16 youngLtvBps;
    uint16 collateralLtvBps;
    uint16 collateralBreachBps;
}

/// @notice What a pledge is worth and carries. Money in asset units, rounded down.
struct Limits {
    /// @dev Appraisal × shares ÷ supply, as the loan is tested.
    uint256 hardware;
    uint256 collateral;
    uint256 borrowLimit;
    uint256 breachLimit;
    /// @dev What the pledge counts for at worst, to which a mark falls.
    uint256 floor;
    /// @dev The pledge's part of the lower mean of net revenue, by 365 days ÷ 12.
    uint256 revenuePerMonth;
    /// @dev Complete UTC days since the fleet was commissioned.
    uint256 historyDays;
}

/// @notice Fixed at creation.
struct HealthParameters {
    /// @dev Of the capped appraisal, and of the feed's value, what a mark's floor counts; basis points.
    uint16 hardwareFloorBps;
    uint16 collateralFloorBps;
    /// @dev Days of history below which a loan is young, and from which on a young one is tested with the revenue cap.
    uint16 youngDays;
    uint16 provenDays;
    /// @dev Seconds without a head that are a breach, and the most that they stand still.
    uint32 reportSilence;
    uint32 mostStandstill;
}

/// @title LoanHealth: what is a loan's pledge worth, and how much may be owed against it?
/// @notice Reads appraisal, feeds and meter oracle; keeps nothing.
interface ILoanHealth {
    error InvalidParameter(bytes32 field);

    /// @notice The pledge's limits. Reverts where appraisal or feed cannot tell.
    function limits(Pledge calldata pledge) external view returns (Limits memory);

    /// @notice The same, never reverting: what cannot be told counts zero.
    /// @return known Whether everything could be told.
    function knownLimits(Pledge calldata pledge) external view returns (Limits memory, bool known);

    /// @notice When the fleet's present head was accepted, and from when on its silence is a breach: 48 hours later, without the
    /// time for which a report was pending or disputed. The past, where there never was a head.
    function silence(uint256 fleetId) external view returns (uint256 acceptedAt, uint256 breachFrom);

    function youngDays() external view returns (uint256);
}
