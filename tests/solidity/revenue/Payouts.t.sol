// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";
import {BlocklistToken} from "../tokens/BlocklistToken.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";

/// @dev Money is credited to its owner and withdrawn by its owner. The coin can block receivers.
contract PayoutsTest is RevenueTest {
    function _newCoin() internal override returns (TestStablecoin) {
        return new BlocklistToken(_decimals());
    }

    function _protocolFeeBps() internal pure override returns (uint16) {
        return 200;
    }

    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.operatingShareBps = 2000;
    }

    function test_withdraw__owed__sentWhereTheOwnerSays() public {
        _earn(_coins(1000));
        router.route(fleetId);

        vm.expectEmit(address(router));
        emit IPayouts.Withdraw(coin, operator, stranger, _coins(196));
        vm.prank(operator);
        vm.assertEq(router.withdraw(coin, stranger), _coins(196));

        vm.assertEq(coin.balanceOf(stranger), _coins(196));
        vm.assertEq(router.owed(coin, operator), 0);
    }

    function test_withdraw__nothingOwed__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NothingOwed.selector, coin, stranger));
        router.withdraw(coin, stranger);
    }

    function test_withdraw__twice__reverts() public {
        _earn(_coins(1000));
        router.route(fleetId);
        vm.startPrank(operator);
        router.withdraw(coin, operator);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NothingOwed.selector, coin, operator));
        router.withdraw(coin, operator);
        vm.stopPrank();
    }

    function test_withdraw__toNobodyOrThePayer__reverts() public {
        _earn(_coins(1000));
        router.route(fleetId);
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.InvalidReceiver.selector, address(0)));
        router.withdraw(coin, address(0));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.InvalidReceiver.selector, address(router)));
        router.withdraw(coin, address(router));
        vm.stopPrank();
    }

    function test_withdraw__blockedReceivers__blockNobodyElse() public {
        BlocklistToken blocklist = BlocklistToken(address(coin));
        blocklist.setBlocked(operator, true);
        blocklist.setBlocked(feeRecipient, true);
        _earn(_coins(1000));

        shares.collect();
        vm.assertEq(shares.collected(), _coins(784));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(BlocklistToken.Blocked.selector, operator));
        router.withdraw(coin, operator);
        vm.prank(operator);
        vm.assertEq(router.withdraw(coin, stranger), _coins(196));
    }

    function test_claim__oneHolderBlocked__othersAndItsOtherAddressPaid() public {
        vm.prank(owner);
        shares.transfer(investor, 450_000e18);
        _earnAndCollect(_coins(1000));
        BlocklistToken(address(coin)).setBlocked(owner, true);
        vm.warp(MIDNIGHT + DAY);

        vm.prank(investor);
        shares.claim(investor);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(BlocklistToken.Blocked.selector, owner));
        shares.claim(owner);
        vm.prank(owner);
        shares.claim(stranger);
        vm.assertEq(coin.balanceOf(stranger), coin.balanceOf(investor));
    }

    function test_stake__coinWithATransferFee__reverts() public {
        FeeOnTransferToken feeCoin = new FeeOnTransferToken(6);
        vm.prank(parameters);
        registry.listToken(address(feeCoin));
        Enrolment memory e = _enrolment();
        e.settlementToken = address(feeCoin);
        vm.prank(operator);
        uint256 second = registry.enrol(e);
        feeCoin.mint(operator, _coins(1000));
        feeCoin.setFee(1);

        vm.startPrank(operator);
        feeCoin.approve(address(bond), _coins(1000));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.TransferFellShort.selector, feeCoin, _coins(1000), _coins(990)));
        bond.stake(second, operator, _coins(1000));
        vm.stopPrank();
    }
}
