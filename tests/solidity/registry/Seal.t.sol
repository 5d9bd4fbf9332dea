// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetRegistry} from "../../../contracts/FleetRegistry.sol";
import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {System} from "../../../contracts/interfaces/System.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev A second registry over the same peers, not sealed yet.
contract SealTest is SystemTest {
    FleetRegistry internal fresh;

    function setUp() public override {
        super.setUp();
        fresh = new FleetRegistry(system, address(this));
    }

    function test_seal__codeAsExpected__opensBusiness() public {
        vm.assertFalse(fresh.isSealed());
        bytes32[9] memory hashes = _codeHashes();

        vm.expectEmit(address(fresh));
        emit IFleetRegistry.Seal(address(this));
        fresh.seal(hashes);

        vm.assertTrue(fresh.isSealed());
    }

    function test_seal__wrongCodeHashAtAnyPlace__reverts() public {
        address[9] memory holders = [
            system.authority,
            system.oracle,
            system.leaseBook,
            system.leaseTerms,
            system.bond,
            system.router,
            system.shareFactory,
            system.transferGate,
            system.lossFund
        ];
        for (uint256 i; i < 9; ++i) {
            bytes32[9] memory hashes = _codeHashes();
            hashes[i] = "other code";
            vm.expectRevert(
                abi.encodeWithSelector(
                    IFleetRegistry.CodeMismatch.selector, holders[i], bytes32("other code"), holders[i].codehash
                )
            );
            fresh.seal(hashes);
            vm.assertFalse(fresh.isSealed());
        }
    }

    function test_seal__peerNotDeployed__reverts() public {
        System memory incomplete = system;
        incomplete.lossFund = _actor("nothing here");
        FleetRegistry early = new FleetRegistry(incomplete, address(this));
        bytes32[9] memory hashes = _codeHashes();

        vm.expectRevert(
            abi.encodeWithSelector(IFleetRegistry.CodeMismatch.selector, incomplete.lossFund, hashes[8], bytes32(0))
        );
        early.seal(hashes);
    }

    function test_seal__notTheSealer__reverts() public {
        bytes32[9] memory hashes = _codeHashes();
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotSealer.selector, admin));
        fresh.seal(hashes);
    }

    function test_seal__secondTime__reverts() public {
        bytes32[9] memory hashes = _codeHashes();
        fresh.seal(hashes);

        vm.expectRevert(IFleetRegistry.AlreadySealed.selector);
        fresh.seal(hashes);
    }

    function test_enrol__beforeTheSeal__reverts() public {
        vm.prank(operator);
        vm.expectRevert(IFleetRegistry.NotSealed.selector);
        fresh.enrol(_enrolment());
    }
}
