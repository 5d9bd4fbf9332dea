// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../../../contracts/interfaces/IMeterOracle.sol";
import {Bond, IOperatorBond, SlashReason} from "../../../contracts/interfaces/IOperatorBond.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract SlashLieTest is LeaseScene {
    /// @dev The reporter signed two roots for one moment; the stranger found out.
    function _lie(uint256 asOf) internal {
        Report memory a = _report(fleetId, asOf, 0, "one");
        Report memory b = _report(fleetId, asOf, 0, "other");
        bytes memory call_ = abi.encodeCall(oracle.proveLie, (a, _sign(REPORTER_KEY, a), b, _sign(REPORTER_KEY, b)));
        vm.prank(stranger);
        (bool success, bytes memory result) = address(oracle).call(call_);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function test_slashLie__stakeIsThere__aTenthToTheFinderTheRestToTheLossFund() public {
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.Lie, START, stranger, _coins(100));
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.Lie, START, address(lossFund), _coins(900));
        _lie(START);
        vm.assertEq(bond.owed(coin, stranger), _coins(100));
        vm.assertEq(bond.owed(coin, address(lossFund)), _coins(900));
        Bond memory b = bond.bond(fleetId, operator);
        vm.assertEq(b.slashed, _coins(1000));
        vm.assertEq(b.free, _coins(99_000));
    }

    function test_slashLie__largeEscrow__aTwentiethOfIt() public {
        _openLease(fleetId, lessee, 64, 90 days);
        _lie(START);
        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(13_824));
        vm.assertEq(bond.owed(coin, stranger), _coins(13_824) / 10);
    }

    /// @dev Nobody escapes by leaving first.
    function test_slashLie__onItsWayOut__takenFromTheUnbonding() public {
        vm.prank(operator);
        bond.unbond(fleetId, _coins(99_700));
        _lie(START);
        Bond memory b = bond.bond(fleetId, operator);
        vm.assertEq(b.free, 0);
        vm.assertEq(b.unbonding, _coins(99_000));
        vm.assertEq(b.slashed, _coins(1000));
        vm.warp(START + 21 days);
        vm.prank(operator);
        vm.assertEq(bond.finishUnbonding(fleetId), _coins(99_000));
    }

    function test_slashLie__lessThanTheLieStakeLeft__takesWhatThereIs() public {
        _openLease(fleetId, lessee, 8, 10 hours);
        for (uint256 i; i < 99; ++i) {
            _lie(START - i);
        }
        vm.assertEq(bond.bond(fleetId, operator).lieStake, _coins(984));
        _lie(START - 99);
        Bond memory b = bond.bond(fleetId, operator);
        vm.assertEq(b.reserved, _coins(16), "lessees' reservations are not touched");
        vm.assertEq(b.slashed, _coins(99_984));
        vm.assertEq(b.lieStake + b.free + b.unbonding, 0);
        // Nothing is left: no new business until somebody stakes.
        coin.mint(lessee, _coins(2));
        vm.prank(lessee);
        vm.expectPartialRevert(IOperatorBond.BondTooSmall.selector);
        book.open(fleetId, lessee, 1, 1 hours, _coins(2), "key");
        _lie(START - 100);
        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(99_984));
    }

    function test_slashLie__lossFundCollects() public {
        _lie(START);
        lossFund.collect(bond, coin);
        vm.assertEq(lossFund.held(coin), _coins(900));
    }

    /// @dev A finder's tenth rounds down, for the loss fund.
    function test_slashLie__anyStake__splitsWithoutRemainder(uint256 left) public {
        left = left % _coins(1001);
        vm.prank(operator);
        bond.unbond(fleetId, _coins(100_000));
        vm.warp(START + 21 days);
        vm.prank(operator);
        bond.finishUnbonding(fleetId);
        if (left > 0) _stake(fleetId, operator, left);
        uint256 amount = left < _coins(1000) ? left : _coins(1000);
        _lie(START);
        vm.assertEq(bond.owed(coin, stranger), amount / 10);
        vm.assertEq(bond.owed(coin, address(lossFund)), amount - amount / 10);
        vm.assertEq(bond.bond(fleetId, operator).free, left - amount);
    }
}
