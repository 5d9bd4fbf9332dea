// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAppraisal} from "../../../contracts/interfaces/IAppraisal.sol";
import {Asking, ICollateralAuction} from "../../../contracts/interfaces/ICollateralAuction.sol";
import {ICollateralPrices} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {SaleState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {vm} from "../base/Vm.sol";
import {AuctionTest} from "./AuctionTest.sol";

contract BidLotTest is AuctionTest {
    uint256 internal constant FALL = 72 hours;

    /* ---- when ---- */

    function test_bidLot__collateralForSaleAlone__reverts() public {
        auction.start(LOAN);
        _run(24 hours - 1);
        _revertOf(ICollateralAuction.NotForSale.selector, LOAN);
        _bidLot();
        _revertOf(ICollateralAuction.NotForSale.selector, LOAN);
        auction.giveLotToVault(LOAN);
        _run(1);
        _bidLot();
    }

    function test_bidLot__collateralSoldOut__atOnceAtTheFirstPremium() public {
        auction.start(LOAN);
        _bid(2 * BTC);
        uint256 price = _lotPrice(0);
        vm.expectEmit(address(auction));
        emit ICollateralAuction.BidLot(LOAN, bidder, investor, price);
        vm.assertEq(_bidLot(), price);

        vm.assertEq(price, _coins(960_000) * 12 / 10);
        vm.assertEq(coin.balanceOf(address(book_)), price);
        vm.assertEq(coin.balanceOf(address(auction)), 0);
        (, uint256 told, address to) = book_.lot(LOAN);
        vm.assertEq(told, price);
        vm.assertEq(to, investor);
    }

    function test_bidLot__soldAlready__reverts() public {
        _open();
        _bidLot();
        _revertOf(ICollateralAuction.NotForSale.selector, LOAN);
        _bidLot();
        _revertOf(ICollateralAuction.NotForSale.selector, LOAN);
        auction.giveLotToVault(LOAN);
        vm.assertFalse(auction.asking(LOAN).lotForSale);
    }

    function test_bidLot__collateralUnsoldForADay__bothAreForSale() public {
        auction.start(LOAN);
        _run(24 hours);
        Asking memory a = auction.asking(LOAN);
        vm.assertTrue(a.collateralForSale && a.lotForSale);
        vm.assertEq(a.lotPrice, _lotPrice(0));
    }

    function test_bidLot__whilePaused__sold() public {
        _open();
        vm.prank(guardian);
        registry.pause();
        vm.assertEq(_bidLot(), _lotPrice(0));
    }

    /* ---- at what price ---- */

    function test_bidLot__alongTheFall__linearToTheLastPremium() public {
        _open();
        _run(36 hours);
        vm.assertEq(auction.asking(LOAN).lotPrice, _coins(960_000) * 8 / 10);
        _run(35 hours);
        _pass(1 hours);
        vm.assertEq(auction.asking(LOAN).lotPrice, _coins(960_000) * 4 / 10);
        _run(10 hours);
        vm.assertEq(_bidLot(), _coins(960_000) * 4 / 10);
        _assertClocks(24 hours, FALL);
    }

    function test_bidLot__gapOverAnHour__priceAsOfTheLastTouch() public {
        _open();
        _run(10 hours);
        _pass(5 hours);
        vm.assertEq(_bidLot(), _lotPrice(10 hours));
    }

    function test_bidLot__gapOfHalfAnHour__countsIt() public {
        _open();
        _run(10 hours);
        _pass(30 minutes);
        vm.assertEq(_bidLot(), _lotPrice(10 hours + 30 minutes));
        _assertClocks(24 hours, 10 hours + 30 minutes);
    }

    function test_bidLot__otherAppraisal__followsIt() public {
        _open();
        vm.warp(block.timestamp + 1 days);
        vm.prank(appraiser);
        appraisal.setPrice(CLASS, uint96(_coins(20_000)));
        vm.assertEq(_bidLot(), _coins(768_000) * 12 / 10);
    }

    function test_bidLot__noPledgedShares__theBoundTenth() public {
        SaleState memory state = _loan();
        state.shares = 0;
        _say(state);
        _open();
        vm.assertEq(_bidLot(), _coins(160_000) * 12 / 10);
    }

    function test_bidLot__fleetThatEarnsNothing__priceWithoutRevenueCap() public {
        _open();
        vm.assertEq(appraisal.appraise(fleetId).capped, 0);
        vm.assertEq(_bidLot(), _lotPrice(0));
    }

    function test_bidLot__staleAppraisal__revertsWithTheReasonAndTheClockStandsStill() public {
        vm.warp(START + 35 days);
        _breachedAnew(block.timestamp);
        _open();
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, START, 35 days));
        _bidLot();
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, START, 35 days));
        auction.giveLotToVault(LOAN);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, START, 35 days));
        auction.asking(LOAN);
        _assertClocks(24 hours, 0);
    }

    function test_bidLot__fleetWithoutHardware__isNotForSaleAndTheVaultTakesIt() public {
        _withoutHardware();
        _open();
        vm.assertFalse(auction.asking(LOAN).lotForSale);
        _revertOf(ICollateralAuction.NotForSale.selector, LOAN);
        _bidLot();
        _run(FALL);
        auction.giveLotToVault(LOAN);
        vm.assertEq(book_.unsold(LOAN), 1);
    }

    function test_bidLot__aboveTheLimit__reverts() public {
        _open();
        uint256 price = _lotPrice(0);
        vm.startPrank(bidder);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.PriceAboveLimit.selector, LOAN, price, price - 1));
        auction.bidLot(LOAN, price - 1, bidder);
        vm.assertEq(auction.bidLot(LOAN, price, bidder), price);
        vm.stopPrank();
    }

    /* ---- to the vault ---- */

    function test_giveLotToVault__floorNotReached__reverts() public {
        _open();
        _run(FALL - 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.FloorNotReached.selector, LOAN, FALL - 1, FALL));
        auction.giveLotToVault(LOAN);
        _pass(1);
        auction.giveLotToVault(LOAN);
        vm.assertGt(book_.unsold(LOAN), 0);
    }

    function test_giveLotToVault__gapThatDoesNotCount__reverts() public {
        _open();
        _run(FALL - 1);
        _pass(2 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.FloorNotReached.selector, LOAN, FALL - 1, FALL));
        auction.giveLotToVault(LOAN);
    }

    function test_giveLotToVault__fleetThatEarns__lastPremiumOnTheCappedAppraisal() public {
        // Two complete days, of which the first earned.
        vm.warp(MIDNIGHT);
        _earn(_coins(1000));
        vm.warp(MIDNIGHT + 2 * DAY);
        _open();
        _run(FALL);
        uint256 capped = appraisal.appraise(fleetId).capped;
        vm.assertGt(capped, 0);
        vm.assertLt(capped, _coins(1_600_000));
        uint256 expected = capped * 600_000e18 * 4000 / (1_000_000e18 * 10_000);

        vm.expectEmit(address(auction));
        emit ICollateralAuction.GiveLotToVault(LOAN, expected);
        vm.prank(stranger);
        auction.giveLotToVault(LOAN);
        vm.assertEq(book_.unsold(LOAN), expected + 1);
    }

    function test_giveLotToVault__fleetThatEarnsNothing__worthNothing() public {
        _open();
        _run(FALL);
        auction.giveLotToVault(LOAN);
        vm.assertEq(book_.unsold(LOAN), 1);
    }

    function test_bidLot__afterTheFloor__stillSoldUntilTheVaultTookIt() public {
        _open();
        _run(FALL + 5 hours);
        vm.assertEq(_bidLot(), _lotPrice(FALL));
    }

    function _open() internal {
        _withoutCollateral();
        auction.start(LOAN);
    }

    function _withoutHardware() internal {
        vm.mockCall(address(appraisal), abi.encodeCall(appraisal.hardwareValue, (fleetId)), abi.encode(0));
    }

    function _lotPrice(uint256 elapsed) internal pure returns (uint256) {
        uint256 numerator = _coins(960_000) * (12_000 * FALL - 8000 * elapsed);
        return (numerator + FALL * 10_000 - 1) / (FALL * 10_000);
    }
}

contract BidLot18Test is BidLotTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

contract BidLot8Test is BidLotTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

/// @dev On an L2.
contract BidLotOnL2Test is AuctionTest {
    function _creditSequencer() internal view override returns (ISequencerFeed) {
        return sequencer;
    }

    function test_bidLot__sequencerDown__reverts() public {
        _withoutCollateral();
        auction.start(LOAN);
        sequencer.say(1, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, block.timestamp));
        _bidLot();
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, block.timestamp));
        auction.giveLotToVault(LOAN);
    }
}
