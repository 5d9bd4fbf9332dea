// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Payouts} from "./base/Payouts.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "./interfaces/IFleetShareFactory.sol";
import {ILeaseBook} from "./interfaces/ILeaseBook.sol";
import {IRevenueRouter, Revenue} from "./interfaces/IRevenueRouter.sol";
import {System} from "./interfaces/System.sol";
import {WaterfallLib} from "./libraries/WaterfallLib.sol";

/// @title RevenueRouter
contract RevenueRouter is Payouts, AccessManaged, ReentrancyGuardTransient, IRevenueRouter {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    uint256 internal constant BPS = 10_000;
    /// @dev No role can take more than a tenth.
    uint256 public constant MOST_PROTOCOL_FEE_BPS = 1000;

    /// @dev One slot, all that a settlement touches. Money in token units.
    struct Flow {
        uint16 protocolFeeBps;
        uint16 operatingShareBps;
        uint24 day;
        uint96 pending;
        /// The net revenue of `day` so far; earlier days are in `_days`.
        uint96 dayNet;
    }

    /// @dev A day on which net revenue was recorded, and all that was recorded until its end, in token units.
    struct DayRecord {
        uint24 day;
        uint128 total;
    }

    /// @dev What was split so far. Money in token units.
    struct Legs {
        uint128 routed;
        uint128 protocolFee;
        uint128 operating;
        uint128 shares;
        uint128 uncollected;
    }

    IFleetRegistry internal immutable REGISTRY;
    ILeaseBook internal immutable LEASE_BOOK;
    IFleetShareFactory internal immutable SHARE_FACTORY;

    /// @inheritdoc IRevenueRouter
    address public feeRecipient;
    /// @inheritdoc IRevenueRouter
    uint16 public protocolFeeBps;

    mapping(uint256 fleetId => Flow) internal _flows;
    mapping(uint256 fleetId => Legs) internal _legs;
    /// @dev Rising days, each once: what lies between two of them is a difference, whatever their number.
    mapping(uint256 fleetId => DayRecord[]) internal _days;

    /// @param initialFeeBps Protocol fee in basis points, at most 10 %.
    constructor(System memory system, address initialRecipient, uint16 initialFeeBps) AccessManaged(system.authority) {
        require(initialRecipient != address(0), InvalidRecipient());
        require(initialFeeBps <= MOST_PROTOCOL_FEE_BPS, InvalidShare(initialFeeBps, MOST_PROTOCOL_FEE_BPS));
        REGISTRY = IFleetRegistry(system.registry);
        LEASE_BOOK = ILeaseBook(system.leaseBook);
        SHARE_FACTORY = IFleetShareFactory(system.shareFactory);
        feeRecipient = initialRecipient;
        protocolFeeBps = initialFeeBps;
    }

    /// @inheritdoc IRevenueRouter
    function register(uint256 fleetId, uint16 operatingShareBps) external {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        require(operatingShareBps <= BPS, InvalidShare(operatingShareBps, BPS));

        _flows[fleetId].protocolFeeBps = protocolFeeBps;
        _flows[fleetId].operatingShareBps = operatingShareBps;

        emit Register(fleetId, protocolFeeBps, operatingShareBps);
    }

    /// @inheritdoc IRevenueRouter
    function credit(uint256 fleetId, uint256 amount, uint256 counted) external {
        require(msg.sender == address(LEASE_BOOK), NotLeaseBook(msg.sender));
        Flow memory flow = _flows[fleetId];
        uint24 today = uint24(block.timestamp / 1 days);

        if (flow.day != today) {
            if (flow.dayNet > 0) {
                DayRecord[] storage past = _days[fleetId];
                uint256 n = past.length;
                uint128 before = n == 0 ? 0 : past[n - 1].total;
                past.push(DayRecord(flow.day, before + flow.dayNet));
                emit RecordDay(fleetId, flow.day, flow.dayNet);
            }
            flow.day = today;
            flow.dayNet = 0;
        }
        (,, uint256 net) = WaterfallLib.split(counted, flow.protocolFeeBps, flow.operatingShareBps);
        flow.dayNet = (flow.dayNet + net).toUint96();
        flow.pending = (flow.pending + amount).toUint96();
        _flows[fleetId] = flow;
    }

    /// @inheritdoc IRevenueRouter
    function route(uint256 fleetId) public returns (uint256 amount) {
        Flow storage flow = _flows[fleetId];
        amount = flow.pending;
        if (amount == 0) return 0;
        IERC20 token = IERC20(REGISTRY.settlementToken(fleetId));
        address operator = REGISTRY.operatorOf(fleetId);
        (uint256 fee, uint256 operating, uint256 shares) =
            WaterfallLib.split(amount, flow.protocolFeeBps, flow.operatingShareBps);

        // Safe: sums of uint96 amounts of one token.
        flow.pending = 0;
        Legs storage legs = _legs[fleetId];
        legs.routed += uint128(amount);
        legs.protocolFee += uint128(fee);
        legs.operating += uint128(operating);
        legs.shares += uint128(shares);
        legs.uncollected += uint128(shares);
        _credit(token, feeRecipient, fee);
        _credit(token, operator, operating);

        emit Route(fleetId, operator, amount, fee, operating, shares);
        LEASE_BOOK.payRouter(fleetId, amount);
    }

    /// @inheritdoc IRevenueRouter
    function collectShares(uint256 fleetId) external returns (uint256 amount) {
        require(msg.sender == SHARE_FACTORY.sharesOf(fleetId), NotShares(fleetId, msg.sender));
        route(fleetId);
        amount = _legs[fleetId].uncollected;
        if (amount == 0) return 0;

        _legs[fleetId].uncollected = 0;

        emit CollectShares(fleetId, msg.sender, amount);
        IERC20(REGISTRY.settlementToken(fleetId)).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IRevenueRouter
    function distribute(uint256 fleetId, uint256 amount) external nonReentrant {
        IERC20 token = IERC20(REGISTRY.settlementToken(fleetId));
        _pull(token, msg.sender, amount);

        Legs storage legs = _legs[fleetId];
        legs.routed += amount.toUint128();
        legs.shares += uint128(amount);
        legs.uncollected += uint128(amount);

        emit Distribute(fleetId, msg.sender, amount);
    }

    /// @inheritdoc IRevenueRouter
    function lowerOperatingShare(uint256 fleetId, uint16 operatingShareBps) external {
        require(msg.sender == REGISTRY.controllerOf(fleetId), NotController(fleetId, msg.sender));
        uint256 current = _flows[fleetId].operatingShareBps;
        require(operatingShareBps < current, InvalidShare(operatingShareBps, current));
        route(fleetId);

        _flows[fleetId].operatingShareBps = operatingShareBps;

        emit LowerOperatingShare(fleetId, operatingShareBps);
    }

    /// @inheritdoc IRevenueRouter
    function setProtocolFee(uint16 newFeeBps) external restricted {
        require(newFeeBps <= MOST_PROTOCOL_FEE_BPS, InvalidShare(newFeeBps, MOST_PROTOCOL_FEE_BPS));
        protocolFeeBps = newFeeBps;
        emit SetProtocolFee(newFeeBps);
    }

    /// @inheritdoc IRevenueRouter
    function setFeeRecipient(address newRecipient) external restricted {
        require(newRecipient != address(0), InvalidRecipient());
        feeRecipient = newRecipient;
        emit SetFeeRecipient(newRecipient);
    }

    /// @inheritdoc IRevenueRouter
    function revenue(uint256 fleetId) external view returns (Revenue memory r) {
        Flow storage flow = _flows[fleetId];
        Legs storage legs = _legs[fleetId];
        r.protocolFeeBps = flow.protocolFeeBps;
        r.operatingShareBps = flow.operatingShareBps;
        r.pending = flow.pending;
        r.routed = legs.routed;
        r.protocolFee = legs.protocolFee;
        r.operating = legs.operating;
        r.shares = legs.shares;
        r.uncollected = legs.uncollected;
    }

    /// @inheritdoc IRevenueRouter
    function netRevenueOn(uint256 fleetId, uint256 day) external view returns (uint256) {
        return _recordedBefore(fleetId, day + 1) - _recordedBefore(fleetId, day);
    }

    /// @inheritdoc IRevenueRouter
    function netRevenueBetween(uint256 fleetId, uint256 fromDay, uint256 toDay) external view returns (uint256) {
        return toDay <= fromDay ? 0 : _recordedBefore(fleetId, toDay) - _recordedBefore(fleetId, fromDay);
    }

    /// @dev All net revenue recorded for days before `day`.
    function _recordedBefore(uint256 fleetId, uint256 day) private view returns (uint256) {
        Flow storage flow = _flows[fleetId];
        DayRecord[] storage past = _days[fleetId];
        uint256 high = past.length;
        uint256 total = high == 0 ? 0 : past[high - 1].total;
        uint256 newest = flow.day;
        if (day > newest) return total + flow.dayNet;
        // Of the days from `day` to the newest each has at most one record: what lies below `low` is older than `day`, and
        // where every day has its record nothing else is.
        uint256 back = newest - day;
        uint256 low = high > back ? high - back : 0;
        if (low < high && past[low].day >= day) high = low;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (past[middle].day < day) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : past[low - 1].total;
    }
}
