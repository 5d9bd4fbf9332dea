// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Evidence, ICreditFacts, Loan, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {IFleetCustody} from "../../../contracts/interfaces/IFleetCustody.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev Calls with as little gas as it is told.
contract MiserlyCaller {
    function mark(address credit, uint256 loanId, uint256 gas_) external returns (bool done) {
        (done,) = credit.call{gas: gas_}(abi.encodeWithSignature("mark(uint256)", loanId));
    }
}

contract AttacksTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
    }

    /// @dev A call that fails for want of gas looks like a dead feed. With no amount of it does the floor come out lower.
    function test_mark__withTooLittleGas__failsOrSaysTheTruth() public {
        MiserlyCaller caller = new MiserlyCaller();
        _missDueDate(loanId);
        uint256 truth = _coins(108_000);
        uint256 done;
        for (uint256 gas_ = 60_000; gas_ < 700_000; gas_ += 3000) {
            uint256 before = vm.snapshotState();
            if (caller.mark(address(credit), loanId, gas_)) {
                ++done;
                vm.warp((block.timestamp / DAY + 40) * DAY);
                vm.assertEq(vault.book().markedBase - vault.book().writtenDown, truth, "floor");
            }
            vm.revertToState(before);
        }
        vm.assertGt(done, 0);
    }

    /// @dev The borrower is its own lessee of nobody's record: revenue that is no evidence does not lift the cap.
    function test_draw__borrowerRentsItsOwnFleet__isNoEvidence() public {
        _repay(loanId, type(uint256).max);
        for (uint256 i; i < 31; ++i) {
            _bring(_coins(3000));
            _goTo((block.timestamp / DAY + 1) * DAY);
        }
        uint256 next = _approvedLoan();
        vm.assertEq(appraisal.appraise(fleetId).capped, 0);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.AboveLimit.selector, next, _coins(300_000), _coins(60_000)));
        vm.prank(owner);
        credit.draw(next, uint96(_coins(300_000)), owner);
    }

    /// @dev A borrower who lends to itself and defaults on purpose loses its deposit with the others, and its fleet.
    function test_default__byABorrowerWhoIsALender__leavesWithLess() public {
        _deposit(owner, _coins(100_000));
        _breach(loanId);
        _sellCollateral(loanId, uint96(2 * BTC), _coins(1000));
        _sellLot(loanId, _coins(50_000));
        vm.assertLt(vault.convertToAssets(vault.balanceOf(owner)), _coins(100_000));
    }

    /// @dev Marked with the first second of lateness, cured with the payment of the next: it cost a late second's interest.
    function test_mark__toScare__costsTheBorrowerNoMoreThanTheLateSeconds() public {
        _missDueDate(loanId);
        (uint256 principal, uint256 interest) = credit.debt(loanId);
        vm.prank(attacker);
        credit.mark(loanId);
        vm.warp(block.timestamp + 60);
        (, uint256 later) = credit.debt(loanId);
        vm.assertLe(later - interest, (principal * 1600 * 60 + SCALE - 1) / SCALE + 1);
        _repay(loanId, _coins(40_000));
        vm.assertEq(credit.loan(loanId).accrualBps, 1200);
    }

    /// @dev Whatever the order of service, mark and payment in one block, the loan ends the same.
    function test_dueDate__serviceMarkRepayInAnyOrder__sameLoan() public {
        _bringAndRelease(_coins(20_000));
        _goTo(credit.loan(loanId).nextDueAt + 1 days);
        bytes32[3] memory ends;
        for (uint256 i; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            if (i == 0) credit.service(loanId);
            if (i == 1) vm.assertFalse(_marks());
            _repay(loanId, _coins(30_000));
            if (i != 0) credit.service(loanId);
            (uint256 principal, uint256 interest) = credit.debt(loanId);
            Loan memory l = credit.loan(loanId);
            // What was paid by whom may differ, what there is in all does not.
            ends[i] = keccak256(
                abi.encode(
                    principal + interest + credit.owed(coin, owner) == 0,
                    l.nextDue,
                    l.markedSince,
                    int256(principal + interest) - int256(uint256(l.setAside) + l.reserve + credit.owed(coin, owner))
                )
            );
            vm.revertToState(before);
        }
        vm.assertEq(ends[0], ends[1]);
        vm.assertEq(ends[0], ends[2]);
    }

    /// @dev Somebody collects the fleet's revenue just before: it is in the shares, and the next service brings it.
    function test_service__revenueCollectedByOthersBefore__isStillThePledges() public {
        _bring(_coins(10_000));
        _goTo(block.timestamp + 2 days);
        vm.startPrank(attacker);
        shares.collect();
        router.route(fleetId);
        vm.expectRevert();
        shares.claim(attacker);
        vm.expectRevert();
        shares.claimTitle(attacker);
        vm.stopPrank();
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).setAside, _coins(10_000));
    }

    function test_donation__toEveryContract__changesNothing() public {
        bytes32 before = keccak256(abi.encode(credit.loan(loanId), credit.health(loanId), vault.book()));
        coin.mint(address(credit), _coins(1_000_000));
        coin.mint(address(vault), _coins(1_000_000));
        coin.mint(address(custody), _coins(1_000_000));
        btc.mint(address(custody), 100 * BTC);
        vm.assertEq(keccak256(abi.encode(credit.loan(loanId), credit.health(loanId), vault.book())), before);
        credit.service(loanId);
        vm.assertEq(keccak256(abi.encode(credit.loan(loanId), credit.health(loanId), vault.book())), before);
        uint256 owed = _owed(loanId);
        _repay(loanId, type(uint256).max);
        vm.assertEq(vault.book().cash, _coins(2_700_000) + owed);
        vm.assertEq(credit.owed(coin, owner), _coins(28_000));
    }

    /// @dev A title that was sent to custody without a loan is neither pledged nor lost.
    function test_title__sentToCustodyByItsOwner__securesNothingAndComesBack() public {
        _repay(loanId, type(uint256).max);
        vm.startPrank(owner);
        registry.transferFrom(owner, address(custody), fleetId);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotTitleOwner.selector, fleetId, owner));
        credit.request(_request());
        vm.stopPrank();
        vm.assertEq(registry.controllerOf(fleetId), address(0));
        vm.prank(risk);
        custody.returnTitle(fleetId, owner);
        vm.assertEq(registry.ownerOf(fleetId), owner);
    }

    /// @dev What only an owner may do is not the borrower's while it borrows.
    function test_windDown__byTheBorrowerWithoutConsent__reverts() public {
        bytes32 act = custody.actHash(abi.encodeCall(IFleetCustody.windDown, (fleetId)));
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        vm.prank(owner);
        custody.windDown(fleetId);
    }

    /// @dev Wound down with consent: what the boards bring goes to the shares, and through them pays the loan.
    function test_windDown__withConsent__proceedsPayTheLoan() public {
        // The lease that was never granted ends first.
        vm.warp(block.timestamp + 24 hours);
        book.cancel((fleetId << 32) | 1);
        _refresh();
        vm.startPrank(risk);
        custody.consent(fleetId, custody.actHash(abi.encodeCall(IFleetCustody.windDown, (fleetId))));
        vm.stopPrank();
        vm.prank(owner);
        custody.windDown(fleetId);
        (Evidence found,) = credit.evidence(loanId);
        vm.assertEq(uint256(found), uint256(Evidence.AboveBreachLimit));
        credit.mark(loanId);
        _bring(_coins(400_000));
        _goTo((block.timestamp / DAY + 2) * DAY);
        uint256 owed = _owed(loanId);
        credit.service(loanId);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(credit.owed(coin, owner), _coins(428_000) - owed);
        vm.assertEq(registry.ownerOf(fleetId), owner);
    }

    /// @dev Code that FleetCredit runs has no power of its own.
    function test_office__calledDirectly__hasNoLoanAndNoCustody() public {
        vm.startPrank(owner);
        (bool done,) =
            market.office.call(abi.encodeWithSignature("draw(uint256,uint96,address)", loanId, uint96(1), owner));
        vm.assertFalse(done);
        (done,) = market.office
            .call(abi.encodeWithSignature("withdrawCollateral(uint256,uint96,address)", loanId, uint96(1), owner));
        vm.assertFalse(done);
        vm.stopPrank();
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
    }

    /// @dev Without approval of more than once, a request can be repeated but the fleet is pledged once.
    function test_request__manyTimes__oneLoanAFleet() public {
        _repay(loanId, type(uint256).max);
        LoanRequest memory asked = _request();
        asked.principal = uint96(_coins(100_000));
        uint256[3] memory loans;
        for (uint256 i; i < 3; ++i) {
            loans[i] = _approvedLoan(asked, _loanTerms());
        }
        vm.startPrank(owner);
        credit.draw(loans[1], uint96(_coins(100_000)), owner);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.FleetInUse.selector, fleetId, loans[1]));
        credit.draw(loans[2], uint96(_coins(100_000)), owner);
        vm.stopPrank();
    }

    function _marks() private returns (bool done) {
        (done,) = address(credit).call(abi.encodeWithSignature("mark(uint256)", loanId));
    }
}
