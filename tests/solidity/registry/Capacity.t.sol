// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {Fleet, FleetStatus, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Growth, shrinking, boards replaced, the end of a fleet.
contract CapacityTest is SystemTest {
    uint256 internal fleetId;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
    }

    /* ---- requestGrowth ---- */

    function test_requestGrowth__byController__changesNothingYet() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.RequestGrowth(fleetId, 100, "new root");
        vm.prank(owner);
        registry.requestGrowth(fleetId, 100, "new root");

        Fleet memory fleet = registry.fleet(fleetId);
        vm.assertEq(fleet.capacity, CAPACITY);
        vm.assertEq(fleet.gpuRoot, _gpuRoot());
        vm.assertEq(fleet.requestedCapacity, 100);
        vm.assertEq(fleet.requestedGpuRoot, bytes32("new root"));
    }

    function test_requestGrowth__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotController.selector, fleetId, operator));
        registry.requestGrowth(fleetId, 100, "new root");
    }

    function test_requestGrowth__notMoreThanThereIs__reverts() public {
        vm.prank(owner);
        vm.expectRevert(
            abi.encodeWithSelector(IFleetRegistry.InvalidCapacity.selector, fleetId, CAPACITY, uint256(CAPACITY))
        );
        registry.requestGrowth(fleetId, CAPACITY, "new root");
    }

    function test_requestGrowth__withoutRoot__reverts() public {
        vm.prank(owner);
        vm.expectRevert(IFleetRegistry.InvalidHash.selector);
        registry.requestGrowth(fleetId, 100, 0);
    }

    function test_requestGrowth__unknownFleet__reverts() public {
        vm.expectRevert(ERC721.TokenDoesNotExist.selector);
        registry.requestGrowth(77, 100, "new root");
    }

    /* ---- confirmGrowth ---- */

    function test_confirmGrowth__first__commissionsTheFleet() public {
        vm.prank(operator);
        uint256 second = registry.enrol(_enrolment());
        vm.warp(START + 1 hours);

        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetCapacity(second, CAPACITY, _gpuRoot());
        vm.prank(registrar);
        registry.confirmGrowth(second, CAPACITY, _gpuRoot());

        Fleet memory fleet = registry.fleet(second);
        vm.assertEq(fleet.capacity, CAPACITY);
        vm.assertEq(fleet.gpuRoot, _gpuRoot());
        vm.assertEq(fleet.commissionedAt, START + 1 hours);
        vm.assertEq(fleet.requestedCapacity, 0);
        vm.assertEq(fleet.requestedGpuRoot, bytes32(0));
    }

    function test_confirmGrowth__later__keepsTheDateOfCommissioning() public {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 100, "new root");
        vm.warp(START + 1 days);

        vm.prank(registrar);
        registry.confirmGrowth(fleetId, 100, "new root");

        vm.assertEq(registry.fleet(fleetId).commissionedAt, START);
        vm.assertEq(registry.fleet(fleetId).capacity, 100);
    }

    function test_confirmGrowth__requestOlderThanAShrink__stillGrows() public {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 65, "larger");
        vm.prank(owner);
        registry.shrink(fleetId, 10, "smaller");

        vm.prank(registrar);
        registry.confirmGrowth(fleetId, 65, "larger");

        vm.assertEq(registry.fleet(fleetId).capacity, 65);
    }

    function test_confirmGrowth__nothingRequested__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoGrowthRequested.selector, fleetId));
        registry.confirmGrowth(fleetId, 100, "new root");
    }

    function test_confirmGrowth__requestChangedAfterTheCheck__reverts() public {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 100, "checked");
        vm.prank(owner);
        registry.requestGrowth(fleetId, 1000, "unchecked");
        bytes memory changed =
            abi.encodeWithSelector(IFleetRegistry.GrowthChanged.selector, fleetId, 1000, bytes32("unchecked"));

        vm.prank(registrar);
        vm.expectRevert(changed);
        registry.confirmGrowth(fleetId, 100, "checked");
        vm.prank(registrar);
        vm.expectRevert(changed);
        registry.confirmGrowth(fleetId, 1000, "checked");
        vm.prank(registrar);
        vm.expectRevert(changed);
        registry.confirmGrowth(fleetId, 100, "unchecked");
    }

    function test_confirmGrowth__operatorGrowsItsOwnFleet__reverts() public {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 100, "new root");

        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, operator));
        registry.confirmGrowth(fleetId, 100, "new root");
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, owner));
        registry.confirmGrowth(fleetId, 100, "new root");
    }

    function test_open__unconfirmedGrowthLeased__reverts() public {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 1000, "new root");
        coin.mint(lessee, _coins(1000));
        vm.startPrank(lessee);
        coin.approve(address(book), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.CapacityExceeded.selector, fleetId, CAPACITY + 1, CAPACITY));
        book.open(fleetId, lessee, CAPACITY + 1, 1 hours, type(uint256).max, "key");
        vm.stopPrank();
    }

    /* ---- shrink ---- */

    function test_shrink__byTitleOwner__smaller() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetCapacity(fleetId, 10, "smaller");
        vm.prank(owner);
        registry.shrink(fleetId, 10, "smaller");

        vm.assertEq(registry.fleet(fleetId).capacity, 10);
        vm.assertEq(registry.fleet(fleetId).gpuRoot, bytes32("smaller"));
    }

    function test_shrink__belowWhatIsLeased__reverts() public {
        _openLease(fleetId, lessee, 11, 1 hours);

        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.CapacityLeased.selector, fleetId, 11, 10));
        registry.shrink(fleetId, 10, "smaller");
        vm.prank(owner);
        registry.shrink(fleetId, 11, "smaller");
        vm.assertEq(registry.fleet(fleetId).capacity, 11);
    }

    function test_shrink__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotTitleOwner.selector, fleetId, operator));
        registry.shrink(fleetId, 10, "smaller");
    }

    function test_shrink__toNothingOrNotSmaller__reverts() public {
        uint32[3] memory asked = [0, CAPACITY, CAPACITY + 1];
        for (uint256 i; i < asked.length; ++i) {
            vm.prank(owner);
            vm.expectRevert(
                abi.encodeWithSelector(IFleetRegistry.InvalidCapacity.selector, fleetId, CAPACITY, asked[i])
            );
            registry.shrink(fleetId, asked[i], "smaller");
        }
    }

    function test_shrink__withoutRoot__reverts() public {
        vm.prank(owner);
        vm.expectRevert(IFleetRegistry.InvalidHash.selector);
        registry.shrink(fleetId, 10, 0);
    }

    /* ---- setGpuRoot ---- */

    function test_setGpuRoot__byTitleOwner__sameCapacity() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetCapacity(fleetId, CAPACITY, "other boards");
        vm.prank(owner);
        registry.setGpuRoot(fleetId, "other boards");

        vm.assertEq(registry.fleet(fleetId).gpuRoot, bytes32("other boards"));
        vm.assertEq(registry.fleet(fleetId).capacity, CAPACITY);
    }

    function test_setGpuRoot__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotTitleOwner.selector, fleetId, operator));
        registry.setGpuRoot(fleetId, "other boards");
    }

    function test_setGpuRoot__zero__reverts() public {
        vm.prank(owner);
        vm.expectRevert(IFleetRegistry.InvalidHash.selector);
        registry.setGpuRoot(fleetId, 0);
    }

    function test_setGpuRoot__beforeCommissioning__reverts() public {
        vm.prank(operator);
        uint256 second = registry.enrol(_enrolment());

        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidCapacity.selector, second, 0, 0));
        registry.setGpuRoot(second, "other boards");
    }

    /* ---- windDown ---- */

    function test_windDown__nothingLeased__endsTheFleet() public {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 100, "new root");

        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetCapacity(fleetId, 0, 0);
        vm.expectEmit(address(registry));
        emit IFleetRegistry.WindDown(fleetId);
        vm.prank(owner);
        registry.windDown(fleetId);

        Fleet memory fleet = registry.fleet(fleetId);
        vm.assertTrue(fleet.status == FleetStatus.WoundDown);
        vm.assertEq(fleet.capacity, 0);
        vm.assertEq(fleet.gpuRoot, bytes32(0));
        vm.assertEq(fleet.requestedCapacity, 0);
        vm.assertEq(fleet.requestedGpuRoot, bytes32(0));
    }

    function test_windDown__somethingLeased__reverts() public {
        _openLease(fleetId, lessee, 1, 1 hours);

        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.CapacityLeased.selector, fleetId, 1, 0));
        registry.windDown(fleetId);
    }

    function test_windDown__byOperator__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotTitleOwner.selector, fleetId, operator));
        registry.windDown(fleetId);
    }

    function test_windDown__afterwards__nothingButPapersCanChange() public {
        vm.prank(owner);
        registry.windDown(fleetId);
        bytes[7] memory calls = [
            abi.encodeCall(registry.requestGrowth, (fleetId, 100, "root")),
            abi.encodeCall(registry.shrink, (fleetId, 1, "root")),
            abi.encodeCall(registry.setGpuRoot, (fleetId, "root")),
            abi.encodeCall(registry.windDown, (fleetId)),
            abi.encodeCall(registry.setPricing, (fleetId, pricing)),
            abi.encodeCall(registry.proposeOperator, (fleetId, address(0))),
            abi.encodeCall(registry.replaceOperator, (fleetId))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(owner);
            _refused(calls[i]);
        }
        vm.prank(registrar);
        _refused(abi.encodeCall(registry.confirmGrowth, (fleetId, 100, "root")));
        vm.prank(registrar);
        _refused(abi.encodeCall(registry.lowerFloor, (fleetId, 1)));
        vm.prank(risk);
        _refused(abi.encodeCall(registry.consentToFloor, (fleetId, 1)));
        _refused(abi.encodeCall(registry.openingFor, (fleetId, lessee)));

        vm.prank(owner);
        registry.setInsurance(fleetId, 1, "released");
        vm.assertEq(registry.fleet(fleetId).deedHash, bytes32("released"));
    }

    /* ---- capacity over time ---- */

    function test_capacityGpuMs__acrossChanges__exact() public {
        vm.warp(START + 100);
        vm.prank(owner);
        registry.shrink(fleetId, 10, "smaller");
        vm.warp(START + 150);
        vm.prank(owner);
        registry.requestGrowth(fleetId, 20, "larger");
        vm.prank(registrar);
        registry.confirmGrowth(fleetId, 20, "larger");
        vm.warp(START + 200);

        vm.assertEq(registry.capacityGpuMs(fleetId, START - 1), 0);
        vm.assertEq(registry.capacityGpuMs(fleetId, START), 0);
        vm.assertEq(registry.capacityGpuMs(fleetId, START + 1), 64_000);
        vm.assertEq(registry.capacityGpuMs(fleetId, START + 100), 6_400_000);
        vm.assertEq(registry.capacityGpuMs(fleetId, START + 101), 6_410_000);
        vm.assertEq(registry.capacityGpuMs(fleetId, START + 150), 6_900_000);
        vm.assertEq(registry.capacityGpuMs(fleetId, START + 200), 7_900_000);
        (uint256 gpuMs, uint256 watts) = registry.capacityBetween(fleetId, START + 99, START + 151);
        vm.assertEq(gpuMs, 64_000 + 500_000 + 20_000);
        vm.assertEq(watts, WATTS);
        (gpuMs,) = registry.capacityBetween(fleetId, START + 150, START + 200);
        vm.assertEq(gpuMs, 1_000_000);
    }

    function test_capacityGpuMs__twoChangesInOneBlock__lastCounts() public {
        vm.warp(START + 100);
        vm.startPrank(owner);
        registry.shrink(fleetId, 10, "smaller");
        registry.shrink(fleetId, 5, "smallest");
        vm.stopPrank();
        vm.warp(START + 101);

        vm.assertEq(registry.capacityGpuMs(fleetId, START + 101), 6_405_000);
    }

    function test_capacityGpuMs__woundDown__growsNoMore() public {
        vm.warp(START + 100);
        vm.prank(owner);
        registry.windDown(fleetId);
        vm.warp(START + 1000);

        vm.assertEq(registry.capacityGpuMs(fleetId, START + 1000), 6_400_000);
    }

    function test_capacityGpuMs__inTheFuture__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidTime.selector, START + 1));
        registry.capacityGpuMs(fleetId, START + 1);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidTime.selector, START + 1));
        registry.capacityBetween(fleetId, START, START + 1);
    }

    function test_capacityBetween__backwards__reverts() public {
        vm.warp(START + 10);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidTime.selector, START));
        registry.capacityBetween(fleetId, START + 1, START);
    }

    function test_capacityGpuMs__unknownFleet__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        registry.capacityGpuMs(77, START);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        registry.capacityBetween(77, START, START);
    }

    function _refused(bytes memory call) private {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.FleetNotLive.selector, fleetId));
        (bool done,) = address(registry).call(call);
        vm.assertTrue(done, "expectRevert answers for the call");
    }
}
