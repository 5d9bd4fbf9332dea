// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {CollateralAuction} from "../../../contracts/CollateralAuction.sol";
import {Asking, ICollateralAuction} from "../../../contracts/interfaces/ICollateralAuction.sol";
import {ICollateralPrices} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {SaleState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {FalseReturningToken} from "../tokens/FalseReturningToken.sol";
import {HookedToken, ITokenHook} from "../tokens/HookedToken.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {AuctionTest} from "./AuctionTest.sol";

contract BidCollateralTest is AuctionTest {
    function setUp() public override {
        super.setUp();
        auction.start(LOAN);
    }

    /* ---- prices ---- */

    function test_bidCollateral__atOnce__atTheFirstPremium() public {
        uint256 expected = _price(120_000, 10_500);
        vm.expectEmit(address(auction));
        emit ICollateralAuction.BidCollateral(LOAN, bidder, investor, 2 * BTC, expected);
        (uint256 bought, uint256 price) = _bid(2 * BTC);

        vm.assertEq(bought, 2 * BTC);
        vm.assertEq(price, expected);
        vm.assertEq(coin.balanceOf(vault), expected);
        vm.assertEq(coin.balanceOf(address(auction)), 0);
        (uint256 amount, uint256 told, address to) = book_.collateral(LOAN);
        vm.assertEq(amount, 2 * BTC);
        vm.assertEq(told, expected);
        vm.assertEq(to, investor);
    }

    function test_bidCollateral__halfOfTheFall__halfWay() public {
        _run(2 hours + 30 minutes);
        _pass(30 minutes);
        (, uint256 price) = _bid(BTC);
        vm.assertEq(price, _price(60_000, 9750));
        _assertClocks(3 hours, 0);
    }

    function test_bidCollateral__afterTheFall__atTheLastPremium() public {
        _run(6 hours);
        vm.assertEq(auction.asking(LOAN).collateralPrice, _price(120_000, 9000));
        _run(17 hours);
        (, uint256 price) = _bid(2 * BTC);
        vm.assertEq(price, _price(120_000, 9000));
    }

    function test_bidCollateral__feedThatMoved__atTheLiveFeed() public {
        feed.say(50_000e8);
        (, uint256 price) = _bid(BTC);
        vm.assertEq(price, _price(50_000, 10_500));
    }

    function test_bidCollateral__gapOverAnHour__priceAsOfTheLastTouch() public {
        _run(1 hours);
        uint256 before = auction.asking(LOAN).collateralPrice;
        _pass(2 hours);
        (, uint256 price) = _bid(2 * BTC);
        vm.assertEq(price, before);
    }

    function test_bidCollateral__priceUntellable__revertsWithTheReasonAndTheClockStandsStill() public {
        uint256 updatedAt = block.timestamp;
        vm.warp(block.timestamp + 1 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.PriceStale.selector, address(btc), updatedAt, 1 hours));
        _bid(BTC);
        feed.say(0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.PriceNotPositive.selector, address(btc), 0));
        _bid(BTC);
        feed.say(60_000e8);
        feed.say(600_000e8);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralPrices.PriceJumped.selector, address(btc), 60_000e8, 600_000e8, 5000)
        );
        _bid(BTC);
        feed.setDecimals(18);
        vm.expectPartialRevert(ICollateralPrices.DecimalsChanged.selector);
        auction.asking(LOAN);
        _assertClocks(0, 0);
    }

    function test_bidCollateral__whilePaused__sold() public {
        vm.prank(guardian);
        registry.pause();
        (uint256 bought,) = _bid(BTC);
        vm.assertEq(bought, BTC);
    }

    /* ---- how much ---- */

    function test_bidCollateral__belowTheLeastFill__reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralAuction.BelowMinimumFill.selector, LOAN, BTC / 5 - 1, BTC / 5)
        );
        _bid(BTC / 5 - 1);
        (uint256 bought,) = _bid(BTC / 5);
        vm.assertEq(bought, BTC / 5);
    }

    function test_bidCollateral__lessLeftThanTheLeastFill__takesAllThatIsLeft() public {
        _bid(2 * BTC - 7);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.BelowMinimumFill.selector, LOAN, 6, 7));
        _bid(6);
        vm.assertEq(auction.asking(LOAN).leastCollateral, 7);
        (uint256 bought, uint256 price) = _bid(7);
        vm.assertEq(bought, 7);
        vm.assertGt(price, 0);
        vm.assertEq(_loan().collateralAmount, 0);
    }

    function test_bidCollateral__partialFills__eachAtItsOwnTime() public {
        (, uint256 first) = _bid(BTC);
        _run(6 hours);
        (, uint256 second) = _bid(BTC);
        vm.assertEq(first, _price(60_000, 10_500));
        vm.assertEq(second, _price(60_000, 9000));
        vm.assertEq(coin.balanceOf(vault), first + second);
    }

    function test_bidCollateral__moreThanIsLeft__whatIsLeft() public {
        (uint256 bought, uint256 price) = _bid(50 * BTC);
        vm.assertEq(bought, 2 * BTC);
        vm.assertEq(price, _price(120_000, 10_500));
    }

    function test_bidCollateral__nothingLeft__reverts() public {
        _bid(2 * BTC);
        _revertOf(ICollateralAuction.NothingLeft.selector, LOAN);
        _bid(1);
    }

    function test_bidCollateral__moreThanTheDebtAsks__cutToTheDebtWhichIsPaidInFull() public {
        _owing(_coins(63_000));
        (uint256 bought, uint256 price) = _bid(2 * BTC);
        vm.assertEq(price, _coins(63_000));
        // One unit above 60,000 coins × 105 %: a satoshi less than one BTC.
        vm.assertLe(bought, BTC);
        vm.assertGe(bought, BTC - 1);
        vm.assertEq(_loan().owed, 0);
        vm.assertEq(_loan().collateralAmount, 2 * BTC - bought);
    }

    function test_bidCollateral__debtBelowTheLeastFill__isPaidInFull() public {
        _owing(_coins(100));
        (uint256 bought, uint256 price) = _bid(BTC / 5);
        vm.assertEq(price, _coins(100));
        vm.assertLt(bought, BTC / 5);
    }

    function test_bidCollateral__debtBelowOneUnitsPrice__reverts() public {
        _owing(_coins(1) / 2000);
        _revertOf(ICollateralAuction.NothingLeft.selector, LOAN);
        _bid(2 * BTC);
    }

    function test_bidCollateral__priceThatIsTheDebt__sellsAll() public {
        _owing(_price(120_000, 10_500));
        (uint256 bought, uint256 price) = _bid(2 * BTC);
        vm.assertEq(bought, 2 * BTC);
        vm.assertEq(price, _price(120_000, 10_500));
        vm.assertEq(_loan().owed, 0);
    }

    /* ---- the bidder's limit ---- */

    function test_bidCollateral__aboveTheLimit__reverts() public {
        uint256 price = _price(60_000, 10_500);
        vm.startPrank(bidder);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.PriceAboveLimit.selector, LOAN, price, price - 1));
        auction.bidCollateral(LOAN, uint96(BTC), price - 1, bidder);
        auction.bidCollateral(LOAN, uint96(BTC), price, bidder);
        vm.stopPrank();
    }

    function test_bidCollateral__lessLeftThanAsked__theLimitIsInProportion() public {
        _bid(2 * BTC - BTC / 2);
        uint256 half = _price(30_000, 10_500);
        vm.startPrank(bidder);
        // The whole limit would pay four times the price of what is left.
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.PriceAboveLimit.selector, LOAN, half, half - 1));
        auction.bidCollateral(LOAN, uint96(2 * BTC), (half - 1) * 4, bidder);
        (uint256 bought, uint256 price) = auction.bidCollateral(LOAN, uint96(2 * BTC), half * 4, bidder);
        vm.stopPrank();
        vm.assertEq(bought, BTC / 2);
        vm.assertEq(price, half);
    }

    function test_bidCollateral__limitThatIsTheAskingPrice__holdsWhenTheDebtCuts() public {
        _owing(_coins(77_777) + 1);
        uint256 ask = auction.asking(LOAN).collateralPrice;
        vm.prank(bidder);
        (, uint256 price) = auction.bidCollateral(LOAN, uint96(2 * BTC), ask, bidder);
        vm.assertEq(price, _coins(77_777) + 1);
    }

    /* ---- the clocks ---- */

    function test_bidCollateral__lastUnit__endsTheCollateralsTime() public {
        _bid(2 * BTC);
        _assertClocks(24 hours, 0);
        vm.assertTrue(auction.asking(LOAN).lotForSale);
    }

    function test_bidCollateral__dustAddedOnceTheLotIsOpen__theLotStaysOpenAndTheDustSells() public {
        _bid(2 * BTC);
        SaleState memory state = _loan();
        state.collateralAmount = 1;
        _say(state);
        Asking memory a = auction.asking(LOAN);
        vm.assertTrue(a.lotForSale);
        vm.assertTrue(a.collateralForSale);
        _run(1 hours);
        _assertClocks(24 hours, 1 hours);
        _bid(1);
    }

    function test_bidCollateral__inTheLotsTime__movesNoClock() public {
        _run(24 hours);
        _pass(30 minutes);
        (, uint256 price) = _bid(BTC);
        vm.assertEq(price, _price(60_000, 9000));
        _assertClocks(24 hours, 0);
        auction.touch(LOAN);
        _assertClocks(24 hours, 30 minutes);
    }

    function test_asking__nothingStarted__nothing() public {
        Asking memory nothing;
        vm.assertEq(keccak256(abi.encode(auction.asking(2))), keccak256(abi.encode(nothing)));
        _breachedAnew(BREACH + 1);
        vm.assertEq(keccak256(abi.encode(auction.asking(LOAN))), keccak256(abi.encode(nothing)));
    }

    function test_asking__collateralsTime__whatABidPays() public {
        _run(4 hours);
        _pass(11 minutes);
        Asking memory a = auction.asking(LOAN);
        vm.assertTrue(a.collateralForSale);
        vm.assertFalse(a.lotForSale);
        vm.assertEq(a.lotPrice, 0);
        (, uint256 price) = _bid(2 * BTC);
        vm.assertEq(price, a.collateralPrice);
    }

    /* ---- anything ---- */

    /// @dev What is paid is never below the feed's value times the last premium, never above what is owed.
    function testFuzz_bidCollateral__anything__paysTheDebtAtMostAndTheFeedAtLeast(
        uint256 amount,
        uint256 owed,
        uint256 answer,
        uint256 elapsed
    ) public {
        _run(bound(elapsed, 0, 7 hours));
        amount = bound(amount, BTC / 5, 3 * BTC);
        owed = bound(owed, _coins(1), _coins(400_000));
        answer = bound(answer, 40_000e8, 90_000e8);
        feed.say(int256(answer));
        _owing(owed);
        (uint256 bought, uint256 price) = _bid(amount);

        vm.assertLe(price, owed);
        vm.assertLe(bought, amount);
        uint256 value = bought * answer * _coins(1) / 1e16;
        vm.assertGe(price, value * 9000 / 10_000);
        if (price < owed) {
            vm.assertTrue(bought == amount || bought == 2 * BTC);
            vm.assertLe(price, (value + 1) * 10_500 / 10_000 + 1);
        }
        vm.assertEq(coin.balanceOf(vault), price);
    }

    /// @dev Whole coins of value at a premium; the value has one unit more, see `CollateralAuction`.
    function _price(uint256 value, uint256 bps) internal pure returns (uint256) {
        return ((_coins(value) + 1) * bps + 9999) / 10_000;
    }
}

contract BidCollateral8Test is BidCollateralTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract BidCollateral18Test is BidCollateralTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

/// @dev On an L2.
contract BidCollateralOnL2Test is AuctionTest {
    function _creditSequencer() internal view override returns (ISequencerFeed) {
        return sequencer;
    }

    function test_bidCollateral__sequencerDownOrJustUp__reverts() public {
        auction.start(LOAN);
        sequencer.say(1, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, block.timestamp));
        _bid(BTC);
        sequencer.say(0, block.timestamp);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralPrices.SequencerRestarted.selector, block.timestamp, block.timestamp + 1 hours
            )
        );
        _bid(BTC);
    }
}

contract BidWithFeesTest is AuctionTest {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FeeOnTransferToken(_decimals());
    }

    function test_bid__coinThatTakesAFee__reverts() public {
        auction.start(LOAN);
        FeeOnTransferToken(address(coin)).setFee(1);
        uint256 price = auction.asking(LOAN).collateralPrice;
        uint256 fee = price / 100;
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.TransferFellShort.selector, price, price - fee));
        _bid(2 * BTC);
        _withoutCollateral();
        price = auction.asking(LOAN).lotPrice;
        fee = price / 100;
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.TransferFellShort.selector, price, price - fee));
        _bidLot();
    }
}

contract BidWithRefusalTest is AuctionTest {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FalseReturningToken(_decimals());
    }

    function test_bid__coinThatSaysNo__reverts() public {
        auction.start(LOAN);
        FalseReturningToken(address(coin)).refuse(true);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(coin)));
        _bid(2 * BTC);
    }
}

/// @dev Bids, and bids again out of the coin's hook.
contract Reentrant is ITokenHook {
    CollateralAuction internal immutable AUCTION;
    bytes public call;
    bytes public answer;

    constructor(CollateralAuction auction, HookedToken coin) {
        AUCTION = auction;
        coin.approve(address(auction), type(uint256).max);
        coin.hook();
    }

    function bid(uint256 loanId, uint96 amount, bytes calldata then_) external {
        call = then_;
        AUCTION.bidCollateral(loanId, amount, type(uint256).max, address(this));
    }

    function onTokenMove(address, address, uint256) external {
        if (call.length == 0) return;
        (, answer) = address(AUCTION).call(call);
    }
}

contract BidWithHooksTest is AuctionTest {
    function _newCoin() internal override returns (TestStablecoin) {
        return new HookedToken(_decimals());
    }

    function test_bid__outOfTheCoinsHook__refused() public {
        auction.start(LOAN);
        Reentrant reentrant = new Reentrant(auction, HookedToken(address(coin)));
        coin.mint(address(reentrant), _coins(1_000_000));
        bytes[3] memory calls = [
            abi.encodeCall(auction.bidCollateral, (LOAN, uint96(BTC), type(uint256).max, stranger)),
            abi.encodeCall(auction.bidLot, (LOAN, type(uint256).max, stranger)),
            abi.encodeCall(auction.giveLotToVault, (LOAN))
        ];
        for (uint256 i; i < calls.length; ++i) {
            reentrant.bid(LOAN, uint96(BTC / 2), calls[i]);
            vm.assertEq(
                reentrant.answer(),
                abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
            );
        }
        vm.assertEq(_loan().collateralAmount, BTC / 2);
    }
}
