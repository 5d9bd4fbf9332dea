// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {AuctionParameters, ICollateralAuction, Sale} from "../../../contracts/interfaces/ICollateralAuction.sol";
import {LoanState, SaleState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {AuctionTest} from "./AuctionTest.sol";

contract ClockTest is AuctionTest {
    /* ---- creation ---- */

    function test_parameters__asCreated__read() public view {
        vm.assertEq(keccak256(abi.encode(auction.parameters())), keccak256(abi.encode(_parameters())));
    }

    function test_constructor__senselessParameters__revertsWithTheField() public {
        AuctionParameters memory p = _parameters();
        p.collateralStartBps = 20_001;
        _refused(p, "collateralStartBps");
        p = _parameters();
        p.collateralEndBps = 0;
        _refused(p, "collateralEndBps");
        p.collateralEndBps = p.collateralStartBps + 1;
        _refused(p, "collateralEndBps");
        p = _parameters();
        p.collateralFall = 0;
        _refused(p, "collateralFall");
        p = _parameters();
        p.collateralAlone = p.collateralFall - 1;
        _refused(p, "collateralAlone");
        p.collateralAlone = 365 days + 1;
        _refused(p, "collateralAlone");
        p = _parameters();
        p.leastFillBps = 0;
        _refused(p, "leastFillBps");
        p.leastFillBps = 10_001;
        _refused(p, "leastFillBps");
        p = _parameters();
        p.lotStartBps = 20_001;
        _refused(p, "lotStartBps");
        p = _parameters();
        p.lotEndBps = 0;
        _refused(p, "lotEndBps");
        p.lotEndBps = p.lotStartBps + 1;
        _refused(p, "lotEndBps");
        p = _parameters();
        p.lotFall = 0;
        _refused(p, "lotFall");
        p.lotFall = 365 days + 1;
        _refused(p, "lotFall");
        p = _parameters();
        p.longestGap = 0;
        _refused(p, "longestGap");
        p.longestGap = p.lotFall + 1;
        _refused(p, "longestGap");
        p = _parameters();
        p.resumeWindow = 365 days + 1;
        _refused(p, "resumeWindow");
    }

    function test_constructor__parametersAtTheirBounds__created() public {
        AuctionParameters memory p = _parameters();
        p.collateralStartBps = p.collateralEndBps = p.lotStartBps = p.lotEndBps = 20_000;
        p.collateralFall = p.collateralAlone = p.lotFall = p.longestGap = p.resumeWindow = 365 days;
        p.leastFillBps = 10_000;
        CreditSystem memory s;
        vm.assertEq(_newAuction(s, p).parameters().lotFall, 365 days);
    }

    /* ---- start ---- */

    function test_start__breachOnRecord__startsBothClocksAtZero() public {
        vm.expectEmit(address(auction));
        emit ICollateralAuction.StartSale(LOAN, false);
        vm.prank(stranger);
        auction.start(LOAN);

        Sale memory s = auction.sale(LOAN);
        vm.assertEq(s.touchedAt, block.timestamp);
        vm.assertEq(s.breachedSince, BREACH);
        vm.assertEq(s.collateralAtStart, 2 * BTC);
        vm.assertFalse(s.still);
        _assertClocks(0, 0);
    }

    function test_start__noBreachOnRecord__reverts() public {
        _breachedAnew(0);
        _revertOf(ICollateralAuction.NotBreached.selector, LOAN);
        auction.start(LOAN);
    }

    function test_start__loanThatIsNotOpen__reverts() public {
        SaleState memory state = _loan();
        LoanState[5] memory states =
            [LoanState.None, LoanState.Requested, LoanState.Approved, LoanState.Held, LoanState.Closed];
        for (uint256 i; i < states.length; ++i) {
            state.state = states[i];
            _say(state);
            _revertOf(ICollateralAuction.NotBreached.selector, LOAN);
            auction.start(LOAN);
        }
    }

    function test_start__running__reverts() public {
        auction.start(LOAN);
        _revertOf(ICollateralAuction.SaleRunning.selector, LOAN);
        auction.start(LOAN);
    }

    function test_start__withoutCollateral__theLotIsForSaleAtOnce() public {
        _withoutCollateral();
        auction.start(LOAN);
        _assertClocks(24 hours, 0);
        vm.assertTrue(auction.asking(LOAN).lotForSale);
    }

    function test_start__staleFeed__startsAndStandsStill() public {
        vm.warp(block.timestamp + 1 hours + 1);
        auction.start(LOAN);
        vm.assertTrue(auction.sale(LOAN).still);

        _pass(30 minutes);
        auction.touch(LOAN);
        _assertClocks(0, 0);
        _run(30 minutes);
        _assertClocks(30 minutes, 0);
    }

    /* ---- resume ---- */

    function test_start__breachThatRecursWithinThirtyDays__goesOnWhereItStood() public {
        auction.start(LOAN);
        _run(5 hours);
        _breachedAnew(0);
        _pass(30 days);
        _breachedAnew(block.timestamp);

        vm.expectEmit(address(auction));
        emit ICollateralAuction.StartSale(LOAN, true);
        auction.start(LOAN);
        _assertClocks(5 hours, 0);
        _run(1 hours);
        _assertClocks(6 hours, 0);
    }

    function test_start__breachThatRecursLater__beginsAnew() public {
        auction.start(LOAN);
        _run(5 hours);
        _breachedAnew(0);
        _pass(30 days + 1);
        _breachedAnew(block.timestamp);

        vm.expectEmit(address(auction));
        emit ICollateralAuction.StartSale(LOAN, false);
        auction.start(LOAN);
        _assertClocks(0, 0);
    }

    function test_start__resumedInTheLotsTime__theLotGoesOnWhereItStood() public {
        _withoutCollateral();
        auction.start(LOAN);
        _run(40 hours);
        _breachedAnew(block.timestamp);
        _pass(20 days);
        auction.start(LOAN);
        _assertClocks(24 hours, 40 hours);
        vm.assertEq(auction.asking(LOAN).lotPrice, _lotPrice(40 hours));
    }

    function test_start__resumedWithOtherCollateral__theLeastFillFollowsIt() public {
        auction.start(LOAN);
        SaleState memory state = _loan();
        state.collateralAmount = uint96(10 * BTC);
        state.breachedSince = BREACH + 1 days;
        _say(state);
        _pass(1 days);
        auction.start(LOAN);
        vm.assertEq(auction.asking(LOAN).leastCollateral, BTC);
    }

    function test_bid__breachThatRecurredWithoutAnotherStart__reverts() public {
        auction.start(LOAN);
        _breachedAnew(BREACH + 1);
        _revertOf(ICollateralAuction.SaleNotStarted.selector, LOAN);
        _bid(BTC);
        _revertOf(ICollateralAuction.SaleNotStarted.selector, LOAN);
        _bidLot();
        _revertOf(ICollateralAuction.SaleNotStarted.selector, LOAN);
        auction.touch(LOAN);
        _revertOf(ICollateralAuction.SaleNotStarted.selector, LOAN);
        auction.giveLotToVault(LOAN);
    }

    function test_bid__curedMidSale__everythingStops() public {
        auction.start(LOAN);
        _run(2 hours);
        _breachedAnew(0);
        _revertOf(ICollateralAuction.NotBreached.selector, LOAN);
        _bid(BTC);
        _revertOf(ICollateralAuction.NotBreached.selector, LOAN);
        _bidLot();
        _revertOf(ICollateralAuction.NotBreached.selector, LOAN);
        auction.touch(LOAN);
        _revertOf(ICollateralAuction.NotBreached.selector, LOAN);
        auction.giveLotToVault(LOAN);
        vm.assertFalse(auction.asking(LOAN).collateralForSale);
    }

    function test_touch__neverStarted__reverts() public {
        _revertOf(ICollateralAuction.SaleNotStarted.selector, LOAN);
        auction.touch(LOAN);
    }

    /* ---- touch ---- */

    function test_touch__withinAnHour__counts() public {
        auction.start(LOAN);
        _pass(1 hours);
        vm.expectEmit(address(auction));
        emit ICollateralAuction.Touch(LOAN, 1 hours, 0);
        vm.prank(stranger);
        auction.touch(LOAN);
        vm.assertEq(auction.sale(LOAN).touchedAt, block.timestamp);
    }

    function test_touch__gapOverAnHour__countsZero() public {
        auction.start(LOAN);
        _pass(1 hours + 1);
        auction.touch(LOAN);
        _assertClocks(0, 0);
        _run(10 minutes);
        _assertClocks(10 minutes, 0);
    }

    function test_touch__everySecond__countsNoMoreThanTime() public {
        auction.start(LOAN);
        for (uint256 i; i < 60; ++i) {
            _pass(1);
            auction.touch(LOAN);
            auction.touch(LOAN);
        }
        _assertClocks(60, 0);
    }

    function test_touch__collateralForADay__theLotsClockBegins() public {
        auction.start(LOAN);
        _run(24 hours);
        _assertClocks(24 hours, 0);
        _run(72 hours + 30 minutes);
        _assertClocks(24 hours, 72 hours);
    }

    function test_touch__staleFeed__standsStillUntilThePriceIsToldAtBothEnds() public {
        auction.start(LOAN);
        _run(30 minutes);
        // The feed is an hour old at most: it dies now.
        vm.warp(block.timestamp + 1 hours);
        auction.touch(LOAN);
        _assertClocks(90 minutes, 0);
        vm.warp(block.timestamp + 30 minutes);
        auction.touch(LOAN);
        _assertClocks(90 minutes, 0);
        vm.assertTrue(auction.sale(LOAN).still);

        _pass(30 minutes);
        auction.touch(LOAN);
        _assertClocks(90 minutes, 0);
        vm.assertFalse(auction.sale(LOAN).still);
        _run(5 minutes);
        _assertClocks(95 minutes, 0);
    }

    function test_touch__deadFeedInTheLotsTime__doesNotStopTheLot() public {
        auction.start(LOAN);
        _run(24 hours);
        feed.say(-1);
        vm.warp(block.timestamp + 1 hours);
        auction.touch(LOAN);
        _assertClocks(24 hours, 1 hours);
    }

    function test_touch__staleAppraisal__theLotStandsStill() public {
        _withoutCollateral();
        vm.warp(START + 35 days - 10 minutes);
        _breachedAnew(block.timestamp);
        auction.start(LOAN);
        vm.warp(block.timestamp + 10 minutes);
        auction.touch(LOAN);
        _assertClocks(24 hours, 10 minutes);
        vm.warp(block.timestamp + 1);
        auction.touch(LOAN);
        _assertClocks(24 hours, 10 minutes);
        vm.assertTrue(auction.sale(LOAN).still);

        vm.prank(appraiser);
        appraisal.setPrice(CLASS, uint96(_coins(25_000)));
        _run(1 minutes);
        _assertClocks(24 hours, 10 minutes);
        _run(1 minutes);
        _assertClocks(24 hours, 11 minutes);
    }

    function test_touch__staleAppraisalInTheCollateralsTime__doesNotStopIt() public {
        vm.warp(START + 36 days);
        feed.say(60_000e8);
        _breachedAnew(block.timestamp);
        auction.start(LOAN);
        _run(20 minutes);
        _assertClocks(20 minutes, 0);
    }

    function test_touch__lotGoneAndCollateralLeft__movesNothing() public {
        auction.start(LOAN);
        _run(25 hours);
        SaleState memory state = _loan();
        state.hasLot = false;
        _say(state);
        _run(5 hours);
        _assertClocks(24 hours, 1 hours);
    }

    /// @dev However touches fall, a clock never runs faster than time, and never backwards.
    function testFuzz_touch__anySteps__clocksNeverOutrunTime(uint16[24] memory steps, bool[24] memory dead) public {
        auction.start(LOAN);
        uint256 last;
        for (uint256 i; i < steps.length; ++i) {
            _pass(bound(steps[i], 0, 2 hours));
            if (dead[i]) feed.say(0);
            auction.touch(LOAN);
            Sale memory s = auction.sale(LOAN);
            uint256 run = uint256(s.collateralElapsed) + s.lotElapsed;
            vm.assertGe(run, last);
            vm.assertLe(run, block.timestamp - BREACH);
            vm.assertLe(run - last, 1 hours);
            if (s.still || dead[i]) vm.assertEq(run, last);
            last = run;
        }
    }

    function _lotPrice(uint256 elapsed) internal pure returns (uint256) {
        uint256 value = _coins(960_000);
        uint256 numerator = value * (12_000 * 72 hours - 8000 * elapsed);
        return (numerator + 72 hours * 10_000 - 1) / (72 hours * 10_000);
    }

    function _refused(AuctionParameters memory p, bytes32 field) private {
        CreditSystem memory s;
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.InvalidParameter.selector, field));
        _newAuction(s, p);
    }
}

/// @dev On an L2.
contract ClockOnL2Test is AuctionTest {
    function _creditSequencer() internal view override returns (ISequencerFeed) {
        return sequencer;
    }

    function test_touch__restartInsideTheGap__countsZero() public {
        auction.start(LOAN);
        _run(30 minutes);
        sequencer.say(0, block.timestamp + 1);
        // Prices need an hour of grace, the clock does not count it either.
        for (uint256 i; i < 2; ++i) {
            _pass(30 minutes);
            auction.touch(LOAN);
            _assertClocks(30 minutes, 0);
        }
        _pass(30 minutes);
        auction.touch(LOAN);
        _assertClocks(30 minutes, 0);
        _run(30 minutes);
        _assertClocks(60 minutes, 0);
    }

    function test_touch__restartInsideALotsGap__countsZero() public {
        _withoutCollateral();
        auction.start(LOAN);
        _run(30 minutes);
        uint256 restart = block.timestamp + 10 minutes;
        vm.warp(restart + 10 minutes);
        sequencer.say(0, restart);
        auction.touch(LOAN);
        _assertClocks(24 hours, 30 minutes);
        _run(10 minutes);
        _assertClocks(24 hours, 40 minutes);
    }

    function test_touch__sequencerDown__countsZeroUntilItIsUpAtBothEnds() public {
        _withoutCollateral();
        auction.start(LOAN);
        sequencer.say(1, block.timestamp);
        _pass(10 minutes);
        auction.touch(LOAN);
        _assertClocks(24 hours, 0);
        vm.assertTrue(auction.sale(LOAN).still);
        sequencer.say(0, block.timestamp);
        _run(10 minutes);
        _assertClocks(24 hours, 0);
        _run(10 minutes);
        _assertClocks(24 hours, 10 minutes);
    }
}
