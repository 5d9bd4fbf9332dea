// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract ServeTest is VaultScene {
    function test_serve__enoughCash__servesWhole() public {
        uint256 shares = _deposit(lender, _coins(100));
        _deposit(investor, _coins(50));
        _request(lender, shares);
        _nextWeek();
        uint256 supply = vault.totalSupply();
        uint256 priced = shares * (_coins(150) + 1) / (supply + 1e6);

        vm.expectEmit(address(vault));
        emit ICreditVault.ServeEpoch(FIRST_EPOCH, shares, priced, true);
        (uint256 burned, uint256 assets) = vault.serve();

        vm.assertEq(burned, shares);
        vm.assertEq(assets, priced);
        vm.assertEq(vault.totalSupply(), supply - shares);
        vm.assertEq(vault.book().setAside, assets);
        vm.assertEq(vault.book().cash, _coins(150) - assets);
        vm.assertEq(vault.maxWithdraw(lender), assets);
        vm.assertEq(vault.maxRedeem(lender), shares);
        vm.assertEq(vault.oldestEpoch(), 0);
        _check();
        vm.assertEq(_claim(lender), assets);
        vm.assertEq(vault.book().setAside, 0);
        Epoch memory e = vault.epoch(FIRST_EPOCH);
        vm.assertEq(uint256(e.shares) + e.servedShares + e.servedAssets, 0);
    }

    function test_serve__notEnoughCash__servesProRata() public {
        uint256 a = _deposit(lender, _coins(100));
        uint256 b = _deposit(investor, _coins(200));
        desk.lend(borrower, _coins(270), 0);
        _request(lender, a);
        _request(investor, b);
        _nextWeek();

        (uint256 burned, uint256 assets) = vault.serve();
        vm.assertEq(assets, _coins(30));
        vm.assertEq(vault.maxWithdraw(lender), assets * a / (a + b));
        vm.assertEq(vault.maxRedeem(lender), burned * a / (a + b));
        vm.assertEq(vault.maxWithdraw(investor), assets * b / (a + b));
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH);
        vm.assertEq(vault.lendable(), 0);
        _check();
        _claim(lender);
        _claim(lender);
        vm.assertEq(coin.balanceOf(lender), assets * a / (a + b));
    }

    function test_serve__nobodyAsks__reverts() public {
        _deposit(lender, _coins(1));
        vm.expectRevert(ICreditVault.NothingToServe.selector);
        vault.serve();
    }

    function test_serve__sameWeek__reverts() public {
        uint256 shares = _deposit(lender, _coins(1));
        _request(lender, shares);
        vm.warp(START + WEEK - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditVault.EpochStillOpen.selector, FIRST_EPOCH, (FIRST_EPOCH + 1) * WEEK)
        );
        vault.serve();
    }

    function test_serve__noCash__reverts() public {
        uint256 shares = _deposit(lender, _coins(100));
        desk.lend(borrower, _coins(100), 0);
        _request(lender, shares);
        _nextWeek();
        vm.expectRevert(ICreditVault.NothingToServe.selector);
        vault.serve();
    }

    function test_serve__youngMark__reverts() public {
        uint256 shares = _deposit(lender, _coins(100));
        uint256 loanId = desk.lend(borrower, _coins(50), 1000);
        _request(lender, shares);
        vm.warp(START + 8 * DAY + 5);
        desk.mark(loanId, 0, block.timestamp);
        vm.warp(START + 15 * DAY - 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.MarkTooYoung.selector, START + 15 * DAY));
        vault.serve();

        vm.warp(START + 15 * DAY);
        vault.serve();
        _check();
    }
}

contract ServeTest8 is ServeTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract ServeTest18 is ServeTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
