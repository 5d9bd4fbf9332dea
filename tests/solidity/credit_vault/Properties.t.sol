// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {bound} from "../base/Bound.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev a16z's properties of ERC-4626 vaults, for the half that stays synchronous. Each by its name there.
///
/// Where entry is closed, the two values being too far apart, there is nothing to test; `Deposit` and `Mint` do.
///
/// Left out, since ERC-7540 overrides ERC-4626: `previewRedeem` and `previewWithdraw` revert; `redeem` and `withdraw` claim
/// what was served and burn no shares of the caller, by operators and not by allowances (`Standards` and `Claim` test both); so
/// do the round trips that go through them in one transaction: `RT_deposit_redeem`, `RT_deposit_withdraw`, `RT_redeem_deposit`,
/// `RT_redeem_mint`, `RT_mint_withdraw`, `RT_mint_redeem`, `RT_withdraw_deposit`, `RT_withdraw_mint`. Those that begin with an
/// entry are here as they happen with us: by request and serving.
contract PropertiesTest is VaultScene {
    /// @dev Some lenders, loans, interest, a mark and a donation, from the seed.
    function _begin(uint256 seed) internal {
        _deposit(investor, bound(seed, 1, _coins(1_000_000)));
        uint256 cash = vault.book().cash;
        if (seed % 3 > 0) desk.lend(borrower, cash / 2, seed % 5000);
        if (seed % 5 == 0 && seed % 3 > 0) {
            uint256 loanId = desk.lend(borrower, cash / 100, 100);
            desk.mark(loanId, cash / 200, block.timestamp - 12 days);
        }
        vm.warp(START + seed % 500 days);
        if (seed % 7 == 0) coin.mint(address(vault), seed % _coins(1000));
        _fund(lender, type(uint96).max);
    }

    /// asset: MUST NOT revert.
    function testFuzz_property__asset(address caller, uint256 seed) public {
        _begin(seed);
        vm.prank(caller);
        vm.assertEq(vault.asset(), address(coin));
    }

    /// totalAssets: MUST NOT revert.
    function testFuzz_property__totalAssets(address caller, uint256 seed) public {
        _begin(seed);
        vm.prank(caller);
        vault.totalAssets();
    }

    /// convertToShares: MUST NOT show any variations depending on the caller.
    function testFuzz_property__convertToShares(address a, address b, uint256 seed, uint256 assets) public {
        _begin(seed);
        assets = bound(assets, 0, type(uint96).max);
        vm.prank(a);
        uint256 said = vault.convertToShares(assets);
        vm.prank(b);
        vm.assertEq(vault.convertToShares(assets), said);
    }

    /// convertToAssets: MUST NOT show any variations depending on the caller.
    function testFuzz_property__convertToAssets(address a, address b, uint256 seed, uint256 shares) public {
        _begin(seed);
        shares = bound(shares, 0, type(uint128).max);
        vm.prank(a);
        uint256 said = vault.convertToAssets(shares);
        vm.prank(b);
        vm.assertEq(vault.convertToAssets(shares), said);
    }

    /// maxDeposit: MUST NOT revert.
    function testFuzz_property__maxDeposit(address caller, address receiver, uint256 seed) public {
        _begin(seed);
        vm.prank(caller);
        vault.maxDeposit(receiver);
    }

    /// previewDeposit: no more than deposit returns.
    function testFuzz_property__previewDeposit(address receiver, uint256 seed, uint256 assets) public {
        vm.assume(receiver != address(0));
        _begin(seed);
        vm.assume(vault.maxDeposit(lender) > 0);
        assets = bound(assets, 0, vault.maxDeposit(lender));
        uint256 preview = vault.previewDeposit(assets);
        vm.prank(lender);
        vm.assertGe(vault.deposit(assets, receiver), preview);
    }

    /// deposit: takes exactly `assets`, gives exactly what it returns, spends the allowance.
    function testFuzz_property__deposit(address receiver, uint256 seed, uint256 assets) public {
        vm.assume(receiver != address(0));
        _begin(seed);
        vm.assume(vault.maxDeposit(lender) > 0);
        assets = bound(assets, 0, vault.maxDeposit(lender));
        vm.prank(lender);
        coin.approve(address(vault), assets);
        uint256 coins = coin.balanceOf(lender);
        uint256 before = vault.balanceOf(receiver);
        vm.prank(lender);
        uint256 shares = vault.deposit(assets, receiver);
        vm.assertEq(coin.balanceOf(lender), coins - assets);
        vm.assertEq(vault.balanceOf(receiver), before + shares);
        vm.assertEq(coin.allowance(lender, address(vault)), 0);
    }

    /// maxMint: MUST NOT revert.
    function testFuzz_property__maxMint(address caller, address receiver, uint256 seed) public {
        _begin(seed);
        vm.prank(caller);
        vault.maxMint(receiver);
    }

    /// previewMint: no less than mint costs.
    function testFuzz_property__previewMint(address receiver, uint256 seed, uint256 shares) public {
        vm.assume(receiver != address(0));
        _begin(seed);
        vm.assume(vault.maxMint(lender) > 0);
        shares = bound(shares, 0, vault.maxMint(lender));
        uint256 preview = vault.previewMint(shares);
        vm.prank(lender);
        vm.assertLe(vault.mint(shares, receiver), preview);
    }

    /// mint: gives exactly `shares`, takes exactly what it returns, spends the allowance.
    function testFuzz_property__mint(address receiver, uint256 seed, uint256 shares) public {
        vm.assume(receiver != address(0));
        _begin(seed);
        vm.assume(vault.maxMint(lender) > 0);
        shares = bound(shares, 0, vault.maxMint(lender));
        uint256 coins = coin.balanceOf(lender);
        uint256 before = vault.balanceOf(receiver);
        uint256 preview = vault.previewMint(shares);
        vm.prank(lender);
        coin.approve(address(vault), preview);
        vm.prank(lender);
        uint256 assets = vault.mint(shares, receiver);
        vm.assertEq(coin.balanceOf(lender), coins - assets);
        vm.assertEq(vault.balanceOf(receiver), before + shares);
        vm.assertEq(coin.allowance(lender, address(vault)), 0);
    }

    /// maxRedeem and maxWithdraw: MUST NOT revert.
    function testFuzz_property__maxRedeemAndMaxWithdraw(address caller, address owner, uint256 seed) public {
        _begin(seed);
        vm.prank(caller);
        vault.maxRedeem(owner);
        vm.prank(caller);
        vault.maxWithdraw(owner);
    }

    /// RT_deposit_mint-like: a share never costs less than what a deposit gives for it.
    function testFuzz_property__RT_deposit_mint(uint256 seed, uint256 assets) public {
        _begin(seed);
        vm.assume(vault.maxDeposit(lender) > 0);
        assets = bound(assets, 0, vault.maxDeposit(lender));
        uint256 shares = vault.previewDeposit(assets);
        vm.assertLe(vault.previewMint(shares), assets);
        vm.assertLe(vault.previewDeposit(vault.previewMint(shares)), vault.previewDeposit(assets));
    }

    /// RT_deposit_redeem, by request and serving without interest in between: no more comes out than went in.
    function testFuzz_property__RT_deposit_redeem(uint256 seed, uint256 assets) public {
        _begin(seed);
        _stopInterest();
        _nextWeek();
        vm.assume(vault.maxDeposit(lender) > 0);
        assets = bound(assets, 0, vault.maxDeposit(lender) / 2);
        vm.prank(lender);
        uint256 shares = vault.deposit(assets, lender);
        if (shares == 0) return;
        vm.assertLe(_exit(lender, shares), assets);
    }

    /// RT_mint_redeem, likewise.
    function testFuzz_property__RT_mint_redeem(uint256 seed, uint256 shares) public {
        _begin(seed);
        _stopInterest();
        _nextWeek();
        vm.assume(vault.maxMint(lender) > 1);
        shares = bound(shares, 1, vault.maxMint(lender) / 2);
        vm.prank(lender);
        uint256 assets = vault.mint(shares, lender);
        vm.assertLe(_exit(lender, shares), assets);
    }

    function _stopInterest() private {
        for (uint256 loanId = 1; loanId <= desk.count(); ++loanId) {
            desk.reprice(loanId, 0);
        }
    }
}

contract PropertiesTest8 is PropertiesTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract PropertiesTest18 is PropertiesTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
