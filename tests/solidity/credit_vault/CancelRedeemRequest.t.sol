// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {IERC7887Redeem} from "../../../contracts/interfaces/IERC7887.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract CancelRedeemRequestTest is VaultScene {
    uint256 internal shares;

    function setUp() public override {
        super.setUp();
        shares = _deposit(lender, _coins(300));
        _deposit(investor, _coins(700));
        _request(lender, shares / 2);
    }

    function test_cancelRedeemRequest__sameWeek__makesSharesClaimable() public {
        vm.warp(START + WEEK - 1);
        vm.expectEmit(address(vault));
        emit IERC7887Redeem.CancelRedeemRequest(lender, 0, lender);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);

        vm.assertEq(vault.pendingRedeemRequest(0, lender), 0);
        vm.assertFalse(vault.pendingCancelRedeemRequest(0, lender));
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), shares / 2);
        vm.assertEq(vault.claimableCancelRedeemRequest(1, lender), 0);
        vm.assertEq(vault.epochOf(lender), 0);
        vm.assertEq(vault.oldestEpoch(), 0);
        // Not pushed: they are claimed.
        vm.assertEq(vault.balanceOf(lender), shares - shares / 2);
        vm.expectEmit(address(vault));
        emit IERC7887Redeem.CancelRedeemClaim(lender, borrower, 0, lender, shares / 2);
        vm.prank(lender);
        vault.claimCancelRedeemRequest(0, borrower, lender);
        vm.assertEq(vault.balanceOf(borrower), shares / 2);
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), 0);
        vm.assertEq(vault.balanceOf(address(vault)), 0);
    }

    function test_cancelRedeemRequest__cancelledTwice__addsUp() public {
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        _request(lender, 10);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), shares / 2 + 10);
    }

    function test_cancelRedeemRequest__othersOfTheWeek__stay() public {
        _request(investor, 77);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.assertEq(vault.epoch(FIRST_EPOCH).shares, 77);
        vm.assertEq(vault.pendingRedeemRequest(0, investor), 77);
        _nextWeek();
        (uint256 burned,) = vault.serve();
        vm.assertEq(burned, 77);
        // What was cancelled was not burned.
        vm.prank(lender);
        vault.claimCancelRedeemRequest(0, lender, lender);
        vm.assertEq(vault.balanceOf(lender), shares);
    }

    /// @dev In the open, requests of earlier weeks included, once they were moved there.
    function test_cancelRedeemRequest__movedToThisWeek__takesAllBack() public {
        _nextWeek();
        _request(lender, 1);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), shares / 2 + 1);
    }

    function test_cancelRedeemRequest__byOperator__works() public {
        vm.prank(lender);
        vault.setOperator(stranger, true);
        vm.prank(stranger);
        vault.cancelRedeemRequest(0, lender);
        vm.prank(stranger);
        vault.claimCancelRedeemRequest(0, stranger, lender);
        vm.assertEq(vault.balanceOf(stranger), shares / 2);
    }

    function test_cancelRedeemRequest__weekOver__reverts() public {
        _nextWeek();
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.CutOffPassed.selector, FIRST_EPOCH));
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
    }

    function test_cancelRedeemRequest__nothingPending__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NothingPending.selector, investor));
        vm.prank(investor);
        vault.cancelRedeemRequest(0, investor);
    }

    function test_cancelRedeemRequest__served__reverts() public {
        _nextWeek();
        vault.serve();
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NothingPending.selector, lender));
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
    }

    function test_cancelRedeemRequest__anotherId__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NothingPending.selector, lender));
        vm.prank(lender);
        vault.cancelRedeemRequest(1, lender);
    }

    function test_cancelRedeemRequest__byAStranger__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotOperator.selector, lender, stranger));
        vm.prank(stranger);
        vault.cancelRedeemRequest(0, lender);
    }

    function test_claimCancelRedeemRequest__nothingCancelled__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NothingPending.selector, lender));
        vm.prank(lender);
        vault.claimCancelRedeemRequest(0, lender, lender);
    }

    function test_claimCancelRedeemRequest__byAStranger__reverts() public {
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotOperator.selector, lender, stranger));
        vm.prank(stranger);
        vault.claimCancelRedeemRequest(0, stranger, lender);
    }

    function test_cancelRedeemRequest__paused__goesOn() public {
        registry.set(true);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.prank(lender);
        vault.claimCancelRedeemRequest(0, lender, lender);
        vm.assertEq(vault.balanceOf(lender), shares);
    }
}
