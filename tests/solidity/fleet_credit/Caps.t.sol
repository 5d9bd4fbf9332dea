// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {ICreditFacts, LoanRequest} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

contract CapsTest is CreditScene {
    function test_setCap__ownAndDefault__ownCountsAlsoWhenZero() public {
        bytes32 key = bytes32(fleetId);
        vm.assertEq(credit.capOf("fleet", key), _coins(1_000_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.SetCap("fleet", key, 5);
        vm.startPrank(risk);
        credit.setCap("fleet", key, 5);
        vm.assertEq(credit.capOf("fleet", key), 5);
        credit.setCap("fleet", key, 0);
        vm.stopPrank();
        vm.assertEq(credit.capOf("fleet", key), 0);
        vm.assertEq(credit.capOf("fleet", bytes32(fleetId + 1)), _coins(1_000_000));
    }

    function test_setCap__anotherKind__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidTerms.selector, bytes32("kind")));
        vm.prank(risk);
        credit.setCap("vault", 0, 1);
    }

    function test_setCap__notRisk__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, parameters));
        vm.prank(parameters);
        credit.setCap("fleet", 0, 1);
    }

    function test_draw__aboveOneCap__reverts() public {
        bytes32[3] memory kinds = [bytes32("fleet"), "operator", "borrower"];
        bytes32[3] memory keys = [bytes32(fleetId), _key(operator), _key(owner)];
        uint256 loanId = _approvedLoan();
        for (uint256 i; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            vm.prank(risk);
            credit.setCap(kinds[i], keys[i], uint96(_coins(300_000) - 1));
            vm.expectRevert(
                abi.encodeWithSelector(
                    ICreditFacts.CapExceeded.selector, kinds[i], keys[i], _coins(300_000), _coins(300_000) - 1
                )
            );
            vm.prank(owner);
            credit.draw(loanId, uint96(_coins(300_000)), owner);
            vm.revertToState(before);
        }
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
        for (uint256 i; i < 3; ++i) {
            vm.assertEq(credit.outstanding(kinds[i], keys[i]), _coins(300_000));
        }
    }

    /// @dev Drawn principal counts until the loan closes, so that paying stays cheap.
    function test_outstanding__partlyPaid__countsWhole() public {
        uint256 loanId = _drawnLoan();
        _repay(loanId, _coins(200_000));
        vm.assertEq(credit.outstanding("borrower", _key(owner)), _coins(300_000));
        _repay(loanId, type(uint256).max);
        vm.assertEq(credit.outstanding("borrower", _key(owner)), 0);
    }

    function test_draw__twoFleetsOfOneOperator__countTogether() public {
        uint256 first = _drawnLoan();
        uint256 other = _liveFleet();
        _submit(_report(other, block.timestamp, 0, 0));
        LoanRequest memory asked = _request();
        asked.fleetId = uint64(other);
        vm.prank(risk);
        credit.setCap("operator", _key(operator), uint96(_coins(599_999)));
        uint256 second = _approvedLoan(asked, _loanTerms());
        bytes memory refused = abi.encodeWithSelector(
            ICreditFacts.CapExceeded.selector, bytes32("operator"), _key(operator), _coins(600_000), _coins(599_999)
        );
        vm.expectRevert(refused);
        vm.prank(owner);
        credit.draw(second, uint96(_coins(300_000)), owner);
        _repay(first, type(uint256).max);
        vm.prank(owner);
        credit.draw(second, uint96(_coins(300_000)), owner);
    }

    /// @dev A market lends nothing before somebody said how much.
    function test_capOf__nothingSet__isZero() public view {
        vm.assertEq(credit.capOf("vault", 0), 0);
        vm.assertEq(credit.outstanding("fleet", bytes32(fleetId)), 0);
    }

    function test_setCostRecipient__byParameters__isSet() public {
        vm.expectEmit(address(credit));
        emit ICreditFacts.SetCostRecipient(investor);
        vm.prank(parameters);
        credit.setCostRecipient(investor);
        vm.assertEq(credit.costRecipient(), investor);
    }

    function test_setCostRecipient__notParameters__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, risk));
        vm.prank(risk);
        credit.setCostRecipient(risk);
    }

    function _key(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
