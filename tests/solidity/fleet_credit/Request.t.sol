// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ICreditFacts, Loan, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

contract RequestTest is CreditScene {
    function test_request__byTitleOwner__isAsked() public {
        LoanRequest memory asked = _request();
        vm.expectEmit(address(credit));
        emit ICreditFacts.RequestLoan(1, fleetId, owner, asked);
        vm.prank(owner);
        uint256 loanId = credit.request(asked);

        vm.assertEq(loanId, 1);
        vm.assertEq(credit.loanCount(), 1);
        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Requested);
        vm.assertEq(l.borrower, owner);
        vm.assertEq(l.fleetId, fleetId);
        vm.assertEq(l.terms.ceiling, asked.principal);
        vm.assertEq(l.terms.months, 12);
        vm.assertEq(l.shares, FREE_SHARES);
        vm.assertEq(address(l.collateral), address(btc));
        vm.assertEq(l.collateralAmount, 2 * BTC);
        vm.assertEq(l.drawn + l.principal + l.reserve + l.setAside, 0);
        vm.assertEq(_owed(loanId), 0);
        vm.assertEq(credit.loanOf(fleetId), 0);
        // Nothing moved: the borrower keeps everything until it draws.
        vm.assertEq(registry.ownerOf(fleetId), owner);
    }

    function test_request__withoutCollateral__isAsked() public {
        LoanRequest memory asked = _request();
        (asked.collateral, asked.collateralAmount, asked.shares) = (IERC20(address(0)), 0, 0);
        vm.prank(owner);
        uint256 loanId = credit.request(asked);
        vm.assertEq(address(credit.loan(loanId).collateral), address(0));
    }

    /// @dev So that it can be added when it is needed.
    function test_request__collateralOfNothing__namesTheToken() public {
        LoanRequest memory asked = _request();
        asked.collateralAmount = 0;
        vm.prank(owner);
        vm.assertEq(address(credit.loan(credit.request(asked)).collateral), address(btc));
    }

    function test_request__notTitleOwner__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotTitleOwner.selector, fleetId, stranger));
        vm.prank(stranger);
        credit.request(_request());
    }

    function test_request__paused__reverts() public {
        _pause();
        vm.expectRevert(ICreditFacts.Paused.selector);
        vm.prank(owner);
        credit.request(_request());
    }

    function test_request__anotherSettlementToken__reverts() public {
        TestStablecoin other = new TestStablecoin("Other USD", "oUSD", 18);
        vm.prank(parameters);
        registry.listToken(address(other));
        Enrolment memory e = _enrolment();
        e.settlementToken = address(other);
        vm.prank(operator);
        uint256 foreign = registry.enrol(e);

        LoanRequest memory asked = _request();
        asked.fleetId = uint64(foreign);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongToken.selector, foreign, other));
        vm.prank(owner);
        credit.request(asked);
    }

    function test_request__months__0and241Revert() public {
        uint8[2] memory months = [0, 241];
        for (uint256 i; i < months.length; ++i) {
            LoanRequest memory asked = _request();
            asked.months = months[i];
            _refused(asked, "months");
        }
        LoanRequest memory longest = _request();
        longest.months = 240;
        vm.prank(owner);
        credit.request(longest);
    }

    function test_request__ofNothing__reverts() public {
        LoanRequest memory asked = _request();
        asked.principal = 0;
        _refused(asked, "principal");
    }

    function test_request__amountOfNoCollateral__reverts() public {
        LoanRequest memory asked = _request();
        asked.collateral = IERC20(address(0));
        _refused(asked, "collateral");
    }

    function test_request__collateralThatNobodyPrices__reverts() public {
        LoanRequest memory asked = _request();
        asked.collateral = coin;
        _refused(asked, "collateral");
    }

    function test_request__delistedCollateral__reverts() public {
        vm.prank(guardian);
        prices.delist(address(btc));
        _refused(_request(), "collateral");
    }

    function test_cancel__requestAndApproval__closes() public {
        vm.prank(owner);
        uint256 requested = credit.request(_request());
        uint256 approved = _approvedLoan();
        uint256[2] memory loans = [requested, approved];
        for (uint256 i; i < loans.length; ++i) {
            vm.expectEmit(address(credit));
            emit ICreditFacts.CancelLoan(loans[i]);
            vm.prank(owner);
            credit.cancel(loans[i]);
            vm.assertTrue(credit.loan(loans[i]).state == LoanState.Closed);
        }
    }

    function test_cancel__paused__works() public {
        vm.prank(owner);
        uint256 loanId = credit.request(_request());
        _pause();
        vm.prank(owner);
        credit.cancel(loanId);
    }

    function test_cancel__notTheBorrower__reverts() public {
        vm.prank(owner);
        uint256 loanId = credit.request(_request());
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBorrower.selector, loanId, stranger));
        vm.prank(stranger);
        credit.cancel(loanId);
    }

    function test_cancel__openLoan__reverts() public {
        uint256 loanId = _drawnLoan();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Open));
        vm.prank(owner);
        credit.cancel(loanId);
    }

    function test_cancel__unknown__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.UnknownLoan.selector, 7));
        credit.cancel(7);
    }

    function _refused(LoanRequest memory asked, bytes32 field) private {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidRequest.selector, field));
        vm.prank(owner);
        credit.request(asked);
    }
}
