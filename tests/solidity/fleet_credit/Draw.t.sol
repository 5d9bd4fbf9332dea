// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAppraisal} from "../../../contracts/interfaces/IAppraisal.sol";
import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {
    Health,
    ICreditFacts,
    Instalment,
    Loan,
    LoanRequest,
    LoanState,
    LoanTerms
} from "../../../contracts/interfaces/IFleetCredit.sol";
import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

contract DrawTest is CreditScene {
    function test_draw__withinLimits__moneyAgainstThePledge() public {
        uint256 loanId = _approvedLoan();
        vm.expectEmit(address(credit));
        emit ICreditFacts.DrawLoan(loanId, investor, _coins(300_000), _coins(28_000));
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), investor);

        // One instalment of 25,000, and a month's interest of 1 % on 300,000.
        vm.assertEq(coin.balanceOf(investor), _coins(272_000));
        vm.assertEq(coin.balanceOf(address(credit)), _coins(28_000));
        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Open);
        vm.assertTrue(l.young);
        vm.assertEq(l.operator, operator);
        vm.assertEq(l.drawn, _coins(300_000));
        vm.assertEq(l.principal, _coins(300_000));
        vm.assertEq(l.reserve, _coins(28_000));
        vm.assertEq(l.reserveTarget, _coins(28_000));
        vm.assertEq(l.accrualBps, 1200);
        vm.assertEq(l.startedAt, block.timestamp);
        vm.assertEq(l.accruedAt, block.timestamp);
        vm.assertEq(l.nextDue, 1);
        vm.assertEq(l.nextDueAt, block.timestamp + 30 days);
        vm.assertEq(l.markedSince + l.breachedSince, 0);
        vm.assertEq(l.shares, FREE_SHARES);
        vm.assertEq(l.collateralAmount, 2 * BTC);
        vm.assertEq(credit.loanOf(fleetId), loanId);
        vm.assertEq(registry.controllerOf(fleetId), owner);
        vm.assertEq(vault.book().performingPrincipal, _coins(300_000));
        _checkMoney(loanId);
    }

    /// @dev Young: 35 % of the hardware, and 50 % of 120,000 coins of BTC.
    function test_draw__upToTheLimit__andNotOneUnitMore() public {
        uint256 loanId = _approvedLoan(_request(), _ceiling(2_000_000));
        vm.prank(risk);
        credit.setCap("fleet", 0, uint96(_coins(2_000_000)));
        uint256 hardware = appraisal.appraise(fleetId).hardware;
        uint256 limit = hardware * 3500 / 10_000 + _coins(60_000);

        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.AboveLimit.selector, loanId, limit + 1, limit));
        credit.draw(loanId, uint96(limit + 1), owner);
        credit.draw(loanId, uint96(limit), owner);
        vm.stopPrank();
        Health memory h = credit.health(loanId);
        vm.assertEq(h.debt, limit);
        vm.assertEq(h.borrowLimit, limit);
        vm.assertEq(h.hardware, hardware);
        vm.assertEq(h.collateral, _coins(120_000));
        vm.assertEq(h.breachLimit, hardware * 8500 / 10_000 + _coins(90_000));
    }

    /// @dev Hardware counts once: what is not pledged is somebody else's.
    function test_draw__halfOfTheShares__halfOfTheHardware() public {
        LoanRequest memory asked = _request();
        asked.shares = 400_000e18;
        uint256 loanId = _drawnLoan(asked, _loanTerms());
        vm.assertEq(credit.health(loanId).hardware, appraisal.appraise(fleetId).hardware / 2);
    }

    function test_draw__boundSharesAlone__aTenthOfTheHardware() public {
        LoanRequest memory asked = _request();
        (asked.shares, asked.principal) = (0, uint96(_coins(100_000)));
        uint256 loanId = _drawnLoan(asked, _loanTerms());
        vm.assertEq(credit.health(loanId).hardware, appraisal.appraise(fleetId).hardware / 10);
    }

    function test_draw__withHistory__capByRevenueAndFullLtv() public {
        _history(31, _coins(2000));
        LoanRequest memory asked = _request();
        asked.principal = uint96(_coins(400_000));
        uint256 loanId = _drawnLoan(asked, _loanTerms());

        vm.assertFalse(credit.loan(loanId).young);
        uint256 capped = appraisal.appraise(fleetId).capped;
        Health memory h = credit.health(loanId);
        vm.assertEq(h.hardware, capped);
        vm.assertEq(h.borrowLimit, capped * 7000 / 10_000 + _coins(60_000));
    }

    function test_draw__revenueThatHardlyPays__reverts() public {
        // 1,200 a day are 36,500 a month, and 28,000 × 1.35 are 37,800.
        _history(31, _coins(1200));
        uint256 loanId = _approvedLoan();
        uint256 month = appraisal.appraise(fleetId).mean30 * 365 / 12;
        vm.assertEq(month, _coins(36_500));
        vm.expectRevert(
            abi.encodeWithSelector(ICreditFacts.CoverageTooLow.selector, loanId, month, _coins(28_000), 13_500)
        );
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
        // Where less is owed, the same revenue carries it.
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(280_000)), owner);
    }

    function test_draw__noHistory__coverageIsNotAsked() public {
        LoanTerms memory terms = _loanTerms();
        terms.coverageBps = 65_535;
        _drawnLoan(_request(), terms);
    }

    function test_draw__aboveCeiling__reverts() public {
        uint256 loanId = _approvedLoan(_request(), _ceiling(200_000));
        _refused(
            loanId, abi.encodeWithSelector(ICreditFacts.AboveCeiling.selector, loanId, _coins(300_000), _coins(200_000))
        );
    }

    function test_draw__reserveWouldTakeAll__reverts() public {
        LoanTerms memory terms = _loanTerms();
        (terms.reserveMonths, terms.rateBps) = (11, 10_000);
        uint256 loanId = _approvedLoan(_request(), terms);
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, _coins(300_000)));
    }

    function test_draw__nothing__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, 0));
        vm.prank(owner);
        credit.draw(loanId, 0, owner);
    }

    function test_draw__approvalExpired__reverts() public {
        uint256 loanId = _approvedLoan();
        uint256 expiry = credit.loan(loanId).terms.expiry;
        _goTo(expiry);
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.ApprovalExpired.selector, loanId, expiry));
    }

    function test_draw__inTheLastSecondOfTheApproval__works() public {
        uint256 loanId = _approvedLoan();
        _goTo(credit.loan(loanId).terms.expiry - 1);
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
    }

    function test_draw__insuranceOver__reverts() public {
        LoanTerms memory terms = _loanTerms();
        terms.insuredUntil = uint40(block.timestamp + 1 days);
        uint256 loanId = _approvedLoan(_request(), terms);
        _goTo(terms.insuredUntil);
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.NotInsured.selector, loanId, terms.insuredUntil));
    }

    function test_draw__insuranceProlonged__works() public {
        LoanTerms memory terms = _loanTerms();
        terms.insuredUntil = uint40(block.timestamp + 1 days);
        uint256 loanId = _approvedLoan(_request(), terms);
        _goTo(terms.insuredUntil);
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(block.timestamp + 1));
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
    }

    function test_draw__noHeadFor48Hours__reverts() public {
        uint256 loanId = _approvedLoan();
        uint256 acceptedAt = oracle.head(fleetId).acceptedAt;
        vm.warp(acceptedAt + 48 hours);
        _setBtc(60_000);
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.NoFreshReport.selector, fleetId, acceptedAt));
        vm.warp(acceptedAt + 48 hours - 1);
        _setBtc(60_000);
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
    }

    function test_draw__fleetThatNeverReported__reverts() public {
        address before = owner;
        owner = investor;
        uint256 silent = _liveFleet();
        owner = before;
        LoanRequest memory asked = _request();
        asked.fleetId = uint64(silent);
        uint256 loanId = _approvedLoan(asked, _loanTerms());
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoFreshReport.selector, silent, 0));
        vm.prank(investor);
        credit.draw(loanId, uint96(_coins(300_000)), investor);
    }

    function test_draw__fleetUnderSuspicion__reverts() public {
        uint256 loanId = _approvedLoan();
        uint256 twin = _liveFleet();
        registry.proveDoubleEnrolment("gpu-0", fleetId, _noProof(), twin, _noProof());
        _refused(loanId, abi.encodeWithSelector(IFleetRegistry.FleetSuspended.selector, fleetId));
    }

    function test_draw__paused__reverts() public {
        uint256 loanId = _approvedLoan();
        _pause();
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.Paused.selector));
    }

    function test_draw__notTheBorrower__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBorrower.selector, loanId, stranger));
        vm.prank(stranger);
        credit.draw(loanId, 1, stranger);
    }

    function test_draw__notApproved__reverts() public {
        vm.prank(owner);
        uint256 loanId = credit.request(_request());
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Requested));
    }

    function test_draw__twice__reverts() public {
        uint256 loanId = _drawnLoan();
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Open));
    }

    function test_draw__toNobodyOrToTheContract__reverts() public {
        uint256 loanId = _approvedLoan();
        address[2] memory wrong = [address(0), address(credit)];
        for (uint256 i; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPayouts.InvalidReceiver.selector, wrong[i]));
            vm.prank(owner);
            credit.draw(loanId, 1, wrong[i]);
        }
    }

    function test_draw__titleSoldMeanwhile__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.prank(owner);
        registry.transferFrom(owner, investor, fleetId);
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.NotTitleOwner.selector, fleetId, owner));
    }

    /// @dev A title that lies in custody without a loan secures nobody's.
    function test_draw__titleSentToCustodyDirectly__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.prank(owner);
        registry.transferFrom(owner, address(custody), fleetId);
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.NotTitleOwner.selector, fleetId, owner));
    }

    function test_draw__secondLoanOfOneFleet__reverts() public {
        uint256 first = _approvedLoan();
        uint256 second = _approvedLoan();
        vm.startPrank(owner);
        credit.draw(first, uint96(_coins(100_000)), owner);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.FleetInUse.selector, fleetId, first));
        credit.draw(second, uint96(_coins(100_000)), owner);
        vm.stopPrank();
    }

    function test_draw__operatorChangedMeanwhile__countsInTheNewOnesCap() public {
        uint256 loanId = _approvedLoan();
        vm.prank(registrar);
        registry.admitOperator(investor, "papers");
        vm.prank(owner);
        registry.proposeOperator(fleetId, investor);
        _stake(fleetId, investor, _coins(200_000));
        _goTo(block.timestamp + 7 days);
        registry.replaceOperator(fleetId);

        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
        vm.assertEq(credit.loan(loanId).operator, investor);
        vm.assertEq(credit.outstanding("operator", bytes32(uint256(uint160(investor)))), _coins(300_000));
        vm.assertEq(credit.outstanding("operator", bytes32(uint256(uint160(operator)))), 0);
    }

    function test_draw__collateralDelistedMeanwhile__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.prank(guardian);
        prices.delist(address(btc));
        _refused(loanId, abi.encodeWithSelector(ICreditFacts.InvalidRequest.selector, bytes32("collateral")));
    }

    function test_draw__staleAppraisal__reverts() public {
        uint256 loanId = _approvedLoan(_request(), _longApproval());
        uint256 updatedAt = appraisal.priceOf(CLASS).updatedAt;
        vm.warp(updatedAt + 35 days + 1);
        _report();
        _setBtc(60_000);
        _refused(loanId, abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, updatedAt, 35 days));
    }

    function test_draw__vaultWithoutCash__reverts() public {
        uint256 loanId = _approvedLoan();
        uint256 all = vault.balanceOf(lender);
        vm.prank(lender);
        vault.requestRedeem(all, lender, lender);
        _goTo((block.timestamp / 7 days + 1) * 7 days);
        vault.serve();
        _refused(loanId, abi.encodeWithSelector(ICreditVault.InsufficientCash.selector, _coins(300_000), 0));
    }

    function test_draw__whileLendersWaitToLeave__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.prank(lender);
        vault.requestRedeem(1e6, lender, lender);
        uint256 epoch = block.timestamp / 7 days;
        _goTo((epoch + 1) * 7 days);
        _refused(loanId, abi.encodeWithSelector(ICreditVault.EpochWaiting.selector, epoch));
    }

    function test_draw__withoutApprovals__nothingMoved() public {
        uint256 loanId = _approvedLoan();
        vm.prank(owner);
        btc.approve(address(custody), 0);
        vm.expectRevert();
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(vault.book().cash, _coins(3_000_000));
    }

    function test_instalment__everyOne__sumsToPrincipal() public {
        LoanRequest memory asked = _request();
        asked.principal = uint96(_coins(100_000) + 7);
        uint256 loanId = _drawnLoan(asked, _loanTerms());
        uint256 sum;
        for (uint256 n = 1; n <= 12; ++n) {
            Instalment memory i = credit.instalment(loanId, n);
            sum += i.principal;
            vm.assertEq(i.balance, asked.principal - sum);
        }
        vm.assertEq(sum, asked.principal);
    }

    function test_instalment__noSuch__reverts() public {
        uint256 loanId = _drawnLoan();
        uint256[2] memory wrong = [uint256(0), 13];
        for (uint256 i; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, wrong[i]));
            credit.instalment(loanId, wrong[i]);
        }
    }

    function test_instalment__notDrawn__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Approved));
        credit.instalment(loanId, 1);
    }

    function test_reads__unknownLoan__revert() public {
        bytes memory unknown = abi.encodeWithSelector(ICreditFacts.UnknownLoan.selector, 9);
        vm.expectRevert(unknown);
        credit.loan(9);
        vm.expectRevert(unknown);
        credit.saleState(9);
        vm.expectRevert(unknown);
        credit.debt(9);
        vm.expectRevert(unknown);
        credit.arrears(9);
        vm.expectRevert(unknown);
        credit.instalment(9, 1);
        vm.expectRevert(unknown);
        credit.health(9);
        vm.expectRevert(unknown);
        credit.evidence(9);
    }

    function test_fallback__noSuchFunction__reverts() public {
        (bool done, bytes memory data) = address(credit).call(abi.encodeWithSignature("lend()"));
        vm.assertFalse(done);
        vm.assertEq(data.length, 0);
    }

    function _ceiling(uint256 whole) private view returns (LoanTerms memory terms) {
        terms = _loanTerms();
        terms.ceiling = uint96(_coins(whole));
    }

    function _longApproval() private view returns (LoanTerms memory terms) {
        terms = _loanTerms();
        terms.expiry = uint40(block.timestamp + 90 days);
    }

    function _refused(uint256 loanId, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
    }
}
