// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {ICreditFacts, Loan, LoanState, LoanTerms} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

contract ApproveTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        vm.prank(owner);
        loanId = credit.request(_request());
    }

    function test_approve__byRisk__termsAreThere() public {
        LoanTerms memory terms = _loanTerms();
        vm.expectEmit(address(credit));
        emit ICreditFacts.ApproveLoan(loanId, terms);
        vm.prank(risk);
        credit.approve(loanId, terms);

        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Approved);
        vm.assertEq(keccak256(abi.encode(l.terms)), keccak256(abi.encode(terms)));
    }

    function test_approve__otherMonthsThanAsked__areTheLoans() public {
        LoanTerms memory terms = _loanTerms();
        terms.months = 24;
        vm.prank(risk);
        credit.approve(loanId, terms);
        vm.assertEq(credit.loan(loanId).terms.months, 24);
    }

    function test_approve__notRisk__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, owner));
        vm.prank(owner);
        credit.approve(loanId, _loanTerms());
    }

    /// @dev The office has no loans of its own to grant, whoever asks there.
    function test_approve__atTheOfficesOwnAddress__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, risk));
        vm.prank(risk);
        ApproveTest(market.office).approve(loanId, _loanTerms());
    }

    function test_approve__paused__reverts() public {
        _pause();
        vm.expectRevert(ICreditFacts.Paused.selector);
        vm.prank(risk);
        credit.approve(loanId, _loanTerms());
    }

    function test_approve__twice__reverts() public {
        vm.startPrank(risk);
        credit.approve(loanId, _loanTerms());
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Approved));
        credit.approve(loanId, _loanTerms());
        vm.stopPrank();
    }

    function test_approve__unknown__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.UnknownLoan.selector, 2));
        vm.prank(risk);
        credit.approve(2, _loanTerms());
    }

    function test_approve__termsThatCannotBe__revertByField() public {
        LoanTerms memory t = _loanTerms();
        t.ceiling = 0;
        _refused(t, "ceiling");
        t.ceiling = _mostCeiling(t) + 1;
        _refused(t, "ceiling");
        t = _loanTerms();
        t.rateBps = 10_001;
        _refused(t, "rateBps");
        t = _loanTerms();
        t.lateRateBps = 10_001;
        _refused(t, "lateRateBps");
        t = _loanTerms();
        t.months = 0;
        _refused(t, "months");
        t.months = 241;
        _refused(t, "months");
        t = _loanTerms();
        t.reserveMonths = t.months;
        _refused(t, "reserveMonths");
        t = _loanTerms();
        t.expiry = uint40(block.timestamp);
        _refused(t, "expiry");
        t = _loanTerms();
        t.insuredUntil = uint40(block.timestamp);
        _refused(t, "insuredUntil");
        t = _loanTerms();
        t.hardwareBreachBps = 10_001;
        _refused(t, "hardwareBreachBps");
        t = _loanTerms();
        t.hardwareLtvBps = t.hardwareBreachBps + 1;
        _refused(t, "hardwareLtvBps");
        t = _loanTerms();
        t.youngLtvBps = t.hardwareLtvBps + 1;
        _refused(t, "youngLtvBps");
        t = _loanTerms();
        t.collateralBreachBps = 10_001;
        _refused(t, "collateralBreachBps");
        t = _loanTerms();
        t.collateralLtvBps = t.collateralBreachBps + 1;
        _refused(t, "collateralLtvBps");
        t = _loanTerms();
        t.saleCostBps = 10_001;
        _refused(t, "saleCostBps");
    }

    function test_approve__termsAtTheirEdges__areGranted() public {
        LoanTerms memory t = _loanTerms();
        (t.rateBps, t.lateRateBps, t.months, t.reserveMonths) = (10_000, 10_000, 240, 239);
        (t.hardwareBreachBps, t.hardwareLtvBps, t.youngLtvBps) = (10_000, 10_000, 10_000);
        (t.collateralBreachBps, t.collateralLtvBps, t.saleCostBps) = (10_000, 10_000, 10_000);
        t.ceiling = _mostCeiling(t);
        vm.prank(risk);
        credit.approve(loanId, t);
    }

    /// @dev On which a century's interest has 128 bits.
    function _mostCeiling(LoanTerms memory t) private pure returns (uint96) {
        return uint96(type(uint128).max / ((uint256(t.rateBps) + t.lateRateBps) * 36_500 days));
    }

    /// @dev Only a signature, for the call at the office's address.
    function approve(uint256, LoanTerms calldata) external {}

    function _refused(LoanTerms memory terms, bytes32 field) private {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidTerms.selector, field));
        vm.prank(risk);
        credit.approve(loanId, terms);
    }
}
