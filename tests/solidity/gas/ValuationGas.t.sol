// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Appraisal} from "../../../contracts/Appraisal.sol";
import {CollateralPrices} from "../../../contracts/CollateralPrices.sol";
import {AppraisalParameters} from "../../../contracts/interfaces/IAppraisal.sol";
import {PriceFeed} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {TestPriceFeed} from "../../../contracts/mocks/TestPriceFeed.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What draws and bids pay to learn what secures a loan, beside their own transaction: every slot is cold, and the fleet
/// earned on each of 120 days.
contract ValuationGasTest is GasTest {
    string internal constant TOPIC = "valuations";

    uint256 internal fleetId;
    Appraisal internal appraisal;
    CollateralPrices internal prices;
    TestStablecoin internal btc;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        CreditSystem memory s;
        (s.authority, s.registry, s.router, s.asset) =
        (address(this), address(registry), address(router), address(coin));
        appraisal =
            new Appraisal(s, AppraisalParameters([uint16(6500), 4500, 3000, 2000], 2000, 1 days, 35 days, 72, 1200));
        prices = new CollateralPrices(s, ISequencerFeed(address(0)));
        btc = new TestStablecoin("Test BTC", "tBTC", 8);
        for (uint256 day = START / 1 days; day < START / 1 days + 120; ++day) {
            if (block.timestamp < day * 1 days) vm.warp(day * 1 days);
            vm.prank(address(book));
            router.credit(fleetId, _coins(400), _coins(400));
        }
        appraisal.setPrice("H100-SXM5-80GB", uint96(_coins(25_000)));
        TestPriceFeed feed = new TestPriceFeed(8);
        feed.say(60_000e8);
        feed.say(61_000e8);
        prices.list(address(btc), PriceFeed(feed, 1 days, 8, 8, 5000, 1000e8, 1_000_000e8));
    }

    /// @dev As the AccessManager of this test's valuers: everybody may.
    function canCall(address, address, bytes4) external pure returns (bool immediate, uint32 delay) {
        return (true, 0);
    }

    function test_appraise() public {
        appraisal.appraise(fleetId);
        _within(46_000, TOPIC, "appraise");
    }

    function test_value() public {
        prices.value(address(btc), 3e8);
        _within(27_000, TOPIC, "value");
    }
}
