// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {DeliveryTree} from "../base/DeliveryTree.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract SettleManyTest is LeaseScene {
    using DeliveryTree for DeliveryTree.Tree;

    /// @dev One GPU each, lease i delivered i + 1 minutes of the first 100 hours.
    function _leases(uint256 n) internal returns (Delivery[] memory deliveries) {
        deliveries = new Delivery[](n);
        for (uint256 i; i < n; ++i) {
            deliveries[i].leaseId = _grantedLease(fleetId, lessee, 1, 100 hours);
            deliveries[i].deliveredGpuMs = uint64((i + 1) * HOUR / 60);
        }
    }

    /// @dev The chosen deliveries in the tree's order, with their multiproof.
    function _batch(Delivery[] memory all, Delivery[] memory chosen)
        internal
        pure
        returns (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags)
    {
        bytes32[] memory leaves = new bytes32[](chosen.length);
        for (uint256 i; i < chosen.length; ++i) {
            leaves[i] = LeafLib.delivery(chosen[i].leaseId, chosen[i].deliveredGpuMs);
        }
        bytes32[] memory sorted;
        (sorted, proof, flags) = _tree(all).multiproof(leaves);
        ordered = new Delivery[](chosen.length);
        for (uint256 i; i < chosen.length; ++i) {
            for (uint256 k; k < chosen.length; ++k) {
                if (LeafLib.delivery(chosen[k].leaseId, chosen[k].deliveredGpuMs) == sorted[i]) ordered[i] = chosen[k];
            }
        }
    }

    function test_settleMany__sixtyFourLeases__paysEach() public {
        Delivery[] memory all = _leases(64);
        _head(START + 100 hours, _tree(all).root());
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, all);
        vm.assertEq(proof.length, 0);
        uint256 rent = book.settleMany(fleetId, ordered, proof, flags);

        uint256 expected;
        for (uint256 i; i < 64; ++i) {
            expected += _coins(2) * (i + 1) / 60;
            vm.assertEq(book.lease(all[i].leaseId).paid, _coins(2) * (i + 1) / 60);
            vm.assertEq(book.lease(all[i].leaseId).settledAsOf, START + 100 hours);
        }
        vm.assertEq(rent, expected);
        vm.assertEq(router.revenue(fleetId).pending, expected);
    }

    function test_settleMany__someOfManyInOddTree__paysThoseAlone() public {
        Delivery[] memory all = _leases(37);
        _head(START + 100 hours, _tree(all).root());
        Delivery[] memory chosen = new Delivery[](5);
        for (uint256 i; i < 5; ++i) {
            chosen[i] = all[i * 7 + 3];
        }
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, chosen);
        book.settleMany(fleetId, ordered, proof, flags);
        for (uint256 i; i < 37; ++i) {
            vm.assertEq(book.lease(all[i].leaseId).paid, i % 7 == 3 && i < 32 ? _coins(2) * (i + 1) / 60 : 0);
        }
    }

    function test_settleMany__andSingly__sameMoney(uint256 seed) public {
        Delivery[] memory all = _leases(6);
        for (uint256 i; i < 6; ++i) {
            all[i].deliveredGpuMs = uint64(uint256(keccak256(abi.encode(seed, i))) % (100 * HOUR));
        }
        DeliveryTree.Tree memory tree = _tree(all);
        _head(START + 100 hours, tree.root());
        uint256 before = vm.snapshotState();
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, all);
        uint256 together = book.settleMany(fleetId, ordered, proof, flags);
        uint256 evidence = _netRevenueToday();
        vm.revertToState(before);
        uint256 singly;
        for (uint256 i; i < 6; ++i) {
            bytes32[] memory path = tree.proof(LeafLib.delivery(all[i].leaseId, all[i].deliveredGpuMs));
            singly += book.settle(all[i].leaseId, all[i].deliveredGpuMs, path);
        }
        vm.assertEq(together, singly);
        // The record rounds down once for each credit, in the split's two legs.
        vm.assertLe(evidence, _netRevenueToday() + 12);
        vm.assertGe(evidence + 12, _netRevenueToday());
    }

    function test_settleMany__twice__equalsOnce() public {
        Delivery[] memory all = _leases(4);
        _head(START + 100 hours, _tree(all).root());
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, all);
        vm.assertGt(book.settleMany(fleetId, ordered, proof, flags), 0);
        vm.assertEq(book.settleMany(fleetId, ordered, proof, flags), 0);
    }

    function test_settleMany__leaseOfAnotherFleet__reverts() public {
        Delivery[] memory all = _leases(2);
        uint256 first = fleetId;
        fleetId = _liveFleet();
        all[1].leaseId = _grantedLease(fleetId, lessee, 1, 100 hours);
        (fleetId, first) = (first, fleetId);
        _head(START + 100 hours, _tree(all).root());
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, all);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.WrongFleet.selector, all[1].leaseId, fleetId));
        book.settleMany(fleetId, ordered, proof, flags);
    }

    /// @dev An empty batch with the root as its own proof is a valid multiproof of nothing.
    function test_settleMany__empty__reverts() public {
        Delivery[] memory all = _leases(2);
        _head(START + 100 hours, _tree(all).root());
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = _tree(all).root();
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, 0, 0));
        book.settleMany(fleetId, new Delivery[](0), proof, new bool[](0));
    }

    function test_settleMany__sameLeaseTwice__reverts() public {
        Delivery[] memory all = _leases(2);
        _head(START + 100 hours, _tree(all).root());
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, all);
        Delivery[] memory doubled = new Delivery[](3);
        (doubled[0], doubled[1], doubled[2]) = (ordered[0], ordered[0], ordered[1]);
        bool[] memory moreFlags = new bool[](2);
        (moreFlags[0], moreFlags[1]) = (true, true);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, ordered[0].leaseId, 0));
        book.settleMany(fleetId, doubled, proof, moreFlags);
        vm.assertEq(flags.length, 1);
    }

    function test_settleMany__alteredNumber__reverts() public {
        Delivery[] memory all = _leases(4);
        _head(START + 100 hours, _tree(all).root());
        (Delivery[] memory ordered, bytes32[] memory proof, bool[] memory flags) = _batch(all, all);
        ordered[2].deliveredGpuMs += 1;
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, ordered[0].leaseId, 0));
        book.settleMany(fleetId, ordered, proof, flags);
        vm.assertEq(router.revenue(fleetId).pending, 0);
    }

    function test_settleMany__noHead__reverts() public {
        Delivery[] memory all = _leases(1);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, all[0].leaseId, 0));
        book.settleMany(fleetId, all, _noProof(), new bool[](0));
    }

    function test_settleMany__unknownUngrantedOrClosed__reverts() public {
        Delivery[] memory all = _leases(1);
        all[0].leaseId += 1;
        _head(START + 1 hours, _tree(all).root());
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, all[0].leaseId));
        book.settleMany(fleetId, all, _noProof(), new bool[](0));
        _openLease(fleetId, lessee, 1, 100 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, all[0].leaseId));
        book.settleMany(fleetId, all, _noProof(), new bool[](0));
        vm.prank(lessee);
        book.cancel(all[0].leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, all[0].leaseId));
        book.settleMany(fleetId, all, _noProof(), new bool[](0));
    }
}
