// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EndedBy, ILeaseBook, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {bound} from "../base/Bound.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract EndByLesseeTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        // 16 coins an hour, 1,600 in all.
        leaseId = _grantedLease(fleetId, lessee, 8, 100 hours);
    }

    function test_endByLessee__inTheFirstHour__freeAndTwoIntervalsLater() public {
        vm.warp(START + 1 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.EndEarly(leaseId, EndedBy.Lessee, START + 3 hours, 0);
        vm.prank(lessee);
        book.endByLessee(leaseId);
        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.end, START + 3 hours);
        vm.assertEq(l.duration, 100 hours);
        vm.assertEq(l.fee, 0);
        vm.assertTrue(l.endedBy == EndedBy.Lessee);
        vm.assertEq(l.held, _coins(1600));
    }

    /// @dev Half an hour in three was not delivered. A tenth of the whole deposit would pay ten hours of rent for it.
    function test_endByLessee__endedAfterABadHalfHour__creditIsOfTheThreeHoursAlone() public {
        vm.warp(START + 1 hours);
        vm.prank(lessee);
        book.endByLessee(leaseId);
        _proveAndClose(leaseId, 8 * 5 * HOUR / 2, START + 3 hours);

        uint256 slaCredit = bond.owed(coin, lessee);
        vm.assertEq(slaCredit, _coins(16 * 3) / 10);
        vm.assertEq(bond.bond(fleetId, operator).slashed, slaCredit);
        vm.assertEq(bond.bond(fleetId, operator).reserved, 0);
        _checkMoney(leaseId);
    }

    function test_endByLessee__aSecondLater__costs24HoursOfRent() public {
        vm.warp(START + 1 hours + 1);
        vm.expectEmit(address(book));
        emit ILeaseBook.EndEarly(leaseId, EndedBy.Lessee, START + 3 hours + 1, _coins(384));
        vm.prank(lessee);
        book.endByLessee(leaseId);
        vm.assertEq(book.lease(leaseId).fee, _coins(384));
        vm.assertEq(book.lease(leaseId).held, _coins(1600 - 384));
        vm.assertEq(router.revenue(fleetId).pending, _coins(384));
        vm.assertEq(_netRevenueToday(), 0, "notice is no evidence");
        _checkMoney(leaseId);
    }

    /// @dev At hour 90 the end is at 92: 8 hours are left of the deposit beyond what can still be delivered.
    function test_endByLessee__lateInTheTerm__noticeNeverAboveWhatIsHeldBeyondRent() public {
        vm.warp(START + 90 hours);
        vm.prank(lessee);
        book.endByLessee(leaseId);
        vm.assertEq(book.lease(leaseId).fee, _coins(8 * 16));
        _proveAndClose(leaseId, 8 * 92 * HOUR, START + 92 hours);
        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.paid, _coins(92 * 16));
        vm.assertEq(l.refunded, 0);
        _checkMoney(leaseId);
    }

    function test_endByLessee__deliveryUntilTheEnd__paidAndRestRefunded() public {
        vm.warp(START + 10 hours);
        vm.prank(lessee);
        book.endByLessee(leaseId);
        _proveAndClose(leaseId, 8 * 50 * HOUR, START + 50 hours);
        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.deliveredGpuMs, 8 * 12 * HOUR, "nothing is delivered after the end");
        vm.assertEq(l.refunded, _coins(1600 - 384 - 12 * 16));
        // Available to the full: no credit, and no compensation for what the lessee ended.
        vm.assertEq(bond.owed(coin, lessee), 0);
    }

    function test_endByLessee__neverPastTheAgreedEnd__reverts() public {
        vm.startPrank(lessee);
        vm.warp(START + 98 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseEnded.selector, leaseId, START + 100 hours));
        book.endByLessee(leaseId);
        vm.warp(START + 101 hours);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseEnded.selector, leaseId, START + 100 hours));
        book.endByLessee(leaseId);
        vm.warp(START + 98 hours - 1);
        book.endByLessee(leaseId);
        vm.assertEq(book.lease(leaseId).end, START + 100 hours - 1);
    }

    function test_endByLessee__twiceOrAfterTheOperator__reverts() public {
        vm.prank(lessee);
        book.endByLessee(leaseId);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.AlreadyEnding.selector, leaseId));
        book.endByLessee(leaseId);

        uint256 other = _grantedLease(fleetId, lessee, 8, 100 hours);
        vm.prank(operator);
        book.endByOperator(other);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.AlreadyEnding.selector, other));
        book.endByLessee(other);
    }

    function test_endByLessee__byUserOrOperator__reverts() public {
        vm.prank(lessee);
        book.setUser(leaseId, stranger, uint64(START + 1 days));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotLessee.selector, leaseId, stranger));
        book.endByLessee(leaseId);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotLessee.selector, leaseId, operator));
        book.endByLessee(leaseId);
    }

    function test_endByLessee__ungranted__reverts() public {
        uint256 other = _openLease(fleetId, lessee, 1, 10 hours);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotGranted.selector, other));
        book.endByLessee(other);
    }

    function test_endByLessee__closed__reverts() public {
        _proveAndClose(leaseId, 0, START + 100 hours);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.endByLessee(leaseId);
    }

    /// @dev Whenever the lessee ends and whatever is delivered, the deposit covers fee and rent.
    function test_endByLessee__anyMoment__depositCoversNoticeAndRent(uint256 price, uint256 moment, uint256 delivered)
        public
    {
        price = bound(price, _coins(1), _coins(10));
        moment = bound(moment, 0, 98 hours - 1);
        delivered = bound(delivered, 0, 8 * 100 * HOUR);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(price));
        uint256 id = _grantedLease(fleetId, lessee, 7, 100 hours);
        vm.warp(START + moment);
        vm.prank(lessee);
        book.endByLessee(id);
        Lease memory l = book.lease(id);
        uint256 rest = l.deposit - (price * 7 * (moment + 2 hours) + 3599) / 3600;
        uint256 notice = price * 7 * 24;
        vm.assertEq(l.fee, moment <= 1 hours ? 0 : rest < notice ? rest : notice);
        _proveAndClose(id, delivered, START + moment + 2 hours);
        _checkMoney(id);
        vm.assertEq(book.lease(id).held, 0);
    }
}
