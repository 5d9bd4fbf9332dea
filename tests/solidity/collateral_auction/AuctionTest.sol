// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Appraisal} from "../../../contracts/Appraisal.sol";
import {CollateralAuction} from "../../../contracts/CollateralAuction.sol";
import {CollateralPrices} from "../../../contracts/CollateralPrices.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {AppraisalParameters} from "../../../contracts/interfaces/IAppraisal.sol";
import {AuctionParameters, Sale} from "../../../contracts/interfaces/ICollateralAuction.sol";
import {PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {LoanState, SaleState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {TestPriceFeed} from "../../../contracts/mocks/TestPriceFeed.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";
import {FeedSaying} from "../meter_oracle/Sequencer.t.sol";
import {SaleBook} from "./SaleBook.sol";

/// @dev The auction alone, on real prices: a `SaleBook` stands where FleetCredit does, a plain address where the vault does.
/// Loan 1 is in breach since `BREACH` and owes 900,000 coins; it has 2 BTC at 60,000 coins, and the lot of a fleet whose 64
/// new GPUs cost 25,000 each: 1,600,000 coins, of which half of the shares and the bound tenth are pledged, 960,000.
abstract contract AuctionTest is RevenueTest {
    uint256 internal constant LOAN = 1;
    uint40 internal constant BREACH = uint40(START + 1 hours);
    uint256 internal constant BTC = 1e8;
    bytes32 internal constant CLASS = "H100-SXM5-80GB";

    address internal appraiser = _actor("appraiser");
    address internal vault = _actor("vault");
    address internal bidder = _actor("bidder");
    SaleBook internal book_;
    Appraisal internal appraisal;
    CollateralPrices internal prices;
    TestStablecoin internal btc;
    TestPriceFeed internal feed;
    FeedSaying internal sequencer;
    CollateralAuction internal auction;

    function setUp() public virtual override {
        super.setUp();
        CreditSystem memory s;
        s.authority = address(authority);
        s.registry = address(registry);
        s.oracle = address(oracle);
        s.router = address(router);
        s.shareFactory = address(shareFactory);
        s.asset = address(coin);
        s.vault = vault;
        book_ = new SaleBook();
        s.credit = address(book_);
        appraisal =
            Appraisal(_put("appraisal", vm.getCode("Appraisal.sol:Appraisal"), abi.encode(s, _appraisalParameters())));
        s.appraisal = address(appraisal);
        sequencer = new FeedSaying();
        sequencer.say(0, 1);
        prices = CollateralPrices(
            _put("prices", vm.getCode("CollateralPrices.sol:CollateralPrices"), abi.encode(s, _creditSequencer()))
        );
        s.prices = address(prices);
        auction = _newAuction(s, _parameters());

        _let(Roles.APPRAISER, appraiser, address(appraisal), Appraisal.setPrice.selector);
        _let(Roles.PARAMETERS, parameters, address(prices), CollateralPrices.list.selector);
        btc = new TestStablecoin("Bitcoin", "BTC", 8);
        feed = new TestPriceFeed(8);
        feed.say(60_000e8);
        vm.prank(parameters);
        prices.list(address(btc), PriceFeed(feed, 1 hours, 8, 8, 5000, 1e8, 1e8 * 1e8));
        vm.prank(appraiser);
        appraisal.setPrice(CLASS, uint96(_coins(25_000)));

        vm.warp(BREACH);
        feed.say(60_000e8);
        _say(_breachedLoan());
        coin.mint(bidder, _coins(10_000_000));
        vm.prank(bidder);
        coin.approve(address(auction), type(uint256).max);
    }

    /* ---- what a test may change ---- */

    function _creditSequencer() internal view virtual returns (ISequencerFeed) {
        return ISequencerFeed(address(0));
    }

    function _parameters() internal pure returns (AuctionParameters memory) {
        return AuctionParameters({
            collateralStartBps: 10_500,
            collateralEndBps: 9000,
            collateralFall: 6 hours,
            collateralAlone: 24 hours,
            leastFillBps: 1000,
            lotStartBps: 12_000,
            lotEndBps: 4000,
            lotFall: 72 hours,
            longestGap: 1 hours,
            resumeWindow: 30 days
        });
    }

    /// @dev Boards that lose nothing, so that values are easy to read.
    function _appraisalParameters() internal pure returns (AppraisalParameters memory) {
        return AppraisalParameters({
            leftBps: [uint16(10_000), 10_000, 10_000, 10_000],
            mostStepBps: 2000,
            leastPause: 1 days,
            maxAge: 35 days,
            economicLifeMonths: 72,
            discountBps: 1200
        });
    }

    /* ---- steps ---- */

    function _newAuction(CreditSystem memory s, AuctionParameters memory p) internal returns (CollateralAuction) {
        return new CollateralAuction(s, p);
    }

    function _breachedLoan() internal view returns (SaleState memory) {
        return SaleState({
            fleetId: uint64(fleetId),
            state: LoanState.Open,
            breachedSince: BREACH,
            hasLot: true,
            shares: 500_000e18,
            collateral: btc,
            collateralAmount: uint96(2 * BTC),
            owed: _coins(900_000)
        });
    }

    function _loan() internal view returns (SaleState memory) {
        return book_.saleState(LOAN);
    }

    function _say(SaleState memory state) internal {
        book_.say(LOAN, state);
    }

    function _withoutCollateral() internal {
        SaleState memory state = _loan();
        state.collateralAmount = 0;
        _say(state);
    }

    function _owing(uint256 owed) internal {
        SaleState memory state = _loan();
        state.owed = owed;
        _say(state);
    }

    function _breachedAnew(uint256 since) internal {
        SaleState memory state = _loan();
        state.breachedSince = uint40(since);
        _say(state);
    }

    /// @dev Warps on and touches, at most an hour at a time, with a fresh feed: as keepers do.
    function _run(uint256 duration) internal {
        for (uint256 left = duration; left > 0;) {
            uint256 step = left < 1 hours ? left : 1 hours;
            _pass(step);
            auction.touch(LOAN);
            left -= step;
        }
    }

    function _pass(uint256 duration) internal {
        vm.warp(block.timestamp + duration);
        feed.say(60_000e8);
    }

    function _bid(uint256 amount) internal returns (uint256 bought, uint256 price) {
        vm.prank(bidder);
        return auction.bidCollateral(LOAN, uint96(amount), type(uint256).max, investor);
    }

    function _bidLot() internal returns (uint256) {
        vm.prank(bidder);
        return auction.bidLot(LOAN, type(uint256).max, investor);
    }

    function _assertClocks(uint256 collateralElapsed, uint256 lotElapsed) internal view {
        Sale memory s = auction.sale(LOAN);
        vm.assertEq(s.collateralElapsed, collateralElapsed, "collateral's clock");
        vm.assertEq(s.lotElapsed, lotElapsed, "the lot's clock");
    }

    function _revertOf(bytes4 selector, uint256 a) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, a));
    }
}
