// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How fleets are valued; fixed at creation. Ratios in basis points, spans in seconds.
struct AppraisalParameters {
    /// @dev What is left of a new board's price at months 12, 24, 36 and 48; never rises.
    uint16[4] leftBps;
    /// @dev How far one update may move a price, of the price before it.
    uint16 mostStepBps;
    /// @dev Between two updates of one class.
    uint32 leastPause;
    /// @dev Older prices are stale.
    uint32 maxAge;
    /// @dev After so many months a board earns nothing any more.
    uint16 economicLifeMonths;
    /// @dev A year; a twelfth of it discounts a month.
    uint16 discountBps;
}

/// @notice What one new GPU of a class costs, installed, in settlement-token units.
struct ClassPrice {
    uint96 perGpu;
    /// @dev Unix seconds.
    uint40 updatedAt;
}

/// @notice Every step from a fleet to its value. Money in settlement-token units, ratios in WAD, times in seconds.
struct FleetValue {
    uint256 capacity;
    uint256 pricePerGpu;
    /// @dev When `pricePerGpu` was set, Unix seconds.
    uint256 pricedAt;
    /// @dev Since commissioning; zero before it.
    uint256 ageSeconds;
    /// @dev What is left of a new board's price at that age.
    uint256 depreciationWad;
    /// @dev capacity × price × depreciation, rounded down.
    uint256 hardware;
    /// @dev Complete UTC days since the fleet was commissioned; neither that day, where it had begun, nor today is one.
    uint256 historyDays;
    /// @dev Mean net revenue a day over the last 30 and 90 complete UTC days, or since commissioning; rounded down. Zero
    /// without a complete day.
    uint256 mean30;
    uint256 mean90;
    /// @dev Whole months of economic life that are left.
    uint256 monthsLeft;
    /// @dev Present value of one unit a month over `monthsLeft`.
    uint256 annuityWad;
    /// @dev The lower mean × 365 ÷ 12 × annuity, rounded down.
    uint256 revenueCap;
    /// @dev The lower of `hardware` and `revenueCap`.
    uint256 capped;
}

/// @title Appraisal: what is a fleet's hardware worth?
/// @notice Replacement price × depreciation, capped by discounted net revenue. Every intermediate is readable.
/// @dev Depreciation is linear between 100 % at month 0 and what is fixed at creation for months 12, 24, 36 and 48, and
/// constant from there; a month is a twelfth of 365 days. Ages count from commissioning, which the registrar confirms:
/// older boards are the registrar's to refuse. Revenue counts only what `RevenueRouter` recorded as evidence. A fleet that is
/// wound down, or not commissioned yet, has no GPUs and no value.
interface IAppraisal {
    event SetPrice(bytes32 indexed gpuClass, uint256 perGpu);

    /// @notice Out of range: a field of `AppraisalParameters`, or of `setPrice`.
    error InvalidParameter(bytes32 field);
    error StepTooLarge(bytes32 gpuClass, uint256 current, uint256 asked, uint256 mostStepBps);
    error UpdatedTooSoon(bytes32 gpuClass, uint256 from);
    error ClassNotPriced(bytes32 gpuClass);
    error AppraisalStale(bytes32 gpuClass, uint256 updatedAt, uint256 maxAge);
    error WrongToken(uint256 fleetId, address token);

    /// @notice Sets a class's replacement price: bounded in step and pace, once there is one. Restricted to the appraiser.
    /// @dev A price is never zero: from there no step would lead away.
    function setPrice(bytes32 gpuClass, uint96 perGpu) external;

    /// @notice The fleet's value with every intermediate; reverts where its class has no price or a stale one, or where it
    /// settles in another token than this market's.
    function appraise(uint256 fleetId) external view returns (FleetValue memory);

    /// @notice `hardware` of `appraise` alone, without asking what the fleet earned; reverts where that does.
    function hardwareValue(uint256 fleetId) external view returns (uint256);

    /// @notice What `appraise` says where the price is stale: for reading, never for lending.
    function lastKnown(uint256 fleetId) external view returns (FleetValue memory);

    /// @notice A class's price; zero where it never had one.
    function priceOf(bytes32 gpuClass) external view returns (ClassPrice memory);
    function parameters() external view returns (AppraisalParameters memory);
    /// @notice What is left of a new board's price after `ageSeconds`, WAD, rounded down.
    function depreciationWad(uint256 ageSeconds) external view returns (uint256);
    /// @notice Present value of one unit a month over `months`, WAD, rounded down.
    function annuityWad(uint256 months) external view returns (uint256);
}
