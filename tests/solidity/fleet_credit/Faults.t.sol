// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Evidence, ICreditFacts, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev The faults of credit systems in use, each by name: what they let happen does not happen here.
contract FaultsTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
    }

    /// @dev Fault: a loan in liquidation stands at par until its proceeds arrive, so early leavers exit whole.
    function test_fault__liquidatedLoanAtPar__lenderWhoLeavesEarlyBearsItsPart() public {
        _deposit(investor, _coins(3_000_000));
        _breach(loanId);
        // A breach, which anyone recorded, counts at once, from the due date on.
        uint256 conservative = vault.conservativeAssets();
        vm.assertLt(conservative, vault.optimisticAssets());
        vm.assertEq(vault.totalAssets(), conservative);

        uint256 all = vault.balanceOf(lender);
        vm.prank(lender);
        vault.requestRedeem(all, lender, lender);
        uint256 until = (block.timestamp / 7 days + 1) * 7 days;
        vm.warp(until > vault.servingFrom() ? until : vault.servingFrom());
        uint256 fair = vault.convertToAssets(all);
        vault.serve();
        uint256 left = vault.maxWithdraw(lender);
        vm.assertLe(left, fair);
        vm.assertLt(left * 2, vault.optimisticAssets() + left);
        // Who stayed is not worse off than who left.
        vm.assertGe(vault.convertToAssets(vault.balanceOf(investor)) + 1, left);
    }

    /// @dev Fault: repayment stops under pause while liquidation does not.
    function test_fault__repaymentPaused__everyPaymentWorksUnderPause() public {
        _breach(loanId);
        _pause();
        vm.expectRevert(ICreditFacts.Paused.selector);
        vm.prank(owner);
        credit.withdrawCollateral(loanId, 1, owner);

        credit.service(loanId);
        credit.mark(loanId);
        _repay(loanId, _coins(40_000));
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(registry.ownerOf(fleetId), owner);
    }

    /// @dev Fault: somebody's word makes a breach.
    function test_fault__breachWithoutEvidence__nobodyCanDeclareOne() public {
        address[5] memory people = [risk, guardian, admin, lender, address(auction)];
        for (uint256 i; i < people.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
            vm.prank(people[i]);
            credit.mark(loanId);
        }
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId));
        vm.prank(risk);
        credit.stepIn(loanId, risk);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId));
        vm.prank(address(auction));
        credit.lotSold(loanId, 1, lender);
    }

    /// @dev Fault: a breach cannot be cured.
    function test_fault__breachForever__isCurableUntilTheLotIsSold() public {
        _breach(loanId);
        auction.start(loanId);
        _goTo(block.timestamp + 30 minutes);
        _repay(loanId, _coins(40_000));
        vm.assertFalse(auction.asking(loanId).collateralForSale);
        vm.assertFalse(auction.asking(loanId).lotForSale);
        vm.assertEq(registry.controllerOf(fleetId), owner);
    }

    /// @dev Fault: only the borrower may repay.
    function test_fault__onlyTheBorrowerRepays__anyoneMay() public {
        address[3] memory payers = [stranger, lender, bidder];
        for (uint256 i; i < payers.length; ++i) {
            _fund(payers[i], _coins(1000));
            vm.prank(payers[i]);
            credit.repay(loanId, _coins(1000));
        }
        vm.assertEq(_owed(loanId), _coins(297_000));
    }

    /// @dev Fault: a surplus goes to the fee taker.
    function test_fault__surplusToTheFeeTaker__isTheBorrowers() public {
        _breach(loanId);
        uint256 owed = _owed(loanId);
        _sellLot(loanId, _coins(500_000));
        vm.assertEq(credit.owed(coin, costs), _coins(15_000));
        vm.assertEq(credit.owed(coin, owner), _coins(485_000) - owed);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
    }

    /// @dev Fault: the reserve cannot be drawn when it is needed.
    function test_fault__reserveLockedAway__paysTheDueDateThatFindsTooLittle() public {
        _goTo(credit.loan(loanId).nextDueAt + 1);
        (Evidence found,) = credit.evidence(loanId);
        vm.assertEq(uint256(found), uint256(Evidence.None));
        // Who wants to mark it makes the reserve pay instead.
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
        credit.mark(loanId);
        vm.prank(stranger);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).nextDue, 2);
        vm.assertLt(credit.loan(loanId).reserve, _coins(100));
    }

    /// @dev Fault: nobody enters at yesterday's price while a loss is known.
    function test_fault__entryWhileALossIsKnown__isClosed() public {
        _movePrices(4500, 10_000);
        credit.mark(loanId);
        vm.warp(block.timestamp + 20 days);
        _fund(investor, _coins(1000));
        vm.expectRevert(
            abi.encodeWithSelector(
                ICreditVault.EntryClosed.selector, vault.conservativeAssets(), vault.optimisticAssets()
            )
        );
        vm.prank(investor);
        vault.deposit(_coins(1000), investor);
    }
}
