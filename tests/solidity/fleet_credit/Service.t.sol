// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditFacts, Loan, LoanRequest, LoanState, LoanTerms} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";

/// @dev Where a pledge's revenue goes. 12 % on 300,000 coins over 12 months: 25,000 a month and interest.
contract ServiceTest is CreditScene {
    function test_service__nothingEarned__nothingMoves() public {
        uint256 loanId = _drawnLoan();
        vm.expectEmit(address(credit));
        emit ICreditFacts.ServeLoan(loanId, 0, 0, 0, 0, 0);
        credit.service(loanId);
        _checkMoney(loanId);
    }

    function test_service__lessThanTheNextInstalment__isSetAside() public {
        uint256 loanId = _drawnLoan();
        _bringAndRelease(_coins(10_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.ServeLoan(loanId, _coins(10_000), 0, 0, _coins(10_000), 0);
        vm.prank(stranger);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).setAside, _coins(10_000));
        vm.assertEq(credit.loan(loanId).principal, _coins(300_000));
        _checkMoney(loanId);
    }

    function test_service__beyondTheNextInstalment__theRestIsTheBorrowers() public {
        uint256 loanId = _drawnLoan();
        _bringAndRelease(_coins(40_000));
        credit.service(loanId);

        uint256 instalment = _coins(25_000) + _interestUp(_coins(300_000), 30 days);
        vm.assertEq(credit.loan(loanId).setAside, instalment);
        vm.assertEq(credit.owed(coin, owner), _coins(40_000) - instalment);
        vm.assertEq(credit.loan(loanId).principal, _coins(300_000));
        _checkMoney(loanId);
    }

    function test_service__twice__secondMovesNothing() public {
        uint256 loanId = _drawnLoan();
        _bringAndRelease(_coins(40_000));
        credit.service(loanId);
        Loan memory l = credit.loan(loanId);
        uint256 owed = credit.owed(coin, owner);
        credit.service(loanId);
        vm.assertEq(keccak256(abi.encode(credit.loan(loanId))), keccak256(abi.encode(l)));
        vm.assertEq(credit.owed(coin, owner), owed);
    }

    function test_service__onTheDueDate__setAsideMeetsTheInstalment() public {
        uint256 loanId = _drawnLoan();
        _bringAndRelease(_coins(40_000));
        credit.service(loanId);
        uint256 kept = credit.loan(loanId).setAside;
        _goTo(credit.loan(loanId).nextDueAt);
        vm.expectEmit(address(credit));
        emit ICreditFacts.ServeLoan(loanId, 0, kept, 0, 0, 0);
        vm.expectEmit(address(credit));
        emit ICreditFacts.RepayLoan(loanId, address(credit), _coins(25_000), kept - _coins(25_000));
        credit.service(loanId);

        Loan memory l = credit.loan(loanId);
        vm.assertEq(l.principal, _coins(275_000));
        vm.assertEq(l.accruedScaled, 0);
        vm.assertEq(l.nextDue, 2);
        vm.assertEq(l.reserve, _coins(28_000));
        _checkMoney(loanId);
    }

    /// @dev Late by days, before anybody recorded it: the reserve pays instalment and the days' interest.
    function test_service__tooLittleOnTheDueDate__theReservePaysBeforeLateness() public {
        uint256 loanId = _drawnLoan();
        _bringAndRelease(_coins(10_000));
        credit.service(loanId);
        uint256 due = credit.loan(loanId).nextDueAt;
        _goTo(due + 2 days);
        uint256 interest = _interestUp(_coins(300_000), 32 days);
        credit.service(loanId);

        Loan memory l = credit.loan(loanId);
        vm.assertEq(l.principal, _coins(275_000));
        vm.assertEq(l.reserve, _coins(28_000) - (_coins(25_000) + interest - _coins(10_000)));
        vm.assertEq(l.setAside, 0);
        vm.assertEq(l.nextDue, 2);
        (uint256 arrears, uint256 late) = credit.arrears(loanId);
        vm.assertEq(arrears + late, 0);
        _checkMoney(loanId);
    }

    function test_service__afterTheReserveHelped__isRefilledBeforeAnythingElse() public {
        uint256 loanId = _drawnLoan();
        _goTo(credit.loan(loanId).nextDueAt);
        credit.service(loanId);
        uint256 missing = _coins(28_000) - credit.loan(loanId).reserve;
        vm.assertGt(missing, _coins(27_000));
        _bringAndRelease(missing + _coins(1000));
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).reserve, _coins(28_000));
        vm.assertEq(credit.loan(loanId).setAside, _coins(1000));
        vm.assertEq(credit.owed(coin, owner), 0);
        _checkMoney(loanId);
    }

    function test_service__sweep__prepaysAllButTheComingInterest() public {
        uint256 loanId = _sweeping();
        _bringAndRelease(_coins(100_000));
        credit.service(loanId);

        Loan memory l = credit.loan(loanId);
        vm.assertEq(credit.owed(coin, owner), 0);
        vm.assertLt(l.principal, _coins(205_000));
        // What stays aside pays the interest until the next due date, and not a unit more than that needs.
        uint256 interest = _interestUp(l.principal, l.nextDueAt - block.timestamp);
        vm.assertGe(l.setAside, interest);
        vm.assertLe(l.setAside, interest + 1);
        _goTo(l.nextDueAt);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).nextDue, 2);
        vm.assertLe(credit.loan(loanId).setAside, 1);
        _checkMoney(loanId);
    }

    function test_service__sweepTwice__secondMovesNothing() public {
        uint256 loanId = _sweeping();
        _bringAndRelease(_coins(100_000));
        credit.service(loanId);
        bytes32 once = keccak256(abi.encode(credit.loan(loanId)));
        credit.service(loanId);
        vm.assertEq(keccak256(abi.encode(credit.loan(loanId))), once);
    }

    function test_service__sweepOfMoreThanIsOwed__closesAndTheRestIsTheBorrowers() public {
        uint256 loanId = _sweeping();
        _bringAndRelease(_coins(310_000));
        uint256 owed = _owed(loanId);
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, _coins(338_000) - owed, 0, 0);
        credit.service(loanId);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(credit.owed(coin, owner), _coins(338_000) - owed);
        _checkMoney(loanId);
    }

    function test_setSweep__switchedOn__appliesToTheNextRevenue() public {
        uint256 loanId = _drawnLoan();
        vm.expectEmit(address(credit));
        emit ICreditFacts.SetSweep(loanId, true);
        vm.prank(owner);
        credit.setSweep(loanId, true);
        vm.assertTrue(credit.loan(loanId).sweep);
        _bringAndRelease(_coins(60_000));
        credit.service(loanId);
        vm.assertLt(credit.loan(loanId).principal, _coins(245_000));
    }

    function test_setSweep__notTheBorrower__reverts() public {
        uint256 loanId = _drawnLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBorrower.selector, loanId, stranger));
        vm.prank(stranger);
        credit.setSweep(loanId, true);
    }

    /// @dev No release, no sweep, no set-aside: all of it pays.
    function test_service__inBreach__allRevenuePaysTheLoan() public {
        uint256 loanId = _drawnLoan();
        _breach(loanId);
        uint256 owed = _owed(loanId);
        _bring(_coins(100_000));
        _goTo((block.timestamp / DAY + 2) * DAY);
        owed = _owed(loanId);
        credit.service(loanId);
        vm.assertEq(_owed(loanId), owed - _coins(100_000));
        vm.assertEq(credit.loan(loanId).setAside, 0);
        vm.assertEq(credit.loan(loanId).reserve, 0);
        vm.assertEq(credit.owed(coin, owner), 0);
        _checkMoney(loanId);
    }

    function test_service__shareOfTheFleet__onlyThePledgesPart() public {
        LoanRequest memory asked = _request();
        asked.shares = 400_000e18;
        uint256 loanId = _drawnLoan(asked, _loanTerms());
        _bringAndRelease(_coins(10_000));
        credit.service(loanId);
        // 400,000 pledged and 100,000 bound, of a million.
        vm.assertEq(credit.loan(loanId).setAside, _coins(5000));
        vm.assertEq(shares.claimable(owner), _coins(5000));
    }

    /// @dev Revenue from before the loan is not the loan's.
    function test_service__earnedBeforeTheDraw__staysTheBorrowers() public {
        _bringAndRelease(_coins(10_000));
        uint256 loanId = _drawnLoan();
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).setAside, 0);
        vm.assertEq(shares.claimable(owner), _coins(10_000));
    }

    /// @dev Rent that meters proved, through LeaseBook and router, pays by itself.
    function test_service__provedRent__paysByItself() public {
        uint256 loanId = _drawnLoan();
        uint256 granted = START + 1;
        vm.warp(granted);
        _earnProved(granted, 0);
        uint256 rent;
        for (uint256 day = 1; day <= 3; ++day) {
            rent += _earnProved(granted + day * 1 days, 64 * 24 * day * HOUR);
        }
        // 64 GPUs at 2 coins an hour for three days.
        vm.assertEq(rent, _coins(64 * 2 * 72));
        shares.collect();
        _goTo((block.timestamp / DAY + 2) * DAY);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).setAside, rent);
        vm.assertEq(router.netRevenueBetween(fleetId, START / DAY, START / DAY + 5), rent);
    }

    function test_service__notOpen__reverts() public {
        uint256 loanId = _approvedLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Approved));
        credit.service(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.UnknownLoan.selector, 5));
        credit.service(5);
    }

    /// @dev A loan that lives on its revenue alone: no unit is lost, none appears, and it ends.
    function test_service__wholeLifeFromRevenue__endsAtZero() public {
        LoanTerms memory terms = _loanTerms();
        terms.reserveMonths = 3;
        uint256 loanId = _drawnLoan(_request(), terms);
        uint256 brought;
        while (credit.loan(loanId).state == LoanState.Open) {
            _bringAndRelease(_coins(30_000));
            brought += _coins(30_000);
            credit.service(loanId);
            _checkMoney(loanId);
            if (credit.loan(loanId).state == LoanState.Open) {
                _goTo(credit.loan(loanId).nextDueAt);
                credit.service(loanId);
                _checkMoney(loanId);
            }
        }
        vm.assertEq(_owed(loanId), 0);
        uint256 reserve = _coins(83_250);
        uint256 interest = vault.book().cash - _coins(3_000_000);
        vm.assertEq(credit.owed(coin, owner), brought + reserve - _coins(300_000) - interest);
        vm.assertGt(interest, _coins(19_000));
        vm.assertLt(interest, _coins(20_000));
    }

    function testFuzz_service__anyRevenue__isIdempotentAndConserves(uint256 revenue, uint256 wait, bool sweep) public {
        LoanRequest memory asked = _request();
        asked.sweep = sweep;
        uint256 loanId = _drawnLoan(asked, _loanTerms());
        revenue = bound(revenue, 1, _coins(400_000));
        _bringAndRelease(revenue);
        _goTo(block.timestamp + bound(wait, 0, 40 days));
        uint256 owedBefore = _owed(loanId);
        uint256 cash = vault.book().cash;
        credit.service(loanId);
        Loan memory l = credit.loan(loanId);
        vm.assertEq(owedBefore - _owed(loanId), vault.book().cash - cash, "what is owed falls by what is paid");
        _checkMoney(loanId);
        if (l.state == LoanState.Open) {
            credit.service(loanId);
            vm.assertEq(keccak256(abi.encode(credit.loan(loanId))), keccak256(abi.encode(l)));
        }
    }

    function _sweeping() private returns (uint256) {
        LoanRequest memory asked = _request();
        asked.sweep = true;
        return _drawnLoan(asked, _loanTerms());
    }

    function _interestUp(uint256 principal, uint256 time) private pure returns (uint256) {
        return (principal * 1200 * time + SCALE - 1) / SCALE;
    }
}
