// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {LoanHealth} from "../../../contracts/LoanHealth.sol";
import {IAppraisal} from "../../../contracts/interfaces/IAppraisal.sol";
import {Evidence} from "../../../contracts/interfaces/IFleetCredit.sol";
import {
    Finding,
    HealthParameters,
    ILoanHealth,
    Limits,
    Pledge,
    Suspect
} from "../../../contracts/interfaces/ILoanHealth.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

contract LoanHealthTest is CreditScene {
    function test_constructor__parametersThatCannotBe__revertByField() public {
        HealthParameters memory p = _healthParameters();
        p.hardwareFloorBps = 10_001;
        _refused(p, "hardwareFloorBps");
        p = _healthParameters();
        p.collateralFloorBps = 10_001;
        _refused(p, "collateralFloorBps");
        p = _healthParameters();
        p.provenDays = p.youngDays - 1;
        _refused(p, "provenDays");
        p = _healthParameters();
        p.reportSilence = 0;
        _refused(p, "reportSilence");
    }

    function test_limits__hardwareAndBtc__eachByItsOwnRatio() public {
        _history(31, _coins(2000));
        Limits memory l = health.limits(_pledge());
        uint256 capped = appraisal.appraise(fleetId).capped;
        vm.assertEq(l.hardware, capped / 2);
        vm.assertEq(l.collateral, _coins(60_000));
        vm.assertEq(l.borrowLimit, l.hardware * 7000 / 10_000 + _coins(30_000));
        vm.assertEq(l.breachLimit, l.hardware * 8500 / 10_000 + _coins(45_000));
        vm.assertEq(l.floor, capped / 2 * 4000 / 10_000 + _coins(54_000));
        // 2,000 a day, of which half, by 365 days ÷ 12.
        vm.assertEq(l.revenuePerMonth, _coins(1000) * 365 / 12);
        vm.assertFalse(l.young);
    }

    /// @dev Young when drawn: tested without the cap, at the lower LTV, until day 90; from then on like any other.
    function test_limits__youngLoan__cappedFromDay90On() public {
        Pledge memory p = _pledge();
        p.young = true;
        vm.warp((START / DAY + 90) * DAY);
        _refresh();
        vm.assertEq(appraisal.appraise(fleetId).historyDays, 89);
        Limits memory l = health.limits(p);
        vm.assertEq(l.hardware, appraisal.appraise(fleetId).hardware / 2);
        vm.assertEq(l.borrowLimit, l.hardware * 3500 / 10_000 + _coins(30_000));
        vm.assertEq(l.floor, _coins(54_000));
        vm.warp((START / DAY + 91) * DAY);
        _refresh();
        l = health.limits(p);
        vm.assertEq(l.hardware, 0);
        vm.assertEq(l.borrowLimit, _coins(30_000));
    }

    function test_drawLimits__ageOfTheFleet__decidesWhetherYoung() public {
        Pledge memory p = _pledge();
        vm.warp((START / DAY + 30) * DAY);
        _refresh();
        (Limits memory l,, bool silent) = health.drawLimits(p);
        vm.assertTrue(l.young);
        vm.assertGt(l.hardware, 0);
        vm.assertFalse(silent);
        vm.warp((START / DAY + 31) * DAY);
        _refresh();
        (l,, silent) = health.drawLimits(p);
        vm.assertFalse(l.young);
        vm.assertEq(l.hardware, 0);
    }

    function test_limits__nothingPledged__nothing() public view {
        Pledge memory p = _pledge();
        (p.shares, p.collateralAmount) = (0, 0);
        Limits memory l = health.limits(p);
        vm.assertEq(l.borrowLimit + l.breachLimit + l.floor, 0);
    }

    function test_limits__staleAppraisal__reverts() public {
        uint256 updatedAt = appraisal.priceOf(CLASS).updatedAt;
        vm.warp(updatedAt + 36 days);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, updatedAt, uint256(35 days)));
        health.limits(_pledge());
    }

    function test_find__nothingWrong__none() public view {
        Finding memory f = health.find(_suspect());
        vm.assertEq(uint256(f.kind), uint256(Evidence.None));
        vm.assertEq(f.since + f.breachSince, 0);
        vm.assertFalse(f.exceeded);
    }

    /// @dev One unit above the limit is above it.
    function test_find__debtAtTheBreachLimit__andOneUnitAbove() public view {
        Suspect memory s = _suspect();
        s.owed = health.limits(s.pledge).breachLimit;
        vm.assertEq(uint256(health.find(s).kind), uint256(Evidence.None));
        ++s.owed;
        Finding memory f = health.find(s);
        vm.assertEq(uint256(f.kind), uint256(Evidence.AboveBreachLimit));
        vm.assertTrue(f.exceeded);
        vm.assertEq(f.breachSince, block.timestamp);
    }

    /// @dev Collateral counts at the greatest price that would be believed: only a debt above that is a breach for sure.
    function test_find__feedDead__breachOnlyAboveWhatTheCollateralCanBeWorth() public {
        Suspect memory s = _suspect();
        uint256 hardware = appraisal.appraise(fleetId).hardware / 2 * 8500 / 10_000;
        uint256 most = prices.mostValue(address(btc), BTC);
        vm.assertEq(most, uint256(prices.feedOf(address(btc)).most) * _coins(1) / 1e8);
        feed.setDecimals(7);
        s.owed = hardware + most * 7500 / 10_000;
        vm.assertEq(uint256(health.find(s).kind), uint256(Evidence.None));
        ++s.owed;
        Finding memory f = health.find(s);
        vm.assertEq(uint256(f.kind), uint256(Evidence.AboveBreachLimit));
        vm.assertTrue(f.exceeded);
        vm.assertFalse(f.known);
    }

    /// @dev A satoshi that anybody pledged beside a dead feed hides nothing of the hardware's fall.
    function test_find__dustWithADeadFeed__hidesNoBreach() public {
        Suspect memory s = _suspect();
        s.pledge.collateralAmount = 1;
        s.owed = appraisal.appraise(fleetId).hardware / 2 * 8500 / 10_000 + _coins(1);
        feed.setDecimals(7);
        vm.assertEq(uint256(health.find(s).kind), uint256(Evidence.AboveBreachLimit));
    }

    /// @dev Nobody knows what a board costs: nothing is above its limit.
    function test_find__appraisalStale__noBreach() public {
        Suspect memory s = _suspect();
        s.owed = _coins(10_000_000);
        vm.warp(appraisal.priceOf(CLASS).updatedAt + 36 days);
        _report();
        _setBtc(60_000);
        (s.nextDueAt, s.insuredUntil) = (block.timestamp, block.timestamp + 1);
        Finding memory f = health.find(s);
        vm.assertEq(uint256(f.kind), uint256(Evidence.None));
        vm.assertFalse(f.exceeded);
        vm.assertFalse(f.known);
    }

    function test_find__aPriceUnknown__whatIsLeftIsTheFloor() public {
        Suspect memory s = _suspect();
        s.owed = _coins(1_000_000);
        feed.setDecimals(7);
        Finding memory f = health.find(s);
        vm.assertEq(uint256(f.kind), uint256(Evidence.None));
        vm.assertFalse(f.exceeded);
        vm.assertEq(f.breachLimit, appraisal.appraise(fleetId).hardware / 2 * 8500 / 10_000);
        vm.assertEq(f.floor, 0);
    }

    function test_silence__never__isInThePast() public {
        uint256 other = _liveFleet();
        (uint256 acceptedAt, uint256 breachFrom) = health.silence(other);
        vm.assertEq(acceptedAt, 0);
        vm.assertLt(breachFrom, block.timestamp);
    }

    /// @dev Half of the fleet, and one BTC.
    function _pledge() private view returns (Pledge memory) {
        return Pledge({
            fleetId: fleetId,
            shares: 500_000e18,
            supply: 1_000_000e18,
            collateral: IERC20(address(btc)),
            collateralAmount: BTC,
            young: false,
            hardwareLtvBps: 7000,
            hardwareBreachBps: 8500,
            youngLtvBps: 3500,
            collateralLtvBps: 5000,
            collateralBreachBps: 7500
        });
    }

    function _suspect() private view returns (Suspect memory s) {
        s.pledge = _pledge();
        s.pledge.young = true;
        s.owed = _coins(100_000);
        s.nextDueAt = block.timestamp;
        s.graceDays = 10;
        s.insuredUntil = block.timestamp + 1;
    }

    function _refused(HealthParameters memory p, bytes32 field) private {
        vm.expectRevert(abi.encodeWithSelector(ILoanHealth.InvalidParameter.selector, field));
        new LoanHealth(market, p);
    }
}
