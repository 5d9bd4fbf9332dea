// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IMeterOracle} from "../../../contracts/interfaces/IMeterOracle.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev Who may sign: the operator names a reporter key, a delayed role names verifiers.
contract SignersTest is OracleTest {
    address internal nextKey = vm.addr(0xB0B);

    /* ---- setReporter ---- */

    function test_setReporter__byTheOperator__replacesTheKeyWhichAnswers21Days() public {
        vm.expectEmit(address(oracle));
        emit IMeterOracle.RetireReporter(fleetId, reporter, START + 21 days);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.SetReporter(fleetId, operator, nextKey);
        vm.prank(operator);
        oracle.setReporter(fleetId, nextKey);

        vm.assertEq(oracle.reporterOf(fleetId), nextKey);
    }

    function test_setReporter__backToAnOwnOldKey__isAllowed() public {
        vm.startPrank(operator);
        oracle.setReporter(fleetId, nextKey);
        oracle.setReporter(fleetId, reporter);
        vm.stopPrank();
        vm.assertEq(oracle.reporterOf(fleetId), reporter);
    }

    function test_setReporter__byAnybodyElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NotOperator.selector, fleetId, owner));
        vm.prank(owner);
        oracle.setReporter(fleetId, nextKey);
    }

    function test_setReporter__unknownFleet__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 9));
        vm.prank(operator);
        oracle.setReporter(9, nextKey);
    }

    function test_setReporter__nobody__reverts() public {
        _refuseReporter(address(0));
    }

    function test_setReporter__theSameAgain__reverts() public {
        _refuseReporter(reporter);
    }

    function test_setReporter__aVerifier__reverts() public {
        address[] memory verifiers = _verifiers();
        for (uint256 i; i < verifiers.length; ++i) {
            _refuseReporter(verifiers[i]);
        }
    }

    /// @dev Else a new operator could make the old one answer for what it signs itself.
    function test_setReporter__keyOfAnEarlierOperator__reverts() public {
        address successor = _proposeOperator();
        registry.replaceOperator(fleetId);

        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.InvalidReporter.selector, reporter));
        vm.prank(successor);
        oracle.setReporter(fleetId, reporter);
    }

    /* ---- retireReporter ---- */

    function test_retireReporter__operatorReplaced__noReporterIsLeft() public {
        _proposeOperator();
        vm.expectEmit(address(oracle));
        emit IMeterOracle.RetireReporter(fleetId, reporter, START + 7 days + 21 days);
        registry.replaceOperator(fleetId);
        vm.assertEq(oracle.reporterOf(fleetId), address(0));
    }

    function test_retireReporter__thereIsNone__changesNothing() public {
        vm.startPrank(address(registry));
        oracle.retireReporter(fleetId);
        vm.recordLogs();
        oracle.retireReporter(fleetId);
        vm.stopPrank();
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_retireReporter__byAnybodyButTheRegistry__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NotRegistry.selector, operator));
        vm.prank(operator);
        oracle.retireReporter(fleetId);
    }

    /* ---- setVerifiers ---- */

    function test_setVerifiers__byTheRole__replacesTheSet() public {
        address[] memory verifiers = _increasing(32);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.SetVerifiers(fleetId, verifiers, 32);
        _setVerifiers(verifiers, 32);

        (address[] memory found, uint256 quorum) = oracle.verifiersOf(fleetId);
        vm.assertEq(quorum, 32);
        vm.assertEq(abi.encode(found), abi.encode(verifiers));
    }

    function test_verifiersOf__neverSet__none() public view {
        (address[] memory found, uint256 quorum) = oracle.verifiersOf(9);
        vm.assertEq(found.length, 0);
        vm.assertEq(quorum, 0);
    }

    function test_setVerifiers__byAnybodyElse__reverts() public {
        address[4] memory others = [operator, owner, arbiter, stranger];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, others[i]));
            vm.prank(others[i]);
            oracle.setVerifiers(fleetId, _increasing(3), 2);
        }
    }

    function test_setVerifiers__none__reverts() public {
        _refuseVerifiers(new address[](0), 1, abi.encodeWithSelector(IMeterOracle.InvalidVerifiers.selector));
    }

    function test_setVerifiers__33__reverts() public {
        _refuseVerifiers(_increasing(33), 2, abi.encodeWithSelector(IMeterOracle.InvalidVerifiers.selector));
    }

    function test_setVerifiers__notInOrder__reverts() public {
        address[] memory verifiers = _increasing(3);
        (verifiers[0], verifiers[1]) = (verifiers[1], verifiers[0]);
        _refuseVerifiers(verifiers, 2, abi.encodeWithSelector(IMeterOracle.InvalidVerifiers.selector));
    }

    function test_setVerifiers__oneTwice__reverts() public {
        address[] memory verifiers = _increasing(3);
        verifiers[1] = verifiers[0];
        _refuseVerifiers(verifiers, 2, abi.encodeWithSelector(IMeterOracle.InvalidVerifiers.selector));
    }

    function test_setVerifiers__theZeroAddress__reverts() public {
        address[] memory verifiers = _increasing(3);
        verifiers[0] = address(0);
        _refuseVerifiers(verifiers, 2, abi.encodeWithSelector(IMeterOracle.InvalidVerifiers.selector));
    }

    function test_setVerifiers__operatorAmongThem__reverts() public {
        address[] memory verifiers = new address[](1);
        verifiers[0] = operator;
        _refuseVerifiers(verifiers, 1, abi.encodeWithSelector(IMeterOracle.InvalidVerifiers.selector));
    }

    function test_setVerifiers__quorumOfNobodyOrMoreThanAll__reverts() public {
        _refuseVerifiers(_increasing(3), 0, abi.encodeWithSelector(IMeterOracle.InvalidQuorum.selector, 0, 3));
        _refuseVerifiers(_increasing(3), 4, abi.encodeWithSelector(IMeterOracle.InvalidQuorum.selector, 4, 3));
    }

    function test_setVerifiers__unknownFleet__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 9));
        vm.prank(verifierAdmin);
        oracle.setVerifiers(9, _increasing(3), 2);
    }

    /* ---- setLiveness ---- */

    function test_setLiveness__withinItsBounds__counts() public {
        _setLiveness(30 minutes);
        _setLiveness(7 days);
    }

    function test_setLiveness__outsideItsBounds__reverts() public {
        _refuseLiveness(30 minutes - 1);
        _refuseLiveness(7 days + 1);
    }

    function test_setLiveness__byAnybodyElse__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, operator));
        vm.prank(operator);
        oracle.setLiveness(1 hours);
    }

    /* ---- steps ---- */

    function _setLiveness(uint32 liveness) private {
        vm.expectEmit(address(oracle));
        emit IMeterOracle.SetLiveness(liveness);
        vm.prank(parameters);
        oracle.setLiveness(liveness);
        vm.assertEq(oracle.liveness(), liveness);
    }

    function _refuseLiveness(uint32 liveness) private {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.InvalidLiveness.selector, liveness, 30 minutes, 7 days));
        vm.prank(parameters);
        oracle.setLiveness(liveness);
    }

    function _refuseReporter(address key) private {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.InvalidReporter.selector, key));
        vm.prank(operator);
        oracle.setReporter(fleetId, key);
    }

    function _setVerifiers(address[] memory verifiers, uint8 quorum) private {
        vm.prank(verifierAdmin);
        oracle.setVerifiers(fleetId, verifiers, quorum);
    }

    function _refuseVerifiers(address[] memory verifiers, uint8 quorum, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(verifierAdmin);
        oracle.setVerifiers(fleetId, verifiers, quorum);
    }

    function _proposeOperator() private returns (address successor) {
        successor = _actor("successor");
        vm.prank(registrar);
        registry.admitOperator(successor, "papers");
        vm.prank(owner);
        registry.proposeOperator(fleetId, successor);
        _stake(fleetId, successor, _coins(100_000));
        vm.warp(START + 7 days);
    }

    function _increasing(uint256 n) private pure returns (address[] memory addresses) {
        addresses = new address[](n);
        for (uint256 i; i < n; ++i) {
            addresses[i] = address(uint160(0x1000 + i));
        }
    }
}
