// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrying, ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {bound} from "../base/Bound.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract MarkDownTest is VaultScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _deposit(lender, _coins(1000));
        loanId = desk.lend(borrower, _coins(600), 1200);
        desk.lend(borrower, _coins(200), 777);
        vm.warp(START + 73 days + 12 hours);
    }

    function test_markDown__now__fallsEveryMidnightForThirtyDays() public {
        uint256 base =
            desk.owed(loanId) - 1 + (uint256(desk.carrying(loanId).accruedScaled) % desk.SCALE() == 0 ? 1 : 0);
        uint256 day = START / DAY + 73;
        vm.expectEmit(address(vault));
        emit ICreditVault.MarkDown(loanId, base, _coins(240), day, 30);
        desk.mark(loanId, _coins(240), block.timestamp);

        VaultBook memory b = vault.book();
        vm.assertEq(b.markedBase, base);
        vm.assertEq(b.performingPrincipal, _coins(200));
        vm.assertEq(b.writtenDown, 0);
        for (uint256 i = 1; i <= 31; ++i) {
            vm.warp((day + i) * DAY - 1);
            vm.assertEq(vault.book().writtenDown, ((base - _coins(240)) * (i - 1) + 29) / 30);
            _check();
        }
        vm.warp(block.timestamp + 300 days);
        vm.assertEq(vault.book().writtenDown, base - _coins(240));
        _check();
    }

    function test_floorOf__markedHeldOrNeither__floorOrNothing() public {
        vm.assertEq(vault.floorOf(loanId), 0);
        desk.mark(loanId, _coins(240), block.timestamp);
        vm.assertEq(vault.floorOf(loanId), _coins(240));
        desk.mark(loanId, _coins(10), block.timestamp);
        vm.assertEq(vault.floorOf(loanId), _coins(10));
        desk.unmark(loanId);
        vm.assertEq(vault.floorOf(loanId), 0);
    }

    function test_markDown__missedTenDaysAgo__hasFallenTenSteps() public {
        desk.mark(loanId, 0, block.timestamp - 10 days);
        vm.assertEq(vault.book().writtenDown, (vault.book().markedBase * 10 + 29) / 30);
        _check();
        vm.warp(block.timestamp + 20 days);
        vm.assertEq(vault.book().writtenDown, vault.book().markedBase);
        _check();
    }

    function test_markDown__missedLongAgo__isAtItsFloorAtOnce() public {
        desk.mark(loanId, _coins(100), block.timestamp - 40 days);
        VaultBook memory b = vault.book();
        vm.assertEq(b.markedBase - b.writtenDown, _coins(100));
        // Nothing falls any more, so nothing is looped over however long nobody comes.
        vm.warp(block.timestamp + 10_000 days);
        _check();
        desk.unmark(loanId);
        _check();
    }

    function test_markDown__sinceTomorrow__beginsToday() public {
        desk.mark(loanId, 0, block.timestamp + 1 days);
        vm.warp(block.timestamp + 1 days);
        vm.assertEq(vault.book().writtenDown, (vault.book().markedBase + 29) / 30);
    }

    function test_markDown__floorAboveDebt__fallsNowhere() public {
        desk.mark(loanId, _coins(10_000), block.timestamp);
        vm.warp(block.timestamp + 60 days);
        vm.assertEq(vault.book().writtenDown, 0);
        _check();
    }

    function test_markDown__again__keepsItsBaseAndBeginning() public {
        desk.mark(loanId, _coins(300), block.timestamp);
        uint256 base = vault.book().markedBase;
        uint256 day = block.timestamp / DAY;
        vm.warp(block.timestamp + 15 days);
        vm.expectEmit(address(vault));
        emit ICreditVault.MarkDown(loanId, base, _coins(100), day, 30);
        desk.mark(loanId, _coins(100), block.timestamp);
        vm.assertEq(vault.book().writtenDown, (base - _coins(100) + 1) / 2);
        _check();
        // A better appraisal gives back what had fallen too far.
        desk.mark(loanId, _coins(500), block.timestamp);
        vm.assertEq(vault.book().writtenDown, (base - _coins(500) + 1) / 2);
        _check();
    }

    function test_markDown__heldLot__reverts() public {
        desk.holdLot(loanId, _coins(100));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.AlreadyMarked.selector, loanId));
        desk.mark(loanId, 0, block.timestamp);
    }

    function test_markDown__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.markDown(loanId, Carrying(0, 0, 0), 0, 0);
    }

    function test_markDown__paused__goesOn() public {
        registry.set(true);
        desk.mark(loanId, 0, block.timestamp);
        _check();
    }

    /// @dev Marks that begin, end, are written anew and are paid in any order: the vault's sums are those of the loans.
    function testFuzz_markDown__manyMarks__sumAsEachByItself(uint256 seed) public {
        coin.mint(lender, _coins(100_000));
        vm.prank(lender);
        vault.deposit(_coins(1000), lender);
        for (uint256 i; i < 6; ++i) {
            desk.lend(borrower, _coins(10) + i * 1_000_003, 100 + 313 * i);
        }
        for (uint256 i; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 id = bound(seed, 3, 8);
            uint256 kind = (seed >> 16) % 5;
            uint256 state = uint256(desk.loan(id).state);
            if (kind == 0 && state < 2) {
                desk.mark(id, bound(seed >> 32, 0, _coins(9)), block.timestamp - (seed >> 64) % 40 days);
            } else if (kind == 1 && state == 1) {
                desk.unmark(id);
            } else if (kind == 2 && state < 3) {
                desk.pay(id, bound(seed >> 32, 1, _coins(2)));
            } else if (kind == 3 && state < 2 && i > 12) {
                desk.holdLot(id, bound(seed >> 32, 0, _coins(12)));
            } else {
                vm.warp(block.timestamp + (seed >> 32) % 9 days);
            }
            _check();
        }
        vm.warp(block.timestamp + 120 days);
        _check();
    }
}

contract MarkDownTest8 is MarkDownTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract MarkDownTest18 is MarkDownTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
