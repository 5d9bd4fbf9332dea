// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bond, IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract UnbondTest is LeaseScene {
    function test_unbond__free__leavesIn21Days() public {
        vm.expectEmit(address(bond));
        emit IOperatorBond.Unbond(fleetId, operator, _coins(10), START + 21 days);
        vm.prank(operator);
        bond.unbond(fleetId, _coins(10));
        Bond memory b = bond.bond(fleetId, operator);
        vm.assertEq(b.unbonding, _coins(10));
        vm.assertEq(b.unbondsAt, START + 21 days);
        vm.assertEq(b.free, _coins(99_990));

        vm.warp(START + 21 days - 1);
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorBond.StillUnbonding.selector, fleetId, operator, START + 21 days)
        );
        bond.finishUnbonding(fleetId);

        vm.warp(START + 21 days);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Unbonded(fleetId, operator, _coins(10));
        vm.prank(operator);
        vm.assertEq(bond.finishUnbonding(fleetId), _coins(10));
        b = bond.bond(fleetId, operator);
        vm.assertEq(b.unbonding, 0);
        vm.assertEq(b.unbondsAt, 0);
        vm.assertEq(b.withdrawn, _coins(10));
        vm.assertEq(bond.owed(coin, operator), _coins(10));
        vm.prank(operator);
        bond.withdraw(coin, owner);
        vm.assertEq(coin.balanceOf(owner), _coins(10));
    }

    function test_unbond__more__restartsTheTimeForAll() public {
        vm.startPrank(operator);
        bond.unbond(fleetId, _coins(10));
        vm.warp(START + 20 days);
        bond.unbond(fleetId, _coins(5));
        vm.warp(START + 21 days);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorBond.StillUnbonding.selector, fleetId, operator, START + 41 days)
        );
        bond.finishUnbonding(fleetId);
        vm.warp(START + 41 days);
        vm.assertEq(bond.finishUnbonding(fleetId), _coins(15));
    }

    function test_unbond__nothing__reverts() public {
        vm.prank(operator);
        vm.expectRevert(IOperatorBond.InvalidAmount.selector);
        bond.unbond(fleetId, 0);
    }

    function test_finishUnbonding__nothing__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NothingUnbonding.selector, fleetId, operator));
        bond.finishUnbonding(fleetId);
    }

    function test_unbond__reservedOrLieStake__reverts() public {
        _openLease(fleetId, lessee, 8, 10 hours);
        vm.startPrank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorBond.BondTooSmall.selector, fleetId, operator, _coins(100_000) + 1, _coins(100_000)
            )
        );
        bond.unbond(fleetId, _coins(100_000 - 1016) + 1);
        bond.unbond(fleetId, _coins(100_000 - 1016));
        vm.assertEq(bond.bond(fleetId, operator).free, 0);
    }

    /// @dev With nothing in escrow there is nothing that a lie could pay out.
    function test_unbond__emptyEscrow__leavesAltogether() public {
        uint256 leaseId = _openLease(fleetId, lessee, 8, 10 hours);
        vm.warp(START + 1 hours);
        vm.prank(lessee);
        book.cancel(leaseId);
        vm.assertEq(book.escrowOf(fleetId), 0);
        vm.startPrank(operator);
        bond.unbond(fleetId, _coins(100_000));
        vm.warp(START + 1 hours + 21 days);
        bond.finishUnbonding(fleetId);
        bond.withdraw(coin, operator);
        vm.assertEq(coin.balanceOf(operator), _coins(100_000));
        vm.assertEq(coin.balanceOf(address(bond)), 0);
    }

    function test_unbond__rentNotRoutedYet__keepsTheLieStake() public {
        uint256 leaseId = _openLease(fleetId, lessee, 8, 10 hours);
        vm.prank(lessee);
        book.cancel(leaseId);
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorBond.BondTooSmall.selector, fleetId, operator, _coins(101_000), _coins(100_000)
            )
        );
        bond.unbond(fleetId, _coins(100_000));
        router.route(fleetId);
        vm.prank(operator);
        bond.unbond(fleetId, _coins(100_000));
    }

    function test_unbond__notSeated__takesEverything() public {
        _openLease(fleetId, lessee, 8, 10 hours);
        _stake(fleetId, investor, _coins(50));
        vm.prank(investor);
        bond.unbond(fleetId, _coins(50));
        vm.assertEq(bond.bond(fleetId, investor).lieStake, 0);
        vm.assertEq(bond.bond(fleetId, investor).unbonding, _coins(50));
    }

    function test_unbond__othersStake__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.BondTooSmall.selector, fleetId, stranger, 1, 0));
        bond.unbond(fleetId, 1);
    }
}
