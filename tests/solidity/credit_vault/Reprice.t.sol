// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Carrying, ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract RepriceTest is VaultScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _deposit(lender, _coins(1000));
        loanId = desk.lend(borrower, _coins(600), 1200);
        desk.lend(borrower, _coins(200), 777);
    }

    function test_reprice__performing__accruesAtTheNewRateFromNow() public {
        vm.warp(START + 100 days);
        uint256 before = vault.optimisticAssets();
        vm.expectEmit(address(vault));
        emit ICreditVault.Reprice(loanId, 1200, 1700);
        desk.reprice(loanId, 1700);
        vm.assertEq(vault.optimisticAssets(), before);
        vm.warp(START + 200 days);
        _check();
        desk.reprice(loanId, 1200);
        vm.warp(START + 300 days);
        _check();
    }

    function test_reprice__marked__runsOnInTheOptimisticValueAlone() public {
        desk.mark(loanId, _coins(600), START);
        uint256 conservative = vault.conservativeAssets();
        desk.reprice(loanId, 2400);
        vm.warp(START + 73 days);
        vm.assertEq(vault.book().markedOwed, _coins(600) + _coins(288) / 10);
        // The other loan's interest alone.
        vm.assertEq(vault.conservativeAssets() - conservative, _coins(200) * 777 * 73 / 10_000 / 365);
        _check();
    }

    function test_reprice__byAnyoneElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.NotCredit.selector, stranger));
        vm.prank(stranger);
        vault.reprice(loanId, Carrying(0, 0, 0), 0);
    }
}

contract RepriceTest18 is RepriceTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
