// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Payouts} from "./base/Payouts.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {ILeaseBook} from "./interfaces/ILeaseBook.sol";
import {Bond, IOperatorBond, SlashReason} from "./interfaces/IOperatorBond.sol";
import {System} from "./interfaces/System.sol";

/// @title OperatorBond
contract OperatorBond is Payouts, ReentrancyGuardTransient, IOperatorBond {
    using SafeCast for uint256;

    /// @dev In whole coins of the settlement token.
    uint256 public constant LEAST_STAKE = 1000;
    /// @dev Of the fleet's escrow: 5 %.
    uint256 public constant ESCROW_STAKE_WAD = 0.05e18;
    uint256 public constant UNBONDING = 21 days;
    /// @dev The finder of a lie gets one part of this many.
    uint256 public constant FINDER_PARTS = 10;
    uint256 internal constant WAD = 1e18;

    /// @dev Money in token units.
    struct Account {
        // slot 0: all that opening a lease touches
        uint128 staked;
        uint128 reserved;
        // slot 1
        uint128 unbonding;
        uint40 unbondsAt;
        // slot 2
        uint128 slashed;
        uint128 withdrawn;
    }

    /// @dev Whose bond covers a fleet's leases.
    struct Seat {
        address operator;
        uint8 tokenDecimals;
    }

    IFleetRegistry internal immutable REGISTRY;
    ILeaseBook internal immutable LEASE_BOOK;
    address internal immutable ORACLE;
    address internal immutable LOSS_FUND;

    mapping(uint256 fleetId => Seat) internal _seats;
    mapping(uint256 fleetId => mapping(address operator => Account)) internal _accounts;

    constructor(System memory system) {
        REGISTRY = IFleetRegistry(system.registry);
        LEASE_BOOK = ILeaseBook(system.leaseBook);
        ORACLE = system.oracle;
        LOSS_FUND = system.lossFund;
    }

    modifier onlyRegistry() {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        _;
    }

    modifier onlyLeaseBook() {
        require(msg.sender == address(LEASE_BOOK), NotLeaseBook(msg.sender));
        _;
    }

    /* ---- the operator ---- */

    /// @inheritdoc IOperatorBond
    function stake(uint256 fleetId, address operator, uint256 amount) external nonReentrant {
        require(amount > 0, InvalidAmount());
        IERC20 token = _token(fleetId);
        Account storage account = _accounts[fleetId][operator];

        account.staked += amount.toUint128();

        emit Stake(fleetId, operator, msg.sender, amount);
        _pull(token, msg.sender, amount);
    }

    /// @inheritdoc IOperatorBond
    function unbond(uint256 fleetId, uint256 amount) external {
        Account storage account = _accounts[fleetId][msg.sender];
        uint256 stay = account.reserved;
        // With money in escrow the seated operator keeps its lie stake; without, it may leave altogether, and stays
        // slashable until the unbonding is over.
        if (_seats[fleetId].operator == msg.sender) {
            uint256 escrow = LEASE_BOOK.escrowOf(fleetId);
            if (escrow > 0) stay += _lieStake(fleetId, escrow);
        }
        require(amount > 0, InvalidAmount());
        require(amount + stay <= account.staked, BondTooSmall(fleetId, msg.sender, amount + stay, account.staked));

        uint256 unbondsAt = block.timestamp + UNBONDING;
        account.staked -= uint128(amount);
        account.unbonding += uint128(amount);
        account.unbondsAt = uint40(unbondsAt);

        emit Unbond(fleetId, msg.sender, amount, unbondsAt);
    }

    /// @inheritdoc IOperatorBond
    function finishUnbonding(uint256 fleetId) external returns (uint256 amount) {
        Account storage account = _accounts[fleetId][msg.sender];
        amount = account.unbonding;
        require(amount > 0, NothingUnbonding(fleetId, msg.sender));
        require(block.timestamp >= account.unbondsAt, StillUnbonding(fleetId, msg.sender, account.unbondsAt));

        account.unbonding = 0;
        account.unbondsAt = 0;
        account.withdrawn += uint128(amount);
        _credit(_token(fleetId), msg.sender, amount);

        emit Unbonded(fleetId, msg.sender, amount);
    }

    /* ---- rights of others ---- */

    /// @inheritdoc IOperatorBond
    function seat(uint256 fleetId, address operator) external onlyRegistry {
        _seats[fleetId] = Seat(operator, REGISTRY.fleet(fleetId).tokenDecimals);
        emit SeatOperator(fleetId, operator);
    }

    /// @inheritdoc IOperatorBond
    function reserve(uint256 fleetId, uint256 amount, uint256 escrow) external onlyLeaseBook {
        address operator = _seats[fleetId].operator;
        Account storage account = _accounts[fleetId][operator];
        uint256 staked = account.staked;
        uint256 reserved = account.reserved + amount;
        uint256 needed = reserved + _lieStake(fleetId, escrow);
        require(needed <= staked, BondTooSmall(fleetId, operator, needed, staked));

        // Safe: `reserved <= staked`, which is a uint128.
        account.reserved = uint128(reserved);

        emit Reserve(fleetId, operator, amount);
    }

    /// @inheritdoc IOperatorBond
    function closeReservation(
        uint256 fleetId,
        uint256 leaseId,
        uint256 reservation,
        uint256 slaCredit,
        uint256 compensation,
        address beneficiary
    ) external onlyLeaseBook {
        address operator = _seats[fleetId].operator;
        Account storage account = _accounts[fleetId][operator];
        uint256 credited = slaCredit + compensation;
        assert(credited <= reservation);

        account.reserved -= reservation.toUint128();
        emit Release(fleetId, operator, reservation);
        if (credited == 0) return;

        // Safe: at most the reservation, which was part of the stake.
        account.staked -= uint128(credited);
        account.slashed += uint128(credited);
        _credit(_token(fleetId), beneficiary, credited);

        if (slaCredit > 0) emit Slash(fleetId, operator, SlashReason.SlaCredit, leaseId, beneficiary, slaCredit);
        if (compensation > 0) {
            emit Slash(fleetId, operator, SlashReason.Compensation, leaseId, beneficiary, compensation);
        }
    }

    /// @inheritdoc IOperatorBond
    function takeOver(uint256 fleetId, address operator) external onlyRegistry {
        address from = _seats[fleetId].operator;
        Account storage old = _accounts[fleetId][from];
        Account storage account = _accounts[fleetId][operator];
        uint128 reserved = old.reserved;
        uint256 needed = account.reserved + reserved + _lieStake(fleetId, LEASE_BOOK.escrowOf(fleetId));
        require(needed <= account.staked, BondTooSmall(fleetId, operator, needed, account.staked));

        old.reserved = 0;
        account.reserved += reserved;
        _seats[fleetId].operator = operator;

        emit TakeOver(fleetId, from, operator, reserved);
    }

    /// @inheritdoc IOperatorBond
    function slashLie(uint256 fleetId, address operator, uint256 asOf, address finder)
        external
        returns (uint256 amount)
    {
        require(msg.sender == ORACLE, NotOracle(msg.sender));
        Account storage account = _accounts[fleetId][operator];
        uint256 stakeable = account.staked - account.reserved;
        amount = Math.min(stakeRequirement(fleetId), stakeable + account.unbonding);
        uint256 fromStake = Math.min(amount, stakeable);
        uint256 toFinder = amount / FINDER_PARTS;
        IERC20 token = _token(fleetId);

        // Safe: none of them exceeds what the account holds.
        account.staked -= uint128(fromStake);
        account.unbonding -= uint128(amount - fromStake);
        account.slashed += uint128(amount);
        _credit(token, finder, toFinder);
        _credit(token, LOSS_FUND, amount - toFinder);

        emit Slash(fleetId, operator, SlashReason.Lie, asOf, finder, toFinder);
        emit Slash(fleetId, operator, SlashReason.Lie, asOf, LOSS_FUND, amount - toFinder);
    }

    /* ---- reads ---- */

    /// @inheritdoc IOperatorBond
    function bond(uint256 fleetId, address operator) external view returns (Bond memory b) {
        Account storage account = _accounts[fleetId][operator];
        uint256 unreserved = account.staked - account.reserved;
        bool seated = _seats[fleetId].operator == operator;
        uint256 escrow = LEASE_BOOK.escrowOf(fleetId);
        b.reserved = account.reserved;
        b.lieStake = seated && escrow > 0 ? Math.min(unreserved, _lieStake(fleetId, escrow)) : 0;
        b.free = unreserved - b.lieStake;
        b.unbonding = account.unbonding;
        b.unbondsAt = account.unbondsAt;
        b.slashed = account.slashed;
        b.withdrawn = account.withdrawn;
    }

    /// @inheritdoc IOperatorBond
    function stakeRequirement(uint256 fleetId) public view returns (uint256) {
        return _lieStake(fleetId, LEASE_BOOK.escrowOf(fleetId));
    }

    function _lieStake(uint256 fleetId, uint256 escrow) internal view returns (uint256) {
        return Math.max(LEAST_STAKE * 10 ** _seats[fleetId].tokenDecimals, Math.ceilDiv(escrow * ESCROW_STAKE_WAD, WAD));
    }

    function _token(uint256 fleetId) internal view returns (IERC20) {
        return IERC20(REGISTRY.settlementToken(fleetId));
    }
}
