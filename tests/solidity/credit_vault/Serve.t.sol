// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {bound} from "../base/Bound.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

contract ServeTest is VaultScene {
    function test_serve__enoughCash__servesWhole() public {
        uint256 shares = _deposit(lender, _coins(100));
        _deposit(investor, _coins(50));
        _request(lender, shares);
        _nextWeek();
        uint256 supply = vault.totalSupply();
        uint256 priced = shares * (_coins(150) + 1) / (supply + 1e6);

        vm.expectEmit(address(vault));
        emit ICreditVault.ServeEpoch(FIRST_EPOCH, shares, priced, true);
        (uint256 burned, uint256 assets) = vault.serve();

        vm.assertEq(burned, shares);
        vm.assertEq(assets, priced);
        vm.assertEq(vault.totalSupply(), supply - shares);
        vm.assertEq(vault.book().setAside, assets);
        vm.assertEq(vault.book().cash, _coins(150) - assets);
        vm.assertEq(vault.maxWithdraw(lender), assets);
        vm.assertEq(vault.maxRedeem(lender), shares);
        vm.assertEq(vault.oldestEpoch(), 0);
        _check();
        vm.assertEq(_claim(lender), assets);
        vm.assertEq(vault.book().setAside, 0);
        Epoch memory e = vault.epoch(FIRST_EPOCH);
        vm.assertEq(uint256(e.shares) + e.servedShares + e.servedAssets, 0);
    }

    function test_serve__notEnoughCash__servesProRata() public {
        uint256 a = _deposit(lender, _coins(100));
        uint256 b = _deposit(investor, _coins(200));
        desk.lend(borrower, _coins(270), 0);
        _request(lender, a);
        _request(investor, b);
        _nextWeek();

        (uint256 burned, uint256 assets) = vault.serve();
        vm.assertEq(assets, _coins(30));
        vm.assertEq(vault.maxWithdraw(lender), assets * a / (a + b));
        vm.assertEq(vault.maxRedeem(lender), burned * a / (a + b));
        vm.assertEq(vault.maxWithdraw(investor), assets * b / (a + b));
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH);
        vm.assertEq(vault.lendable(), 0);
        _check();
        _claim(lender);
        _claim(lender);
        vm.assertEq(coin.balanceOf(lender), assets * a / (a + b));
    }

    function test_serve__nobodyAsks__reverts() public {
        _deposit(lender, _coins(1));
        vm.expectRevert(ICreditVault.NothingToServe.selector);
        vault.serve();
    }

    function test_serve__sameWeek__reverts() public {
        uint256 shares = _deposit(lender, _coins(1));
        _request(lender, shares);
        vm.warp(START + WEEK - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditVault.EpochStillOpen.selector, FIRST_EPOCH, (FIRST_EPOCH + 1) * WEEK)
        );
        vault.serve();
    }

    function test_serve__noCash__reverts() public {
        uint256 shares = _deposit(lender, _coins(100));
        desk.lend(borrower, _coins(100), 0);
        _request(lender, shares);
        _nextWeek();
        vm.expectRevert(ICreditVault.NothingToServe.selector);
        vault.serve();
    }

    function test_serve__youngMark__reverts() public {
        uint256 shares = _deposit(lender, _coins(100));
        uint256 loanId = desk.lend(borrower, _coins(50), 1000);
        _request(lender, shares);
        vm.warp(START + 8 * DAY + 5);
        desk.mark(loanId, 0, block.timestamp);
        vm.warp(START + 15 * DAY - 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.MarkTooYoung.selector, START + 15 * DAY));
        vault.serve();

        vm.warp(START + 15 * DAY);
        vault.serve();
        _check();
    }

    function test_serve__twoEpochs__oldestFirst() public {
        uint256 a = _deposit(lender, _coins(100));
        uint256 b = _deposit(investor, _coins(100));
        _request(lender, a);
        _nextWeek();
        _request(investor, b);
        _nextWeek();
        vault.serve();
        vm.assertEq(vault.maxRedeem(lender), a);
        vm.assertEq(vault.maxRedeem(investor), 0);
        vault.serve();
        vm.assertEq(vault.maxRedeem(investor), b);
    }

    /// @dev A younger epoch waits while the oldest one is served by and by.
    function test_serve__cashComesByAndBy__finishesTheOldestFirst() public {
        uint256 a = _deposit(lender, _coins(100));
        _deposit(investor, _coins(100));
        uint256 loanId = desk.lend(borrower, _coins(200), 0);
        _request(lender, a);
        _nextWeek();
        _request(investor, 5e6);
        _nextWeek();
        uint256 paid;
        for (uint256 i = 1; i <= 4; ++i) {
            vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH);
            desk.pay(loanId, _coins(25) + 1);
            vault.serve();
            vm.assertEq(vault.maxWithdraw(investor), 0);
            // Each claim takes what was served since the one before.
            paid += _claim(lender);
            vm.assertGe(paid, _coins(25) * i - 4);
            vm.assertEq(vault.maxWithdraw(lender), 0);
        }
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH + 1);
        _check();
    }

    function test_serve__fallenMark__pricesAtTheConservativeValue() public {
        uint256 shares = _deposit(lender, _coins(100));
        _deposit(investor, _coins(100));
        uint256 loanId = desk.lend(borrower, _coins(90), 0);
        desk.mark(loanId, 0, START - 15 days);
        _request(lender, shares);
        _nextWeek();
        // 22 of 30 days.
        uint256 value = _coins(200) - (_coins(90) * 22 + 29) / 30;
        (, uint256 assets) = vault.serve();
        vm.assertEq(assets, shares * (value + 1) / (_coins(200) * 1e6 + 1e6));
        _check();
    }

    function test_serve__oldMark__doesNotWait() public {
        uint256 shares = _deposit(lender, _coins(100));
        uint256 loanId = desk.lend(borrower, _coins(50), 1000);
        _request(lender, shares);
        vm.warp(START + 20 days);
        desk.mark(loanId, 0, START + 12 days);
        vm.assertEq(vault.servingFrom(), 0);
        vault.serve();
    }

    /// @dev A share that is worth less than a unit would otherwise hold up everybody.
    function test_serve__dust__isBurnedForNothing() public {
        _deposit(lender, _coins(100));
        _request(lender, 1);
        _nextWeek();
        (uint256 shares, uint256 assets) = vault.serve();
        vm.assertEq(shares, 1);
        vm.assertEq(assets, 0);
        vm.assertEq(vault.lendable(), _coins(100));
        vm.assertEq(vault.maxRedeem(lender), 1);
        vm.assertEq(_claim(lender), 0);
        vm.assertEq(vault.maxRedeem(lender), 0);
    }

    /// @dev With everything written down, nobody is burned out for nothing before something is recovered.
    function test_serve__allWrittenDown__waitsForCash() public {
        uint256 shares = _deposit(lender, _coins(100));
        uint256 loanId = desk.lend(borrower, _coins(100), 1000);
        desk.mark(loanId, 0, START - 30 days);
        _request(lender, shares);
        _nextWeek();
        vm.assertEq(vault.conservativeAssets(), 0);
        vm.expectRevert(ICreditVault.NothingToServe.selector);
        vault.serve();
        desk.settle(loanId, _coins(40));
        (, uint256 assets) = vault.serve();
        vm.assertGe(assets, _coins(40) - 1);
    }

    function test_serve__cancelledEpoch__isSkipped() public {
        uint256 a = _deposit(lender, _coins(100));
        uint256 b = _deposit(investor, _coins(100));
        _request(lender, a);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        _nextWeek();
        _request(investor, b);
        _nextWeek();
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH + 1);
        vault.serve();
        vm.assertEq(vault.maxRedeem(investor), b);
    }

    /// @dev Epochs are kept one bit each, 255 to a word.
    function test_serve__manyYearsLater__isStillFound() public {
        uint256 a = _deposit(lender, _coins(100));
        _request(lender, a / 2);
        vm.warp(START + 300 * WEEK);
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH);
        vault.serve();
        vm.assertEq(vault.oldestEpoch(), 0);
        _request(lender, a / 4);
        vm.assertEq(vault.oldestEpoch(), FIRST_EPOCH + 300);
        vm.warp(START + 1000 * WEEK);
        vault.serve();
        vm.assertEq(vault.maxRedeem(lender), a / 2 + a / 4);
    }

    /// @dev Whoever claims, before or after the rest is served; once all is served and claimed, nothing is left over.
    function testFuzz_serve__anyShares__everyClaimIsBacked(uint256 x, uint256 y, uint256 cash) public {
        uint256 a = _deposit(lender, _coins(100));
        uint256 b = _deposit(investor, _coins(100));
        uint256 c = _deposit(attacker, _coins(100));
        desk.lend(borrower, _coins(300) - bound(cash, 1, _coins(120)), 999);
        _request(lender, bound(x, 1, a));
        _request(investor, bound(y, 1, b));
        _request(attacker, c);
        _nextWeek();
        vault.serve();
        uint256 setAside = vault.book().setAside;
        uint256 paid = _claim(attacker);
        desk.pay(1, bound(cash, 1, _coins(200)));
        if (vault.oldestEpoch() == FIRST_EPOCH) {
            (, uint256 more) = vault.serve();
            setAside += more;
        }
        paid += _claim(lender) + _claim(investor) + _claim(attacker);
        vm.assertLe(paid, setAside);
        vm.assertLe(setAside - paid, 3);
        if (vault.oldestEpoch() == 0) vm.assertEq(paid, setAside);
        _check();
    }
}

contract ServeTest8 is ServeTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract ServeTest18 is ServeTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
