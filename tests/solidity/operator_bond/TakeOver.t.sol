// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Bond, IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract TakeOverTest is LeaseScene {
    address internal successor = _actor("successor");
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 8, 500 hours);
        vm.prank(registrar);
        registry.admitOperator(successor, "papers");
        vm.prank(owner);
        registry.proposeOperator(fleetId, successor);
        vm.warp(START + 7 days);
    }

    function test_takeOver__bondCovers__reservationsMoveAndTheOldIsFree() public {
        // 8,000 coins of deposit reserve 800; the lie stake is 1,000.
        _stake(fleetId, successor, _coins(1800));
        vm.expectEmit(address(bond));
        emit IOperatorBond.TakeOver(fleetId, operator, successor, _coins(800));
        registry.replaceOperator(fleetId);
        Bond memory old = bond.bond(fleetId, operator);
        vm.assertEq(old.reserved, 0);
        vm.assertEq(old.lieStake, 0);
        vm.assertEq(old.free, _coins(100_000));
        Bond memory b = bond.bond(fleetId, successor);
        vm.assertEq(b.reserved, _coins(800));
        vm.assertEq(b.lieStake, _coins(1000));
        vm.assertEq(b.free, 0);
        vm.prank(operator);
        bond.unbond(fleetId, _coins(100_000));
    }

    function test_takeOver__bondTooSmall__reverts() public {
        _stake(fleetId, successor, _coins(1800) - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorBond.BondTooSmall.selector, fleetId, successor, _coins(1800), _coins(1800) - 1
            )
        );
        registry.replaceOperator(fleetId);
    }

    /// @dev The successor answers for what the lease it took over does not get.
    function test_closeReservation__afterTakeOver__theSuccessorPays() public {
        _stake(fleetId, successor, _coins(5000));
        registry.replaceOperator(fleetId);
        vm.prank(successor);
        oracle.setReporter(fleetId, vm.addr(0xB0B));
        vm.warp(START + 500 hours + 7 days);
        book.closeUnproved(leaseId);
        vm.assertEq(bond.owed(coin, lessee), _coins(800));
        vm.assertEq(bond.bond(fleetId, successor).slashed, _coins(800));
        vm.assertEq(bond.bond(fleetId, operator).slashed, 0);
        vm.assertEq(bond.bond(fleetId, successor).reserved, 0);
    }

    /// @dev A lease is the new operator's to serve and to end.
    function test_takeOver__oldOperator__hasNoSay() public {
        _stake(fleetId, successor, _coins(5000));
        registry.replaceOperator(fleetId);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotOperator.selector, fleetId, operator));
        book.endByOperator(leaseId);
        vm.prank(successor);
        book.endByOperator(leaseId);
    }
}
