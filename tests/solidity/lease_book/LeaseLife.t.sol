// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Lease, MutualClosing} from "../../../contracts/interfaces/ILeaseBook.sol";
import {bound} from "../base/Bound.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev One lease through a random life, its money counted after each step, in coins of 6, 8 and 18 decimals.
abstract contract LeaseLife is LeaseScene {
    uint256 internal leaseId;

    function test_life__anyPath__depositIsPaidFeeRefundedOrHeld(
        uint256 price,
        uint256 gpus,
        uint256 duration,
        uint256 path,
        uint256 luck
    ) public {
        price = bound(price, _coins(1), _coins(20));
        gpus = bound(gpus, 1, CAPACITY);
        duration = bound(duration, 26 hours, 20 days);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(price));
        _stake(fleetId, operator, _coins(100_000));
        leaseId = _openLease(fleetId, lessee, uint32(gpus), uint24(duration));
        _check();
        if (path % 8 == 0) {
            vm.warp(block.timestamp + luck % 26 hours);
            vm.prank(lessee);
            book.cancel(leaseId);
            return _finish();
        }
        vm.warp(block.timestamp + luck % 30 hours);
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "");
        uint256 delivered = _settleSome(gpus, duration / 3, luck);
        if (path % 8 == 1 || path % 8 == 2) _endEarly(path % 8 == 1);
        if (path % 3 == 0) {
            vm.prank(lessee);
            book.transferFrom(lessee, investor, leaseId);
        }
        uint256 end = book.lease(leaseId).end;
        if (path % 8 == 3) {
            vm.warp(end + 7 days);
            book.closeUnproved(leaseId);
        } else if (path % 8 == 4) {
            _closeMutually(end, delivered);
        } else {
            uint256 more = luck % (gpus * duration * 1100);
            _prove(leaseId, delivered + more, end + luck % 1 days);
            if (path % 2 == 0) book.releaseCapacity(leaseId);
            book.close(leaseId, uint64(delivered + more), _noProof());
        }
        _finish();
    }

    function _settleSome(uint256 gpus, uint256 span, uint256 luck) internal returns (uint256 delivered) {
        uint256 steps = luck % 5;
        for (uint256 i; i < steps; ++i) {
            delivered += uint256(keccak256(abi.encode(luck, i))) % (gpus * span / 5 * 1200);
            _proveAndSettle(leaseId, delivered, block.timestamp + span / 5);
            _check();
        }
    }

    function _endEarly(bool byLessee) internal {
        Lease memory l = book.lease(leaseId);
        if (block.timestamp + 24 hours >= l.end) return;
        vm.prank(byLessee ? lessee : operator);
        if (byLessee) book.endByLessee(leaseId);
        else book.endByOperator(leaseId);
        _check();
    }

    function _closeMutually(uint256 end, uint256 delivered) internal {
        if (book.ownerOf(leaseId) != lessee) {
            vm.prank(investor);
            book.transferFrom(investor, lessee, leaseId);
        }
        vm.warp(end + 48 hours);
        Lease memory l = book.lease(leaseId);
        MutualClosing memory c;
        c.leaseId = leaseId;
        c.agreedGpuMs = l.deliveredGpuMs;
        c.provedGpuMs = uint64(delivered);
        bytes32 digest = book.mutualDigest(leaseId, c.agreedGpuMs);
        c.operatorSignature = _signature(OPERATOR_KEY, digest);
        c.ownerSignature = _signature(LESSEE_KEY, digest);
        book.closeMutual(c);
    }

    function _check() internal view {
        _checkMoney(leaseId);
        Lease memory l = book.lease(leaseId);
        vm.assertEq(book.escrowOf(fleetId), l.held + router.revenue(fleetId).pending);
        vm.assertEq(router.revenue(fleetId).pending, l.paid + l.fee);
        vm.assertEq(
            book.escrowOf(fleetId) + book.owed(coin, lessee) + book.owed(coin, investor), coin.balanceOf(address(book))
        );
    }

    /// @dev Everybody takes what is his, and the book is empty.
    function _finish() internal {
        _check();
        Lease memory l = book.lease(leaseId);
        vm.assertTrue(l.closed);
        vm.assertEq(l.held, 0);
        vm.assertEq(book.leasedGpus(fleetId), 0);
        vm.assertEq(bond.bond(fleetId, operator).reserved, 0);
        address holder = book.ownerOf(leaseId);
        vm.assertLe(bond.owed(coin, holder) * 10, l.deposit + 9, "within the reservation");
        router.route(fleetId);
        if (l.refunded > 0) {
            vm.prank(holder);
            book.withdraw(coin, stranger);
        }
        vm.assertEq(coin.balanceOf(stranger), l.refunded);
        vm.assertEq(coin.balanceOf(address(book)), 0);
        vm.assertEq(coin.balanceOf(address(router)), l.paid + l.fee);
    }
}

contract LeaseLife6Test is LeaseLife {}

contract LeaseLife8Test is LeaseLife {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract LeaseLife18Test is LeaseLife {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
