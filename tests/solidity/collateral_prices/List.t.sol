// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IAggregatorV3} from "../../../contracts/interfaces/IAggregatorV3.sol";
import {ICollateralPrices, PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {TestPriceFeed} from "../../../contracts/mocks/TestPriceFeed.sol";
import {vm} from "../base/Vm.sol";
import {PriceTest} from "./PriceTest.sol";

contract ListTest is PriceTest {
    function _refuseListing(PriceFeed memory listing, bytes memory reason) internal {
        vm.prank(parameters);
        vm.expectRevert(reason);
        prices.list(address(btc), listing);
    }

    function _refuseField(PriceFeed memory listing, bytes32 field) internal {
        _refuseListing(listing, abi.encodeWithSelector(ICollateralPrices.InvalidFeed.selector, address(btc), field));
    }

    function _assertListed(PriceFeed memory listing) internal view {
        vm.assertTrue(prices.isListed(address(btc)));
        vm.assertEq(keccak256(abi.encode(prices.feedOf(address(btc)))), keccak256(abi.encode(listing)));
    }

    function test_list__valid__readBack() public {
        PriceFeed memory listing = _listing();
        _assertListed(listing);
        listing.maxAge = 77;
        listing.mostJumpBps = type(uint16).max;
        listing.least = 1;
        listing.most = type(uint128).max;
        vm.expectEmit(address(prices));
        emit ICollateralPrices.ListCollateral(address(btc), listing);
        _list(listing);
        _assertListed(listing);
    }

    function test_list__otherFeed__pricesOpenLoansToo() public {
        TestPriceFeed other = new TestPriceFeed(8);
        other.say(_quote(50_000));
        _useFeed(other);
        vm.assertEq(_value(), _coins(50_000));
    }

    function test_list__byAnybodyElse__reverts() public {
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        prices.list(address(btc), _listing());
    }

    function test_list__noAge__reverts() public {
        PriceFeed memory listing = _listing();
        listing.maxAge = 0;
        _refuseField(listing, "maxAge");
    }

    function test_list__feedDecimals__boundedAndAsTheFeedSays() public {
        PriceFeed memory listing = _listing();
        listing.feedDecimals = 19;
        _refuseField(listing, "feedDecimals");
        listing.feedDecimals = 18;
        _refuseListing(
            listing,
            abi.encodeWithSelector(ICollateralPrices.DecimalsChanged.selector, address(btc), uint256(18), uint256(8))
        );
    }

    function test_list__tokenDecimals__boundedAndAsTheTokenSays() public {
        PriceFeed memory listing = _listing();
        listing.tokenDecimals = 6;
        _refuseField(listing, "tokenDecimals");
        vm.mockCall(address(btc), abi.encodeCall(btc.decimals, ()), abi.encode(uint256(19)));
        listing.tokenDecimals = 19;
        _refuseField(listing, "tokenDecimals");
        vm.mockCall(address(btc), abi.encodeCall(btc.decimals, ()), abi.encode(uint256(256 + 6)));
        listing.tokenDecimals = 6;
        _refuseField(listing, "tokenDecimals");
        vm.clearMockedCalls();
        listing.tokenDecimals = 8;
        _list(listing);
    }

    function test_list__noToken__reverts() public {
        vm.prank(parameters);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralPrices.InvalidFeed.selector, stranger, bytes32("tokenDecimals"))
        );
        prices.list(stranger, _listing());
    }

    function test_list__noJumpAllowed__reverts() public {
        PriceFeed memory listing = _listing();
        listing.mostJumpBps = 0;
        _refuseField(listing, "mostJumpBps");
    }

    function test_list__boundsThatHoldNothing__revert() public {
        PriceFeed memory listing = _listing();
        listing.least = 0;
        _refuseField(listing, "least");
        listing.least = listing.most + 1;
        _refuseField(listing, "most");
        listing.least = uint128(uint256(_quote(60_000)));
        listing.most = listing.least;
        _list(listing);
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_list__answerThatDoesNotPass__reverts() public {
        PriceFeed memory listing = _listing();
        listing.feed = IAggregatorV3(stranger);
        _refuseListing(listing, abi.encodeWithSelector(ICollateralPrices.FeedSilent.selector, address(btc)));
        listing.feed = IAggregatorV3(address(0));
        _refuseListing(listing, abi.encodeWithSelector(ICollateralPrices.FeedSilent.selector, address(btc)));
        listing.feed = new TestPriceFeed(8);
        _refuseListing(listing, abi.encodeWithSelector(ICollateralPrices.FeedSilent.selector, address(btc)));
        listing = _listing();
        listing.most = uint128(uint256(_quote(59_999)));
        _refuseListing(
            listing,
            abi.encodeWithSelector(
                ICollateralPrices.PriceOutOfBounds.selector, address(btc), _quote(60_000), listing.least, listing.most
            )
        );
        vm.warp(START + 1 days + 1);
        _refuseListing(
            _listing(),
            abi.encodeWithSelector(ICollateralPrices.PriceStale.selector, address(btc), START, uint256(1 days))
        );
        _assertListed(_listing());
    }

    /* ---- delisting ---- */

    function test_delist__listed__openLoansStillHaveAValue() public {
        vm.expectEmit(address(prices));
        emit ICollateralPrices.DelistCollateral(address(btc));
        vm.prank(guardian);
        prices.delist(address(btc));

        vm.assertFalse(prices.isListed(address(btc)));
        vm.assertEq(_value(), _coins(60_000));
        vm.assertEq(keccak256(abi.encode(prices.feedOf(address(btc)))), keccak256(abi.encode(_listing())));
    }

    function test_delist__byAnybodyElse__reverts() public {
        vm.prank(parameters);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, parameters));
        prices.delist(address(btc));
    }

    function test_delist__twiceOrNeverListed__reverts() public {
        vm.startPrank(guardian);
        prices.delist(address(btc));
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.CollateralNotListed.selector, address(btc)));
        prices.delist(address(btc));
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.CollateralNotListed.selector, address(coin)));
        prices.delist(address(coin));
        vm.stopPrank();
    }

    function test_list__afterADelisting__takesNewLoansAgain() public {
        vm.prank(guardian);
        prices.delist(address(btc));
        _list(_listing());
        _assertListed(_listing());
    }

    function test_feedOf__neverListed__empty() public view {
        PriceFeed memory none;
        vm.assertEq(keccak256(abi.encode(prices.feedOf(address(coin)))), keccak256(abi.encode(none)));
        vm.assertFalse(prices.isListed(address(coin)));
    }
}
