// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPayouts} from "./IPayouts.sol";

/// @notice Why stake was slashed.
enum SlashReason {
    SlaCredit,
    Compensation,
    Lie
}

/// @notice One operator's bond for one fleet, in settlement-token units. Everything that was ever staked is
/// `reserved + lieStake + free + unbonding + slashed + withdrawn`.
struct Bond {
    /// @dev Set aside for the SLA of open leases.
    uint256 reserved;
    /// @dev What leases cannot reserve: kept against lies.
    uint256 lieStake;
    uint256 free;
    /// @dev On its way out, still slashable for lies.
    uint256 unbonding;
    uint256 unbondsAt;
    uint256 slashed;
    uint256 withdrawn;
}

/// @title OperatorBond: what does the operator lose by breaking its word?
/// @notice Stake per fleet and operator, in the fleet's settlement token. Only LeaseBook and MeterOracle may slash.
/// @dev The lie stake is not stored: it is `min(staked - reserved, max(1,000 coins, 5 % of the fleet's escrow))`, rounded up,
/// and grows with the escrow that it protects.
interface IOperatorBond is IPayouts {
    event SeatOperator(uint256 indexed fleetId, address indexed operator);
    event Stake(uint256 indexed fleetId, address indexed operator, address indexed payer, uint256 amount);
    event Reserve(uint256 indexed fleetId, address indexed operator, uint256 amount);
    event Release(uint256 indexed fleetId, address indexed operator, uint256 amount);
    event TakeOver(uint256 indexed fleetId, address indexed from, address indexed to, uint256 reserved);
    event Unbond(uint256 indexed fleetId, address indexed operator, uint256 amount, uint256 unbondsAt);
    event Unbonded(uint256 indexed fleetId, address indexed operator, uint256 amount);
    /// @notice `cause` is the lease id, or the `asOf` of the lie.
    event Slash(
        uint256 indexed fleetId,
        address indexed operator,
        SlashReason indexed reason,
        uint256 cause,
        address beneficiary,
        uint256 amount
    );

    error NotRegistry(address caller);
    error NotLeaseBook(address caller);
    error NotOracle(address caller);
    error InvalidAmount();
    error UnknownFleet(uint256 fleetId);
    /// @notice The bond holds `staked`, and `needed` must stay: stake more.
    error BondTooSmall(uint256 fleetId, address operator, uint256 needed, uint256 staked);
    error NothingUnbonding(uint256 fleetId, address operator);
    error StillUnbonding(uint256 fleetId, address operator, uint256 unbondsAt);

    /// @notice Names a new fleet's operator. Only for the registry.
    function seat(uint256 fleetId, address operator) external;

    /// @notice Stakes `amount` for `operator`, paid by the caller. An operator to come stakes before it takes over.
    function stake(uint256 fleetId, address operator, uint256 amount) external;

    /// @notice Starts to take out free stake; adding to what is on its way restarts the 21 days for all of it.
    function unbond(uint256 fleetId, uint256 amount) external;

    /// @notice Credits what has unbonded to the caller, to be withdrawn.
    function finishUnbonding(uint256 fleetId) external returns (uint256 amount);

    /// @notice Reserves `amount` for a lease, given the fleet's escrow with that lease. Only for LeaseBook.
    function reserve(uint256 fleetId, uint256 amount, uint256 escrow) external;

    /// @notice Ends a lease's reservation and credits `slaCredit` and `compensation` out of it. Only for LeaseBook.
    function closeReservation(
        uint256 fleetId,
        uint256 leaseId,
        uint256 reservation,
        uint256 slaCredit,
        uint256 compensation,
        address beneficiary
    ) external;

    /// @notice Moves every reservation to `operator`'s bond, which must cover them and the lie stake. Only for the registry.
    function takeOver(uint256 fleetId, address operator) external;

    /// @notice Slashes `operator`'s lie stake, from what is not reserved and then from what is unbonding: a tenth to
    /// `finder`, rounded down, the rest to the loss fund. Only for MeterOracle.
    /// @return amount What there was to slash.
    function slashLie(uint256 fleetId, address operator, uint256 asOf, address finder) external returns (uint256 amount);

    function bond(uint256 fleetId, address operator) external view returns (Bond memory);

    /// @notice What a lie, a pending report or a dispute puts at stake now: max(1,000 coins, 5 % of the fleet's escrow), up.
    function stakeRequirement(uint256 fleetId) external view returns (uint256);
}
