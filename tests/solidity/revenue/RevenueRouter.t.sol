// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RevenueRouter} from "../../../contracts/RevenueRouter.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IRevenueRouter, Revenue} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Protocol fee 2 %, operating share 20 % of the rest: of 1,000 coins 20, 196 and 784.
contract RevenueRouterTest is RevenueTest {
    function _protocolFeeBps() internal pure override returns (uint16) {
        return 200;
    }

    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.operatingShareBps = 2000;
    }

    /* ---- creation ---- */

    function test_constructor__noRecipient__reverts() public {
        vm.expectRevert(IRevenueRouter.InvalidRecipient.selector);
        new RevenueRouter(system, address(0), 200);
    }

    function test_constructor__feeAboveATenth__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.InvalidShare.selector, 1001, 1000));
        new RevenueRouter(system, feeRecipient, 1001);
        vm.assertEq(new RevenueRouter(system, feeRecipient, 1000).protocolFeeBps(), 1000);
    }

    /* ---- rights between contracts ---- */

    function test_register__notTheRegistry__reverts() public {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.NotRegistry.selector, admin));
        router.register(fleetId, 0);
    }

    function test_register__moreThanTheWhole__reverts() public {
        vm.prank(address(registry));
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.InvalidShare.selector, 10_001, 10_000));
        router.register(77, 10_001);
    }

    function test_credit__notTheBook__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.NotLeaseBook.selector, operator));
        router.credit(fleetId, 1, 1);
    }

    function test_collectShares__notTheFleetsShares__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.NotShares.selector, fleetId, owner));
        router.collectShares(fleetId);
    }

    function test_collectShares__sharesOfAnotherFleet__reverts() public {
        vm.prank(operator);
        uint256 other = registry.enrol(_enrolment());
        address otherShares = registry.fleet(other).shares;

        vm.prank(otherShares);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.NotShares.selector, fleetId, otherShares));
        router.collectShares(fleetId);
    }

    /* ---- splitting ---- */

    function test_credit__rent__pendsUntilSomebodyPulls() public {
        uint256 held = coin.balanceOf(address(book));
        _earn(_coins(1000));

        vm.assertEq(router.revenue(fleetId).pending, _coins(1000));
        vm.assertEq(router.revenue(fleetId).routed, 0);
        vm.assertEq(coin.balanceOf(address(book)), held);
        vm.assertEq(router.owed(coin, operator), 0);
    }

    function test_route__pending__splitInOrder() public {
        _earn(_coins(1000));
        uint256 escrow = book.escrowOf(fleetId);

        vm.expectEmit(address(router));
        emit IRevenueRouter.Route(fleetId, operator, _coins(1000), _coins(20), _coins(196), _coins(784));
        vm.expectEmit(address(book));
        emit ILeaseBook.PayRouter(fleetId, _coins(1000));
        vm.prank(stranger);
        vm.assertEq(router.route(fleetId), _coins(1000));

        Revenue memory revenue = router.revenue(fleetId);
        vm.assertEq(revenue.pending, 0);
        vm.assertEq(revenue.routed, _coins(1000));
        vm.assertEq(revenue.protocolFee, _coins(20));
        vm.assertEq(revenue.operating, _coins(196));
        vm.assertEq(revenue.shares, _coins(784));
        vm.assertEq(revenue.uncollected, _coins(784));
        vm.assertEq(router.owed(coin, feeRecipient), _coins(20));
        vm.assertEq(router.owed(coin, operator), _coins(196));
        vm.assertEq(coin.balanceOf(address(router)), _coins(1000));
        vm.assertEq(book.escrowOf(fleetId), escrow - _coins(1000));
    }

    function test_route__nothingPending__noError() public {
        vm.assertEq(router.route(fleetId), 0);
        vm.assertEq(router.route(77), 0);
    }

    function test_route__smallestAmount__isTheShareholders() public {
        _earn(1);
        router.route(fleetId);
        vm.assertEq(router.revenue(fleetId).shares, 1);
        vm.assertEq(router.owed(coin, operator), 0);
        vm.assertEq(router.owed(coin, feeRecipient), 0);
    }

    function testFuzz_route__anyCredits__legsSumToWhatWasRouted(uint32[8] calldata amounts, bool[8] calldata pull)
        public
    {
        uint256 sum;
        for (uint256 i; i < 8; ++i) {
            _earn(amounts[i]);
            sum += amounts[i];
            if (pull[i]) shares.collect();
        }
        router.route(fleetId);

        Revenue memory r = router.revenue(fleetId);
        vm.assertEq(r.routed, sum);
        vm.assertEq(uint256(r.protocolFee) + r.operating + r.shares, sum);
        vm.assertEq(shares.collected() + r.uncollected, r.shares);
        vm.assertEq(
            coin.balanceOf(address(router)),
            router.owed(coin, operator) + router.owed(coin, feeRecipient) + r.uncollected
        );
    }

    function test_collectShares__nothing__sendsNothing() public {
        vm.prank(address(shares));
        vm.assertEq(router.collectShares(fleetId), 0);
    }

    function test_collectShares__afterARoute__sendsTheWholeLegOnce() public {
        _earn(_coins(1000));
        router.route(fleetId);
        _earn(_coins(500));

        vm.expectEmit(address(router));
        emit IRevenueRouter.CollectShares(fleetId, address(shares), _coins(784) + _coins(392));
        vm.prank(address(shares));
        router.collectShares(fleetId);

        vm.assertEq(coin.balanceOf(address(shares)), _coins(1176));
        vm.assertEq(router.revenue(fleetId).uncollected, 0);
        vm.prank(address(shares));
        vm.assertEq(router.collectShares(fleetId), 0);
    }

    function test_route__donationToTheRouter__changesNothing() public {
        coin.mint(address(router), _coins(5000));
        _earn(_coins(1000));
        shares.collect();

        vm.assertEq(router.revenue(fleetId).routed, _coins(1000));
        vm.assertEq(shares.collected(), _coins(784));
        vm.assertEq(coin.balanceOf(address(router)), _coins(5000) + _coins(216));
    }

    /* ---- the day's record ---- */

    function test_credit__sameDay__recordAdds() public {
        _earn(_coins(1000));
        _earn(_coins(500));
        uint256 today = block.timestamp / DAY;
        vm.assertEq(router.netRevenueOn(fleetId, today), _coins(1176));
        vm.assertEq(router.netRevenueOn(fleetId, today - 1), 0);
        vm.assertEq(router.netRevenueOn(fleetId, today + 1), 0);
    }

    function test_credit__nextDay__yesterdayIsWrittenDown() public {
        _earn(_coins(1000));
        uint256 day = block.timestamp / DAY;
        vm.warp(MIDNIGHT);

        vm.expectEmit(address(router));
        emit IRevenueRouter.RecordDay(fleetId, day, _coins(784));
        _earn(_coins(100));

        vm.assertEq(router.netRevenueOn(fleetId, day), _coins(784));
        vm.assertEq(router.netRevenueOn(fleetId, day + 1), _coins(784) / 10);
    }

    function test_credit__dayThatCountedNothing__notWrittenDown() public {
        vm.prank(address(book));
        router.credit(fleetId, _coins(1000), 0);
        vm.warp(MIDNIGHT);
        vm.recordLogs();
        _earn(_coins(100));

        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(router.netRevenueOn(fleetId, MIDNIGHT / DAY - 1), 0);
    }

    function test_credit__countedLessThanPaid__recordHasWhatCounted() public {
        vm.prank(address(book));
        router.credit(fleetId, _coins(1000), _coins(100));
        vm.assertEq(router.netRevenueOn(fleetId, block.timestamp / DAY), _coins(784) / 10);
        vm.assertEq(router.revenue(fleetId).pending, _coins(1000));
    }

    /* ---- terms ---- */

    function test_lowerOperatingShare__byController__splitsUnderTheOldOneFirst() public {
        _earn(_coins(1000));

        vm.expectEmit(address(router));
        emit IRevenueRouter.Route(fleetId, operator, _coins(1000), _coins(20), _coins(196), _coins(784));
        vm.expectEmit(address(router));
        emit IRevenueRouter.LowerOperatingShare(fleetId, 1000);
        vm.prank(owner);
        router.lowerOperatingShare(fleetId, 1000);

        vm.assertEq(router.revenue(fleetId).operatingShareBps, 1000);
        _earn(_coins(1000));
        router.route(fleetId);
        vm.assertEq(router.revenue(fleetId).operating, _coins(196) + _coins(98));
    }

    function test_lowerOperatingShare__notLower__reverts() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.InvalidShare.selector, 2000, 2000));
        router.lowerOperatingShare(fleetId, 2000);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.InvalidShare.selector, 2001, 2000));
        router.lowerOperatingShare(fleetId, 2001);
        vm.stopPrank();
    }

    function test_lowerOperatingShare__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.NotController.selector, fleetId, operator));
        router.lowerOperatingShare(fleetId, 1000);
    }

    function test_setProtocolFee__byParameters__onlyForFleetsToCome() public {
        vm.expectEmit(address(router));
        emit IRevenueRouter.SetProtocolFee(1000);
        vm.prank(parameters);
        router.setProtocolFee(1000);

        vm.assertEq(router.protocolFeeBps(), 1000);
        vm.assertEq(router.revenue(fleetId).protocolFeeBps, 200);
        vm.prank(operator);
        uint256 second = registry.enrol(_enrolment());
        vm.assertEq(router.revenue(second).protocolFeeBps, 1000);
    }

    function test_setProtocolFee__aboveATenth__reverts() public {
        vm.prank(parameters);
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.InvalidShare.selector, 1001, 1000));
        router.setProtocolFee(1001);
    }

    function test_setFeeRecipient__byParameters__whatWasCreditedStays() public {
        _earn(_coins(1000));
        router.route(fleetId);

        vm.expectEmit(address(router));
        emit IRevenueRouter.SetFeeRecipient(stranger);
        vm.prank(parameters);
        router.setFeeRecipient(stranger);
        _earn(_coins(1000));
        router.route(fleetId);

        vm.assertEq(router.feeRecipient(), stranger);
        vm.assertEq(router.owed(coin, feeRecipient), _coins(20));
        vm.assertEq(router.owed(coin, stranger), _coins(20));
    }

    function test_setFeeRecipient__nobody__reverts() public {
        vm.prank(parameters);
        vm.expectRevert(IRevenueRouter.InvalidRecipient.selector);
        router.setFeeRecipient(address(0));
    }
}
