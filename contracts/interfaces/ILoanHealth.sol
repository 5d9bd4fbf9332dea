// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Evidence} from "./IFleetCredit.sol";

/// @notice What secures a loan, and how much of it may be owed. Amounts in smallest units, ratios in basis points.
struct Pledge {
    uint256 fleetId;
    /// @dev Pledged and bound shares, and the supply of which they are a part; no shares for a loan without its lot.
    uint256 shares;
    uint256 supply;
    IERC20 collateral;
    uint256 collateralAmount;
    /// @dev Drawn before the fleet had 30 days of history; of no account for `drawLimits`.
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
    /// @dev Whether the fleet has less than 30 complete days of history now.
    bool young;
}

/// @notice An open loan in which something may be wrong. Its debt is paid as far as it could be. Times in Unix seconds.
struct Suspect {
    Pledge pledge;
    /// @dev All that is owed, in asset units.
    uint256 owed;
    /// @dev Due date of the first instalment that is not met, and the grace after it in days.
    uint256 nextDueAt;
    uint256 graceDays;
    uint256 insuredUntil;
    uint256 breachedSince;
    /// @dev Title and pledged shares were sold: the loan stays in breach until its collateral is sold too.
    bool lotGone;
}

/// @notice What was found wrong: the first breach in the order of `Evidence`, or else a missed due date; since when the first
/// of all that is wrong has been so, and the first that is a breach. Zero for none.
struct Finding {
    Evidence kind;
    uint256 since;
    uint256 breachSince;
    /// @dev The debt is above the breach limit: by an appraisal that could be told, and by collateral at its price, or, where that
    /// cannot be told, at the greatest that would be believed.
    bool exceeded;
    /// @dev Whether all of the pledge could be told.
    bool known;
    /// @dev What the pledge counts for at worst, at most what is owed, and what may be owed; what cannot be told counts zero.
    uint256 floor;
    uint256 breachLimit;
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

    /// @notice The limits of a loan that is drawn now, when its fleet's head was accepted, and whether it is silent.
    function drawLimits(Pledge calldata pledge) external view returns (Limits memory, uint256 acceptedAt, bool silent);

    /// @notice What is wrong with a loan. Never reverts. A price that cannot be told is no evidence: no breach is found that any price
    /// which would be believed denies. Nor does it hide one: collateral does not keep a debt within its limit that it could not
    /// carry at the greatest of these prices, so that a little of it beside a dead feed changes nothing.
    function find(Suspect calldata suspect) external view returns (Finding memory);

    /// @notice When the fleet's present head was accepted, and from when on its silence is a breach: 48 hours later, without the
    /// time for which a report was pending or disputed. The past, where there never was a head.
    function silence(uint256 fleetId) external view returns (uint256 acceptedAt, uint256 breachFrom);
}
