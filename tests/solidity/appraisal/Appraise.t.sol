// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetValue, IAppraisal} from "../../../contracts/interfaces/IAppraisal.sol";
import {Enrolment, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {AppraisalTest} from "./AppraisalTest.sol";

/// @dev New, the fleet is worth 64 × 25,000 = 1,600,000 coins. It was commissioned within a day: its history begins at `MIDNIGHT`.
abstract contract AppraiseTest is AppraisalTest {
    /// @dev 1 ÷ 1.01 + … + 1 ÷ 1.01^n, from exact fractions, rounded down, in WAD.
    uint256 internal constant ANNUITY_72 = 51_150_391_478_853_350_577;
    uint256 internal constant ANNUITY_60 = 44_955_038_406_224_001_939;

    function _appraise() internal view returns (FleetValue memory) {
        return appraisal.appraise(fleetId);
    }

    /// @dev `daily` whole coins for each complete day from the first to the one before today, and the same today.
    function _earnDailyUntil(uint256 day, uint256 daily) internal {
        for (uint256 midnight = MIDNIGHT; midnight <= day * DAY; midnight += DAY) {
            vm.warp(midnight);
            _earn(_coins(daily));
        }
    }

    /* ---- hardware ---- */

    function test_appraise__newFleet__wholePriceAndNoRevenue() public view {
        FleetValue memory v = _appraise();
        vm.assertEq(v.capacity, 64);
        vm.assertEq(v.pricePerGpu, _coins(25_000));
        vm.assertEq(v.pricedAt, START);
        vm.assertEq(v.ageSeconds, 0);
        vm.assertEq(v.depreciationWad, WAD);
        vm.assertEq(v.hardware, _coins(1_600_000));
        vm.assertEq(v.historyDays, 0);
        vm.assertEq(v.mean30, 0);
        vm.assertEq(v.mean90, 0);
        vm.assertEq(v.monthsLeft, 72);
        vm.assertEq(v.annuityWad, ANNUITY_72);
        vm.assertEq(v.revenueCap, 0);
        vm.assertEq(v.capped, 0);
    }

    function test_appraise__eachYear__followsTheCurve() public {
        uint256[6] memory percent = [uint256(100), 65, 45, 30, 20, 20];
        for (uint256 year = 1; year < percent.length; ++year) {
            _priceAt(year * YEAR);
            vm.assertEq(_appraise().hardware, _coins(16_000 * percent[year]));
        }
    }

    function test_appraise__halfAYear__halfTheWay() public {
        _priceAt(YEAR / 2);
        FleetValue memory v = _appraise();
        vm.assertEq(v.ageSeconds, YEAR / 2);
        vm.assertEq(v.depreciationWad, 0.825e18);
        vm.assertEq(v.hardware, _coins(1_320_000));
    }

    function test_appraise__hardwareShrunk__countsWhatIsLeft() public {
        vm.prank(operator);
        uint256 other = registry.enrol(_enrolment());
        vm.prank(registrar);
        registry.confirmGrowth(other, CAPACITY, _gpuRoot());
        vm.prank(owner);
        registry.shrink(other, 10, "root");
        FleetValue memory v = appraisal.appraise(other);
        vm.assertEq(v.capacity, 10);
        vm.assertEq(v.hardware, _coins(250_000));
    }

    function test_appraise__woundDown__worthNothing() public {
        uint256 other = _liveFleet();
        vm.prank(owner);
        registry.windDown(other);
        FleetValue memory v = appraisal.appraise(other);
        vm.assertEq(v.capacity, 0);
        vm.assertEq(v.hardware, 0);
        vm.assertEq(v.capped, 0);
        vm.assertEq(v.pricePerGpu, _coins(25_000));
    }

    function test_appraise__notCommissioned__hasNoAgeAndNoValue() public {
        vm.prank(operator);
        uint256 other = registry.enrol(_enrolment());
        _priceAt(100 days);
        FleetValue memory v = appraisal.appraise(other);
        vm.assertEq(v.capacity, 0);
        vm.assertEq(v.ageSeconds, 0);
        vm.assertEq(v.historyDays, 0);
        vm.assertEq(v.hardware, 0);
        vm.assertEq(v.capped, 0);
    }

    /* ---- history ---- */

    function test_appraise__historyDays__countCompleteOnesAlone() public {
        vm.warp(MIDNIGHT - 1);
        vm.assertEq(_appraise().historyDays, 0);
        vm.warp(MIDNIGHT);
        vm.assertEq(_appraise().historyDays, 0);
        vm.warp(MIDNIGHT + DAY - 1);
        vm.assertEq(_appraise().historyDays, 0);
        vm.warp(MIDNIGHT + DAY);
        vm.assertEq(_appraise().historyDays, 1);
        vm.warp(MIDNIGHT + 30 * DAY + 77);
        vm.assertEq(_appraise().historyDays, 30);
    }

    function test_appraise__commissionedAtMidnight__thatDayCounts() public {
        vm.warp(MIDNIGHT);
        uint256 other = _liveFleet();
        vm.warp(MIDNIGHT + DAY - 1);
        vm.assertEq(appraisal.appraise(other).historyDays, 0);
        vm.warp(MIDNIGHT + DAY);
        vm.assertEq(appraisal.appraise(other).historyDays, 1);
    }

    function test_appraise__dayOfCommissioningAndToday__countNothing() public {
        _earn(_coins(5000));
        vm.warp(MIDNIGHT + DAY);
        _earn(_coins(7000));
        FleetValue memory v = _appraise();
        vm.assertEq(v.historyDays, 1);
        vm.assertEq(v.mean30, 0);
        vm.assertEq(v.mean90, 0);
    }

    function test_appraise__shortHistory__meansDivideByIt() public {
        vm.warp(MIDNIGHT);
        _earn(_coins(600));
        vm.warp(MIDNIGHT + 3 * DAY);
        FleetValue memory v = _appraise();
        vm.assertEq(v.historyDays, 3);
        vm.assertEq(v.mean30, _coins(200));
        vm.assertEq(v.mean90, _coins(200));
    }

    function test_appraise__sixtyDays__shortWindowForgetsTheFirstThirty() public {
        _earnDailyUntil(MIDNIGHT / DAY + 29, 300);
        _priceAt(34 days);
        vm.warp(MIDNIGHT + 60 * DAY);
        FleetValue memory v = _appraise();
        vm.assertEq(v.historyDays, 60);
        vm.assertEq(v.mean30, 0);
        vm.assertEq(v.mean90, _coins(150));
        vm.assertEq(v.revenueCap, 0);
    }

    function test_appraise__hundredDays__longWindowForgetsTheFirstTen() public {
        vm.warp(MIDNIGHT + 9 * DAY);
        _earn(_coins(9000));
        vm.warp(MIDNIGHT + 70 * DAY);
        _earn(_coins(9000));
        _priceAt(80 days);
        vm.warp(MIDNIGHT + 99 * DAY);
        vm.assertEq(_appraise().mean90, _coins(200));
        vm.assertEq(_appraise().mean30, _coins(300));
        vm.warp(MIDNIGHT + 100 * DAY);
        vm.assertEq(_appraise().mean90, _coins(100));
        vm.assertEq(_appraise().mean30, _coins(300));
        vm.warp(MIDNIGHT + 101 * DAY);
        vm.assertEq(_appraise().mean90, _coins(100));
        vm.assertEq(_appraise().mean30, 0);
    }

    /* ---- the cap ---- */

    /// @dev 200 coins a day are 6,083.3 a month, for 70 months that are left.
    function test_appraise__lowRevenue__caps() public {
        _earnDailyUntil(MIDNIGHT / DAY + 33, 200);
        FleetValue memory v = _appraise();
        vm.assertEq(v.historyDays, 33);
        vm.assertEq(v.mean30, _coins(200));
        vm.assertEq(v.monthsLeft, 70);
        vm.assertEq(v.revenueCap, _coins(200) * 365 * v.annuityWad / 12e18);
        vm.assertEq(v.capped, v.revenueCap);
        vm.assertLt(v.capped, v.hardware);
    }

    function test_appraise__highRevenue__hardwareCaps() public {
        _earnDailyUntil(MIDNIGHT / DAY + 33, 20_000);
        FleetValue memory v = _appraise();
        vm.assertGt(v.revenueCap, v.hardware);
        vm.assertEq(v.capped, v.hardware);
    }

    function test_appraise__risingRevenue__lowerMeanCounts() public {
        _earnDailyUntil(MIDNIGHT / DAY + 20, 100);
        for (uint256 day = 21; day < 60; ++day) {
            vm.warp(MIDNIGHT + day * DAY);
            _earn(_coins(400));
        }
        _priceAt(60 days);
        FleetValue memory v = _appraise();
        vm.assertGt(v.mean30, v.mean90);
        vm.assertEq(v.revenueCap, v.mean90 * 365 * v.annuityWad / 12e18);
    }

    function test_appraise__moneyGivenToShareholders__isNoRevenue() public {
        vm.warp(MIDNIGHT);
        coin.mint(stranger, _coins(1_000_000));
        vm.startPrank(stranger);
        coin.approve(address(router), type(uint256).max);
        router.distribute(fleetId, _coins(1_000_000));
        vm.stopPrank();
        vm.warp(MIDNIGHT + DAY);
        vm.assertEq(_appraise().mean30, 0);
    }

    function test_appraise__monthsLeft__wholeOnesUntilTheEndOfLife() public {
        _priceAt(12 * MONTH);
        vm.assertEq(_appraise().monthsLeft, 60);
        vm.assertEq(_appraise().annuityWad, ANNUITY_60);
        vm.warp(START + 12 * MONTH + 1);
        vm.assertEq(_appraise().monthsLeft, 59);
        _priceAt(71 * MONTH);
        vm.assertEq(_appraise().monthsLeft, 1);
        vm.warp(START + 71 * MONTH + 1);
        vm.assertEq(_appraise().monthsLeft, 0);
        _priceAt(72 * MONTH);
        vm.assertEq(_appraise().monthsLeft, 0);
        _priceAt(500 * MONTH);
        vm.assertEq(_appraise().monthsLeft, 0);
        vm.assertEq(_appraise().annuityWad, 0);
        vm.assertEq(_appraise().hardware, _coins(320_000));
        vm.assertEq(_appraise().capped, 0);
    }

    /// @dev Each intermediate against what a person would write down, over random histories.
    function testFuzz_appraise__anyHistory__everyStepFollowsFromTheOneBefore(
        uint256 wholeDays,
        uint256 seconds_,
        uint16[16] calldata gaps,
        uint64[16] calldata amounts
    ) public {
        uint256 end = MIDNIGHT + bound(wholeDays, 0, 300) * DAY + bound(seconds_, 0, DAY - 1);
        uint256 midnight = MIDNIGHT;
        for (uint256 i; i < gaps.length; ++i) {
            midnight += bound(gaps[i], 0, 40) * DAY;
            if (midnight > end) break;
            vm.warp(midnight);
            _earn(uint256(amounts[i]));
        }
        vm.warp(end);

        FleetValue memory v = appraisal.lastKnown(fleetId);

        vm.assertEq(v.ageSeconds, end - START);
        vm.assertEq(v.depreciationWad, appraisal.depreciationWad(end - START));
        vm.assertEq(v.hardware, v.capacity * v.pricePerGpu * v.depreciationWad / 1e18);
        vm.assertEq(v.historyDays, (end - MIDNIGHT) / DAY);
        vm.assertEq(v.mean30, _naiveMean(30, v.historyDays));
        vm.assertEq(v.mean90, _naiveMean(90, v.historyDays));
        vm.assertEq(v.monthsLeft, (72 * MONTH - v.ageSeconds) / MONTH);
        vm.assertEq(v.annuityWad, appraisal.annuityWad(v.monthsLeft));
        uint256 lower = v.mean30 < v.mean90 ? v.mean30 : v.mean90;
        vm.assertEq(v.revenueCap, lower * 365 * v.annuityWad / 12e18);
        vm.assertEq(v.capped, v.hardware < v.revenueCap ? v.hardware : v.revenueCap);
    }

    function _naiveMean(uint256 window, uint256 historyDays) internal view returns (uint256) {
        uint256 days_ = window < historyDays ? window : historyDays;
        if (days_ == 0) return 0;
        uint256 sum;
        for (uint256 back = 1; back <= days_; ++back) {
            sum += router.netRevenueOn(fleetId, block.timestamp / DAY - back);
        }
        return sum / days_;
    }

    /* ---- refusals ---- */

    function test_appraise__unknownFleet__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        appraisal.appraise(77);
    }

    function test_appraise__classWithoutPrice__reverts() public {
        Enrolment memory e = _enrolment();
        e.gpuClass = "B200";
        vm.prank(operator);
        uint256 other = registry.enrol(e);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.ClassNotPriced.selector, bytes32("B200")));
        appraisal.appraise(other);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.ClassNotPriced.selector, bytes32("B200")));
        appraisal.lastKnown(other);
    }

    function test_appraise__stalePrice__revertsAndLastKnownTells() public {
        vm.warp(START + 35 days);
        FleetValue memory v = _appraise();
        vm.assertEq(keccak256(abi.encode(appraisal.lastKnown(fleetId))), keccak256(abi.encode(v)));
        vm.assertEq(appraisal.hardwareValue(fleetId), v.hardware);

        vm.warp(START + 35 days + 1);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, START, uint256(35 days)));
        appraisal.appraise(fleetId);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, START, uint256(35 days)));
        appraisal.hardwareValue(fleetId);
        v = appraisal.lastKnown(fleetId);
        vm.assertEq(v.pricedAt, START);
        vm.assertEq(v.ageSeconds, 35 days + 1);
        vm.assertEq(v.hardware, v.capacity * v.pricePerGpu * v.depreciationWad / 1e18);
    }

    function test_appraise__anotherSettlementToken__reverts() public {
        TestStablecoin other = new TestStablecoin("Other USD", "oUSD", 6);
        vm.prank(parameters);
        registry.listToken(address(other));
        Enrolment memory e = _enrolment();
        e.settlementToken = address(other);
        vm.prank(operator);
        uint256 foreign = registry.enrol(e);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.WrongToken.selector, foreign, address(other)));
        appraisal.appraise(foreign);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.WrongToken.selector, foreign, address(other)));
        appraisal.hardwareValue(foreign);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.WrongToken.selector, foreign, address(other)));
        appraisal.lastKnown(foreign);
    }
}

contract AppraiseWithSixDecimalsTest is AppraiseTest {}

contract AppraiseWithEightDecimalsTest is AppraiseTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract AppraiseWithEighteenDecimalsTest is AppraiseTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
