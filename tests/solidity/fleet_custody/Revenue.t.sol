// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IFleetCustody} from "../../../contracts/interfaces/IFleetCustody.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {vm} from "../base/Vm.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {FleetCustodyTest} from "./FleetCustodyTest.sol";

/// @dev Whose revenue is whose, before, during and after a loan. Nothing is taken for protocol or operator.
contract CollectRevenueTest is FleetCustodyTest {
    function test_collectRevenue__pledgedAndBoundShares__broughtToCredit() public {
        _take();
        _earnAndRelease(_coins(1000));

        vm.expectEmit(address(custody));
        emit IFleetCustody.CollectRevenue(fleetId, _coins(600));
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(600));
        vm.assertEq(coin.balanceOf(address(this)), _coins(600));
        vm.assertEq(shares.claimable(owner), _coins(400));
    }

    function test_collectRevenue__titleAlone__theBoundTenth() public {
        custody.take(LOAN, fleetId, owner, 0, IERC20(address(0)), 0);
        _earnAndRelease(_coins(1000));
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(100));
    }

    function test_collectRevenue__nothingToBring__isNoError() public {
        _take();
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), 0);
        _earnAndRelease(_coins(10));
        custody.collectRevenue(LOAN, fleetId);
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), 0);
    }

    function test_collectRevenue__rentNotRoutedYet__isRoutedAndComesTheDayAfter() public {
        _take();
        vm.warp(MIDNIGHT);
        _earn(_coins(1000));
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), 0);
        vm.assertEq(shares.unreleased(), _coins(1000));
        vm.warp(MIDNIGHT + 2 * DAY);
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(600));
    }

    function test_collectRevenue__earnedBeforeTheLoan__staysWithTheBorrower() public {
        _earnAndRelease(_coins(1000));
        _take();

        vm.assertEq(custody.collectRevenue(LOAN, fleetId), 0);
        vm.assertEq(shares.claimable(owner), _coins(1000));
        vm.prank(owner);
        vm.assertEq(shares.claim(owner), _coins(1000));
    }

    function test_collectRevenue__halfReleasedWhenTheLoanBegan__isSplitInTime() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY / 2);
        _take();
        vm.warp(MIDNIGHT + DAY);

        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(300));
        vm.assertEq(shares.claimable(owner), _coins(700));
    }

    function test_collectRevenue__earnedUntilTheLotWent__collectedFirstIsTheLoans() public {
        _take();
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY / 2);
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(300));
        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);
        vm.warp(MIDNIGHT + DAY);

        vm.assertEq(shares.claimable(investor) + shares.claimableByTitle(), _coins(300));
        vm.assertEq(shares.claimable(address(custody)), 0);
    }

    function test_collectRevenue__notCollectedBeforeTheLotWent__isTheNextLoans() public {
        _take();
        _earnAndRelease(_coins(1000));
        custody.releaseLot(LOAN, fleetId, owner, PLEDGED);
        vm.assertEq(shares.claimable(address(custody)), _coins(600));
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, fleetId));
        custody.collectRevenue(LOAN, fleetId);

        _approve(owner, fleetId);
        custody.take(8, fleetId, owner, 0, btc, 0);
        vm.assertEq(custody.collectRevenue(8, fleetId), _coins(600));
    }

    function test_collectRevenue__loansOfTwoFleets__doNotMix() public {
        uint256 other = _liveFleet();
        _openLease(other, lessee, CAPACITY, 90 days);
        _approve(owner, other);
        _take();
        custody.take(8, other, owner, 900_000e18, btc, 0);
        _earnAndCollect(_coins(1000));
        vm.prank(address(book));
        router.credit(other, _coins(50), _coins(50));
        _shares(other).collect();
        vm.warp(MIDNIGHT + DAY);

        vm.assertEq(custody.collectRevenue(8, other), _coins(50));
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(600));
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, other));
        custody.collectRevenue(LOAN, other);
    }

    function test_collectRevenue__donatedShares__earnForTheLoan() public {
        _take();
        vm.prank(owner);
        shares.transfer(address(custody), 100_000e18);
        _earnAndRelease(_coins(1000));
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(700));
    }

    function test_collectRevenue__coinsDonatedToCredit__areNotRevenue() public {
        _take();
        coin.mint(address(this), 77);
        coin.mint(address(custody), 77);
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), 0);
        vm.assertEq(coin.balanceOf(address(custody)), 77);
    }

    function test_collectRevenue__whilePaused__brought() public {
        _take();
        _earnAndRelease(_coins(10));
        vm.prank(guardian);
        registry.pause();
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(6));
    }

    function test_collectRevenue__notCredit__reverts() public {
        _take();
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotCredit.selector, owner));
        custody.collectRevenue(LOAN, fleetId);
    }
}

contract CollectRevenueDecimals18Test is CollectRevenueTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

contract CollectRevenueDecimals8Test is CollectRevenueTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract CollectRevenueWithFeesTest is FleetCustodyTest {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FeeOnTransferToken(_decimals());
    }

    function test_collectRevenue__coinThatBeganToTakeFees__saysWhatArrived() public {
        _take();
        _earnAndRelease(_coins(1000));
        FeeOnTransferToken(address(coin)).setFee(10);
        vm.assertEq(custody.collectRevenue(LOAN, fleetId), _coins(540));
        vm.assertEq(coin.balanceOf(address(this)), _coins(540));
    }
}
