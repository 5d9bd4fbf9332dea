// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IERC4907} from "../../../contracts/interfaces/IERC4907.sol";
import {IOperatorBond, SlashReason} from "../../../contracts/interfaces/IOperatorBond.sol";
import {Terms} from "../../../contracts/interfaces/ILeaseTerms.sol";
import {bound} from "../base/Bound.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract CloseTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        // 160 coins, of which 16 are reserved.
        leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
    }

    function test_close__headAtTheEnd__refundsAndCredits() public {
        _prove(leaseId, 8 * 5 * HOUR, START + 10 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.Settle(leaseId, 8 * 5 * HOUR, START + 10 hours, _coins(80));
        vm.expectEmit(address(book));
        emit IERC4907.UpdateUser(leaseId, address(0), 0);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Release(fleetId, operator, _coins(16));
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.SlaCredit, leaseId, lessee, _coins(16));
        vm.expectEmit(address(book));
        emit ILeaseBook.Close(leaseId, lessee, _coins(80), _coins(16), 0, 0.5e18);
        vm.prank(stranger);
        book.close(leaseId, uint64(8 * 5 * HOUR), _noProof());

        Lease memory l = book.lease(leaseId);
        vm.assertTrue(l.closed);
        vm.assertEq(l.paid, _coins(80));
        vm.assertEq(l.refunded, _coins(80));
        vm.assertEq(l.held, 0);
        vm.assertEq(book.owed(coin, lessee), _coins(80));
        vm.assertEq(bond.owed(coin, lessee), _coins(16));
        vm.assertEq(book.escrowOf(fleetId), _coins(80));
        vm.assertEq(book.leasedGpus(fleetId), 0);
        vm.assertEq(bond.bond(fleetId, operator).reserved, 0);
    }

    function test_close__headASecondBeforeTheEnd__reverts() public {
        _prove(leaseId, 0, START + 10 hours - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseBook.HeadTooOld.selector, fleetId, START + 10 hours - 1, uint256(START + 10 hours)
            )
        );
        book.close(leaseId, 0, _noProof());
    }

    function test_close__wrongProof__reverts() public {
        _prove(leaseId, 8, START + 10 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidProof.selector, leaseId, 9));
        book.close(leaseId, 9, _noProof());
    }

    function test_close__twice__reverts() public {
        _proveAndClose(leaseId, 8, START + 10 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.close(leaseId, 8, _noProof());
    }

    function test_close__ungrantedOrUnknown__reverts() public {
        uint256 other = _openLease(fleetId, lessee, 1, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, other));
        book.close(other, 0, _noProof());
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, other + 1));
        book.close(other + 1, 0, _noProof());
    }

    function test_close__leafBelowWhatWasCredited__keepsWhatWasPaid() public {
        _proveAndSettle(leaseId, 8 * 5 * HOUR, START + 5 hours);
        _proveAndClose(leaseId, 8 * 4 * HOUR, START + 10 hours);
        vm.assertEq(book.lease(leaseId).paid, _coins(80));
        _checkMoney(leaseId);
    }

    function test_close__afterTransfer__refundsTheNewOwner() public {
        vm.prank(lessee);
        book.transferFrom(lessee, investor, leaseId);
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.assertEq(book.owed(coin, investor), _coins(160));
        vm.assertEq(bond.owed(coin, investor), _coins(16));
        vm.assertEq(book.owed(coin, lessee), 0);
    }

    function test_close__whilePaused__goesOn() public {
        vm.prank(guardian);
        registry.pause();
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.assertTrue(book.lease(leaseId).closed);
    }

    /// @dev 10 GPU-hours times 8 are 288,000,000 GPU-milliseconds; tiers begin strictly below 99, 95 and 90 %.
    function test_close__slaTiers__atTheExactBoundaries() public {
        uint256 whole = 8 * 10 * HOUR;
        _checkCredit(whole, 0);
        _checkCredit(whole * 99 / 100, 0);
        _checkCredit(whole * 99 / 100 - 1, 2);
        _checkCredit(whole * 95 / 100, 2);
        _checkCredit(whole * 95 / 100 - 1, 5);
        _checkCredit(whole * 90 / 100, 5);
        _checkCredit(whole * 90 / 100 - 1, 10);
        _checkCredit(0, 10);
    }

    function _checkCredit(uint256 delivered, uint256 percent) internal {
        uint256 state = vm.snapshotState();
        _proveAndClose(leaseId, delivered, START + 10 hours);
        vm.assertEq(bond.owed(coin, lessee), _coins(160) * percent / 100);
        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(160) * percent / 100);
        vm.revertToState(state);
    }

    /// @dev A lease keeps the terms under which it opened.
    function test_close__termsChangedSince__oldOnesHold() public {
        Terms memory harsh = _terms();
        harsh.reservationWad = 1e18;
        harsh.tiers[0].creditWad = 1e18;
        harsh.tiers[1].creditWad = 1e18;
        harsh.tiers[2].creditWad = 1e18;
        vm.prank(parameters);
        leaseTerms.setTerms(harsh);
        uint256 later = _grantedLease(fleetId, lessee, 8, 10 hours);
        vm.assertEq(bond.bond(fleetId, operator).reserved, _coins(16 + 160));
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.assertEq(bond.owed(coin, lessee), _coins(16));
        _proveAndClose(later, 0, START + 11 hours);
        vm.assertEq(bond.owed(coin, lessee), _coins(16 + 160));
        vm.assertEq(bond.bond(fleetId, operator).reserved, 0);
    }

    function test_close__anyDelivery__refundsTheRest(uint256 price, uint256 gpus, uint256 duration, uint256 delivered)
        public
    {
        price = bound(price, _coins(1), _coins(10));
        gpus = bound(gpus, 1, 50);
        duration = bound(duration, 1 hours, 30 days);
        delivered = bound(delivered, 0, gpus * duration * 1100);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(price));
        _stake(fleetId, operator, _coins(1_000_000));
        uint256 id = _grantedLease(fleetId, lessee, uint32(gpus), uint24(duration));
        uint256 reserved = bond.bond(fleetId, operator).reserved - _coins(16);
        _proveAndClose(id, delivered, START + duration);

        Lease memory l = book.lease(id);
        uint256 most = gpus * duration * 1000;
        vm.assertEq(l.deliveredGpuMs, delivered < most ? delivered : most);
        vm.assertEq(l.paid, price * l.deliveredGpuMs / HOUR);
        vm.assertEq(l.refunded, l.deposit - l.paid);
        vm.assertEq(book.owed(coin, lessee), l.refunded);
        vm.assertLe(bond.owed(coin, lessee), reserved);
        vm.assertEq(bond.bond(fleetId, operator).reserved, _coins(16));
        vm.assertEq(book.escrowOf(fleetId) + book.owed(coin, lessee), coin.balanceOf(address(book)));
    }
}
