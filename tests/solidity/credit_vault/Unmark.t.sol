// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrying, ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract UnmarkTest is VaultScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _deposit(lender, _coins(1000));
        loanId = desk.lend(borrower, _coins(600), 1200);
        desk.lend(borrower, _coins(200), 777);
    }

    function test_unmark__fallingMark__countsInFullAgain() public {
        desk.mark(loanId, _coins(100), START);
        vm.warp(START + 10 days);
        vm.assertGt(vault.book().writtenDown, 0);
        vm.expectEmit(address(vault));
        emit ICreditVault.Unmark(loanId);
        desk.unmark(loanId);

        VaultBook memory b = vault.book();
        vm.assertEq(b.markedBase + b.writtenDown + b.markedOwed, 0);
        vm.assertEq(b.performingPrincipal, _coins(800));
        _check();
        // Nothing of it falls later.
        vm.warp(START + 100 days);
        vm.assertEq(vault.book().writtenDown, 0);
        _check();
    }

    function test_unmark__youngMark__servesAgain() public {
        uint256 shares = vault.balanceOf(lender);
        _request(lender, shares / 10);
        _nextWeek();
        desk.mark(loanId, 0, block.timestamp);
        vm.assertEq(vault.servingFrom(), block.timestamp + 7 days);
        desk.unmark(loanId);
        vm.assertEq(vault.servingFrom(), 0);
        vault.serve();
    }

    function test_unmark__theYoungestOfTwo__leavesTheOther() public {
        desk.mark(2, 0, START);
        vm.warp(START + 3 days + 7);
        desk.mark(loanId, 0, block.timestamp);
        vm.assertEq(vault.servingFrom(), START + 10 days);
        desk.unmark(loanId);
        vm.assertEq(vault.servingFrom(), START + 7 days);
        vm.warp(START + 7 days);
        vm.assertEq(vault.servingFrom(), 0);
    }

    function test_unmark__noMark__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotMarked.selector, loanId));
        desk.unmark(loanId);
    }

    function test_unmark__twice__reverts() public {
        desk.mark(loanId, 0, START);
        desk.unmark(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotMarked.selector, loanId));
        desk.unmark(loanId);
    }

    function test_unmark__heldLot__reverts() public {
        desk.holdLot(loanId, _coins(1));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotMarked.selector, loanId));
        desk.unmark(loanId);
    }

    function test_unmark__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.unmark(loanId, Carrying(0, 0, 0));
    }
}
