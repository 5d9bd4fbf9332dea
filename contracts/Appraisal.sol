// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {AppraisalParameters, ClassPrice, FleetValue, IAppraisal} from "./interfaces/IAppraisal.sol";
import {Hardware, IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {AnnuityLib} from "./libraries/AnnuityLib.sol";
import {DepreciationLib} from "./libraries/DepreciationLib.sol";

/// @title Appraisal
contract Appraisal is AccessManaged, IAppraisal {
    uint256 internal constant BPS = 10_000;
    uint256 internal constant WAD = 1e18;
    uint256 internal constant MONTH = 365 days / 12;
    uint256 internal constant SHORT_WINDOW = 30;
    uint256 internal constant LONG_WINDOW = 90;
    /// @dev No board lives longer than fifty years.
    uint256 internal constant MOST_MONTHS = 600;

    IFleetRegistry internal immutable REGISTRY;
    IRevenueRouter internal immutable ROUTER;
    address internal immutable ASSET;

    uint16 internal immutable LEFT_12_BPS;
    uint16 internal immutable LEFT_24_BPS;
    uint16 internal immutable LEFT_36_BPS;
    uint16 internal immutable LEFT_48_BPS;
    uint16 internal immutable MOST_STEP_BPS;
    uint32 internal immutable LEAST_PAUSE;
    uint32 internal immutable MAX_AGE;
    uint16 internal immutable ECONOMIC_LIFE_MONTHS;
    uint16 internal immutable DISCOUNT_BPS;

    mapping(bytes32 gpuClass => ClassPrice) internal _prices;

    constructor(CreditSystem memory system, AppraisalParameters memory p) AccessManaged(system.authority) {
        uint256 left = BPS;
        for (uint256 i; i < p.leftBps.length; ++i) {
            _require(p.leftBps[i] <= left, "leftBps");
            left = p.leftBps[i];
        }
        // A step of nothing would fix prices for ever, one of the whole bounds no fall.
        _require(p.mostStepBps > 0 && p.mostStepBps < BPS, "mostStepBps");
        _require(p.maxAge > 0, "maxAge");
        // Else every price would be stale before it may be renewed.
        _require(p.leastPause <= p.maxAge, "leastPause");
        _require(p.economicLifeMonths > 0 && p.economicLifeMonths <= MOST_MONTHS, "economicLifeMonths");
        _require(p.discountBps <= BPS, "discountBps");
        REGISTRY = IFleetRegistry(system.registry);
        ROUTER = IRevenueRouter(system.router);
        ASSET = system.asset;
        (LEFT_12_BPS, LEFT_24_BPS, LEFT_36_BPS, LEFT_48_BPS) = (p.leftBps[0], p.leftBps[1], p.leftBps[2], p.leftBps[3]);
        MOST_STEP_BPS = p.mostStepBps;
        LEAST_PAUSE = p.leastPause;
        MAX_AGE = p.maxAge;
        ECONOMIC_LIFE_MONTHS = p.economicLifeMonths;
        DISCOUNT_BPS = p.discountBps;
    }

    /// @inheritdoc IAppraisal
    function setPrice(bytes32 gpuClass, uint96 perGpu) external restricted {
        _require(gpuClass != 0, "gpuClass");
        _require(perGpu > 0, "perGpu");
        ClassPrice memory current = _prices[gpuClass];
        if (current.updatedAt != 0) {
            uint256 from = uint256(current.updatedAt) + LEAST_PAUSE;
            require(block.timestamp >= from, UpdatedTooSoon(gpuClass, from));
            uint256 before = current.perGpu;
            uint256 step = perGpu > before ? perGpu - before : before - perGpu;
            require(step * BPS <= before * MOST_STEP_BPS, StepTooLarge(gpuClass, before, perGpu, MOST_STEP_BPS));
        }

        _prices[gpuClass] = ClassPrice(perGpu, uint40(block.timestamp));

        emit SetPrice(gpuClass, perGpu);
    }

    /// @inheritdoc IAppraisal
    function appraise(uint256 fleetId) external view returns (FleetValue memory) {
        return _value(fleetId, MAX_AGE);
    }

    /// @inheritdoc IAppraisal
    function hardwareValue(uint256 fleetId) external view returns (uint256) {
        (FleetValue memory v,) = _boards(fleetId, MAX_AGE);
        return v.hardware;
    }

    /// @inheritdoc IAppraisal
    function lastKnown(uint256 fleetId) external view returns (FleetValue memory) {
        return _value(fleetId, type(uint256).max);
    }

    /// @inheritdoc IAppraisal
    function priceOf(bytes32 gpuClass) external view returns (ClassPrice memory) {
        return _prices[gpuClass];
    }

    /// @inheritdoc IAppraisal
    function parameters() external view returns (AppraisalParameters memory) {
        return AppraisalParameters({
            leftBps: _leftBps(),
            mostStepBps: MOST_STEP_BPS,
            leastPause: LEAST_PAUSE,
            maxAge: MAX_AGE,
            economicLifeMonths: ECONOMIC_LIFE_MONTHS,
            discountBps: DISCOUNT_BPS
        });
    }

    /// @inheritdoc IAppraisal
    function depreciationWad(uint256 ageSeconds) public view returns (uint256) {
        return DepreciationLib.leftWad(_leftBps(), ageSeconds);
    }

    /// @inheritdoc IAppraisal
    function annuityWad(uint256 months) public view returns (uint256) {
        return AnnuityLib.annuityWad(DISCOUNT_BPS, months);
    }

    /// @dev What the boards are worth; and when they were commissioned.
    function _boards(uint256 fleetId, uint256 maxAge)
        private
        view
        returns (FleetValue memory v, uint256 commissionedAt)
    {
        Hardware memory fleet = REGISTRY.hardwareOf(fleetId);
        require(fleet.token == ASSET, WrongToken(fleetId, fleet.token));
        ClassPrice memory price = _prices[fleet.gpuClass];
        require(price.updatedAt != 0, ClassNotPriced(fleet.gpuClass));
        require(block.timestamp - price.updatedAt <= maxAge, AppraisalStale(fleet.gpuClass, price.updatedAt, maxAge));

        v.capacity = fleet.capacity;
        v.pricePerGpu = price.perGpu;
        v.pricedAt = price.updatedAt;
        commissionedAt = fleet.commissionedAt;
        if (commissionedAt != 0) v.ageSeconds = block.timestamp - commissionedAt;
        v.depreciationWad = depreciationWad(v.ageSeconds);
        v.hardware = v.capacity * v.pricePerGpu * v.depreciationWad / WAD;
    }

    function _value(uint256 fleetId, uint256 maxAge) private view returns (FleetValue memory v) {
        uint256 commissionedAt;
        (v, commissionedAt) = _boards(fleetId, maxAge);

        v.historyDays = _historyDays(commissionedAt);
        v.mean30 = _meanNetRevenue(fleetId, Math.min(SHORT_WINDOW, v.historyDays));
        // Both windows are the whole history where that is short.
        v.mean90 =
            v.historyDays <= SHORT_WINDOW ? v.mean30 : _meanNetRevenue(fleetId, Math.min(LONG_WINDOW, v.historyDays));
        uint256 life = ECONOMIC_LIFE_MONTHS * MONTH;
        v.monthsLeft = v.ageSeconds < life ? (life - v.ageSeconds) / MONTH : 0;
        v.annuityWad = annuityWad(v.monthsLeft);
        v.revenueCap = Math.min(v.mean30, v.mean90) * 365 * v.annuityWad / (12 * WAD);
        v.capped = Math.min(v.hardware, v.revenueCap);
    }

    /// @dev The first complete day begins with the first midnight at or after commissioning.
    function _historyDays(uint256 commissionedAt) private view returns (uint256) {
        uint256 first = Math.ceilDiv(commissionedAt, 1 days);
        uint256 today = block.timestamp / 1 days;
        return commissionedAt == 0 || first > today ? 0 : today - first;
    }

    /// @dev A day's mean over the last `window` complete UTC days. Rounds down, for lenders.
    function _meanNetRevenue(uint256 fleetId, uint256 window) private view returns (uint256) {
        if (window == 0) return 0;
        uint256 today = block.timestamp / 1 days;
        return ROUTER.netRevenueBetween(fleetId, today - window, today) / window;
    }

    function _leftBps() private view returns (uint16[4] memory) {
        return [LEFT_12_BPS, LEFT_24_BPS, LEFT_36_BPS, LEFT_48_BPS];
    }

    function _require(bool valid, bytes32 field) private pure {
        require(valid, InvalidParameter(field));
    }
}
