// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrying, ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract SettleTest is VaultScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _deposit(lender, _coins(1000));
        loanId = desk.lend(borrower, _coins(600), 1200);
        vm.warp(START + 73 days);
    }

    function test_settle__performing__booksTheLossAtOnce() public {
        uint256 owed = _coins(600) + _coins(144) / 10;
        vm.expectEmit(address(vault));
        emit ICreditVault.Settle(loanId, owed, _coins(500), owed - _coins(500));
        desk.settle(loanId, _coins(500));
        vm.assertEq(vault.conservativeAssets(), _coins(900));
        vm.assertEq(vault.optimisticAssets(), _coins(900));
        _check();
    }

    function test_settle__marked__takesOutTheMark() public {
        desk.mark(loanId, _coins(200), block.timestamp);
        vm.warp(START + 80 days);
        desk.settle(loanId, _coins(550));
        vm.assertEq(vault.conservativeAssets(), _coins(950));
        vm.assertEq(vault.optimisticAssets(), _coins(950));
        vm.assertEq(vault.servingFrom(), 0);
        vm.warp(START + 200 days);
        _check();
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotMarked.selector, loanId));
        desk.unmark(loanId);
    }

    function test_settle__heldLot__owesWhatItOwedWhenHeld() public {
        uint256 owed = desk.owed(loanId);
        desk.holdLot(loanId, _coins(90));
        vm.warp(START + 100 days);
        desk.pay(loanId, _coins(10));
        vm.expectEmit(address(vault));
        emit ICreditVault.Settle(loanId, owed - _coins(10), _coins(120), owed - _coins(130));
        desk.settle(loanId, _coins(120));
        VaultBook memory b = vault.book();
        vm.assertEq(b.heldOwed + b.markedBase + b.writtenDown, 0);
        vm.assertEq(vault.optimisticAssets(), _coins(530));
        _check();
    }

    function test_settle__whole__losesNothing() public {
        uint256 owed = desk.owed(loanId);
        vm.expectEmit(address(vault));
        emit ICreditVault.Settle(loanId, owed, owed, 0);
        desk.settle(loanId, owed);
        _check();
    }

    function test_settle__notSent__reverts() public {
        Carrying memory c = desk.carrying(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(1), 0));
        vm.prank(address(desk));
        vault.settle(loanId, c, _coins(1));
    }

    function test_settle__paused__goesOn() public {
        registry.set(true);
        desk.settle(loanId, 0);
        _check();
    }

    function test_settle__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.settle(loanId, Carrying(0, 0, 0), 0);
    }
}

contract SettleTest18 is SettleTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
