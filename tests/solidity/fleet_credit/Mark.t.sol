// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Evidence, ICreditFacts, Loan, LoanState, LoanTerms} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev Each evidence: what it does, from when, and that the second before there was none.
contract MarkTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
    }

    function test_mark__nothingWrong__reverts() public {
        _none();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
        credit.mark(loanId);
    }

    /// @dev In the block of the due date everybody is still on time, in whatever order they come.
    function test_mark__inTheSecondOfTheDueDate__reverts() public {
        _emptyReserve();
        vm.assertEq(block.timestamp, credit.loan(loanId).nextDueAt);
        _none();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
        credit.mark(loanId);
        _repay(loanId, _coins(40_000));
        vm.assertEq(credit.loan(loanId).nextDue, 3);
    }

    function test_mark__missedDueDate__writesDownAndRaisesTheRateAndIsNoBreach() public {
        uint256 due = _missDueDate(loanId);
        _is(Evidence.MissedDue, due);
        uint256 floor = _floor();
        vm.expectEmit(address(credit));
        emit ICreditFacts.MarkLoan(loanId, Evidence.MissedDue, due, floor);
        vm.prank(stranger);
        credit.mark(loanId);

        Loan memory l = credit.loan(loanId);
        vm.assertEq(l.markedSince, due);
        vm.assertEq(l.breachedSince, 0);
        vm.assertEq(l.accrualBps, 1600);
        vm.assertEq(vault.book().performingPrincipal, 0);
        vm.assertEq(vault.book().markedOwed, _owed(loanId));
    }

    function test_mark__dueDatePaidByRevenueMeanwhile__reverts() public {
        _emptyReserve();
        uint256 due = credit.loan(loanId).nextDueAt;
        _bring(_coins(40_000));
        _goTo(due + 2 days);
        _is(Evidence.MissedDue, due);
        // Servicing brings what is there, and nothing is missing any more.
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
        credit.mark(loanId);
    }

    function test_mark__pastGrace__isABreach() public {
        uint256 due = _missDueDate(loanId);
        _goTo(due + 10 days);
        _is(Evidence.MissedDue, due);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).breachedSince, 0);

        vm.warp(due + 10 days + 1);
        _is(Evidence.PastGrace, due);
        vm.expectEmit(address(credit));
        emit ICreditFacts.BreachLoan(loanId, Evidence.PastGrace, due + 10 days);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).breachedSince, due + 10 days);
        vm.assertEq(credit.loan(loanId).markedSince, due);
    }

    /// @dev A keeper who comes late finds what he would have found, and the mark begins where it should have.
    function test_mark__keeperWhoComesLate__fallsFromTheDueDate() public {
        uint256 due = _missDueDate(loanId);
        _goTo(due + 20 days);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).markedSince, due);
        vm.assertEq(credit.loan(loanId).breachedSince, due + 10 days);
        uint256 base = vault.book().markedBase;
        uint256 span = base - _floor();
        // Days that have begun, of 30.
        uint256 days_ = block.timestamp / DAY - due / DAY;
        vm.assertGe(vault.book().writtenDown, span * days_ / 30);
        vm.assertLe(vault.book().writtenDown, span * (days_ + 1) / 30 + 1);
    }

    function test_mark__aboveBreachLimit__sinceNow() public {
        _fallBelowTheLimit();
        _is(Evidence.AboveBreachLimit, block.timestamp);
        vm.expectEmit(address(credit));
        emit ICreditFacts.BreachLoan(loanId, Evidence.AboveBreachLimit, block.timestamp);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).markedSince, block.timestamp);
        vm.assertEq(credit.loan(loanId).breachedSince, block.timestamp);
    }

    function test_mark__insuranceExpired__sinceTheDateOfTheRiskRole() public {
        uint256 until = block.timestamp + 10 days;
        vm.expectEmit(address(credit));
        emit ICreditFacts.SetInsuredUntil(loanId, until);
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(until));
        _goTo(until - 1);
        _none();
        _goTo(until + 3 days);
        _is(Evidence.InsuranceExpired, until);
        vm.expectEmit(address(credit));
        emit ICreditFacts.BreachLoan(loanId, Evidence.InsuranceExpired, until);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).markedSince, until);
    }

    /// @dev What the borrower itself writes into the registry is no evidence, for nobody.
    function test_mark__insuranceInTheRegistry__isTheBorrowersOwnWord() public {
        vm.prank(owner);
        registry.setInsurance(fleetId, uint40(block.timestamp), "none");
        _goTo(block.timestamp + 1 days);
        _none();
    }

    function test_mark__noReportFor48Hours__sinceThen() public {
        uint256 acceptedAt = oracle.head(fleetId).acceptedAt;
        vm.warp(acceptedAt + 48 hours - 1);
        _none();
        vm.warp(acceptedAt + 60 hours);
        _is(Evidence.NoReport, acceptedAt + 48 hours);
        vm.expectEmit(address(credit));
        emit ICreditFacts.BreachLoan(loanId, Evidence.NoReport, acceptedAt + 48 hours);
        credit.mark(loanId);
    }

    /// @dev The proof clock stands still while a report is pending or disputed, for 30 days at most.
    function test_mark__reportDisputed__clockStandsStill() public {
        uint256 acceptedAt = oracle.head(fleetId).acceptedAt;
        vm.warp(acceptedAt + 40 hours);
        coin.mint(stranger, _coins(1_000_000));
        vm.startPrank(stranger);
        coin.approve(address(oracle), type(uint256).max);
        _post();
        oracle.dispute(fleetId);
        vm.stopPrank();

        vm.warp(acceptedAt + 10 days);
        _none();
        vm.prank(arbiter);
        oracle.rule(fleetId, false);
        // 40 hours had passed: 8 more.
        vm.warp(acceptedAt + 10 days + 8 hours - 1);
        _none();
        vm.warp(acceptedAt + 10 days + 8 hours);
        _is(Evidence.NoReport, acceptedAt + 10 days + 8 hours);
    }

    function test_mark__severalThings__firstBreachSinceTheFirstOfAll() public {
        uint256 until = credit.instalment(loanId, 2).dueAt + 2 days;
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(until));
        uint256 due = _missDueDate(loanId);
        vm.assertEq(due + 2 days, until);
        _goTo(due + 4 days);
        // Missed, not past grace; and not insured, which is a breach.
        _is(Evidence.InsuranceExpired, due);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).markedSince, due);
        vm.assertEq(credit.loan(loanId).breachedSince, until);
    }

    function test_mark__again__newFloorOldBeginning() public {
        uint256 due = _missDueDate(loanId);
        credit.mark(loanId);
        uint256 before = _floor();
        _goTo(due + 3 days);
        _setBtc(50_000);
        uint256 floor = _floor();
        vm.assertLt(floor, before);
        vm.expectEmit(address(credit));
        emit ICreditFacts.MarkLoan(loanId, Evidence.MissedDue, due, floor);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).markedSince, due);
        vm.assertEq(credit.loan(loanId).accrualBps, 1600);
    }

    /// @dev 40 % of the capped hardware: nothing, where there was no revenue yet; and BTC at 90 % of the feed.
    function test_mark__floor__cappedHardwareAndBtcBelowItsFeed() public {
        _missDueDate(loanId);
        vm.assertEq(_floor(), _coins(108_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.MarkLoan(loanId, Evidence.MissedDue, credit.loan(loanId).nextDueAt, _coins(108_000));
        credit.mark(loanId);
    }

    function test_mark__feedDead__countsZeroAndDoesNotRevert() public {
        uint256 due = _missDueDate(loanId);
        feed.setDecimals(7);
        vm.expectEmit(address(credit));
        emit ICreditFacts.MarkLoan(loanId, Evidence.MissedDue, due, 0);
        credit.mark(loanId);
    }

    function test_mark__appraisalStale__countsZeroAndDoesNotRevert() public {
        uint256 due = _missDueDate(loanId);
        vm.warp(due + 36 days);
        _report();
        _setBtc(60_000);
        vm.expectEmit(address(credit));
        emit ICreditFacts.MarkLoan(loanId, Evidence.PastGrace, due, _coins(108_000));
        credit.mark(loanId);
    }

    /// @dev Above the limit is said by prices of now, or not at all.
    function test_evidence__pricesThatCannotBeTold__noneOfThem() public {
        _fallBelowTheLimit();
        _is(Evidence.AboveBreachLimit, block.timestamp);
        vm.warp(block.timestamp + 1 hours + 1);
        _none();
    }

    function test_mark__floorAboveTheDebt__isTheDebt() public {
        _repay(loanId, _coins(250_000));
        vm.warp(credit.instalment(loanId, 11).dueAt + 1);
        _refresh();
        uint256 kept = credit.loan(loanId).reserve;
        vm.assertGt(kept, 0);
        credit.mark(loanId);
        vm.assertEq(vault.book().writtenDown, 0);
        vm.assertLe(_owed(loanId), _coins(108_000));
    }

    function test_mark__revenuePaidItWhole__closes() public {
        vm.prank(owner);
        credit.setSweep(loanId, true);
        _emptyReserve();
        _bring(_coins(400_000));
        _goTo(block.timestamp + 2 days);
        credit.mark(loanId);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
    }

    function test_mark__notOpen__reverts() public {
        _repay(loanId, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        credit.mark(loanId);
    }

    /// @dev A feed that is silent for an hour costs those who leave nothing.
    function test_mark__againWithADeadFeed__keepsTheFloor() public {
        uint256 due = _missDueDate(loanId);
        credit.mark(loanId);
        uint256 before = _floor();
        vm.assertGt(before, 0);
        vm.assertEq(vault.floorOf(loanId), before);
        feed.setDecimals(7);
        vm.expectEmit(address(credit));
        emit ICreditFacts.MarkLoan(loanId, Evidence.MissedDue, due, before);
        credit.mark(loanId);
        vm.assertEq(vault.floorOf(loanId), before);
    }

    /// @dev Nothing was known of that part before: it counts once it can be told.
    function test_mark__firstWithADeadFeed__countsWhatCanBeTold() public {
        _missDueDate(loanId);
        feed.setDecimals(7);
        credit.mark(loanId);
        vm.assertEq(vault.floorOf(loanId), 0);
        feed.setDecimals(8);
        uint256 floor = _floor();
        credit.mark(loanId);
        vm.assertEq(vault.floorOf(loanId), floor);
    }

    function test_evidence__notOpen__none() public {
        _repay(loanId, type(uint256).max);
        _none();
    }

    function test_setInsuredUntil__intoThePast__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidTerms.selector, bytes32("insuredUntil")));
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(block.timestamp - 1));
    }

    /// @dev No loan is called by a date: a borrower whose policy ends has its loan's grace to find another.
    function test_setInsuredUntil__soonerThanTheGrace__reverts() public {
        uint256 least = block.timestamp + 10 days;
        vm.startPrank(risk);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InsuranceTooShort.selector, loanId, block.timestamp, least));
        credit.setInsuredUntil(loanId, uint40(block.timestamp));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InsuranceTooShort.selector, loanId, least - 1, least));
        credit.setInsuredUntil(loanId, uint40(least - 1));
        credit.setInsuredUntil(loanId, uint40(least));
        vm.stopPrank();
        _goTo(least - 1);
        _none();
        _goTo(least);
        _is(Evidence.InsuranceExpired, least);
    }

    /// @dev What ends soon may be prolonged by less than the grace; and the date on record said once more.
    function test_setInsuredUntil__laterThanOnRecord__works() public {
        uint256 until = block.timestamp + 10 days;
        vm.startPrank(risk);
        credit.setInsuredUntil(loanId, uint40(until));
        vm.warp(until - 1 days);
        credit.setInsuredUntil(loanId, uint40(until));
        credit.setInsuredUntil(loanId, uint40(until + 1));
        vm.warp(until + 2 days);
        credit.setInsuredUntil(loanId, uint40(block.timestamp));
        vm.stopPrank();
    }

    function test_setInsuredUntil__notRisk__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, owner));
        vm.prank(owner);
        credit.setInsuredUntil(loanId, type(uint40).max);
    }

    function test_mark__withoutLateRate__rateStays() public {
        _repay(loanId, type(uint256).max);
        LoanTerms memory terms = _loanTerms();
        terms.lateRateBps = 0;
        loanId = _drawnLoan(_request(), terms);
        _missDueDate(loanId);
        credit.mark(loanId);
        vm.assertEq(credit.loan(loanId).accrualBps, 1200);
        vm.assertGt(credit.loan(loanId).markedSince, 0);
    }

    function _emptyReserve() private {
        while (credit.loan(loanId).reserve > 0) {
            _goTo(credit.loan(loanId).nextDueAt);
            credit.service(loanId);
        }
    }

    /// @dev BTC falls to 10,000, hardware to less than a third: 300,000 are too much.
    function _fallBelowTheLimit() private {
        _movePrices(4500, 10_000);
    }

    function _post() private {
        oracle.post(
            _report(fleetId, block.timestamp, 0, "root"),
            _sign(REPORTER_KEY, _report(fleetId, block.timestamp, 0, "root"))
        );
    }

    function _floor() private view returns (uint256) {
        return appraisal.appraise(fleetId).capped * 4000 / 10_000
            + prices.value(address(btc), credit.loan(loanId).collateralAmount) * 9000 / 10_000;
    }

    function _is(Evidence kind, uint256 since) private view {
        (Evidence found, uint256 from) = credit.evidence(loanId);
        vm.assertEq(uint256(found), uint256(kind), "evidence");
        vm.assertEq(from, since, "since");
    }

    function _none() private view {
        _is(Evidence.None, 0);
    }
}
