// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditVault, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev The cap, and what `maxDeposit`, `maxMint` and the other reads say.
contract LimitsTest is VaultScene {
    function test_setCap__byRisk__holdsFromNowOn() public {
        vm.expectEmit(address(vault));
        emit ICreditVault.SetCap(_coins(5) + 1);
        vm.prank(risk);
        vault.setCap(_coins(5) + 1);
        vm.assertEq(vault.cap(), _coins(5) + 1);
        vm.assertEq(vault.maxDeposit(lender), _coins(5) + 1);
    }

    function test_setCap__belowAssets__closesEntryAlone() public {
        uint256 shares = _deposit(lender, _coins(100));
        vm.prank(risk);
        vault.setCap(_coins(10));
        vm.assertEq(vault.maxDeposit(lender), 0);
        vm.assertEq(vault.maxMint(lender), 0);
        desk.lend(borrower, _coins(10), 0);
        vm.assertGt(_exit(lender, shares / 2), 0);
    }

    function test_setCap__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        vm.prank(stranger);
        vault.setCap(0);
    }

    function test_setCap__moreThan96Bits__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, 96, uint256(1) << 96));
        vm.prank(risk);
        vault.setCap(1 << 96);
    }

    /// @dev The coarse cap that deposits read first is a thousand coins fine; the real one holds.
    function testFuzz_setCap__anyCap__isExact(uint256 cap, uint256 first) public {
        cap = cap % _coins(5_000_000);
        vm.prank(risk);
        vault.setCap(cap);
        first = cap == 0 ? 0 : first % cap;
        if (first > 0) _deposit(lender, first);
        _fund(investor, cap + 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.CapExceeded.selector, cap + 1, cap));
        vm.prank(investor);
        vault.deposit(cap + 1 - first, investor);
        vm.assertEq(vault.maxDeposit(investor), cap - first);
        vm.prank(investor);
        vault.deposit(cap - first, investor);
    }

    function test_maxDeposit__paused__isZero() public {
        vm.assertGt(vault.maxDeposit(lender), 0);
        vm.assertGt(vault.maxMint(lender), 0);
        registry.set(true);
        vm.assertEq(vault.maxDeposit(lender), 0);
        vm.assertEq(vault.maxMint(lender), 0);
    }

    function test_maxDeposit__valuesTooFarApart__isZero() public {
        _deposit(lender, _coins(1000));
        uint256 loanId = desk.lend(borrower, _coins(21), 0);
        desk.mark(loanId, 0, START - 28 days);
        vm.assertGt(vault.maxDeposit(lender), 0);
        vm.warp(START + 1 days);
        vm.assertEq(vault.maxDeposit(lender), 0);
        vm.assertEq(vault.maxMint(lender), 0);
        desk.unmark(loanId);
        vm.assertGt(vault.maxDeposit(lender), 0);
    }

    /// @dev Two values of a few units are always apart by rounding.
    function test_maxDeposit__aFewUnits__roundingClosesNothing() public {
        vm.prank(risk);
        vault.setCap(100);
        _deposit(lender, 10);
        desk.lend(borrower, 9, 1000);
        vm.warp(START + 1);
        vm.assertEq(vault.optimisticAssets() - vault.conservativeAssets(), 1);
        vm.assertEq(vault.maxDeposit(lender), 89);
        _deposit(investor, 89);
    }

    function test_book__everything__isReadable() public {
        uint256 shares = _deposit(lender, _coins(1000));
        uint256 a = desk.lend(borrower, _coins(100), 1000);
        uint256 b = desk.lend(borrower, _coins(200), 1000);
        uint256 c = desk.lend(borrower, _coins(300), 1000);
        _request(lender, shares / 10);
        _nextWeek();
        vault.serve();
        desk.mark(b, 0, block.timestamp);
        desk.holdLot(c, _coins(90));
        vm.warp(block.timestamp + 15 days);

        VaultBook memory x = vault.book();
        vm.assertEq(x.setAside, vault.maxWithdraw(lender));
        vm.assertEq(x.cash, _coins(400) - x.setAside);
        vm.assertEq(x.performingPrincipal, _coins(100));
        vm.assertEq(x.performingInterest, uint256(desk.carrying(a).accruedScaled) / desk.SCALE());
        vm.assertEq(x.markedOwed, desk.owed(b));
        vm.assertEq(x.heldOwed, desk.owed(c));
        // Half of the mark, a sixth of the lot.
        uint256 base = x.markedBase - _coins(90);
        vm.assertEq(x.writtenDown, (base * 3 + _coins(90) + 5) / 6);
        vm.assertEq(
            vault.totalAssets(), x.cash + x.performingPrincipal + x.performingInterest + x.markedBase - x.writtenDown
        );
        vm.assertEq(vault.convertToAssets(1e12), 1e12 * (vault.totalAssets() + 1) / (vault.totalSupply() + 1e6));
        vm.assertEq(vault.previewDeposit(1e12), 1e12 * (vault.totalSupply() + 1e6) / (vault.optimisticAssets() + 1));
        _check();
    }

    function test_name__asDeployed() public view {
        vm.assertEq(vault.name(), "Fleet Credit");
        vm.assertEq(vault.symbol(), "fcUSD");
        vm.assertEq(vault.asset(), address(coin));
        vm.assertEq(vault.authority(), address(authority));
    }
}

contract LimitsTest18 is LimitsTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
