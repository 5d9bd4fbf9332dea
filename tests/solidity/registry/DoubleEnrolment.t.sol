// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Enrolment, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {DeliveryTree} from "../base/DeliveryTree.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Three fleets; "gpu-shared" is in the trees of all.
contract DoubleEnrolmentTest is SystemTest {
    using DeliveryTree for DeliveryTree.Tree;

    bytes32 internal constant SHARED = "gpu-shared";

    uint256[3] internal fleets;
    mapping(uint256 fleetId => bytes32[]) internal proofs;

    function setUp() public override {
        super.setUp();
        for (uint256 i; i < 3; ++i) {
            DeliveryTree.Tree memory tree = DeliveryTree.build(_leaves(i));
            Enrolment memory e = _enrolment();
            e.gpuRoot = tree.root();
            fleets[i] = _liveFleet(e);
            proofs[fleets[i]] = tree.proof(LeafLib.gpu(SHARED));
        }
    }

    function test_proveDoubleEnrolment__oneGpuInTwoFleets__stopsBothUntilTheRegistrarDecides() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.ProveDoubleEnrolment(SHARED, fleets[0], fleets[1]);
        vm.prank(stranger);
        registry.proveDoubleEnrolment(SHARED, fleets[0], proofs[fleets[0]], fleets[1], proofs[fleets[1]]);

        for (uint256 i; i < 2; ++i) {
            vm.assertTrue(registry.fleet(fleets[i]).suspended);
            vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetSuspended.selector, fleets[i]));
            registry.openingFor(fleets[i], lessee);
        }
        registry.openingFor(fleets[2], lessee);
    }

    function test_clearDoubleEnrolment__byRegistrar__opensOneAgain() public {
        _prove(fleets[0], fleets[1]);

        vm.expectEmit(address(registry));
        emit IFleetRegistry.ClearDoubleEnrolment(fleets[0]);
        vm.prank(registrar);
        registry.clearDoubleEnrolment(fleets[0]);

        vm.assertFalse(registry.fleet(fleets[0]).suspended);
        registry.openingFor(fleets[0], lessee);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetSuspended.selector, fleets[1]));
        registry.openingFor(fleets[1], lessee);
    }

    function test_proveDoubleEnrolment__honestFleetStoppedAgainByTheSuspendedOne__reverts() public {
        _prove(fleets[0], fleets[1]);
        vm.prank(registrar);
        registry.clearDoubleEnrolment(fleets[0]);

        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetSuspended.selector, fleets[1]));
        registry.proveDoubleEnrolment(SHARED, fleets[0], proofs[fleets[0]], fleets[1], proofs[fleets[1]]);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetSuspended.selector, fleets[1]));
        registry.proveDoubleEnrolment(SHARED, fleets[1], proofs[fleets[1]], fleets[0], proofs[fleets[0]]);
        vm.assertFalse(registry.fleet(fleets[0]).suspended);
    }

    function test_proveDoubleEnrolment__clearedFleetAndAThird__stopsBoth() public {
        _prove(fleets[0], fleets[1]);
        vm.prank(registrar);
        registry.clearDoubleEnrolment(fleets[0]);

        _prove(fleets[0], fleets[2]);

        vm.assertTrue(registry.fleet(fleets[0]).suspended);
        vm.assertTrue(registry.fleet(fleets[2]).suspended);
    }

    function test_proveDoubleEnrolment__runningLeases__goOn() public {
        uint256 leaseId = _grantedLease(fleets[0], lessee, 8, 10 hours);
        _prove(fleets[0], fleets[1]);

        _reportDelivery(fleets[0], START + 10 hours, leaseId, 8 * 10 * HOUR);
        book.close(leaseId, uint64(8 * 10 * HOUR), _noProof());
        vm.assertEq(book.lease(leaseId).paid, _coins(160));
    }

    function test_proveDoubleEnrolment__gpuInOneOnly__reverts() public {
        bytes32[] memory proof = DeliveryTree.build(_leaves(0)).proof(LeafLib.gpu(_own(0)));

        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, fleets[1], _own(0)));
        registry.proveDoubleEnrolment(_own(0), fleets[0], proof, fleets[1], proof);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, fleets[1], _own(0)));
        registry.proveDoubleEnrolment(_own(0), fleets[1], proof, fleets[0], proof);
        vm.assertFalse(registry.fleet(fleets[0]).suspended);
    }

    function test_proveDoubleEnrolment__oneFleetTwice__reverts() public {
        bytes32[] memory proof = proofs[fleets[0]];
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.SameFleet.selector, fleets[0]));
        registry.proveDoubleEnrolment(SHARED, fleets[0], proof, fleets[0], proof);
    }

    function test_proveDoubleEnrolment__fleetWithoutConfirmedGpus__reverts() public {
        vm.prank(operator);
        uint256 fleetId = registry.enrol(_enrolment());

        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, fleetId, SHARED));
        registry.proveDoubleEnrolment(SHARED, fleets[0], proofs[fleets[0]], fleetId, _noProof());
    }

    function test_proveDoubleEnrolment__woundDownFleet__reverts() public {
        vm.prank(owner);
        registry.windDown(fleets[1]);

        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetNotLive.selector, fleets[1]));
        registry.proveDoubleEnrolment(SHARED, fleets[0], proofs[fleets[0]], fleets[1], proofs[fleets[1]]);
    }

    function test_clearDoubleEnrolment__notSuspended__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotSuspended.selector, fleets[0]));
        registry.clearDoubleEnrolment(fleets[0]);
    }

    function test_clearDoubleEnrolment__unknownFleet__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        registry.clearDoubleEnrolment(77);
    }

    function _prove(uint256 a, uint256 b) private {
        registry.proveDoubleEnrolment(SHARED, a, proofs[a], b, proofs[b]);
    }

    function _leaves(uint256 i) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](5);
        for (uint256 k; k < 4; ++k) {
            leaves[k] = LeafLib.gpu(_own(4 * i + k));
        }
        leaves[4] = LeafLib.gpu(SHARED);
    }

    function _own(uint256 number) private pure returns (bytes32) {
        return bytes32(uint256(bytes32("gpu-")) + number + 1);
    }
}
