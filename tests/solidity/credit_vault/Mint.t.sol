// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract MintTest is VaultScene {
    function test_mint__first__costsAUnitForAMillionShares() public {
        uint256 shares = _coins(7) * 1e6 + 1;
        _fund(lender, _coins(8));
        vm.expectEmit(address(vault));
        emit IERC4626.Deposit(lender, investor, _coins(7) + 1, shares);
        vm.prank(lender);
        uint256 assets = vault.mint(shares, investor);

        vm.assertEq(assets, _coins(7) + 1);
        vm.assertEq(vault.balanceOf(investor), shares);
        vm.assertEq(vault.book().cash, assets);
        _check();
    }

    function test_mint__afterInterest__isPricedAtTheOptimisticValueRoundedUp() public {
        _deposit(lender, _coins(100));
        desk.lend(borrower, _coins(60), 1200);
        vm.warp(START + 100 days);
        uint256 shares = 12_345_678_901;
        uint256 priced = Math.ceilDiv(shares * (vault.optimisticAssets() + 1), vault.totalSupply() + VIRTUAL_SHARES);
        _fund(investor, _coins(10));
        vm.prank(investor);
        vm.assertEq(vault.mint(shares, investor), priced);
        _check();
    }

    function test_mint__nothing__costsNothing() public {
        vm.prank(lender);
        vm.assertEq(vault.mint(0, lender), 0);
        vm.assertEq(vault.totalSupply(), 0);
    }

    function test_mint__paused__reverts() public {
        registry.set(true);
        _fund(lender, _coins(1));
        vm.expectRevert(ICreditVault.Paused.selector);
        vm.prank(lender);
        vault.mint(_coins(1), lender);
    }

    function test_mint__aboveCap__reverts() public {
        vm.prank(risk);
        vault.setCap(_coins(100));
        _fund(lender, _coins(200));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.CapExceeded.selector, _coins(100) + 1, _coins(100)));
        vm.prank(lender);
        vault.mint(_coins(100) * 1e6 + 1, lender);

        vm.prank(lender);
        vm.assertEq(vault.mint(_coins(100) * 1e6, lender), _coins(100));
    }

    function test_mint__valuesTooFarApart__reverts() public {
        _deposit(lender, _coins(1000));
        uint256 loanId = desk.lend(borrower, _coins(500), 0);
        desk.mark(loanId, 0, block.timestamp - 30 days);
        _fund(investor, _coins(1));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.EntryClosed.selector, _coins(500), _coins(1000)));
        vm.prank(investor);
        vault.mint(1, investor);
    }

    /// @dev After a total loss shares cost next to nothing, but never more of them than epochs can count.
    function test_mint__moreSharesThanEpochsCount__reverts() public {
        vm.prank(risk);
        vault.setCap(type(uint96).max);
        uint256 supply = _deposit(lender, _coins(100_000_000));
        uint256 loanId = desk.lend(borrower, _coins(100_000_000), 0);
        desk.settle(loanId, 0);
        uint256 room = type(uint128).max - supply;
        _fund(investor, type(uint96).max);
        vm.assertEq(vault.optimisticAssets(), 0);
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxMint.selector, investor, room + 1, room));
        vm.prank(investor);
        vault.mint(room + 1, investor);

        uint256 most = vault.maxMint(investor);
        vm.assertEq(most, Math.min(room, type(uint96).max * (supply + VIRTUAL_SHARES)));
        vm.prank(investor);
        vault.mint(most, investor);
        _request(investor, most);
    }
}

contract MintTest8 is MintTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract MintTest18 is MintTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
