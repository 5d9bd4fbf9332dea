// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {IERC7540Operator} from "../../../contracts/interfaces/IERC7540.sol";
import {bound} from "../base/Bound.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract ClaimTest is VaultScene {
    uint256 internal shares;
    uint256 internal claimable;

    function setUp() public override {
        super.setUp();
        shares = _deposit(lender, _coins(300));
        _deposit(investor, _coins(700));
        desk.lend(borrower, _coins(400), 1234);
        _request(lender, shares);
        _nextWeek();
        vault.serve();
        claimable = vault.maxWithdraw(lender);
    }

    function test_redeem__all__paysAllThatWasSetAside() public {
        vm.expectEmit(address(vault));
        emit IERC4626.Withdraw(lender, borrower, lender, claimable, shares);
        uint256 before = coin.balanceOf(borrower);
        vm.prank(lender);
        uint256 assets = vault.redeem(shares, borrower, lender);
        vm.assertEq(assets, claimable);
        vm.assertEq(coin.balanceOf(borrower) - before, claimable);
        vm.assertEq(vault.maxRedeem(lender), 0);
        vm.assertEq(vault.maxWithdraw(lender), 0);
        vm.assertEq(vault.book().setAside, 0);
        _check();
    }

    function test_withdraw__all__takesAllShares() public {
        vm.expectEmit(address(vault));
        emit IERC4626.Withdraw(lender, lender, lender, claimable, shares);
        vm.prank(lender);
        vm.assertEq(vault.withdraw(claimable, lender, lender), shares);
        vm.assertEq(vault.maxRedeem(lender), 0);
    }

    function testFuzz_redeem__inParts__paysNoMoreThanWasSetAside(uint256 a, uint256 b) public {
        a = bound(a, 0, shares);
        b = bound(b, 0, shares - a);
        vm.startPrank(lender);
        uint256 first = vault.redeem(a, lender, lender);
        vm.assertEq(first, claimable * a / shares);
        uint256 second = vault.withdraw(bound(b, 0, vault.maxWithdraw(lender)), lender, lender);
        second = vault.maxWithdraw(lender);
        vm.assertEq(vault.redeem(vault.maxRedeem(lender), lender, lender), second);
        vm.stopPrank();
        vm.assertEq(coin.balanceOf(lender), claimable);
        vm.assertEq(vault.book().setAside, 0);
    }

    function test_withdraw__part__roundsSharesUp() public {
        vm.prank(lender);
        uint256 burned = vault.withdraw(1, lender, lender);
        vm.assertEq(burned, (shares + claimable - 1) / claimable);
        vm.assertEq(vault.maxWithdraw(lender), claimable - 1);
        vm.assertEq(vault.maxRedeem(lender), shares - burned);
    }

    function test_redeem__nothing__paysNothing() public {
        vm.startPrank(stranger);
        vm.assertEq(vault.redeem(0, stranger, stranger), 0);
        vm.assertEq(vault.withdraw(0, stranger, stranger), 0);
        vm.stopPrank();
    }

    function test_redeem__tooMuch__reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(ICreditVault.RequestExceedsClaimable.selector, lender, shares + 1, shares)
        );
        vm.prank(lender);
        vault.redeem(shares + 1, lender, lender);
    }

    function test_withdraw__tooMuch__reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(ICreditVault.RequestExceedsClaimable.selector, lender, claimable + 1, claimable)
        );
        vm.prank(lender);
        vault.withdraw(claimable + 1, lender, lender);
    }

    function test_redeem__byOperator__paysWhereItSays() public {
        vm.expectEmit(address(vault));
        emit IERC7540Operator.OperatorSet(lender, stranger, true);
        vm.prank(lender);
        vm.assertTrue(vault.setOperator(stranger, true));
        vm.assertTrue(vault.isOperator(lender, stranger));
        vm.prank(stranger);
        vault.redeem(shares / 2, stranger, lender);
        vm.assertEq(coin.balanceOf(stranger), claimable * (shares / 2) / shares);

        vm.prank(lender);
        vm.assertTrue(vault.setOperator(stranger, false));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotOperator.selector, lender, stranger));
        vm.prank(stranger);
        vault.redeem(1, stranger, lender);
    }

    /// @dev An allowance is over shares that one holds; those of a claim are burned.
    function test_redeem__byAllowance__reverts() public {
        vm.prank(lender);
        vault.approve(stranger, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotOperator.selector, lender, stranger));
        vm.prank(stranger);
        vault.redeem(1, stranger, lender);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotOperator.selector, lender, stranger));
        vm.prank(stranger);
        vault.withdraw(1, stranger, lender);
    }

    function test_redeem__paused__goesOn() public {
        registry.set(true);
        vm.assertEq(_claim(lender), claimable);
    }

    /// @dev What a claim is worth is fixed when it is served: no loss and no interest reaches it.
    function test_redeem__lossAfterServing__isPaidInFull() public {
        desk.settle(1, 0);
        vm.assertEq(vault.maxWithdraw(lender), claimable);
        vm.assertEq(_claim(lender), claimable);
    }

    function test_previewRedeem__always__reverts() public {
        vm.expectRevert(ICreditVault.AsynchronousOnly.selector);
        vault.previewRedeem(0);
        vm.expectRevert(ICreditVault.AsynchronousOnly.selector);
        vm.prank(lender);
        vault.previewRedeem(shares);
    }

    function test_previewWithdraw__always__reverts() public {
        vm.expectRevert(ICreditVault.AsynchronousOnly.selector);
        vault.previewWithdraw(0);
        vm.expectRevert(ICreditVault.AsynchronousOnly.selector);
        vm.prank(lender);
        vault.previewWithdraw(1);
    }
}

contract ClaimTest8 is ClaimTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract ClaimTest18 is ClaimTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
