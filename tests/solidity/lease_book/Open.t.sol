// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Enrolment, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {EndedBy, ILeaseBook, Lease, Permit} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {RentLib} from "../../../contracts/libraries/RentLib.sol";
import {bound} from "../base/Bound.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";
import {PricingActing} from "../pricing/PricingActing.sol";
import {PricingSaying} from "../pricing/PricingSaying.sol";

/// @dev Reverts on any call: a receiver that must never be called.
contract DeafReceiver {
    fallback() external payable {
        revert("called");
    }
}

contract OpenTest is LeaseScene {
    function setUp() public override {
        super.setUp();
        coin.mint(lessee, _coins(1_000_000));
        vm.prank(lessee);
        coin.approve(address(book), type(uint256).max);
    }

    function _open(uint32 gpus, uint24 duration, uint256 maximum) internal returns (uint256) {
        vm.prank(lessee);
        return book.open(fleetId, lessee, gpus, duration, maximum, "key");
    }

    function test_open__eightGpusTenHours__locksPricePullsDepositReservesBond() public {
        uint256 leaseId = (fleetId << 32) | 1;
        uint256 before = coin.balanceOf(lessee);
        vm.expectEmit(address(book));
        emit ILeaseBook.Open(leaseId, lessee, lessee, 8, 10 hours, _coins(2), _coins(160), "key");
        vm.expectEmit(address(bond));
        emit IOperatorBond.Reserve(fleetId, operator, _coins(16));
        vm.assertEq(_open(8, 10 hours, _coins(2)), leaseId);

        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.fleetId, fleetId);
        vm.assertEq(l.gpus, 8);
        vm.assertEq(l.pricePerGpuHour, _coins(2));
        vm.assertEq(l.termsId, 1);
        vm.assertTrue(l.ofRecord);
        vm.assertEq(l.openedAt, START);
        vm.assertEq(l.grantedAt, 0);
        vm.assertEq(l.duration, 10 hours);
        vm.assertEq(l.end, 0);
        vm.assertTrue(l.endedBy == EndedBy.Nobody);
        vm.assertFalse(l.closed);
        vm.assertFalse(l.released);
        vm.assertEq(l.deliveredGpuMs, 0);
        vm.assertEq(l.settledAsOf, 0);
        vm.assertEq(l.deposit, _coins(160));
        vm.assertEq(l.paid + l.fee + l.refunded, 0);
        vm.assertEq(l.held, _coins(160));
        vm.assertEq(book.ownerOf(leaseId), lessee);
        vm.assertEq(book.leasedGpus(fleetId), 8);
        vm.assertEq(book.leaseCount(fleetId), 1);
        vm.assertEq(book.escrowOf(fleetId), _coins(160));
        vm.assertEq(coin.balanceOf(address(book)), _coins(160));
        vm.assertEq(before - coin.balanceOf(lessee), _coins(160));
        vm.assertEq(bond.bond(fleetId, operator).reserved, _coins(16));
    }

    function test_open__second__nextIdAndSums() public {
        uint256 first = _open(8, 10 hours, _coins(2));
        vm.assertEq(_open(4, 1 hours, _coins(2)), first + 1);
        vm.assertEq(book.leasedGpus(fleetId), 12);
        vm.assertEq(book.escrowOf(fleetId), _coins(168));
    }

    function test_open__anyPriceGpusAndTerm__depositIsRentRoundedUp(uint256 price, uint256 gpus, uint256 duration)
        public
    {
        price = bound(price, _coins(1), _coins(1) * 20);
        gpus = bound(gpus, 1, CAPACITY);
        duration = bound(duration, 1 hours, 90 days);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(price));
        _stake(fleetId, operator, _coins(1_000_000));
        coin.mint(lessee, _coins(10_000_000));
        uint256 leaseId = _open(uint32(gpus), uint24(duration), price);

        Lease memory l = book.lease(leaseId);
        uint256 exact = price * gpus * duration;
        vm.assertGe(l.deposit * 3600, exact);
        vm.assertLt((l.deposit - 1) * 3600, exact);
        // Whatever can be delivered is paid for.
        vm.assertLe(RentLib.rentDown(price, RentLib.deliverable(gpus, duration)), l.deposit);
        uint256 reserved = bond.bond(fleetId, operator).reserved;
        vm.assertGe(reserved * 10, l.deposit);
        vm.assertLt(reserved * 10, l.deposit + 10);
    }

    function test_open__priceChangesLater__leaseKeepsItsOwn() public {
        uint256 leaseId = _open(8, 10 hours, _coins(2));
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(5)));
        vm.assertEq(book.lease(leaseId).pricePerGpuHour, _coins(2));
    }

    function test_open__lesseeNotOfRecord__marked() public {
        uint256 leaseId = _openLease(fleetId, stranger, 1, 1 hours);
        vm.assertFalse(book.lease(leaseId).ofRecord);
    }

    function test_open__inTheNameOfALesseeOfRecordWithoutItsApproval__reverts() public {
        coin.mint(stranger, _coins(100));
        vm.startPrank(stranger);
        coin.approve(address(book), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotApprovedBy.selector, lessee, stranger));
        book.open(fleetId, lessee, 1, 1 hours, _coins(2), "key");
    }

    function test_open__approvedForAll__callerPaysAndLesseeReceives() public {
        vm.prank(lessee);
        book.setApprovalForAll(stranger, true);
        coin.mint(stranger, _coins(2));
        vm.startPrank(stranger);
        coin.approve(address(book), type(uint256).max);
        vm.expectEmit(address(book));
        emit ILeaseBook.Open((fleetId << 32) | 1, lessee, stranger, 1, 1 hours, _coins(2), _coins(2), "key");
        uint256 leaseId = book.open(fleetId, lessee, 1, 1 hours, _coins(2), "key");
        vm.assertEq(book.ownerOf(leaseId), lessee);
        vm.assertTrue(book.lease(leaseId).ofRecord);
        vm.assertEq(coin.balanceOf(stranger), 0);
    }

    function test_open__contractReceiver__neverCalled() public {
        address deaf = address(new DeafReceiver());
        coin.mint(deaf, _coins(2));
        vm.startPrank(deaf);
        coin.approve(address(book), type(uint256).max);
        uint256 leaseId = book.open(fleetId, deaf, 1, 1 hours, _coins(2), "key");
        vm.assertEq(book.ownerOf(leaseId), deaf);
    }

    function test_open__noGpus__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.InvalidGpus.selector, 0));
        _open(0, 1 hours, _coins(2));
    }

    function test_open__noAccessKey__reverts() public {
        vm.prank(lessee);
        vm.expectRevert(ILeaseBook.InvalidAccessKey.selector);
        book.open(fleetId, lessee, 1, 1 hours, _coins(2), 0);
    }

    function test_open__aSecondTooShortOrLong__reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseBook.InvalidDuration.selector, 1 hours - 1, 1 hours, uint256(90 days))
        );
        _open(1, 1 hours - 1, _coins(2));
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseBook.InvalidDuration.selector, 90 days + 1, 1 hours, uint256(90 days))
        );
        _open(1, 90 days + 1, _coins(2));
        _open(1, 1 hours, _coins(2));
        _open(1, 90 days, _coins(2));
    }

    function test_open__oneGpuMoreThanFree__reverts() public {
        _open(60, 1 hours, _coins(2));
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.CapacityExceeded.selector, fleetId, 5, 4));
        _open(5, 1 hours, _coins(2));
        _open(4, 1 hours, _coins(2));
        vm.assertEq(book.leasedGpus(fleetId), CAPACITY);
    }

    function test_open__aboveTheLesseesMaximum__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.PriceAboveMaximum.selector, _coins(2), _coins(2) - 1));
        _open(1, 1 hours, _coins(2) - 1);
    }

    function test_open__bondWithoutRoom__reverts() public {
        Enrolment memory e = _enrolment();
        uint256 rich = fleetId;
        vm.prank(operator);
        fleetId = registry.enrol(e);
        vm.assertEq(fleetId, rich + 1);
        vm.prank(registrar);
        registry.confirmGrowth(fleetId, e.capacity, e.gpuRoot);
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(2)));
        // 20 coins of deposit reserve 2; the lie stake is 1,000.
        _stake(fleetId, operator, _coins(1002) - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorBond.BondTooSmall.selector, fleetId, operator, _coins(1002), _coins(1002) - 1
            )
        );
        _open(10, 1 hours, _coins(2));
        _stake(fleetId, operator, 1);
        _open(10, 1 hours, _coins(2));
    }

    function test_open__pausedSuspendedUnknownOrWoundDown__reverts() public {
        vm.prank(guardian);
        registry.pause();
        vm.expectRevert(IFleetRegistry.Paused.selector);
        _open(1, 1 hours, _coins(2));
        vm.prank(parameters);
        registry.unpause();

        uint256 twin = _liveFleet();
        registry.proveDoubleEnrolment("gpu-0", fleetId, _noProof(), twin, _noProof());
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetSuspended.selector, fleetId));
        _open(1, 1 hours, _coins(2));
        vm.prank(registrar);
        registry.clearDoubleEnrolment(fleetId);

        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 99));
        book.open(99, lessee, 1, 1 hours, _coins(2), "key");

        vm.prank(owner);
        registry.windDown(fleetId);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetNotLive.selector, fleetId));
        _open(1, 1 hours, _coins(2));
    }

    function test_open__withoutAllowance__reverts() public {
        vm.prank(lessee);
        coin.approve(address(book), 0);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        _open(1, 1 hours, _coins(2));
    }

    /// @dev Who controls a fleet that others own would otherwise rent it to himself for nothing.
    function test_open__controllerToHimselfBelowTheFloor__reverts() public {
        PricingSaying nothing = new PricingSaying(_coins(1) - 1);
        vm.prank(owner);
        registry.setPricing(fleetId, nothing);
        coin.mint(owner, _coins(100));
        vm.startPrank(owner);
        coin.approve(address(book), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.PriceBelowFloor.selector, _coins(1) - 1, _coins(1)));
        book.open(fleetId, owner, 1, 1 hours, _coins(2), "key");
        nothing.say(_coins(1));
        book.open(fleetId, owner, 1, 1 hours, _coins(2), "key");
    }

    function test_open__pricingAsksForTheMoon__reverts() public {
        PricingSaying moon = new PricingSaying(uint256(type(uint72).max) + 1);
        vm.prank(owner);
        registry.setPricing(fleetId, moon);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILeaseBook.PriceAboveMaximum.selector, uint256(type(uint72).max) + 1, uint256(type(uint72).max)
            )
        );
        _open(1, 1 hours, type(uint72).max);
        // Even a careless maximum does not truncate the price.
        vm.expectPartialRevert(bytes4(keccak256("SafeCastOverflowedUintDowncast(uint8,uint256)")));
        _open(1, 1 hours, type(uint256).max);
    }

    function test_open__pricingReverts__reverts() public {
        PricingSaying mute = new PricingSaying(0);
        mute.silence();
        vm.prank(owner);
        registry.setPricing(fleetId, mute);
        vm.expectRevert(PricingSaying.Silent.selector);
        _open(1, 1 hours, _coins(2));
    }

    function test_open__pricingIsToldWhatIsTaken__sees() public {
        PricingSaying seen = new PricingSaying(_coins(2));
        vm.prank(owner);
        registry.setPricing(fleetId, seen);
        _open(3, 1 hours, _coins(2));
        _open(2, 2 hours, _coins(2));
        vm.assertEq(seen.last(), keccak256(abi.encode(fleetId, 2, 2 hours, 3, CAPACITY)));
    }

    function test_open__pricingOpensAgain__reverts() public {
        PricingActing acting = new PricingActing(_coins(2));
        vm.prank(owner);
        registry.setPricing(fleetId, acting);
        acting.act(
            address(book), abi.encodeCall(book.open, (fleetId, address(acting), 1, uint24(1 hours), _coins(2), "key"))
        );
        vm.expectRevert(bytes4(keccak256("ReentrancyGuardReentrantCall()")));
        _open(1, 1 hours, _coins(2));
    }

    /// @dev A pricing that cancels while it is asked would otherwise leave escrow and leased GPUs behind that nobody owns.
    function test_open__pricingCancelsAnotherLease__booksBoth() public {
        PricingActing acting = new PricingActing(_coins(2));
        uint256 first = _open(8, 10 hours, _coins(2));
        vm.prank(owner);
        registry.setPricing(fleetId, acting);
        vm.warp(START + 24 hours);
        acting.act(address(book), abi.encodeCall(book.cancel, (first)));
        _open(4, 10 hours, _coins(2));

        vm.assertTrue(book.lease(first).closed);
        vm.assertEq(book.leasedGpus(fleetId), 4);
        vm.assertEq(book.escrowOf(fleetId), _coins(80));
        vm.assertEq(book.escrowOf(fleetId) + book.owed(coin, lessee), coin.balanceOf(address(book)));
    }

    /// @dev A pricing that owns the title would otherwise sell capacity, and take it out before the sale is booked.
    function test_open__pricingShrinksTheFleetMeanwhile__reverts() public {
        PricingActing acting = _pricingOwningTheTitle();
        acting.act(address(registry), abi.encodeCall(registry.shrink, (fleetId, 4, "root")));
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.CapacityLeased.selector, fleetId, 8, 4));
        _open(8, 10 hours, _coins(2));
    }

    function test_open__pricingWindsTheFleetDownMeanwhile__reverts() public {
        PricingActing acting = _pricingOwningTheTitle();
        acting.act(address(registry), abi.encodeCall(registry.windDown, (fleetId)));
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.CapacityLeased.selector, fleetId, 8, 0));
        _open(8, 10 hours, _coins(2));
    }

    function _pricingOwningTheTitle() private returns (PricingActing acting) {
        acting = new PricingActing(_coins(2));
        vm.startPrank(owner);
        registry.setPricing(fleetId, acting);
        registry.transferFrom(owner, address(acting), fleetId);
        vm.stopPrank();
    }

    function test_open__pricingHasRentRouted__booksBoth() public {
        PricingActing acting = new PricingActing(_coins(2));
        uint256 first = _open(8, 10 hours, _coins(2));
        vm.prank(operator);
        book.grantAccess(first, "gpus", "");
        _proveAndSettle(first, 8 * HOUR, START + 1 hours);
        vm.prank(owner);
        registry.setPricing(fleetId, acting);
        acting.act(address(router), abi.encodeCall(router.route, (fleetId)));
        _open(4, 10 hours, _coins(2));
        vm.assertEq(book.escrowOf(fleetId), _coins(144 + 80));
        vm.assertEq(book.escrowOf(fleetId), coin.balanceOf(address(book)));
    }

    function test_open__donation__changesNothing() public {
        coin.mint(address(book), _coins(7));
        uint256 leaseId = _open(1, 1 hours, _coins(2));
        vm.assertEq(book.lease(leaseId).deposit, _coins(2));
        vm.assertEq(book.escrowOf(fleetId), _coins(2));
    }
}

contract OpenWithPermitTest is LeaseScene {
    function _permit(uint256 value, uint256 deadline) internal view returns (Permit memory) {
        bytes32 digest = keccak256(
            abi.encodePacked(
                "\x19\x01",
                coin.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                        lessee,
                        address(book),
                        value,
                        coin.nonces(lessee),
                        deadline
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(LESSEE_KEY, digest);
        return Permit(value, deadline, v, r, s);
    }

    function setUp() public override {
        super.setUp();
        coin.mint(lessee, _coins(100));
    }

    function test_openWithPermit__signed__opens() public {
        Permit memory permit = _permit(_coins(16), START);
        vm.prank(lessee);
        uint256 leaseId = book.openWithPermit(fleetId, lessee, 8, 1 hours, _coins(2), "key", permit);
        vm.assertEq(book.lease(leaseId).deposit, _coins(16));
        vm.assertEq(coin.allowance(lessee, address(book)), 0);
    }

    function test_openWithPermit__somebodySentItFirst__opensAllTheSame() public {
        Permit memory p = _permit(_coins(16), START);
        vm.prank(stranger);
        coin.permit(lessee, address(book), p.value, p.deadline, p.v, p.r, p.s);
        vm.prank(lessee);
        uint256 leaseId = book.openWithPermit(fleetId, lessee, 8, 1 hours, _coins(2), "key", p);
        vm.assertEq(book.ownerOf(leaseId), lessee);
    }

    function test_openWithPermit__expired__reverts() public {
        Permit memory p = _permit(_coins(16), START - 1);
        vm.prank(lessee);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        book.openWithPermit(fleetId, lessee, 8, 1 hours, _coins(2), "key", p);
    }

    /// @dev A permit names the caller as payer: another's permit opens nothing for its finder.
    function test_openWithPermit__stolen__reverts() public {
        Permit memory p = _permit(_coins(16), START);
        vm.prank(stranger);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        book.openWithPermit(fleetId, stranger, 8, 1 hours, _coins(2), "key", p);
    }
}
