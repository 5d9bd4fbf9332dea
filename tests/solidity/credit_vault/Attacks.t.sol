// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {bound} from "../base/Bound.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev What an attacker may try around an event that it sees coming, with any capital: it never leaves with more than it brought and its
/// share of the interest of its time in the vault.
contract AttacksTest is VaultScene {
    /* ---- before anybody is there ---- */

    /// @dev The classic: a share for a unit, a large gift, and the next depositor's shares round to nothing.
    function testFuzz_attack__inflateBeforeTheFirstDeposit__loses(uint256 seed, uint256 gift, uint256 victims) public {
        seed = bound(seed, 1, _coins(1));
        gift = bound(gift, 1, _coins(10_000_000));
        victims = bound(victims, 1, _coins(1_000_000));
        _deposit(attacker, seed);
        coin.mint(address(vault), gift);
        // Nothing of it is counted.
        vm.assertEq(vault.totalAssets(), seed);
        uint256 shares = _deposit(lender, victims);
        vm.assertEq(shares, victims * 1e6);
        vm.assertLe(_exit(attacker, vault.balanceOf(attacker)), seed);
    }

    /// @dev By a payment instead of a gift: the attacker as the only lender and the borrower at once.
    function testFuzz_attack__inflateByOwnInterest__loses(uint256 seed, uint256 interest, uint256 victims) public {
        seed = bound(seed, 1, 1000);
        interest = bound(interest, 1, _coins(1000));
        victims = bound(victims, 1, _coins(1_000_000));
        _deposit(attacker, seed);
        uint256 loanId = desk.lend(attacker, seed, 5000);
        vm.warp(START + 1 days);
        (, uint256 paid) = desk.pay(loanId, interest);
        uint256 before = vault.optimisticAssets();
        _fund(lender, victims);
        vm.prank(lender);
        (bool entered,) = address(vault).call(abi.encodeCall(vault.deposit, (victims, lender)));
        if (!entered) return;
        // The victim's shares are worth what it paid, but for a few units.
        uint256 worth = vault.balanceOf(lender) * (vault.optimisticAssets() + 1) / (vault.totalSupply() + 1e6);
        vm.assertGe(worth + before / 1e6 + 2, victims);
        vm.assertGe(seed + paid + 1, before);
    }

    /* ---- in, and out again ---- */

    function testFuzz_attack__sandwichAPayment__gainsItsInterestAtMost(uint256 capital, uint256 payment) public {
        uint256 loanId = _market();
        capital = bound(capital, 1, _coins(10_000_000));
        _deposit(attacker, capital);
        desk.pay(loanId, bound(payment, 1, _coins(2000)));
        _leavesWithNoMoreThan(capital);
    }

    function testFuzz_attack__sandwichAMark__gainsNothing(uint256 capital, uint256 floor, uint256 ago) public {
        uint256 loanId = _market();
        capital = bound(capital, 1, _coins(10_000_000));
        _deposit(attacker, capital);
        desk.mark(loanId, bound(floor, 0, _coins(600)), block.timestamp - bound(ago, 0, 40) * DAY);
        _leavesWithNoMoreThan(capital);
    }

    /// @dev Enters while a mark has fallen, for the jump of its cure.
    function testFuzz_attack__sandwichACure__gainsNothing(uint256 capital, uint256 floor) public {
        uint256 loanId = _market();
        desk.mark(loanId, bound(floor, _coins(595), _coins(605)), block.timestamp - 20 days);
        capital = bound(capital, 1, _coins(10_000_000));
        _deposit(attacker, capital);
        desk.unmark(loanId);
        _leavesWithNoMoreThan(capital);
    }

    /// @dev Enters before a sale that brings more than the mark said, but not more than what is owed.
    function testFuzz_attack__sandwichASale__gainsNothing(uint256 capital, uint256 recovered) public {
        uint256 loanId = _market();
        desk.mark(loanId, _coins(600), block.timestamp - 40 days);
        capital = bound(capital, 1, _coins(10_000_000));
        _deposit(attacker, capital);
        desk.settle(loanId, bound(recovered, 0, desk.owed(loanId)));
        _leavesWithNoMoreThan(capital);
    }

    /// @dev Enters before others are served at the conservative value: what they leave behind goes to all who stay, and a mark that is small
    /// enough to enter at leaves no more than 2 % behind.
    function testFuzz_attack__sandwichAServing__gainsWhatLeaversLeaveAtMost(uint256 capital) public {
        uint256 loanId = _market();
        desk.mark(loanId, _coins(590), block.timestamp - 40 days);
        uint256 shares = vault.balanceOf(investor);
        _request(investor, shares);
        capital = bound(capital, 1, _coins(10_000_000));
        _nextWeek();
        uint256 worth = shares * (vault.optimisticAssets() + 1) / (vault.totalSupply() + 1e6);
        _deposit(attacker, capital);
        (, uint256 assets) = vault.serve();
        vm.assertLe(worth - assets, worth / 50 + 2);
        _leavesWithNoMoreThan(capital + worth - assets);
    }

    /// @dev Asks to redeem before a loss that it knows of, and is served after it: at the value that is left.
    function test_attack__requestBeforeALoss__sharesIt() public {
        uint256 loanId = _market();
        uint256 shares = _deposit(attacker, _coins(1000));
        _request(attacker, shares);
        desk.settle(loanId, 0);
        uint256 value = vault.conservativeAssets();
        uint256 supply = vault.totalSupply();
        _nextWeek();
        (, uint256 assets) = vault.serve();
        vm.assertLe(assets, shares * (value + _coins(20) + 1) / supply);
        vm.assertLt(assets, _coins(1000));
    }

    /// @dev Those who leave after a mark, before it has fallen, would leave whole: they wait for a week of it.
    function test_attack__leaveRightAfterAMark__waitsAWeek() public {
        uint256 loanId = _market();
        _request(lender, vault.balanceOf(lender));
        _nextWeek();
        desk.mark(loanId, 0, block.timestamp);
        uint256 before = vault.conservativeAssets();
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.MarkTooYoung.selector, block.timestamp + WEEK));
        vault.serve();
        vm.warp(block.timestamp + WEEK);
        vault.serve();
        vm.assertLt(vault.maxWithdraw(lender), before / 2);
    }

    /* ---- shares that are borrowed ---- */

    /// @dev Flash-borrowed shares can be asked back, not given back in the same transaction: they are escrowed.
    function test_attack__flashBorrowedShares__areLocked() public {
        _market();
        uint256 shares = vault.balanceOf(lender);
        vm.prank(lender);
        require(vault.transfer(attacker, shares), "not lent");
        _request(attacker, shares);
        vm.assertEq(vault.balanceOf(attacker), 0);
        vm.assertEq(vault.maxRedeem(attacker), 0);
        vm.prank(attacker);
        vault.cancelRedeemRequest(0, attacker);
        vm.prank(attacker);
        vault.claimCancelRedeemRequest(0, lender, attacker);
        vm.assertEq(vault.balanceOf(lender), shares);
    }

    /* ---- holding others up ---- */

    /// @dev Neither dust nor cancelled requests of an attacker hold up an epoch, or lending, for longer than a call.
    function test_attack__dustInEveryWeek__costsOneCallEach() public {
        _market();
        for (uint256 i; i < 5; ++i) {
            _deposit(attacker, 1);
            _request(attacker, 1);
            _nextWeek();
            vault.serve();
            vm.assertEq(vault.oldestEpoch(), 0);
            vm.assertEq(vault.lendable(), vault.book().cash);
        }
    }

    /* ---- inside ---- */

    /// @dev Two lenders, a loan of 600 at 12 %, cash, and some interest since.
    function _market() private returns (uint256 loanId) {
        _deposit(lender, _coins(900));
        _deposit(investor, _coins(300));
        loanId = desk.lend(borrower, _coins(600), 1200);
        vm.warp(START + 8 * WEEK + 1 hours);
    }

    /// @dev Leaves as fast as it can: with `most`, and of the interest until then what all of it is.
    function _leavesWithNoMoreThan(uint256 most) private {
        uint256 shares = vault.balanceOf(attacker);
        if (shares == 0) return;
        _request(attacker, shares);
        _nextWeek();
        if (vault.servingFrom() > block.timestamp) vm.warp(vault.servingFrom());
        // Of 600 at 12 %, in at most two weeks and a day.
        uint256 interest = _coins(600) * 1200 * 15 days / (10_000 * 365 days) + 2;
        while (vault.oldestEpoch() != 0 && vault.oldestEpoch() < vault.currentEpoch()) {
            vault.serve();
            if (vault.epochOf(attacker) != 0 && vault.book().cash == 0) break;
        }
        vm.assertLe(_claim(attacker), most + interest);
        _check();
    }
}

contract AttacksTest18 is AttacksTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
