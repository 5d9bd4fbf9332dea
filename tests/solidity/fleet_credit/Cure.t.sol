// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Evidence, ICreditFacts, Loan, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {IFixedPricing} from "../../../contracts/interfaces/IFixedPricing.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

contract CureTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
    }

    /// @dev Nobody need call `cure` after a payment that puts the loan right.
    function test_repay__arrearsOfAMarkedLoan__endsMarkAndLateRate() public {
        _missDueDate(loanId);
        credit.mark(loanId);
        _fund(stranger, _coins(30_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.CureLoan(loanId);
        vm.prank(stranger);
        credit.repay(loanId, _coins(30_000));

        Loan memory l = credit.loan(loanId);
        vm.assertEq(l.markedSince + l.breachedSince, 0);
        vm.assertEq(l.accrualBps, 1200);
        vm.assertEq(vault.book().markedBase + vault.book().markedOwed, 0);
        vm.assertEq(vault.book().performingPrincipal, l.principal);
        vm.assertLe(vault.optimisticAssets() - vault.conservativeAssets(), 1);
        _checkMoney(loanId);
    }

    function test_repay__arrearsOfALoanInBreach__cures() public {
        _breach(loanId);
        vm.assertGt(credit.loan(loanId).breachedSince, 0);
        _repay(loanId, _coins(40_000));
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
        vm.assertEq(credit.loan(loanId).accrualBps, 1200);
    }

    function test_cure__revenueThatServicingBrings__cures() public {
        _breach(loanId);
        _bring(_coins(60_000));
        _goTo(block.timestamp + 2 days);
        credit.cure(loanId);
        vm.assertEq(credit.loan(loanId).markedSince, 0);
        _checkMoney(loanId);
    }

    function test_cure__oneUnitMissing__reverts() public {
        _missDueDate(loanId);
        credit.mark(loanId);
        (uint256 principal,) = credit.arrears(loanId);
        (, uint256 interest) = credit.debt(loanId);
        _repay(loanId, principal + interest - 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.MissedDue));
        credit.cure(loanId);
        _repay(loanId, 1);
        vm.assertEq(credit.loan(loanId).markedSince, 0);
    }

    /// @dev The late rate accrued for a day: without its part nothing is cured.
    function test_cure__lateInterestUnpaid__reverts() public {
        uint256 due = _missDueDate(loanId);
        credit.mark(loanId);
        _repay(loanId, _coins(26_000));
        vm.warp(due + 5 days);
        (uint256 principal, uint256 interest) = credit.arrears(loanId);
        vm.assertGt(principal + interest, 0);
    }

    function test_cure__notMarked__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotMarked.selector, loanId));
        credit.cure(loanId);
    }

    function test_cure__notOpen__reverts() public {
        _repay(loanId, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        credit.cure(loanId);
    }

    function test_cure__insured__again() public {
        uint256 until = block.timestamp + 10 days;
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(until));
        _goTo(until);
        credit.mark(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.InsuranceExpired));
        credit.cure(loanId);
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(until + 365 days));
        credit.cure(loanId);
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
    }

    function test_cure__reportsAgain__isCured() public {
        vm.warp(block.timestamp + 3 days);
        credit.mark(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.NoReport));
        credit.cure(loanId);
        _refresh();
        credit.cure(loanId);
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
    }

    /// @dev A price that cannot be told is no proof that the debt is within its limit again.
    function test_cure__aboveTheLimitAndTheFeedDies__reverts() public {
        _exceed();
        feed.setDecimals(7);
        (Evidence found,) = credit.evidence(loanId);
        vm.assertEq(uint256(found), uint256(Evidence.None));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.AboveBreachLimit));
        credit.cure(loanId);
    }

    /// @dev A payment does not cure what it does not mend.
    function test_repay__partOfTheArrears__leavesTheMark() public {
        _breach(loanId);
        uint256 since = credit.loan(loanId).markedSince;
        _repay(loanId, _coins(10_000));
        vm.assertEq(credit.loan(loanId).markedSince, since);
        vm.assertEq(credit.loan(loanId).accrualBps, 1600);
    }

    /// @dev What can be told carries what is left: payment cures without any feed.
    function test_repay__aboveTheLimitPaidDownWithADeadFeed__isCured() public {
        _exceed();
        feed.setDecimals(7);
        _repay(loanId, _coins(150_000));
        vm.assertEq(credit.loan(loanId).markedSince, 0);
    }

    function test_cure__priceCameBack__isCured() public {
        _exceed();
        _movePrices(10_000, 60_000);
        credit.cure(loanId);
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
    }

    function test_cure__moreCollateral__isCured() public {
        _exceed();
        btc.mint(stranger, 20 * BTC);
        vm.startPrank(stranger);
        btc.approve(address(custody), type(uint256).max);
        credit.addCollateral(loanId, uint96(20 * BTC));
        vm.stopPrank();
        credit.cure(loanId);
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
    }

    function test_cure__sweepPaysAllWhileServicing__closes() public {
        _breach(loanId);
        _bring(_coins(400_000));
        _goTo(block.timestamp + 2 days);
        credit.cure(loanId);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        _checkMoney(loanId);
    }

    /* ---- stepping in ---- */

    function test_stepIn__inBreach__stewardControlsTheFleetUntilTheCure() public {
        _breach(loanId);
        vm.expectEmit(address(credit));
        emit ICreditFacts.StepIn(loanId, investor);
        vm.prank(risk);
        credit.stepIn(loanId, investor);
        vm.assertEq(registry.controllerOf(fleetId), investor);
        vm.assertEq(credit.loan(loanId).steward, investor);
        vm.prank(investor);
        pricing.setPrice(fleetId, uint72(_coins(3)));
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.NotController.selector, fleetId, owner));
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(4)));

        _repay(loanId, _coins(40_000));
        vm.assertEq(registry.controllerOf(fleetId), owner);
        vm.assertEq(credit.loan(loanId).steward, address(0));
    }

    function test_stepIn__nobody__theBorrowerAgain() public {
        _breach(loanId);
        vm.startPrank(risk);
        credit.stepIn(loanId, investor);
        credit.stepIn(loanId, address(0));
        vm.stopPrank();
        vm.assertEq(registry.controllerOf(fleetId), owner);
    }

    function test_stepIn__loanPaidWhole__theTitleIsTheBorrowers() public {
        _breach(loanId);
        vm.prank(risk);
        credit.stepIn(loanId, investor);
        _repay(loanId, type(uint256).max);
        vm.assertEq(registry.controllerOf(fleetId), owner);
        vm.assertEq(credit.loan(loanId).steward, address(0));
    }

    function test_stepIn__loanPaidWholeInBreach__nobodyStepsInAnyMore() public {
        _breach(loanId);
        vm.prank(risk);
        credit.stepIn(loanId, investor);
        _repay(loanId, type(uint256).max);
        Loan memory l = credit.loan(loanId);
        vm.assertEq(l.markedSince + l.breachedSince, 0);
        vm.assertEq(l.steward, address(0));
        vm.assertEq(credit.saleState(loanId).breachedSince, 0);

        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId));
        vm.prank(risk);
        credit.stepIn(loanId, investor);
    }

    function test_stepIn__missedDueWithinGrace__reverts() public {
        _missDueDate(loanId);
        credit.mark(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId));
        vm.prank(risk);
        credit.stepIn(loanId, investor);
    }

    function test_stepIn__notRisk__reverts() public {
        _breach(loanId);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, lender));
        vm.prank(lender);
        credit.stepIn(loanId, lender);
    }

    /// @dev 300,000 against 85 % of less than 300,000 and of 20,000 of BTC.
    function _exceed() private {
        _movePrices(4500, 10_000);
        credit.mark(loanId);
        vm.assertGt(credit.loan(loanId).breachedSince, 0);
    }
}
