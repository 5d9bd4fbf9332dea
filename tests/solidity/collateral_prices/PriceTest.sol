// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CollateralPrices} from "../../../contracts/CollateralPrices.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {IAggregatorV3} from "../../../contracts/interfaces/IAggregatorV3.sol";
import {PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {TestPriceFeed} from "../../../contracts/mocks/TestPriceFeed.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev A listed token, BTC by name, at 60,000 coins by a feed that may be a day old, move by half and lie between 1,000 and
/// 1,000,000.
abstract contract PriceTest is SystemTest {
    TestStablecoin internal btc;
    TestPriceFeed internal feed;
    CollateralPrices internal prices;

    function setUp() public virtual override {
        super.setUp();
        btc = new TestStablecoin("Test BTC", "tBTC", _tokenDecimals());
        feed = new TestPriceFeed(_feedDecimals());
        prices = _newPrices(ISequencerFeed(address(0)));
        feed.say(_quote(60_000));
        _list(_listing());
    }

    function _tokenDecimals() internal pure virtual returns (uint8) {
        return 8;
    }

    function _feedDecimals() internal pure virtual returns (uint8) {
        return 8;
    }

    function _listing() internal view returns (PriceFeed memory) {
        return PriceFeed({
            feed: feed,
            maxAge: 1 days,
            feedDecimals: _feedDecimals(),
            tokenDecimals: _tokenDecimals(),
            mostJumpBps: 5000,
            least: uint128(uint256(_quote(1000))),
            most: uint128(uint256(_quote(1_000_000)))
        });
    }

    function _newPrices(ISequencerFeed sequencer) internal returns (CollateralPrices made) {
        CreditSystem memory system;
        system.authority = address(authority);
        system.asset = address(coin);
        made = new CollateralPrices(system, sequencer);
        _let(Roles.PARAMETERS, address(made), CollateralPrices.list.selector);
        _let(Roles.GUARDIAN, address(made), CollateralPrices.delist.selector);
    }

    function _list(PriceFeed memory listing) internal {
        vm.prank(parameters);
        prices.list(address(btc), listing);
    }

    /// @dev Whole coins a token, as the feed says it.
    function _quote(int256 whole) internal pure returns (int256) {
        return whole * int256(10 ** uint256(_feedDecimals()));
    }

    function _tokens(uint256 whole) internal pure returns (uint256) {
        return whole * 10 ** uint256(_tokenDecimals());
    }

    /// @dev Of one token; reverts as `value` does.
    function _value() internal view returns (uint256) {
        return prices.value(address(btc), _tokens(1));
    }

    function _refuse(bytes memory reason) internal {
        vm.expectRevert(reason);
        prices.value(address(btc), _tokens(1));
    }

    function _useFeed(IAggregatorV3 other) internal {
        PriceFeed memory listing = _listing();
        listing.feed = other;
        _list(listing);
    }

    function _let(uint64 role, address target, bytes4 selector) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        authority.setTargetFunctionRole(target, selectors, role);
    }
}
