// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract DepositTest is VaultScene {
    function test_deposit__first__givesAMillionSharesAUnit() public {
        _fund(lender, _coins(100));
        vm.expectEmit(address(vault));
        emit IERC4626.Deposit(lender, investor, _coins(100), _coins(100) * 1e6);
        vm.prank(lender);
        uint256 shares = vault.deposit(_coins(100), investor);

        vm.assertEq(shares, _coins(100) * 1e6);
        vm.assertEq(vault.balanceOf(investor), shares);
        vm.assertEq(vault.book().cash, _coins(100));
        vm.assertEq(coin.balanceOf(address(vault)), _coins(100));
        vm.assertEq(vault.decimals(), _decimals() + 6);
        _check();
    }

    function test_deposit__afterInterest__isPricedAtTheOptimisticValue() public {
        _deposit(lender, _coins(100));
        desk.lend(borrower, _coins(60), 1200);
        vm.warp(START + 73 days);

        // 60 at 12 % for a fifth of a year.
        vm.assertEq(vault.optimisticAssets(), _coins(100) + _coins(144) / 100);
        uint256 supply = vault.totalSupply();
        uint256 shares = _deposit(investor, _coins(10));
        vm.assertEq(shares, _coins(10) * (supply + 1e6) / (_coins(100) + _coins(144) / 100 + 1));
        _check();
    }

    function test_deposit__nothing__mintsNothing() public {
        vm.prank(lender);
        vm.assertEq(vault.deposit(0, lender), 0);
        vm.assertEq(vault.totalSupply(), 0);
    }

    function test_deposit__paused__reverts() public {
        registry.set(true);
        _fund(lender, _coins(1));
        vm.expectRevert(ICreditVault.Paused.selector);
        vm.prank(lender);
        vault.deposit(_coins(1), lender);
    }

    function test_deposit__aboveCap__reverts() public {
        vm.prank(risk);
        vault.setCap(_coins(100));
        _deposit(lender, _coins(60));
        _fund(investor, _coins(50));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.CapExceeded.selector, _coins(100) + 1, _coins(100)));
        vm.prank(investor);
        vault.deposit(_coins(40) + 1, investor);

        vm.prank(investor);
        vault.deposit(_coins(40), investor);
        vm.assertEq(vault.optimisticAssets(), _coins(100));
    }

    function test_deposit__valuesTooFarApart__reverts() public {
        _deposit(lender, _coins(1000));
        uint256 loanId = desk.lend(borrower, _coins(100), 0);
        desk.mark(loanId, 0, block.timestamp);
        vm.warp(START + 6 * DAY);
        // A fifth of a hundred is just 2 % of a thousand.
        _deposit(investor, _coins(1));
        vm.warp(START + 7 * DAY);
        uint256 written = (_coins(100) * 7 + 29) / 30;
        _fund(investor, _coins(1));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.EntryClosed.selector, _coins(1001) - written, _coins(1001)));
        vm.prank(investor);
        vault.deposit(_coins(1), investor);
        _check();
    }
}

contract DepositTest8 is DepositTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract DepositTest18 is DepositTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
