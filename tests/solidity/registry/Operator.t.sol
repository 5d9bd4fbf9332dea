// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {Report} from "../../../contracts/interfaces/IMeterOracle.sol";
import {IRevenueRouter} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev One operator goes, another comes: with notice, with a bond, and with what it earned.
contract OperatorTest is SystemTest {
    uint256 internal fleetId;
    address internal successor = _actor("successor");

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        vm.prank(registrar);
        registry.admitOperator(successor, "papers");
    }

    /* ---- proposeOperator ---- */

    function test_proposeOperator__byController__sevenDaysOfNotice() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.ProposeOperator(fleetId, successor, START + 7 days);
        vm.prank(owner);
        registry.proposeOperator(fleetId, successor);

        vm.assertEq(registry.fleet(fleetId).incomingOperator, successor);
        vm.assertEq(registry.fleet(fleetId).incomingFrom, START + 7 days);
        vm.assertEq(registry.operatorOf(fleetId), operator);
    }

    function test_proposeOperator__nobody__withdrawsTheProposal() public {
        _propose();

        vm.expectEmit(address(registry));
        emit IFleetRegistry.ProposeOperator(fleetId, address(0), 0);
        vm.prank(owner);
        registry.proposeOperator(fleetId, address(0));

        vm.assertEq(registry.fleet(fleetId).incomingFrom, 0);
        vm.warp(START + 8 days);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoOperatorProposed.selector, fleetId));
        registry.replaceOperator(fleetId);
    }

    function test_proposeOperator__again__noticeStartsAnew() public {
        _propose();
        vm.warp(START + 6 days);
        _propose();

        vm.warp(START + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoticeRunning.selector, fleetId, START + 13 days));
        registry.replaceOperator(fleetId);
    }

    function test_proposeOperator__notAdmitted__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotAdmitted.selector, stranger));
        registry.proposeOperator(fleetId, stranger);
    }

    function test_proposeOperator__theSame__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidEnrolment.selector, bytes32("operator")));
        registry.proposeOperator(fleetId, operator);
    }

    function test_proposeOperator__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotController.selector, fleetId, operator));
        registry.proposeOperator(fleetId, successor);
    }

    /* ---- replaceOperator ---- */

    function test_replaceOperator__noProposal__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoOperatorProposed.selector, fleetId));
        registry.replaceOperator(fleetId);
    }

    function test_replaceOperator__noticeRunning__reverts() public {
        _propose();
        _stake(fleetId, successor, _coins(100_000));

        vm.warp(START + 7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoticeRunning.selector, fleetId, START + 7 days));
        registry.replaceOperator(fleetId);
    }

    function test_replaceOperator__dismissedInBetween__reverts() public {
        _propose();
        _stake(fleetId, successor, _coins(100_000));
        vm.prank(registrar);
        registry.dismissOperator(successor);

        vm.warp(START + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotAdmitted.selector, successor));
        registry.replaceOperator(fleetId);
    }

    function test_replaceOperator__bondDoesNotCoverEveryReservation__reverts() public {
        _grantedLease(fleetId, lessee, 64, 90 days);
        uint256 deposit = _coins(2) * 64 * 90 * 24;
        uint256 needed = deposit / 10 + deposit / 20;
        _propose();
        _stake(fleetId, successor, needed - 1);
        vm.warp(START + 7 days);

        vm.expectRevert(
            abi.encodeWithSelector(IOperatorBond.BondTooSmall.selector, fleetId, successor, needed, needed - 1)
        );
        registry.replaceOperator(fleetId);

        _stake(fleetId, successor, 1);
        registry.replaceOperator(fleetId);
        vm.assertEq(registry.operatorOf(fleetId), successor);
        vm.assertEq(bond.bond(fleetId, successor).reserved, deposit / 10);
    }

    function test_replaceOperator__noticeOverAndBonded__anyoneCompletes() public {
        _propose();
        _stake(fleetId, successor, _coins(1000));
        vm.warp(START + 7 days);

        vm.expectEmit(address(bond));
        emit IOperatorBond.TakeOver(fleetId, operator, successor, 0);
        vm.expectEmit(address(registry));
        emit IFleetRegistry.ReplaceOperator(fleetId, operator, successor);
        vm.prank(stranger);
        registry.replaceOperator(fleetId);

        vm.assertEq(registry.operatorOf(fleetId), successor);
        vm.assertEq(registry.fleet(fleetId).incomingOperator, address(0));
        vm.assertEq(registry.fleet(fleetId).incomingFrom, 0);
        vm.assertEq(oracle.reporterOf(fleetId), address(0));
    }

    function test_replaceOperator__afterwards__oldReservationsAreFree() public {
        _grantedLease(fleetId, lessee, 8, 10 days);
        vm.assertGt(bond.bond(fleetId, operator).reserved, 0);
        _replace();

        vm.assertEq(bond.bond(fleetId, operator).reserved, 0);
        vm.assertEq(bond.bond(fleetId, operator).free, _coins(100_000));
        vm.prank(operator);
        bond.unbond(fleetId, _coins(100_000));
    }

    function test_replaceOperator__settledBefore__oldOperatorsShare() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 10 days);
        _reportDelivery(fleetId, START + 10 hours, leaseId, 8 * 10 * HOUR);
        book.settle(leaseId, uint64(8 * 10 * HOUR), _noProof());
        vm.assertEq(router.owed(coin, operator), 0);
        uint256 share = (_coins(160) - _coins(160) * 2 / 100) * 2 / 10;

        _propose();
        _stake(fleetId, successor, _coins(100_000));
        vm.warp(block.timestamp + 7 days);
        vm.expectEmit(address(router));
        emit IRevenueRouter.Route(
            fleetId, operator, _coins(160), _coins(160) * 2 / 100, share, _coins(160) * 98 / 100 - share
        );
        registry.replaceOperator(fleetId);

        vm.assertEq(router.owed(coin, operator), share);
        vm.assertEq(router.owed(coin, successor), 0);
        vm.prank(operator);
        router.withdraw(coin, operator);
        vm.assertEq(coin.balanceOf(operator), share);
    }

    function test_replaceOperator__settledAfterwards__newOperatorsShare() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 10 days);
        _replace();
        uint256 newKey = 0xB0B;
        vm.prank(successor);
        oracle.setReporter(fleetId, vm.addr(newKey));
        vm.warp(START + 8 days);
        Report memory report =
            _report(fleetId, block.timestamp, 8 * 10 * HOUR, LeafLib.delivery(leaseId, 8 * 10 * HOUR));
        oracle.submit(report, _sign(newKey, report), _quorum(report, 2));
        book.settle(leaseId, uint64(8 * 10 * HOUR), _noProof());
        router.route(fleetId);

        vm.assertEq(router.owed(coin, operator), 0);
        vm.assertGt(router.owed(coin, successor), 0);
    }

    function test_replaceOperator__afterwards__onlyTheNewOneGrants() public {
        uint256 leaseId = _openLease(fleetId, lessee, 1, 1 hours);
        _replace();

        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotOperator.selector, fleetId, operator));
        book.grantAccess(leaseId, "gpus", "connection");
        vm.prank(successor);
        book.grantAccess(leaseId, "gpus", "connection");
    }

    function _propose() private {
        vm.prank(owner);
        registry.proposeOperator(fleetId, successor);
    }

    function _replace() private {
        _propose();
        _stake(fleetId, successor, _coins(100_000));
        vm.warp(START + 7 days);
        registry.replaceOperator(fleetId);
    }
}
