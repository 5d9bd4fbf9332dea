// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrying, ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract ReceivePaymentTest is VaultScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _deposit(lender, _coins(1000));
        loanId = desk.lend(borrower, _coins(600), 1200);
        desk.lend(borrower, _coins(200), 777);
    }

    function test_receivePayment__interestAndPrincipal__becomesCash() public {
        vm.warp(START + 73 days);
        // 600 at 12 % for a fifth of a year.
        uint256 due = _coins(144) / 10;
        vm.expectEmit(address(vault));
        emit ICreditVault.Receive(loanId, _coins(100), due);
        desk.pay(loanId, _coins(100) + due);

        vm.assertEq(vault.book().cash, _coins(300) + due);
        vm.assertEq(desk.owed(loanId), _coins(500));
        _check();
    }

    /// @dev The fraction of a unit that rounding up takes is the lenders'.
    function test_receivePayment__fractionOfAUnit__roundsForTheVault() public {
        vm.warp(START + 1);
        uint256 before = vault.optimisticAssets();
        (, uint256 interest) = desk.pay(loanId, 1);
        vm.assertEq(interest, 1);
        vm.assertGe(vault.optimisticAssets(), before);
        _check();
    }

    function test_receivePayment__daily__isWhatEachLoanOwes() public {
        for (uint256 i = 1; i <= 40; ++i) {
            vm.warp(START + i * DAY + 131 * i);
            desk.pay(loanId, _coins(1) / 3 + i);
            _check();
        }
        desk.pay(loanId, type(uint96).max);
        vm.assertEq(desk.owed(loanId), 0);
        vm.assertEq(vault.book().performingPrincipal, _coins(200));
        _check();
    }

    function test_receivePayment__marked__lowersBaseFirst() public {
        vm.warp(START + 10 days);
        desk.mark(loanId, _coins(300), block.timestamp);
        uint256 base = vault.book().markedBase;
        vm.warp(START + 20 days);
        // A third of the way down.
        vm.assertEq(vault.book().writtenDown, (base - _coins(300) + 2) / 3);
        desk.pay(loanId, _coins(100));

        vm.assertEq(vault.book().markedBase, base - _coins(100));
        vm.assertEq(vault.book().writtenDown, (base - _coins(400) + 2) / 3);
        _check();
        // Past the floor, base and floor are one.
        desk.pay(loanId, _coins(350));
        vm.assertEq(vault.book().markedBase, base - _coins(450));
        vm.assertEq(vault.book().writtenDown, 0);
        _check();
    }

    function test_receivePayment__markedPaidWhole__countsForNothing() public {
        vm.warp(START + 10 days);
        desk.mark(loanId, _coins(300), block.timestamp);
        vm.warp(START + 50 days);
        desk.pay(loanId, type(uint96).max);
        VaultBook memory b = vault.book();
        vm.assertEq(b.markedBase, 0);
        vm.assertEq(b.markedOwed, 0);
        vm.assertEq(b.writtenDown, 0);
        desk.unmark(loanId);
        _check();
    }

    function test_receivePayment__heldLot__lowersWhatIsOwed() public {
        desk.holdLot(loanId, _coins(500));
        vm.expectEmit(address(vault));
        emit ICreditVault.Receive(loanId, _coins(50), 0);
        desk.pay(loanId, _coins(50));
        vm.assertEq(vault.book().heldOwed, _coins(550));
        vm.assertEq(vault.book().markedBase, _coins(500));
        _check();
        desk.pay(loanId, _coins(100));
        // It counts for no more than is owed.
        vm.assertEq(vault.book().heldOwed, _coins(450));
        vm.assertEq(vault.book().markedBase, _coins(450));
        vm.warp(START + 45 days);
        vm.assertEq(vault.book().writtenDown, _coins(225));
        _check();
    }

    function test_receivePayment__paused__goesOn() public {
        registry.set(true);
        desk.pay(loanId, _coins(1));
        _check();
    }

    function test_receivePayment__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.receivePayment(loanId, 0, 0, 0, 0);
    }

    function test_receivePayment__notSent__reverts() public {
        Carrying memory before = desk.carrying(loanId);
        coin.mint(address(vault), _coins(3));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(4), _coins(3)));
        vm.prank(address(desk));
        vault.receivePayment(loanId, before.rateBps, _coins(4), 0, 0);
    }

    /// @dev What is set aside for those who left is no payment.
    function test_receivePayment__setAside__isNoPayment() public {
        _request(lender, vault.balanceOf(lender) / 10);
        _nextWeek();
        vault.serve();
        Carrying memory before = desk.carrying(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, 1, 0));
        vm.prank(address(desk));
        vault.receivePayment(loanId, before.rateBps, 1, 0, 0);
    }

    function test_receivePayment__moreThanALotOwes__reverts() public {
        desk.holdLot(loanId, _coins(500));
        coin.mint(address(vault), _coins(700));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        vm.prank(address(desk));
        vault.receivePayment(loanId, 0, _coins(600) + 1, 0, 0);
    }
}

contract ReceivePaymentTest8 is ReceivePaymentTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract ReceivePaymentTest18 is ReceivePaymentTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
