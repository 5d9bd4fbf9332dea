// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EndedBy, ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Terms} from "../../../contracts/interfaces/ILeaseTerms.sol";
import {IOperatorBond, SlashReason} from "../../../contracts/interfaces/IOperatorBond.sol";
import {bound} from "../base/Bound.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract EndByOperatorTest is LeaseScene {
    function test_endByOperator__withNotice__deliveryPaidUntilThenAndCompensationFromTheReservation() public {
        // 16 coins an hour, 8,000 in all; 800 are reserved, compensation is 24 hours of rent: 384.
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        uint256 other = _grantedLease(fleetId, lessee, 8, 500 hours);
        vm.warp(START + 10 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.EndEarly(leaseId, EndedBy.Operator, START + 34 hours, 0);
        vm.prank(operator);
        book.endByOperator(leaseId);
        vm.assertTrue(book.lease(leaseId).endedBy == EndedBy.Operator);
        vm.assertEq(book.lease(leaseId).end, START + 34 hours);

        _prove(leaseId, 8 * 34 * HOUR, START + 34 hours);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.Compensation, leaseId, lessee, _coins(384));
        vm.expectEmit(address(book));
        emit ILeaseBook.Close(leaseId, lessee, _coins(8000 - 34 * 16), 0, _coins(384), 1e18);
        book.close(leaseId, uint64(8 * 34 * HOUR), _noProof());
        vm.assertEq(bond.owed(coin, lessee), _coins(384));
        vm.assertEq(bond.bond(fleetId, operator).reserved, book.lease(other).deposit / 10);
    }

    function test_endByOperator__smallReservation__compensationCappedByItAlone() public {
        // 1,600 in all: the reservation of 160 is less than 24 hours of rent; another lease's stays.
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        _grantedLease(fleetId, lessee, 8, 500 hours);
        vm.prank(operator);
        book.endByOperator(leaseId);
        _proveAndClose(leaseId, 8 * 24 * HOUR, START + 24 hours);
        vm.assertEq(bond.owed(coin, lessee), _coins(160));
        vm.assertEq(bond.bond(fleetId, operator).reserved, _coins(800));
    }

    function test_endByOperator__unavailableToo__creditAndCompensationShareTheReservation() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.prank(operator);
        book.endByOperator(leaseId);
        // 94 % of 24 hours: a credit of 5 % of the deposit, 80; the rest of the reservation compensates.
        uint256 delivered = 8 * 24 * HOUR * 94 / 100;
        _prove(leaseId, delivered, START + 24 hours);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.SlaCredit, leaseId, lessee, _coins(80));
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.Compensation, leaseId, lessee, _coins(80));
        book.close(leaseId, uint64(delivered), _noProof());
        vm.assertEq(bond.owed(coin, lessee), _coins(160));
        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(160));
    }

    function test_endByOperator__worstAvailability__nothingLeftToCompensate() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.prank(operator);
        book.endByOperator(leaseId);
        _prove(leaseId, 0, START + 24 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.Close(leaseId, lessee, _coins(1600), _coins(160), 0, 0);
        book.close(leaseId, 0, _noProof());
        vm.assertEq(bond.owed(coin, lessee), _coins(160));
    }

    function test_endByOperator__noticeShorterThanTwoIntervals__twoIntervals() public {
        Terms memory terms = _terms();
        terms.operatorNotice = 1 hours;
        terms.reportInterval = 2 hours;
        vm.prank(parameters);
        leaseTerms.setTerms(terms);
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.prank(operator);
        book.endByOperator(leaseId);
        vm.assertEq(book.lease(leaseId).end, START + 4 hours);
    }

    function test_endByOperator__neverPastTheAgreedEnd__reverts() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.warp(START + 76 hours);
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseEnded.selector, leaseId, START + 100 hours));
        book.endByOperator(leaseId);
        vm.warp(START + 76 hours - 1);
        book.endByOperator(leaseId);
        vm.assertEq(book.lease(leaseId).end, START + 100 hours - 1);
    }

    function test_endByOperator__afterTheLessee__reverts() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.prank(lessee);
        book.endByLessee(leaseId);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.AlreadyEnding.selector, leaseId));
        book.endByOperator(leaseId);
    }

    function test_endByOperator__byAnybodyElse__reverts() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotOperator.selector, fleetId, lessee));
        book.endByOperator(leaseId);
    }

    function test_endByOperator__ungranted__reverts() public {
        uint256 leaseId = _openLease(fleetId, lessee, 8, 100 hours);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, leaseId));
        book.endByOperator(leaseId);
    }

    /// @dev SLA credit and compensation never exceed the lease's own reservation, whatever was delivered.
    function test_endByOperator__anyDelivery__owesAtMostTheReservation(uint256 gpus, uint256 hours_, uint256 delivered)
        public
    {
        gpus = bound(gpus, 1, 30);
        hours_ = bound(hours_, 25, 300);
        delivered = bound(delivered, 0, gpus * 24 * HOUR);
        uint256 leaseId = _grantedLease(fleetId, lessee, uint32(gpus), uint24(hours_ * 1 hours));
        uint256 reserved = bond.bond(fleetId, operator).reserved;
        _grantedLease(fleetId, lessee, 1, 30 days);
        uint256 all = bond.bond(fleetId, operator).reserved;
        vm.prank(operator);
        book.endByOperator(leaseId);
        _proveAndClose(leaseId, delivered, START + 24 hours);
        vm.assertLe(bond.owed(coin, lessee), reserved);
        vm.assertGt(bond.owed(coin, lessee), 0);
        vm.assertEq(bond.bond(fleetId, operator).reserved, all - reserved);
        vm.assertEq(bond.bond(fleetId, operator).slashed, bond.owed(coin, lessee));
    }
}
