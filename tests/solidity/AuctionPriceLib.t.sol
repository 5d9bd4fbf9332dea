// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AuctionPriceLib} from "../../contracts/libraries/AuctionPriceLib.sol";
import {bound} from "./base/Bound.sol";
import {vm} from "./base/Vm.sol";

contract AuctionPriceLibTest {
    uint256 internal constant BPS = 10_000;

    function test_priceUp__defaults__startMiddleEndAndBeyond() public pure {
        vm.assertEq(AuctionPriceLib.priceUp(1_000_000, 10_500, 9000, 6 hours, 0), 1_050_000);
        vm.assertEq(AuctionPriceLib.priceUp(1_000_000, 10_500, 9000, 6 hours, 3 hours), 975_000);
        vm.assertEq(AuctionPriceLib.priceUp(1_000_000, 10_500, 9000, 6 hours, 6 hours), 900_000);
        vm.assertEq(AuctionPriceLib.priceUp(1_000_000, 10_500, 9000, 6 hours, 60 hours), 900_000);
    }

    function test_priceUp__fraction__roundsUp() public pure {
        vm.assertEq(AuctionPriceLib.priceUp(1, 10_500, 9000, 6 hours, 0), 2);
        vm.assertEq(AuctionPriceLib.priceUp(1, 10_500, 9000, 6 hours, 6 hours), 1);
        vm.assertEq(AuctionPriceLib.priceUp(1_000_000, 10_500, 9000, 6 hours, 1), 1_049_994);
        vm.assertEq(AuctionPriceLib.priceUp(0, 10_500, 9000, 6 hours, 1), 0);
    }

    function testFuzz_priceUp__anything__fallsWithTimeRisesWithValueAndStaysWithinItsBounds(
        uint256 value,
        uint256 more,
        uint256 startBps,
        uint256 endBps,
        uint256 fall,
        uint256 early,
        uint256 late
    ) public pure {
        value = bound(value, 0, type(uint160).max);
        more = bound(more, 0, type(uint96).max);
        startBps = bound(startBps, 1, 20_000);
        endBps = bound(endBps, 1, startBps);
        fall = bound(fall, 1, 365 days);
        early = bound(early, 0, 2 * fall);
        late = bound(late, early, 3 * fall);
        uint256 price = AuctionPriceLib.priceUp(value, startBps, endBps, fall, early);

        vm.assertLe(AuctionPriceLib.priceUp(value, startBps, endBps, fall, late), price);
        vm.assertLe(price, AuctionPriceLib.priceUp(value + more, startBps, endBps, fall, early));
        vm.assertLe(price, (value * startBps + BPS - 1) / BPS);
        vm.assertGe(price, (value * endBps + BPS - 1) / BPS);
        vm.assertEq(AuctionPriceLib.priceUp(value, startBps, endBps, fall, 0), (value * startBps + BPS - 1) / BPS);
        vm.assertEq(AuctionPriceLib.priceUp(value, startBps, endBps, fall, fall), (value * endBps + BPS - 1) / BPS);
    }

    function test_leastFill__partRoundedUpOrAllThatIsLeft() public pure {
        vm.assertEq(AuctionPriceLib.leastFill(101, 101, 1000), 11);
        vm.assertEq(AuctionPriceLib.leastFill(101, 10, 1000), 10);
        vm.assertEq(AuctionPriceLib.leastFill(0, 10, 1000), 0);
        vm.assertEq(AuctionPriceLib.leastFill(101, 101, BPS), 101);
    }

    function test_cutToDebt__debtNotReached__asAsked() public pure {
        (uint256 amount, uint256 price) = AuctionPriceLib.cutToDebt(100, 50, 50);
        vm.assertEq(amount, 100);
        vm.assertEq(price, 50);
    }

    function test_cutToDebt__debtReached__whatItBuysRoundedDown() public pure {
        (uint256 amount, uint256 price) = AuctionPriceLib.cutToDebt(100, 51, 50);
        vm.assertEq(amount, 98);
        vm.assertEq(price, 50);
    }

    function testFuzz_cutToDebt__anything__neverAboveTheDebtNorCheaperAUnit(uint96 amount, uint128 price, uint128 owed)
        public
        pure
    {
        (uint256 bought, uint256 paid) = AuctionPriceLib.cutToDebt(amount, price, owed);
        vm.assertLe(paid, owed);
        vm.assertLe(paid, price);
        vm.assertLe(bought, amount);
        // What was cut off is at least worth what was not paid: paid / bought >= price / amount.
        vm.assertGe(paid * amount, bought * price);
        if (paid == owed && price > owed) vm.assertLe(paid * amount - bought * price, price);
    }

    function testFuzz_lotValueUp__anyPart__upAndFloorDown(uint128 value, uint96 part, uint96 supply, uint256 endBps)
        public
        pure
    {
        vm.assume(supply > 0);
        endBps = bound(endBps, 1, 20_000);
        uint256 up = AuctionPriceLib.lotValueUp(value, part, supply);
        vm.assertGe(up * supply, uint256(value) * part);
        if (up > 0) vm.assertLt((up - 1) * supply, uint256(value) * part);
        uint256 down = AuctionPriceLib.floorDown(value, part, supply, endBps);
        vm.assertLe(down, AuctionPriceLib.priceUp(up, 20_000, endBps, 1, 1));
        vm.assertLe(down * supply * BPS, uint256(value) * part * endBps);
        vm.assertGt((down + 1) * supply * BPS, uint256(value) * part * endBps);
    }
}
