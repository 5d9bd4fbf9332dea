// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "solady/tokens/ERC721.sol";

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {IERC7578} from "../../../contracts/interfaces/IERC7578.sol";
import {Enrolment, Fleet, FleetStatus, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "../../../contracts/interfaces/IFleetShareFactory.sol";
import {IOperatorBond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {IPricing} from "../../../contracts/interfaces/IPricing.sol";
import {Revenue, IRevenueRouter} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

contract EnrolTest is SystemTest {
    function test_enrol__byAdmittedOperator__recordsWhatItSaid() public {
        Enrolment memory e = _enrolment();

        uint256 fleetId = _enrol(e);

        vm.assertEq(fleetId, 1);
        vm.assertEq(registry.fleetCount(), 1);
        Fleet memory fleet = registry.fleet(fleetId);
        vm.assertTrue(fleet.status == FleetStatus.Live);
        vm.assertFalse(fleet.suspended);
        vm.assertEq(fleet.settlementToken, address(coin));
        vm.assertEq(fleet.tokenDecimals, 6);
        vm.assertEq(fleet.maxTerm, e.maxTerm);
        vm.assertEq(fleet.operator, operator);
        vm.assertEq(fleet.boardPowerWatts, WATTS);
        vm.assertEq(fleet.sampleCadence, 60);
        vm.assertEq(address(fleet.pricing), address(pricing));
        vm.assertEq(fleet.priceFloor, e.priceFloor);
        vm.assertEq(fleet.incomingOperator, address(0));
        vm.assertEq(fleet.incomingFrom, 0);
        vm.assertEq(fleet.insuranceExpiry, e.insuranceExpiry);
        vm.assertEq(fleet.gpuClass, e.gpuClass);
        vm.assertEq(fleet.region, e.region);
        vm.assertEq(fleet.deedHash, e.deedHash);
        vm.assertEq(registry.operatorOf(fleetId), operator);
        vm.assertEq(registry.settlementToken(fleetId), address(coin));
        vm.assertEq(keccak256(abi.encode(registry.getProperties(fleetId))), keccak256(abi.encode(e.documents)));
    }

    function test_enrol__nothingConfirmedYet__hasNoCapacity() public {
        uint256 fleetId = _enrol(_enrolment());

        Fleet memory fleet = registry.fleet(fleetId);
        vm.assertEq(fleet.capacity, 0);
        vm.assertEq(fleet.gpuRoot, bytes32(0));
        vm.assertEq(fleet.commissionedAt, 0);
        vm.assertEq(fleet.requestedCapacity, CAPACITY);
        vm.assertEq(fleet.requestedGpuRoot, _gpuRoot());
        vm.assertEq(registry.capacityGpuMs(fleetId, block.timestamp), 0);
    }

    function test_enrol__titleAndShares__areTheOwners() public {
        Enrolment memory e = _enrolment();

        uint256 fleetId = _enrol(e);

        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(registry.controllerOf(fleetId), owner);
        FleetShares shares = _shares(fleetId);
        vm.assertEq(shareFactory.sharesOf(fleetId), address(shares));
        vm.assertEq(shares.totalSupply(), e.shares.supply);
        vm.assertEq(shares.boundShares(), e.shares.supply / 10);
        vm.assertEq(shares.balanceOf(owner), e.shares.supply - e.shares.supply / 10);
    }

    function test_enrol__operatingShare__registeredWithTheRouter() public {
        uint256 fleetId = _enrol(_enrolment());

        Revenue memory revenue = router.revenue(fleetId);
        vm.assertEq(revenue.operatingShareBps, 2000);
        vm.assertEq(revenue.protocolFeeBps, 200);
    }

    function test_enrol__everything__isAnEvent() public {
        Enrolment memory e = _enrolment();
        address shares = _sharesToBe(e);

        vm.expectEmit(address(router));
        emit IRevenueRouter.Register(1, 200, e.operatingShareBps);
        vm.expectEmit(address(bond));
        emit IOperatorBond.SeatOperator(1, operator);
        vm.expectEmit(address(shareFactory));
        emit IFleetShareFactory.CreateShares(1, shares, owner, false);
        vm.expectEmit(address(registry));
        emit IFleetRegistry.Enrol(1, owner, operator, shares, e.gpuClass, e.region);
        vm.expectEmit(address(registry));
        emit IFleetRegistry.RequestGrowth(1, e.capacity, e.gpuRoot);
        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetPricing(1, pricing);
        vm.expectEmit(address(registry));
        emit IERC7578.PropertiesSet(1, e.documents);
        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetInsurance(1, e.insuranceExpiry, e.deedHash);
        _enrol(e);
    }

    function test_enrol__twice__numbersRise() public {
        vm.assertEq(_enrol(_enrolment()), 1);
        vm.assertEq(_enrol(_enrolment()), 2);
        vm.assertEq(registry.fleetCount(), 2);
        vm.assertTrue(registry.fleet(1).shares != registry.fleet(2).shares);
    }

    function test_enrol__notAdmitted__reverts() public {
        Enrolment memory e = _enrolment();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotAdmitted.selector, stranger));
        registry.enrol(e);
    }

    function test_enrol__tokenNotListed__reverts() public {
        Enrolment memory e = _enrolment();
        e.settlementToken = stranger;
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.TokenNotListed.selector, stranger));
        registry.enrol(e);
    }

    function test_enrol__nobodyAsOwner__reverts() public {
        Enrolment memory e = _enrolment();
        e.owner = address(0);
        vm.prank(operator);
        vm.expectRevert(ERC721.TransferToZeroAddress.selector);
        registry.enrol(e);
    }

    function test_enrol__gpuClassMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.gpuClass = 0;
        _refused(e, "gpuClass");
    }

    function test_enrol__regionMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.region = 0;
        _refused(e, "region");
    }

    function test_enrol__boardPowerMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.boardPowerWatts = 0;
        _refused(e, "boardPowerWatts");
    }

    function test_enrol__sampleCadenceMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.sampleCadence = 0;
        _refused(e, "sampleCadence");
    }

    function test_enrol__maxTermOutOfRange__reverts() public {
        Enrolment memory e = _enrolment();
        e.maxTerm = 1 hours - 1;
        _refused(e, "maxTerm");
        e.maxTerm = 180 days + 1;
        _refused(e, "maxTerm");
    }

    function test_enrol__capacityMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.capacity = 0;
        _refused(e, "capacity");
    }

    function test_enrol__gpuRootMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.gpuRoot = 0;
        _refused(e, "gpuRoot");
    }

    function test_enrol__priceFloorMissing__reverts() public {
        Enrolment memory e = _enrolment();
        e.priceFloor = 0;
        _refused(e, "priceFloor");
    }

    function test_enrol__pricingIsNoContract__reverts() public {
        Enrolment memory e = _enrolment();
        e.pricing = IPricing(stranger);
        _refused(e, "pricing");
    }

    function test_enrol__operatingShareAboveTheWhole__reverts() public {
        Enrolment memory e = _enrolment();
        e.operatingShareBps = 10_001;
        _refused(e, "operatingShareBps");
    }

    function test_enrol__supplyTooSmall__reverts() public {
        Enrolment memory e = _enrolment();
        e.shares.supply = 1e18 - 1;
        _refused(e, "supply");
    }

    function test_enrol__bounds__accepted() public {
        Enrolment memory e = _enrolment();
        e.maxTerm = 1 hours;
        e.operatingShareBps = 10_000;
        e.shares.supply = 1e18;
        _enrol(e);
        e.maxTerm = 180 days;
        e.operatingShareBps = 0;
        e.shares.supply = type(uint96).max;
        e.priceFloor = 1;
        e.capacity = 1;
        uint256 fleetId = _enrol(e);
        vm.assertEq(_shares(fleetId).totalSupply(), type(uint96).max);
    }

    /* ---- steps ---- */

    function _enrol(Enrolment memory e) private returns (uint256 fleetId) {
        vm.prank(operator);
        return registry.enrol(e);
    }

    function _refused(Enrolment memory e, bytes32 field) private {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidEnrolment.selector, field));
        registry.enrol(e);
    }

    /// @dev Where the factory will put the shares: it enrols, looks, and takes it back.
    function _sharesToBe(Enrolment memory e) private returns (address shares) {
        uint256 state = vm.snapshotState();
        shares = registry.fleet(_enrol(e)).shares;
        vm.revertToState(state);
    }
}
