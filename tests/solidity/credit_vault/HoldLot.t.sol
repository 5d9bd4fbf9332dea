// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrying, ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract HoldLotTest is VaultScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _deposit(lender, _coins(1000));
        loanId = desk.lend(borrower, _coins(600), 1200);
        desk.lend(borrower, _coins(200), 777);
        vm.warp(START + 73 days);
    }

    function test_holdLot__marked__fallsToZeroWithinNinetyDays() public {
        desk.mark(loanId, _coins(100), block.timestamp);
        vm.warp(START + 77 days);
        uint256 owed = desk.owed(loanId);
        vm.expectEmit(address(vault));
        emit ICreditVault.HoldLot(loanId, owed, _coins(90));
        desk.holdLot(loanId, _coins(90));

        VaultBook memory b = vault.book();
        vm.assertEq(b.heldOwed, owed);
        vm.assertEq(b.markedOwed, 0);
        vm.assertEq(b.markedBase, _coins(90));
        vm.assertEq(b.writtenDown, 0);
        // The lot is at its floor already: it is not young.
        vm.assertEq(vault.servingFrom(), 0);
        for (uint256 i = 1; i <= 90; i += 7) {
            vm.warp(START + (77 + i) * DAY);
            vm.assertEq(vault.book().writtenDown, _coins(i));
            _check();
        }
        vm.warp(START + 300 * DAY);
        vm.assertEq(vault.book().writtenDown, _coins(90));
        // What is owed on it stands still.
        vm.assertEq(vault.book().heldOwed, owed);
        _check();
    }

    function test_holdLot__withoutAMark__leavesThePerformingBook() public {
        desk.holdLot(loanId, _coins(90));
        vm.assertEq(vault.book().performingPrincipal, _coins(200));
        _check();
    }

    function test_holdLot__valueAboveDebt__countsForTheDebt() public {
        uint256 owed = desk.owed(loanId);
        vm.expectEmit(address(vault));
        emit ICreditVault.HoldLot(loanId, owed, owed);
        desk.holdLot(loanId, _coins(5000));
        _check();
    }

    function test_holdLot__twice__reverts() public {
        desk.holdLot(loanId, _coins(90));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.AlreadyMarked.selector, loanId));
        desk.holdLot(loanId, _coins(90));
    }

    function test_holdLot__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.holdLot(loanId, Carrying(0, 0, 0), 0);
    }
}

contract HoldLotTest18 is HoldLotTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
