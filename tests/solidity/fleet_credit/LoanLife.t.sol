// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICreditFacts, Loan, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev From request to closing with nothing going wrong.
contract LoanLifeTest is CreditScene {
    function test_loan__drawnServedRepaid__everyUnitIsAccountedFor() public {
        uint256 loanId = _drawnLoan();
        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Open);
        vm.assertEq(coin.balanceOf(owner) + l.reserve, _coins(300_000), "principal = paid out + reserve");
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        vm.assertEq(registry.controllerOf(fleetId), owner);
        vm.assertEq(btc.balanceOf(address(custody)), 2 * BTC);
        vm.assertEq(shares.balanceOf(address(custody)), FREE_SHARES);
        _checkMoney(loanId);

        _bringAndRelease(_coins(40_000));
        credit.service(loanId);
        _checkMoney(loanId);
        _goTo(credit.loan(loanId).nextDueAt);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).nextDue, 2);
        _checkMoney(loanId);

        _repay(loanId, _coins(100_000));
        _checkMoney(loanId);
        vm.warp(block.timestamp + 12 days);
        _repay(loanId, type(uint256).max);
        l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Closed);
        vm.assertEq(_owed(loanId), 0);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(shares.balanceOf(owner), FREE_SHARES);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
        vm.assertEq(credit.loanOf(fleetId), 0);
        vm.assertEq(vault.book().performingPrincipal, 0);
        vm.assertEq(vault.book().performingInterest, 0);
        _checkMoney(loanId);
    }
}
