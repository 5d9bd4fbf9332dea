// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAggregatorV3} from "../../../contracts/interfaces/IAggregatorV3.sol";
import {ICollateralPrices, PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {TestPriceFeed} from "../../../contracts/mocks/TestPriceFeed.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {PriceTest} from "./PriceTest.sol";
import {RawFeed} from "./RawFeed.sol";

/// @dev On an L2, whose sequencer has been up since an hour before the listing.
contract SequencerUpSinceTest is PriceTest {
    TestPriceFeed internal uptime;

    function setUp() public override {
        super.setUp();
        uptime = new TestPriceFeed(0);
        _say(0, START - 1 hours);
        prices = _newPrices(ISequencerFeed(address(uptime)));
        _list(_listing());
    }

    /// @dev 0 is up, 1 is down.
    function _say(int256 status, uint256 since) internal {
        uptime.sayRound(1, status, since, since, 1);
    }

    function _refuseBoth(bytes memory reason) internal {
        vm.expectRevert(reason);
        prices.sequencerUpSince();
        _refuse(reason);
    }

    function test_sequencerUpSince__noSequencer__zero() public {
        prices = _newPrices(ISequencerFeed(address(0)));
        _list(_listing());
        vm.assertEq(prices.sequencerUpSince(), 0);
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_sequencerUpSince__up__saysSinceWhen() public view {
        vm.assertEq(prices.sequencerUpSince(), START - 1 hours);
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_value__sequencerDown__reverts() public {
        _say(1, START + 5);
        vm.warp(START + 10);
        _refuseBoth(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, START + 5));
    }

    /// @dev Any answer but 0 is down.
    function testFuzz_value__sequencerSaysAnythingElse__reverts(int256 status) public {
        vm.assume(status != 0);
        _say(status, START);
        _refuseBoth(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, START));
    }

    function test_value__justRestarted__waitsAnHour() public {
        _say(0, START + 100);
        vm.warp(START + 100);
        bytes memory reason =
            abi.encodeWithSelector(ICollateralPrices.SequencerRestarted.selector, START + 100, START + 100 + 1 hours);
        _refuse(reason);
        vm.warp(START + 100 + 1 hours - 1);
        _refuse(reason);
        vm.assertEq(prices.sequencerUpSince(), START + 100);
        vm.warp(START + 100 + 1 hours);
        vm.assertEq(_value(), _coins(60_000));
    }

    function test_list__sequencerDown__reverts() public {
        _say(1, START);
        PriceFeed memory listing = _listing();
        vm.prank(parameters);
        vm.expectRevert(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, START));
        prices.list(address(btc), listing);
    }

    function test_value__uptimeFeedThatCannotKnow__isDown() public {
        _say(0, START + 1);
        _refuseBoth(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, START + 1));
        uptime.sayRound(1, 0, 0, START, 1);
        _refuseBoth(abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, 0));
    }

    function test_value__uptimeFeedBroken__isDown() public {
        bytes memory reason = abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, 0);
        RawFeed raw = new RawFeed();
        prices = _newPrices(ISequencerFeed(address(raw)));
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, abi.encode(1, 0, 1, 1, 1));
        _list(_listing());

        raw.setAnswer(IAggregatorV3.latestRoundData.selector, new bytes(159));
        _refuseBoth(reason);
        raw.setAnswer(IAggregatorV3.latestRoundData.selector, "");
        _refuseBoth(reason);
        vm.etch(address(raw), "");
        _refuseBoth(reason);
    }

    /// @dev What is delisted, and whether a token is listed, can be told and done all the time.
    function test_delist__sequencerDown__worksAllTheSame() public {
        _say(1, START);
        vm.prank(guardian);
        prices.delist(address(btc));
        vm.assertFalse(prices.isListed(address(btc)));
    }

    function testFuzz_value__anyRestart__refusedForExactlyAnHour(uint256 since, uint256 later) public {
        since = bound(since, 1, START);
        later = bound(later, 0, 2 hours);
        _say(0, since);
        vm.warp(START + later);
        bool told = START + later >= since + 1 hours;
        if (!told) {
            vm.expectRevert(
                abi.encodeWithSelector(ICollateralPrices.SequencerRestarted.selector, since, since + 1 hours)
            );
        }
        vm.assertEq(prices.value(address(btc), told ? _tokens(1) : 0), told ? _coins(60_000) : 0);
    }
}
