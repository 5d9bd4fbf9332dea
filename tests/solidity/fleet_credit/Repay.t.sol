// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditFacts, Loan, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";

contract RepayTest is CreditScene {
    function test_repay__partly__interestFirstThenPrincipal() public {
        uint256 loanId = _drawnLoan();
        vm.warp(START + 73 days);
        // 12 % on 300,000 for a fifth of a year.
        (uint256 principal, uint256 interest) = credit.debt(loanId);
        vm.assertEq(principal, _coins(300_000));
        vm.assertEq(interest, _coins(7200));

        _fund(stranger, _coins(10_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.RepayLoan(loanId, stranger, _coins(2800), _coins(7200));
        vm.prank(stranger);
        (principal, interest) = credit.repay(loanId, _coins(10_000));

        vm.assertEq(principal, _coins(2800));
        vm.assertEq(interest, _coins(7200));
        vm.assertEq(coin.balanceOf(stranger), 0);
        vm.assertEq(_owed(loanId), _coins(297_200));
        vm.assertEq(vault.book().performingInterest, 0);
        _checkMoney(loanId);
    }

    function test_repay__lessThanTheInterest__noPrincipal() public {
        uint256 loanId = _drawnLoan();
        vm.warp(START + 73 days);
        (uint256 principal, uint256 interest) = _repay(loanId, _coins(7199));
        vm.assertEq(principal, 0);
        vm.assertEq(interest, _coins(7199));
        (, interest) = credit.debt(loanId);
        vm.assertEq(interest, _coins(1));
    }

    function test_repay__all__loanClosesAndThePledgeGoesBack() public {
        uint256 loanId = _drawnLoan();
        _goTo(START + 10 days);
        _bringAndRelease(_coins(500));
        uint256 owed = _owed(loanId);
        _fund(stranger, owed + 1);
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, _coins(28_500), 0, 0);
        vm.prank(stranger);
        credit.repay(loanId, type(uint256).max);

        vm.assertEq(coin.balanceOf(stranger), 1);
        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Closed);
        vm.assertEq(l.principal + l.accruedScaled + l.reserve + l.setAside, 0);
        vm.assertEq(l.shares + l.collateralAmount, 0);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(shares.balanceOf(owner), FREE_SHARES);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
        vm.assertEq(credit.loanOf(fleetId), 0);
        vm.assertEq(credit.outstanding("fleet", bytes32(fleetId)), 0);
        vm.assertEq(credit.outstanding("operator", bytes32(uint256(uint160(operator)))), 0);
        vm.assertEq(credit.outstanding("borrower", bytes32(uint256(uint160(owner)))), 0);
        // Reserve, and what the pledge earned until the last second, are the borrower's.
        vm.prank(owner);
        vm.assertEq(credit.withdraw(coin, investor), _coins(28_500));
        _checkMoney(loanId);
    }

    function test_repay__inTheBlockOfTheDraw__principalAlone() public {
        uint256 loanId = _drawnLoan();
        (uint256 principal, uint256 interest) = _repay(loanId, type(uint256).max);
        vm.assertEq(principal, _coins(300_000));
        vm.assertEq(interest, 0);
    }

    function test_repay__closed__reverts() public {
        uint256 loanId = _drawnLoan();
        _repay(loanId, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        credit.repay(loanId, 1);
    }

    function test_repay__notDrawn__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Approved));
        credit.repay(loanId, 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.UnknownLoan.selector, loanId + 1));
        credit.repay(loanId + 1, 1);
    }

    function test_repay__nothing__reverts() public {
        uint256 loanId = _drawnLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NothingToRepay.selector, loanId));
        credit.repay(loanId, 0);
    }

    /// @dev Somebody pays a unit first: who meant to pay a sum still pays it, and who meant to pay all pays what is left.
    function test_repay__dustPaidJustBefore__neitherRevertsNorCostsMore() public {
        uint256 loanId = _drawnLoan();
        vm.warp(START + 5 days);
        uint256 owed = _owed(loanId);
        _fund(attacker, 1);
        vm.prank(attacker);
        credit.repay(loanId, 1);
        _fund(stranger, owed);
        vm.prank(stranger);
        credit.repay(loanId, owed);
        vm.assertEq(coin.balanceOf(stranger), 1);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
    }

    /// @dev A hundred payments at one time leave what one of their sum leaves.
    function testFuzz_repay__hundredSmallOnesOrOne__sameLoan(uint256 days_, uint256 seed) public {
        uint256 loanId = _drawnLoan();
        vm.warp(START + bound(days_, 0, 29 days));
        uint256[100] memory amounts;
        uint256 sum;
        for (uint256 i; i < 100; ++i) {
            amounts[i] = uint256(keccak256(abi.encode(seed, i))) % _coins(2000) + 1;
            sum += amounts[i];
        }
        uint256 before = vm.snapshotState();
        _repay(loanId, sum);
        Loan memory once = credit.loan(loanId);
        uint256 cash = vault.book().cash;
        vm.revertToState(before);
        for (uint256 i; i < 100; ++i) {
            _repay(loanId, amounts[i]);
        }
        vm.assertEq(keccak256(abi.encode(credit.loan(loanId))), keccak256(abi.encode(once)));
        vm.assertEq(vault.book().cash, cash);
    }

    /// @dev Interest second by second, on a reference that knows nothing of the contract.
    function testFuzz_repay__atAnyTimes__interestIsExact(uint256 seed) public {
        uint256 loanId = _drawnLoan();
        uint256 principal = _coins(300_000);
        uint256 scaled;
        uint256 time = START;
        for (uint256 i; i < 8; ++i) {
            uint256 step = uint256(keccak256(abi.encode(seed, i, "time"))) % 4 days;
            uint256 amount = uint256(keccak256(abi.encode(seed, i, "amount"))) % _coins(20_000) + 1;
            time += step;
            vm.warp(time);
            scaled += principal * 1200 * step;
            uint256 up = (scaled + SCALE - 1) / SCALE;
            (uint256 owedPrincipal, uint256 owedInterest) = credit.debt(loanId);
            vm.assertEq(owedPrincipal, principal, "principal");
            vm.assertEq(owedInterest, up, "interest");
            _repay(loanId, amount);
            uint256 interest = amount < up ? amount : up;
            scaled = scaled > interest * SCALE ? scaled - interest * SCALE : 0;
            principal -= amount - interest;
            vm.assertEq(credit.loan(loanId).accruedScaled, scaled, "scaled");
        }
        // What the vault carries is what the loan owes, to the last second.
        vm.assertEq(vault.book().performingPrincipal, principal);
        vm.assertEq(vault.book().performingInterest, scaled / SCALE);
    }

    /// @dev Paying a unit every second rounds up every time: whoever does it pays for it.
    function test_repay__dustEverySecond__costsThePayerMore() public {
        uint256 loanId = _drawnLoan();
        uint256 paid;
        for (uint256 i = 1; i <= 50; ++i) {
            vm.warp(START + i);
            (, uint256 interest) = credit.debt(loanId);
            _repay(loanId, interest);
            paid += interest;
        }
        uint256 exact = (_coins(300_000) * 1200 * 50 + SCALE - 1) / SCALE;
        vm.assertGe(paid, exact);
        vm.assertLe(paid, exact + 50);
        (uint256 principal,) = credit.debt(loanId);
        vm.assertEq(principal, _coins(300_000));
    }

    function test_repay__whileMarked__marksBaseFallsByIt() public {
        uint256 loanId = _drawnLoan();
        _missDueDate(loanId);
        credit.mark(loanId);
        uint256 base = vault.book().markedBase;
        _repay(loanId, _coins(1000));
        vm.assertEq(vault.book().markedBase, base - _coins(1000));
        vm.assertGt(credit.loan(loanId).markedSince, 0);
    }

    function test_repay__allInBreach__closesWithoutAMarkLeft() public {
        uint256 loanId = _drawnLoan();
        _breach(loanId);
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(credit.loan(loanId).markedSince + credit.loan(loanId).breachedSince, 0);
        vm.assertEq(vault.book().markedBase + vault.book().markedOwed, 0);
        vm.assertEq(vault.conservativeAssets(), vault.optimisticAssets());
        _checkMoney(loanId);
    }
}
