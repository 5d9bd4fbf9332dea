// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Roles} from "../../contracts/libraries/Roles.sol";
import {SystemTest} from "./base/SystemTest.sol";
import {vm} from "./base/Vm.sol";

/// @dev Who may call what, and when. The admin may grant roles, and has none of their rights itself.
contract AccessControlTest is SystemTest {
    uint32 internal constant DELAY = 2 days;

    address internal slowRegistrar = _actor("slowRegistrar");

    /* ---- each function belongs to one role ---- */

    function test_restricted__registry__anyOtherRoleRefused() public {
        _onlyFor(guardian, address(registry), abi.encodeCall(registry.pause, ()));
        _onlyFor(parameters, address(registry), abi.encodeCall(registry.unpause, ()));
        _onlyFor(parameters, address(registry), abi.encodeCall(registry.listToken, (address(coin))));
        _onlyFor(guardian, address(registry), abi.encodeCall(registry.delistToken, (address(coin))));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.admitOperator, (stranger, "hash")));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.dismissOperator, (operator)));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.admitLessee, (stranger, "hash")));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.dismissLessee, (lessee)));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.confirmGrowth, (1, CAPACITY, "root")));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.lowerFloor, (1, 1)));
        _onlyFor(risk, address(registry), abi.encodeCall(registry.consentToFloor, (1, 1)));
        _onlyFor(registrar, address(registry), abi.encodeCall(registry.clearDoubleEnrolment, (1)));
    }

    function test_restricted__router__anyOtherRoleRefused() public {
        _onlyFor(parameters, address(router), abi.encodeCall(router.setProtocolFee, (1)));
        _onlyFor(parameters, address(router), abi.encodeCall(router.setFeeRecipient, (stranger)));
    }

    function test_restricted__gate__anyOtherRoleRefused() public {
        _onlyFor(registrar, address(gate), abi.encodeCall(gate.setPermitted, (stranger, true)));
        _onlyFor(registrar, address(gate), abi.encodeCall(gate.freeze, (stranger, stranger, 1)));
        _onlyFor(registrar, address(gate), abi.encodeCall(gate.forceTransfer, (stranger, owner, stranger, 1)));
        _onlyFor(enforcer, address(gate), abi.encodeCall(gate.approveForcedTransfer, (stranger, owner, stranger, 1)));
    }

    function test_restricted__lossFund__anyOtherRoleRefused() public {
        _onlyFor(risk, address(lossFund), abi.encodeCall(lossFund.allow, (address(book), IERC20(coin), 1)));
    }

    function test_restricted__roleTakenAway__refusedAtOnce() public {
        authority.revokeRole(Roles.GUARDIAN, guardian);

        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        registry.pause();
    }

    /* ---- a role with a delay ---- */

    function test_confirmGrowth__delayedRoleAtOnce__reverts() public {
        (, bytes memory call) = _slowConfirmation();
        bytes32 operation = authority.hashOperation(slowRegistrar, address(registry), call);

        vm.prank(slowRegistrar);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, operation));
        _call(address(registry), call);
    }

    function test_confirmGrowth__beforeTheDelay__reverts() public {
        (uint256 fleetId, bytes memory call) = _slowConfirmation();
        vm.prank(slowRegistrar);
        (bytes32 operation,) = authority.schedule(address(registry), call, 0);

        vm.warp(START + DELAY - 1);
        vm.prank(slowRegistrar);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, operation));
        authority.execute(address(registry), call);
        vm.assertEq(registry.fleet(fleetId).capacity, 0);
    }

    function test_confirmGrowth__afterTheDelay__doneOnce() public {
        (uint256 fleetId, bytes memory call) = _slowConfirmation();
        vm.prank(slowRegistrar);
        (bytes32 operation,) = authority.schedule(address(registry), call, 0);

        vm.warp(START + DELAY);
        vm.prank(slowRegistrar);
        authority.execute(address(registry), call);

        vm.assertEq(registry.fleet(fleetId).capacity, CAPACITY);
        vm.prank(slowRegistrar);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, operation));
        authority.execute(address(registry), call);
    }

    function test_confirmGrowth__afterTheDelayCalledDirectly__done() public {
        (uint256 fleetId, bytes memory call) = _slowConfirmation();
        vm.prank(slowRegistrar);
        authority.schedule(address(registry), call, 0);

        vm.warp(START + DELAY);
        vm.prank(slowRegistrar);
        _call(address(registry), call);

        vm.assertEq(registry.fleet(fleetId).capacity, CAPACITY);
    }

    function test_confirmGrowth__scheduledCapacityIsNotWhatIsCalled__reverts() public {
        (uint256 fleetId, bytes memory call) = _slowConfirmation();
        vm.prank(slowRegistrar);
        authority.schedule(address(registry), call, 0);
        vm.warp(START + DELAY);
        bytes memory other = abi.encodeCall(registry.confirmGrowth, (fleetId, CAPACITY + 1, _gpuRoot()));

        bytes32 operation = authority.hashOperation(slowRegistrar, address(registry), other);
        vm.prank(slowRegistrar);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, operation));
        authority.execute(address(registry), other);
    }

    function test_confirmGrowth__cancelledByTheGuardianOfTheRole__reverts() public {
        authority.setRoleGuardian(Roles.REGISTRAR_DELAYED, Roles.GUARDIAN);
        (, bytes memory call) = _slowConfirmation();
        vm.prank(slowRegistrar);
        (bytes32 operation,) = authority.schedule(address(registry), call, 0);

        vm.prank(guardian);
        authority.cancel(slowRegistrar, address(registry), call);

        vm.warp(START + DELAY);
        vm.prank(slowRegistrar);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, operation));
        authority.execute(address(registry), call);
    }

    function test_confirmGrowth__scheduledTooLongAgo__reverts() public {
        (, bytes memory call) = _slowConfirmation();
        vm.prank(slowRegistrar);
        (bytes32 operation,) = authority.schedule(address(registry), call, 0);

        vm.warp(START + DELAY + authority.expiration());
        vm.prank(slowRegistrar);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerExpired.selector, operation));
        authority.execute(address(registry), call);
    }

    /* ---- steps ---- */

    /// @dev A fleet that waits for its first GPUs, and the call of a registrar with a delay that confirms them.
    function _slowConfirmation() private returns (uint256 fleetId, bytes memory call) {
        authority.grantRole(Roles.REGISTRAR_DELAYED, slowRegistrar, DELAY);
        vm.prank(operator);
        fleetId = registry.enrol(_enrolment());
        call = abi.encodeCall(registry.confirmGrowth, (fleetId, CAPACITY, _gpuRoot()));
    }

    function _onlyFor(address allowed, address target, bytes memory call) private {
        address[11] memory others =
            [admin, registrar, guardian, parameters, arbiter, verifierAdmin, risk, enforcer, operator, owner, stranger];
        for (uint256 i; i < others.length; ++i) {
            if (others[i] == allowed) continue;
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, others[i]));
            _call(target, call);
        }
        (bool immediate,) = authority.canCall(allowed, target, bytes4(call));
        vm.assertTrue(immediate, "the role itself");
    }

    function _call(address target, bytes memory call) private {
        (bool done, bytes memory why) = target.call(call);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(why, 32), mload(why))
            }
        }
    }
}
