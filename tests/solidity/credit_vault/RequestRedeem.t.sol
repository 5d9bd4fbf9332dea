// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Epoch, ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {IERC7540Redeem} from "../../../contracts/interfaces/IERC7540.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract RequestRedeemTest is VaultScene {
    uint256 internal shares;

    function setUp() public override {
        super.setUp();
        shares = _deposit(lender, _coins(300));
        _deposit(investor, _coins(700));
    }

    function test_requestRedeem__own__joinsThisWeek() public {
        vm.expectEmit(address(vault));
        emit IERC7540Redeem.RedeemRequest(lender, lender, 0, lender, shares / 3);
        vm.expectEmit(address(vault));
        emit IERC20.Transfer(lender, address(vault), shares / 3);
        vm.prank(lender);
        uint256 id = vault.requestRedeem(shares / 3, lender, lender);

        vm.assertEq(id, 0);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares / 3);
        vm.assertEq(vault.claimableRedeemRequest(0, lender), 0);
        vm.assertEq(vault.balanceOf(lender), shares - shares / 3);
        vm.assertEq(vault.epochOf(lender), FIRST_EPOCH);
        vm.assertEq(vault.epoch(FIRST_EPOCH).shares, shares / 3);
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH);
        vm.assertEq(vault.currentEpoch(), FIRST_EPOCH);
        // They are escrowed, not burned: those who stay earn no more for it until they are served.
        vm.assertEq(vault.totalSupply(), _coins(1000) * 1e6);
    }

    function test_requestRedeem__inTheLastSecond__joinsTheOldWeek() public {
        vm.warp(START + WEEK - 1);
        _request(lender, 1);
        vm.assertEq(vault.epochOf(lender), FIRST_EPOCH);
        vm.warp(START + WEEK);
        _request(investor, 1);
        vm.assertEq(vault.epochOf(investor), FIRST_EPOCH + 1);
    }

    function test_requestRedeem__twiceAWeek__isOnePosition() public {
        _request(lender, shares / 3);
        vm.warp(START + 3 days);
        _request(lender, shares / 3);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares / 3 * 2);
        vm.assertEq(vault.epoch(FIRST_EPOCH).shares, shares / 3 * 2);
    }

    function test_requestRedeem__added__movesAllToTheNewestEpoch() public {
        _request(lender, shares / 3);
        _request(investor, 100);
        _nextWeek();
        _request(lender, shares / 3);

        vm.assertEq(vault.epochOf(lender), FIRST_EPOCH + 1);
        vm.assertEq(vault.epoch(FIRST_EPOCH).shares, 100);
        vm.assertEq(vault.epoch(FIRST_EPOCH + 1).shares, shares / 3 * 2);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares / 3 * 2);
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH);
        vault.serve();
        vm.assertEq(vault.claimableRedeemRequest(0, lender), 0);
    }

    /// @dev Nobody is left in the old week, so nothing there waits.
    function test_requestRedeem__theLastOfAWeekMoves__leavesNothingWaiting() public {
        _request(lender, shares / 3);
        _nextWeek();
        vm.assertEq(vault.lendable(), 0);
        _request(lender, 1);
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH + 1);
        vm.assertEq(vault.lendable(), vault.book().cash);
    }

    function test_requestRedeem__halfServed__makesThatClaimableFirst() public {
        desk.lend(borrower, _coins(900), 0);
        _request(lender, shares);
        _request(investor, _coins(100) * 1e6);
        _nextWeek();
        (uint256 burned, uint256 assets) = vault.serve();
        vm.assertEq(assets, _coins(100));
        uint256 servedShares = vault.claimableRedeemRequest(0, lender);
        uint256 servedAssets = vault.maxWithdraw(lender);
        vm.assertEq(servedShares, burned * 3 / 4);
        vm.assertEq(servedAssets, assets * 3 / 4);

        _deposit(lender, _coins(1));
        _request(lender, 1e6);
        vm.assertEq(vault.claimableRedeemRequest(0, lender), servedShares);
        vm.assertEq(vault.maxWithdraw(lender), servedAssets);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares - servedShares + 1e6);
        vm.assertEq(vault.epochOf(lender), FIRST_EPOCH + 1);
        // The other one of the old week has what it had, and now waits there alone.
        vm.assertEq(vault.claimableRedeemRequest(0, investor), burned - servedShares);
        Epoch memory e = vault.epoch(FIRST_EPOCH);
        vm.assertEq(e.shares, _coins(100) * 1e6);
        vm.assertEq(_claim(lender), servedAssets);
        vm.assertEq(_claim(investor), assets - servedAssets);
        vm.assertEq(vault.book().setAside, 0);
    }

    function test_requestRedeem__wholeServed__doesNotMoveClaims() public {
        _request(lender, shares / 2);
        _nextWeek();
        vault.serve();
        uint256 claimable = vault.maxWithdraw(lender);
        _request(lender, shares / 4);
        vm.assertEq(vault.maxWithdraw(lender), claimable);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares / 4);
        _nextWeek();
        vault.serve();
        vm.assertEq(vault.maxRedeem(lender), shares / 2 + shares / 4);
    }

    function test_requestRedeem__byOperator__needsNoAllowance() public {
        vm.prank(lender);
        vault.setOperator(stranger, true);
        vm.expectEmit(address(vault));
        emit IERC7540Redeem.RedeemRequest(borrower, lender, 0, stranger, 10);
        vm.prank(stranger);
        vault.requestRedeem(10, borrower, lender);
        vm.assertEq(vault.pendingRedeemRequest(0, borrower), 10);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), 0);
    }

    function test_requestRedeem__byAllowance__spendsIt() public {
        vm.prank(lender);
        vault.approve(stranger, 30);
        vm.prank(stranger);
        vault.requestRedeem(10, stranger, lender);
        vm.assertEq(vault.allowance(lender, stranger), 20);
        vm.assertEq(vault.pendingRedeemRequest(0, stranger), 10);
    }

    function test_requestRedeem__byAStranger__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, stranger, 0, 10));
        vm.prank(stranger);
        vault.requestRedeem(10, stranger, lender);
    }

    /// @dev Adding moves a position to the newest epoch: nobody else may delay it with a share of its own.
    function test_requestRedeem__addedByAStranger__reverts() public {
        _request(lender, shares);
        _nextWeek();
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotOperator.selector, lender, investor));
        vm.prank(investor);
        vault.requestRedeem(1, lender, investor);

        vm.prank(lender);
        vault.setOperator(investor, true);
        vm.prank(investor);
        vault.requestRedeem(1, lender, investor);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares + 1);
    }

    /// @dev Once its requests are served, a stranger's gift delays nothing.
    function test_requestRedeem__giftAfterServing__isAccepted() public {
        _request(lender, shares);
        _nextWeek();
        vault.serve();
        vm.prank(investor);
        vault.requestRedeem(1, lender, investor);
        vm.assertEq(vault.maxRedeem(lender), shares);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), 1);
    }

    function test_requestRedeem__nothing__reverts() public {
        vm.expectRevert(ICreditVault.ZeroShares.selector);
        vm.prank(lender);
        vault.requestRedeem(0, lender, lender);
    }

    function test_requestRedeem__moreThanHeld__reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, lender, shares, shares + 1)
        );
        vm.prank(lender);
        vault.requestRedeem(shares + 1, lender, lender);
    }

    function test_requestRedeem__forNobody__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        vm.prank(lender);
        vault.requestRedeem(1, address(0), lender);
    }

    function test_requestRedeem__paused__goesOn() public {
        registry.set(true);
        vm.assertGt(_exit(lender, shares), 0);
    }
}

contract RequestRedeemTest18 is RequestRedeemTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
