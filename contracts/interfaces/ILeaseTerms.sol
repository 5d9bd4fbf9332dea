// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Availability below `belowWad` earns `creditWad` of the deposit.
struct Tier {
    uint64 belowWad;
    uint64 creditWad;
}

/// @notice What a lease locks when it opens. Ratios are WAD, times are seconds.
struct Terms {
    /// @dev Mildest first: thresholds fall, credits rise, none above `reservationWad`.
    Tier[3] tiers;
    /// @dev Part of the deposit that the operator's bond reserves.
    uint64 reservationWad;
    /// @dev Rent that a lessee who ends early owes, as seconds of it.
    uint32 lesseeNotice;
    /// @dev Time between an operator's notice and the end.
    uint32 operatorNotice;
    /// @dev Rent that an operator who ends early owes, as seconds of it, within the reservation.
    uint32 compensation;
    uint32 reportInterval;
    /// @dev After the end: no proof, no pay.
    uint32 proofDeadline;
    /// @dev The longest that the proof clock may stand still.
    uint32 maxStandstill;
    /// @dev After the end: from when both sides may close without a report.
    uint32 mutualDelay;
}

/// @title LeaseTerms: what the two sides of a lease owe each other beside the rent
/// @notice Versions of the terms are only ever added; a lease keeps the version under which it opened.
interface ILeaseTerms {
    event SetTerms(uint256 indexed termsId, Terms terms);

    error InvalidTerms(bytes32 field);
    error NoTerms();

    /// @notice Sets the terms of leases opened from now on. Restricted.
    function setTerms(Terms calldata terms) external;

    /// @notice The version under which leases open now, and what it reserves of a `deposit`, rounded up so that credits,
    /// which round down, always fit in it. Reverts with `NoTerms`.
    function atOpening(uint256 deposit) external view returns (uint16 termsId, uint256 reservation);

    /// @notice What a version reserves of a `deposit`, rounded up.
    function reservationUp(uint256 termsId, uint256 deposit) external view returns (uint256);

    /// @notice What the bond owes a lessee at closing: an SLA credit for `availabilityWad`, and for an operator's early end
    /// compensation of at most `rentPerHour` times the agreed hours, both rounded down, together within the reservation.
    /// @param rentPerHour Token units for an hour of all GPUs of the lease.
    function atClosing(
        uint256 termsId,
        uint256 deposit,
        uint256 availabilityWad,
        uint256 rentPerHour,
        bool endedByOperator
    ) external view returns (uint256 reservation, uint256 slaCredit, uint256 compensation);

    /// @notice Seconds of rent that a lessee's early end costs, and in how many seconds it takes effect.
    function lesseeEnd(uint256 termsId) external view returns (uint256 rentSeconds, uint256 notice);

    /// @notice In how many seconds an operator's early end takes effect: its notice, at least two report intervals.
    function operatorEnd(uint256 termsId) external view returns (uint256 notice);

    /// @notice Seconds after the end until no proof means no pay, at most so many of them standing still, and until both
    /// sides may close by signature.
    function deadlines(uint256 termsId)
        external
        view
        returns (uint256 proofDeadline, uint256 maxStandstill, uint256 mutualDelay);

    function termsOf(uint256 termsId) external view returns (Terms memory);
    function currentTermsId() external view returns (uint16);
}
