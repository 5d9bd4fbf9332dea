// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {Bond, IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract StakeTest is LeaseScene {
    function test_stake__forAnOperatorToCome__isItsOwn() public {
        coin.mint(stranger, _coins(5));
        vm.startPrank(stranger);
        coin.approve(address(bond), type(uint256).max);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Stake(fleetId, investor, stranger, _coins(5));
        bond.stake(fleetId, investor, _coins(5));
        vm.assertEq(bond.bond(fleetId, investor).free, _coins(5));
        vm.assertEq(bond.bond(fleetId, stranger).free, 0);
        vm.assertEq(bond.bond(fleetId, operator).free, _coins(100_000));
        vm.assertEq(coin.balanceOf(address(bond)), _coins(100_005));
    }

    function test_stake__nothing__reverts() public {
        vm.expectRevert(IOperatorBond.InvalidAmount.selector);
        bond.stake(fleetId, operator, 0);
    }

    function test_stake__unknownFleet__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 99));
        bond.stake(99, operator, 1);
    }

    function test_stake__moreThanCounts__reverts() public {
        vm.expectPartialRevert(bytes4(keccak256("SafeCastOverflowedUintDowncast(uint8,uint256)")));
        bond.stake(fleetId, operator, uint256(type(uint128).max) + 1);
    }

    function test_seat__enrolment__namesTheOperator() public {
        vm.expectEmit(address(bond));
        emit IOperatorBond.SeatOperator(fleetId + 1, operator);
        vm.prank(operator);
        registry.enrol(_enrolment());
    }

    function test_rightsOfOthers__byAnybodyElse__reverts() public {
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NotRegistry.selector, operator));
        bond.seat(fleetId, operator);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NotRegistry.selector, operator));
        bond.takeOver(fleetId, operator);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NotLeaseBook.selector, operator));
        bond.reserve(fleetId, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NotLeaseBook.selector, operator));
        bond.closeReservation(fleetId, 1, 1, 0, 0, operator);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NotOracle.selector, operator));
        bond.slashLie(fleetId, operator, START, operator);
    }

    /// @dev What the lease book asks can never credit more than a lease reserved; were it to, nothing would be paid.
    function test_closeReservation__moreThanReserved__reverts() public {
        _openLease(fleetId, lessee, 8, 10 hours);
        vm.prank(address(book));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 1));
        bond.closeReservation(fleetId, 1, _coins(16), _coins(16), 1, lessee);
    }

    function test_stakeRequirement__thousandCoinsOrATwentiethOfTheEscrow() public {
        vm.assertEq(bond.stakeRequirement(fleetId), _coins(1000));
        // 64 GPUs for 90 days at 2 coins are 276,480 coins; a twentieth is 13,824.
        _openLease(fleetId, lessee, 64, 90 days);
        vm.assertEq(bond.stakeRequirement(fleetId), _coins(13_824));
    }

    function test_stakeRequirement__roundsUp() public {
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(2) + 1));
        _openLease(fleetId, lessee, 64, 90 days);
        vm.assertEq(book.escrowOf(fleetId) % 20, 0);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(1) + 1));
        vm.prank(lessee);
        book.cancel((fleetId << 32) | 1);
        _openLease(fleetId, lessee, 63, 90 days - 1);
        uint256 escrow = book.escrowOf(fleetId);
        vm.assertGt(escrow % 20, 0);
        vm.assertEq(bond.stakeRequirement(fleetId), escrow / 20 + 1);
    }

    /// @dev The lie stake cannot be reserved: leases take only what is left.
    function test_reserve__intoTheLieStake__reverts() public {
        vm.prank(operator);
        bond.unbond(fleetId, _coins(100_000 - 1016));
        _openLease(fleetId, lessee, 8, 10 hours);
        Bond memory b = bond.bond(fleetId, operator);
        vm.assertEq(b.reserved, _coins(16));
        vm.assertEq(b.lieStake, _coins(1000));
        vm.assertEq(b.free, 0);
        coin.mint(lessee, _coins(2));
        vm.prank(lessee);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorBond.BondTooSmall.selector, fleetId, operator, _coins(1016) + _coins(2) / 10, _coins(1016)
            )
        );
        book.open(fleetId, lessee, 1, 1 hours, _coins(2), "key");
    }
}
