// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract LendTest is VaultScene {
    function test_lend__cash__goesOutAndAccrues() public {
        _deposit(lender, _coins(100));
        vm.expectEmit(address(vault));
        emit ICreditVault.Lend(1, borrower, _coins(60), 1200);
        desk.lend(borrower, _coins(60), 1200);

        vm.assertEq(coin.balanceOf(borrower), _coins(60));
        VaultBook memory b = vault.book();
        vm.assertEq(b.cash, _coins(40));
        vm.assertEq(b.performingPrincipal, _coins(60));
        vm.assertEq(b.performingInterest, 0);
        vm.assertEq(vault.totalAssets(), _coins(100));
        vm.warp(START + 365 days);
        vm.assertEq(vault.book().performingInterest, _coins(60) * 12 / 100);
        _check();
    }

    /// @dev Many loans at odd rates and times: the sum is that of all of them, to the last fraction.
    function test_lend__manyLoans__accrueAsEachByItself() public {
        _deposit(lender, _coins(1_000_000));
        for (uint256 i; i < 25; ++i) {
            desk.lend(borrower, _coins(1000) + 7919 * i, 301 + 137 * i);
            vm.warp(block.timestamp + 12_345 + 997 * i);
            _check();
        }
        vm.warp(START + 400 days);
        _check();
    }

    function test_lend__byAnyoneElse__reverts() public {
        _deposit(lender, _coins(100));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.lend(1, stranger, _coins(1), 0);
    }

    function test_lend__moreThanCash__reverts() public {
        _deposit(lender, _coins(100));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.InsufficientCash.selector, _coins(100) + 1, _coins(100)));
        desk.lend(borrower, _coins(100) + 1, 1200);
    }

    function test_lend__paused__reverts() public {
        _deposit(lender, _coins(100));
        registry.set(true);
        vm.expectRevert(ICreditVault.Paused.selector);
        desk.lend(borrower, _coins(1), 1200);
    }

    function test_lend__closedEpochWaits__reverts() public {
        uint256 shares = _deposit(lender, _coins(100));
        _request(lender, shares / 2);
        // While its week runs, nothing waits yet.
        vm.assertEq(vault.lendable(), _coins(100));
        desk.lend(borrower, _coins(10), 1200);
        _nextWeek();
        vm.assertEq(vault.lendable(), 0);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.EpochWaiting.selector, FIRST_EPOCH));
        desk.lend(borrower, 1, 1200);

        vault.serve();
        vm.assertEq(vault.lendable(), vault.book().cash);
        desk.lend(borrower, 1, 1200);
    }

    /// @dev What is set aside is nobody's to lend.
    function test_lend__setAside__isNotCash() public {
        uint256 shares = _deposit(lender, _coins(100));
        _request(lender, shares);
        _nextWeek();
        vault.serve();
        vm.assertEq(coin.balanceOf(address(vault)), _coins(100));
        uint256 cash = vault.book().cash;
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.InsufficientCash.selector, _coins(1), cash));
        desk.lend(borrower, _coins(1), 1200);
    }
}

contract LendTest8 is LendTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract LendTest18 is LendTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
