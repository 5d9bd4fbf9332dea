// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, MutualClosing} from "../../../contracts/interfaces/ILeaseBook.sol";
import {DeliveryTree} from "../base/DeliveryTree.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev What of a settlement the router's daily record counts, which appraisals read.
contract EvidenceTest is LeaseScene {
    using DeliveryTree for DeliveryTree.Tree;

    function test_settle__within48Hours__countsWhole() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        uint256 rent = _proveAndSettle(leaseId, 8 * 48 * HOUR, START + 48 hours);
        vm.assertEq(rent, _coins(768));
        vm.assertEq(_netRevenueToday(), _net(rent));
    }

    /// @dev Lumps cannot dress up a fleet: 480 hours settled at once count as 48.
    function test_settle__lumpOfMoreThan48Hours__countsProRata() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        uint256 rent = _proveAndSettle(leaseId, 8 * 480 * HOUR, START + 480 hours);
        vm.assertEq(_netRevenueToday(), _net(rent / 10));
        vm.assertEq(router.revenue(fleetId).pending, rent, "money is paid in full");
    }

    function test_settle__aSecondMoreThan48Hours__countsProRata() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        uint256 rent = _proveAndSettle(leaseId, 8 * 48 * HOUR, START + 48 hours + 1);
        vm.assertEq(_netRevenueToday(), _net(rent * 48 hours / (48 hours + 1)));
    }

    function test_settle__spanCountsFromTheLastSettlement() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        _proveAndSettle(leaseId, 8 * 40 * HOUR, START + 40 hours);
        uint256 rent = _proveAndSettle(leaseId, 8 * 136 * HOUR, START + 136 hours);
        vm.assertEq(_netRevenueToday(), _net(rent / 2));
    }

    function test_settle__lesseeNotOfRecord__paysWithoutEvidence() public {
        uint256 leaseId = _grantedLease(fleetId, stranger, 8, 500 hours);
        vm.assertEq(_proveAndSettle(leaseId, 8 * HOUR, START + 1 hours), _coins(16));
        vm.assertEq(_netRevenueToday(), 0);
    }

    function test_settleMany__recordsAndLumpsMixed__countsEachByItsOwnRule() public {
        Delivery[] memory all = new Delivery[](2);
        all[0] = Delivery(_grantedLease(fleetId, lessee, 1, 500 hours), uint64(96 * HOUR));
        all[1] = Delivery(_grantedLease(fleetId, stranger, 1, 500 hours), uint64(10 * HOUR));
        DeliveryTree.Tree memory tree = _tree(all);
        _head(START + 96 hours, tree.root());
        bool[] memory flags = new bool[](1);
        flags[0] = true;
        vm.assertEq(book.settleMany(fleetId, all, _noProof(), flags), _coins(212));
        vm.assertEq(_netRevenueToday(), _net(_coins(96)));
    }

    function test_transfer__toHolderNotOfRecord__endsTheEvidence() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        vm.prank(lessee);
        book.transferFrom(lessee, stranger, leaseId);
        vm.assertFalse(book.lease(leaseId).ofRecord);
        _proveAndSettle(leaseId, 8 * HOUR, START + 1 hours);
        vm.assertEq(_netRevenueToday(), 0);
    }

    /// @dev A lease needs no consent of its receiver: else whoever rents its own fleet would give the lease to an innocent
    /// lessee of record, before each settlement, and dress up the fleet.
    function test_transfer__toLesseeOfRecordThatNeverAsked__isNoEvidence() public {
        uint256 leaseId = _grantedLease(fleetId, stranger, 8, 500 hours);
        vm.prank(stranger);
        book.transferFrom(stranger, lessee, leaseId);
        vm.assertFalse(book.lease(leaseId).ofRecord);
        _proveAndSettle(leaseId, 8 * HOUR, START + 1 hours);
        vm.assertEq(_netRevenueToday(), 0);
    }

    function test_transfer__betweenLesseesOfRecord__staysEvidence() public {
        vm.prank(registrar);
        registry.admitLessee(investor, "papers");
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        vm.prank(lessee);
        book.transferFrom(lessee, investor, leaseId);
        vm.assertTrue(book.lease(leaseId).ofRecord);
        uint256 rent = _proveAndSettle(leaseId, 8 * HOUR, START + 1 hours);
        vm.assertEq(_netRevenueToday(), _net(rent));
    }

    /// @dev Nothing of cancellation fees, notice and mutual closings is in the record.
    function test_fees__noEvidence() public {
        uint256 cancelled = _openLease(fleetId, lessee, 1, 10 hours);
        vm.prank(lessee);
        book.cancel(cancelled);
        uint256 ended = _grantedLease(fleetId, lessee, 1, 100 hours);
        vm.warp(START + 2 hours);
        vm.prank(lessee);
        book.endByLessee(ended);
        vm.warp(START + 4 hours + 48 hours);
        bytes32 digest = book.mutualDigest(ended, uint64(4 * HOUR));
        book.closeMutual(
            MutualClosing({
                leaseId: ended,
                agreedGpuMs: uint64(4 * HOUR),
                operatorSignature: _signature(OPERATOR_KEY, digest),
                ownerSignature: _signature(LESSEE_KEY, digest),
                provedGpuMs: 0,
                proof: _noProof()
            })
        );
        vm.assertEq(router.revenue(fleetId).pending, _coins(2 + 48 + 8));
        for (uint256 day = START / 1 days; day <= block.timestamp / 1 days; ++day) {
            vm.assertEq(router.netRevenueOn(fleetId, day), 0);
        }
    }
}
