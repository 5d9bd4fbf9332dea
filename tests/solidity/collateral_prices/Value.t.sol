// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAggregatorV3} from "../../../contracts/interfaces/IAggregatorV3.sol";
import {ICollateralPrices, PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {PriceTest} from "./PriceTest.sol";
import {RawFeed} from "./RawFeed.sol";

/// @dev Worth, and every reason for which it cannot be told. Runs over decimals of coin, token and feed.
abstract contract ValueTest is PriceTest {
    function test_value__fresh__priceTimesAmount() public view {
        vm.assertEq(_value(), _coins(60_000));
        vm.assertEq(prices.value(address(btc), _tokens(3) / 2), _coins(90_000));
        vm.assertEq(prices.value(address(btc), 0), 0);
    }

    function testFuzz_value__anyAmountAndPrice__roundsDown(uint96 amount, uint256 answer) public {
        answer = bound(answer, uint256(_quote(1000)), uint256(_quote(1_000_000)));
        feed.sayRound(7, int256(answer), 1, block.timestamp, 7);

        uint256 found = prices.value(address(btc), amount);

        // found ≤ amount × answer × coin ÷ (token × feed) < found + 1, multiplied out.
        uint256 exact = uint256(amount) * answer * _coins(1);
        uint256 unit = _tokens(1) * uint256(_quote(1));
        vm.assertLe(found * unit, exact);
        vm.assertGt((found + 1) * unit, exact);
    }

    function testFuzz_value__twoParts__neverMoreThanTheWhole(uint96 a, uint96 b) public view {
        uint256 whole = prices.value(address(btc), uint256(a) + b);
        uint256 parts = prices.value(address(btc), a) + prices.value(address(btc), b);
        vm.assertLe(parts, whole);
        vm.assertLe(whole, parts + 1);
    }

    /// @dev Of whatever the feed says now, or does not.
    function test_mostValue__anyFeed__atTheGreatestAnswerRoundedUp() public {
        uint256 most = prices.feedOf(address(btc)).most;
        uint256 unit = _tokens(1) * uint256(_quote(1));
        for (uint256 i; i < 2; ++i) {
            uint256 found = prices.mostValue(address(btc), _tokens(3) / 2);
            vm.assertGe(found * unit, _tokens(3) / 2 * most * _coins(1));
            vm.assertLt((found - 1) * unit, _tokens(3) / 2 * most * _coins(1));
            vm.assertEq(prices.mostValue(address(btc), 0), 0);
            feed.say(0);
        }
        vm.assertEq(prices.mostValue(address(coin), 1), 0);
    }

    function test_value__neverListed__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.CollateralNotListed.selector, address(coin)));
        prices.value(address(coin), 1);
    }

    /* ---- the newest round ---- */

    function test_value__olderThanAllowed__reverts() public {
        vm.warp(START + 1 days);
        vm.assertEq(_value(), _coins(60_000));
        vm.warp(START + 1 days + 1);
        _refuse(abi.encodeWithSelector(ICollateralPrices.PriceStale.selector, address(btc), START, uint256(1 days)));
        feed.say(_quote(61_000));
        vm.assertEq(_value(), _coins(61_000));
    }

    function test_value__fromTheFuture__reverts() public {
        feed.sayRound(2, _quote(60_000), START, START + 1, 2);
        _refuse(abi.encodeWithSelector(ICollateralPrices.PriceFromTheFuture.selector, address(btc), START + 1));
        vm.warp(START + 1);
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_value__zeroOrNegative__reverts() public {
        int256[3] memory answers = [int256(0), -1, type(int256).min];
        for (uint256 i; i < answers.length; ++i) {
            feed.say(answers[i]);
            _refuse(abi.encodeWithSelector(ICollateralPrices.PriceNotPositive.selector, address(btc), answers[i]));
        }
    }

    function test_value__roundNotComplete__reverts() public {
        feed.sayRound(2, _quote(60_000), START, 0, 2);
        _refuse(abi.encodeWithSelector(ICollateralPrices.RoundIncomplete.selector, address(btc), 2, 2));
        feed.sayRound(2, _quote(60_000), START, START, 1);
        _refuse(abi.encodeWithSelector(ICollateralPrices.RoundIncomplete.selector, address(btc), 2, 1));
        feed.sayRound(0, _quote(60_000), START, START, 0);
        _refuse(abi.encodeWithSelector(ICollateralPrices.RoundIncomplete.selector, address(btc), 0, 0));
        feed.sayRound(2, _quote(60_000), START, START, 2);
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_value__outOfBounds__reverts() public {
        uint256 least = uint256(_quote(1000));
        uint256 most = uint256(_quote(1_000_000));
        _sayAlone(int256(least));
        vm.assertEq(_value(), _coins(1000));
        _sayAlone(int256(most));
        vm.assertEq(_value(), _coins(1_000_000));
        _sayAlone(int256(least - 1));
        _refuse(_outOfBounds(least - 1, least, most));
        _sayAlone(int256(most + 1));
        _refuse(_outOfBounds(most + 1, least, most));
        _sayAlone(type(int256).max);
        _refuse(_outOfBounds(uint256(type(int256).max), least, most));
    }

    function _outOfBounds(uint256 answer, uint256 least, uint256 most) internal view returns (bytes memory) {
        return abi.encodeWithSelector(ICollateralPrices.PriceOutOfBounds.selector, address(btc), answer, least, most);
    }

    /// @dev A round with none before it.
    function _sayAlone(int256 answer) internal {
        feed.sayRound(100, answer, block.timestamp, block.timestamp, 100);
    }

    function test_value__otherDecimals__reverts() public {
        feed.setDecimals(_feedDecimals() + 1);
        _refuse(
            abi.encodeWithSelector(
                ICollateralPrices.DecimalsChanged.selector, address(btc), _feedDecimals(), _feedDecimals() + 1
            )
        );
        feed.setDecimals(_feedDecimals());
        vm.assertEq(_value(), _coins(60_000));
    }

    /* ---- the round before it ---- */

    function test_value__tenfold__reverts() public {
        feed.say(_quote(600_000));
        _refuseJump(_quote(60_000), _quote(600_000));
        feed.say(_quote(60_000));
        _refuseJump(_quote(600_000), _quote(60_000));
        // A further round at the level confirms it.
        feed.say(_quote(60_000));
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_value__halfOfTheSmaller__isTheMost() public {
        feed.say(_quote(90_000));
        vm.assertEq(_value(), _coins(90_000));
        feed.say(_quote(60_000));
        vm.assertEq(_value(), _coins(60_000));
        feed.say(_quote(90_000) + 1);
        _refuseJump(_quote(60_000), _quote(90_000) + 1);
        feed.say(_quote(60_000));
        _refuseJump(_quote(90_000) + 1, _quote(60_000));
    }

    function testFuzz_value__anyTwoRounds__jumpIsBoundedOfTheSmaller(uint256 before, uint256 answer) public {
        before = bound(before, 1, uint256(type(int256).max));
        answer = bound(answer, uint256(_quote(1000)), uint256(_quote(1_000_000)));
        if (before % 2 == 0) before = bound(before, answer / 2, answer * 2);
        feed.sayRound(8, int256(before), START, START, 8);
        feed.sayRound(9, int256(answer), START, START, 9);
        uint256 low = before < answer ? before : answer;
        // At most one and a half times the smaller, without a product that could overflow.
        if ((before < answer ? answer : before) > low + low / 2) _refuseJump(int256(before), int256(answer));
        else vm.assertEq(_value(), answer * _coins(1) / uint256(_quote(1)));
    }

    function _refuseJump(int256 before, int256 answer) internal {
        _refuse(
            abi.encodeWithSelector(ICollateralPrices.PriceJumped.selector, address(btc), before, answer, uint256(5000))
        );
    }

    function test_value__firstRoundOfAPhase__isNoJump() public {
        uint80 first = (uint80(2) << 64) + 1;
        feed.sayRound(first, _quote(600_000), START, START, first);
        vm.assertEq(_value(), _coins(600_000));
    }

    function test_value__roundBeforeHadNoAnswer__isNoJump() public {
        feed.sayRound(2, 0, START, START, 2);
        feed.sayRound(3, _quote(600_000), START, START, 3);
        vm.assertEq(_value(), _coins(600_000));
        feed.sayRound(2, -5, START, START, 2);
        feed.sayRound(3, _quote(600_000), START, START, 3);
        vm.assertEq(_value(), _coins(600_000));
        feed.sayRound(2, _quote(60_000), START, 0, 2);
        feed.sayRound(3, _quote(600_000), START, START, 3);
        vm.assertEq(_value(), _coins(600_000));
    }

    function test_value__oldRoundBefore__countsAllTheSame() public {
        vm.warp(START + 30 days);
        feed.say(_quote(600_000));
        _refuseJump(_quote(60_000), _quote(600_000));
    }

    /* ---- feeds that do not answer ---- */

    function test_value__feedReverts__silent() public {
        RawFeed raw = _rawFeed();
        vm.assertEq(_value(), _coins(60_000));
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, "");
        _refuseSilent();
    }

    function test_value__answerTooShort__silent() public {
        RawFeed raw = _rawFeed();
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, new bytes(159));
        _refuseSilent();
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, new bytes(160));
        _refuse(abi.encodeWithSelector(ICollateralPrices.RoundIncomplete.selector, address(btc), 0, 0));
    }

    function test_value__roundIdsBeyondTheirWidth__silent() public {
        RawFeed raw = _rawFeed();
        uint256 wide = uint256(type(uint80).max) + 1;
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, _round(wide, _quote(60_000), wide));
        _refuseSilent();
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, _round(1, _quote(60_000), wide));
        _refuseSilent();
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, _round(wide - 1, _quote(60_000), wide - 1));
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_value__answerTooLong__readAsFarAsItGoes() public {
        RawFeed raw = _rawFeed();
        raw.setAnswer(
            IAggregatorV3.latestRoundData.selector, bytes.concat(_round(1, _quote(61_000), 1), new bytes(4096))
        );
        vm.assertEq(_value(), _coins(61_000));
    }

    function test_value__noDecimals__silent() public {
        RawFeed raw = _rawFeed();
        raw.setAnswer(IAggregatorV3.decimals.selector, "");
        _refuseSilent();
        raw.setAnswer(IAggregatorV3.decimals.selector, new bytes(31));
        _refuseSilent();
        raw.setAnswer(IAggregatorV3.decimals.selector, abi.encode(type(uint256).max));
        _refuse(
            abi.encodeWithSelector(
                ICollateralPrices.DecimalsChanged.selector, address(btc), _feedDecimals(), type(uint256).max
            )
        );
    }

    function test_value__brokenRoundBefore__isNoJump() public {
        RawFeed raw = _rawFeed();
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, _round(5, _quote(600_000), 5));
        raw.setAnswer(IAggregatorV3.getRoundData.selector, new bytes(12));
        vm.assertEq(_value(), _coins(600_000));
        raw.setAnswer(IAggregatorV3.getRoundData.selector, _round(type(uint256).max, _quote(60_000), 4));
        vm.assertEq(_value(), _coins(600_000));
        raw.setAnswer(IAggregatorV3.getRoundData.selector, _round(4, _quote(60_000), 4));
        _refuseJump(_quote(60_000), _quote(600_000));
    }

    function test_value__codeIsGone__silent() public {
        vm.etch(address(feed), "");
        _refuseSilent();
    }

    function _refuseSilent() internal {
        _refuse(abi.encodeWithSelector(ICollateralPrices.FeedSilent.selector, address(btc)));
    }

    /// @dev Says 60,000, and nothing of the round before.
    function _rawFeed() internal returns (RawFeed raw) {
        raw = new RawFeed();
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, _round(1, _quote(60_000), 1));
        raw.setAnswer(IAggregatorV3.decimals.selector, abi.encode(_feedDecimals()));
        _useFeed(IAggregatorV3(address(raw)));
    }

    function _round(uint256 id, int256 answer, uint256 answeredIn) internal view returns (bytes memory) {
        return abi.encode(id, answer, block.timestamp, block.timestamp, answeredIn);
    }
}

/// @dev Coin, token and feed: 6, 8, 8.
contract ValueOfBitcoinTest is ValueTest {}

/// @dev 18, 6, 8: the coin is finer than token and feed together.
contract ValueInAFineCoinTest is ValueTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }

    function _tokenDecimals() internal pure override returns (uint8) {
        return 6;
    }
}

/// @dev 8, 18, 17: the coarsest value of the finest answers.
contract ValueOfAFineTokenTest is ValueTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }

    function _tokenDecimals() internal pure override returns (uint8) {
        return 18;
    }

    function _feedDecimals() internal pure override returns (uint8) {
        return 17;
    }
}
