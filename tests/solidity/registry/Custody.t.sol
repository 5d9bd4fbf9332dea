// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Amount, IERC7578, Properties} from "../../../contracts/interfaces/IERC7578.sol";
import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IFixedPricing} from "../../../contracts/interfaces/IFixedPricing.sol";
import {IRevenueRouter} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {Custodian} from "../base/Custodian.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Who controls a fleet, the floor under its price, and what changes when a custodian holds the title.
contract CustodyTest is SystemTest {
    uint256 internal fleetId;
    Custodian internal custodian;
    address internal borrower = _actor("borrower");

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        custodian = new Custodian(registry);
        custodian.name(fleetId, borrower);
    }

    /* ---- the controller ---- */

    function test_controllerOf__person__theOwnerItself() public view {
        vm.assertEq(registry.controllerOf(fleetId), owner);
    }

    function test_controllerOf__custodian__whomItNames() public {
        _intoCustody();
        vm.assertEq(registry.controllerOf(fleetId), borrower);

        custodian.name(fleetId, investor);
        vm.assertEq(registry.controllerOf(fleetId), investor);
    }

    function test_controllerOf__contractThatIsNoCustodian__theContract() public {
        TestStablecoin wallet = new TestStablecoin("Not a custodian", "NAC", 6);
        vm.prank(owner);
        registry.transferFrom(owner, address(wallet), fleetId);

        vm.assertEq(registry.controllerOf(fleetId), address(wallet));
    }

    function test_controllerOf__inCustody__namedOneSetsPricesAndPapersAndOperator() public {
        _intoCustody();
        vm.prank(registrar);
        registry.admitOperator(stranger, "papers");
        Properties memory documents = Properties("a", "b", "c", "d", "e", Amount("EUR", 5));

        vm.startPrank(borrower);
        pricing.setPrice(fleetId, uint72(_coins(3)));
        registry.setPricing(fleetId, pricing);
        registry.setDocuments(fleetId, documents);
        registry.setInsurance(fleetId, uint40(START + 2 days), "deed 2");
        registry.proposeOperator(fleetId, stranger);
        registry.requestGrowth(fleetId, 100, "root");
        router.lowerOperatingShare(fleetId, 1000);
        vm.stopPrank();

        vm.assertEq(pricing.priceOf(fleetId), _coins(3));
        vm.assertEq(registry.fleet(fleetId).incomingOperator, stranger);
        vm.assertEq(router.revenue(fleetId).operatingShareBps, 1000);
    }

    function test_shrink__inCustodyByNamedController__reverts() public {
        _intoCustody();
        bytes memory refused = abi.encodeWithSelector(IFleetRegistry.NotTitleOwner.selector, fleetId, borrower);

        vm.prank(borrower);
        vm.expectRevert(refused);
        registry.shrink(fleetId, 1, "root");
        vm.prank(borrower);
        vm.expectRevert(refused);
        registry.setGpuRoot(fleetId, "root");
        vm.prank(borrower);
        vm.expectRevert(refused);
        registry.windDown(fleetId);
    }

    function test_shrink__inCustodyByCustodian__done() public {
        _intoCustody();

        custodian.shrink(fleetId, 10, "smaller");
        custodian.setGpuRoot(fleetId, "replaced");
        vm.assertEq(registry.fleet(fleetId).capacity, 10);
        vm.assertEq(registry.fleet(fleetId).gpuRoot, bytes32("replaced"));
        custodian.windDown(fleetId);
        vm.assertEq(registry.fleet(fleetId).capacity, 0);
    }

    function test_setPricing__ownerBehindTheCustodian__reverts() public {
        _intoCustody();
        Properties memory documents;
        bytes memory refused = abi.encodeWithSelector(IFleetRegistry.NotController.selector, fleetId, owner);

        vm.startPrank(owner);
        vm.expectRevert(refused);
        registry.setPricing(fleetId, pricing);
        vm.expectRevert(refused);
        registry.setDocuments(fleetId, documents);
        vm.expectRevert(refused);
        registry.setInsurance(fleetId, 0, 0);
        vm.expectRevert(refused);
        registry.proposeOperator(fleetId, address(0));
        vm.expectRevert(refused);
        registry.requestGrowth(fleetId, 100, "root");
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.NotController.selector, fleetId, owner));
        pricing.setPrice(fleetId, uint72(_coins(3)));
        vm.expectRevert(abi.encodeWithSelector(IRevenueRouter.NotController.selector, fleetId, owner));
        router.lowerOperatingShare(fleetId, 0);
        vm.stopPrank();
    }

    /* ---- prices and papers ---- */

    function test_setPricing__byController__usedFromNowOn() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetPricing(fleetId, pricing);
        vm.prank(owner);
        registry.setPricing(fleetId, pricing);
    }

    function test_setPricing__notAContract__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidEnrolment.selector, bytes32("pricing")));
        registry.setPricing(fleetId, IFixedPricing(stranger));
    }

    function test_setDocuments__byController__readAndEvent() public {
        Properties memory documents = Properties("issuer", "bank", "Kassel", "terms", "DE", Amount("EUR", 7));

        vm.expectEmit(address(registry));
        emit IERC7578.PropertiesSet(fleetId, documents);
        vm.prank(owner);
        registry.setDocuments(fleetId, documents);

        vm.assertEq(keccak256(abi.encode(registry.getProperties(fleetId))), keccak256(abi.encode(documents)));
    }

    function test_getProperties__noFleet__empty() public view {
        Properties memory nothing;
        vm.assertEq(keccak256(abi.encode(registry.getProperties(77))), keccak256(abi.encode(nothing)));
    }

    function test_setInsurance__byController__recorded() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.SetInsurance(fleetId, START + 1 days, "deed 2");
        vm.prank(owner);
        registry.setInsurance(fleetId, uint40(START + 1 days), "deed 2");

        vm.assertEq(registry.fleet(fleetId).insuranceExpiry, START + 1 days);
        vm.assertEq(registry.fleet(fleetId).deedHash, bytes32("deed 2"));
    }

    /* ---- the floor ---- */

    function test_lowerFloor__ownedByAPerson__needsNoConsent() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.LowerFloor(fleetId, 5);
        vm.prank(registrar);
        registry.lowerFloor(fleetId, 5);

        vm.assertEq(registry.fleet(fleetId).priceFloor, 5);
    }

    function test_lowerFloor__notLower__reverts() public {
        uint72[3] memory asked = [0, uint72(_coins(1)), uint72(_coins(1)) + 1];
        for (uint256 i; i < asked.length; ++i) {
            vm.prank(registrar);
            vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidFloor.selector, fleetId, _coins(1), asked[i]));
            registry.lowerFloor(fleetId, asked[i]);
        }
    }

    function test_lowerFloor__collateralEmptiedByACheapLeaseToTheBorrower__needsTheRiskRole() public {
        _intoCustody();
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoConsent.selector, fleetId, 5));
        registry.lowerFloor(fleetId, 5);

        vm.expectEmit(address(registry));
        emit IFleetRegistry.ConsentToFloor(fleetId, 6);
        vm.prank(risk);
        registry.consentToFloor(fleetId, 6);
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoConsent.selector, fleetId, 5));
        registry.lowerFloor(fleetId, 5);

        vm.prank(risk);
        registry.consentToFloor(fleetId, 5);
        vm.prank(registrar);
        registry.lowerFloor(fleetId, 5);
        vm.assertEq(registry.fleet(fleetId).priceFloor, 5);
    }

    function test_lowerFloor__nextLowering__needsAConsentOfItsOwn() public {
        _intoCustody();
        vm.prank(risk);
        registry.consentToFloor(fleetId, 5);
        vm.prank(registrar);
        registry.lowerFloor(fleetId, 5);

        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoConsent.selector, fleetId, 4));
        registry.lowerFloor(fleetId, 4);
    }

    function test_lowerFloor__consentFromAnEarlierCustody__reverts() public {
        _intoCustody();
        vm.prank(risk);
        registry.consentToFloor(fleetId, 5);
        custodian.giveBack(fleetId, owner);
        Custodian next = new Custodian(registry);
        vm.prank(owner);
        registry.transferFrom(owner, address(next), fleetId);

        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NoConsent.selector, fleetId, 5));
        registry.lowerFloor(fleetId, 5);
    }

    function test_setPrice__fleetThatOthersOwnRentedToItsControllerForNothing__reverts() public {
        _intoCustody();
        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.PriceBelowFloor.selector, 1, _coins(1)));
        pricing.setPrice(fleetId, 1);
    }

    function test_lowerFloor__unknownFleet__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        registry.lowerFloor(77, 1);
        vm.prank(risk);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        registry.consentToFloor(77, 1);
    }

    function _intoCustody() private {
        vm.prank(owner);
        registry.transferFrom(owner, address(custodian), fleetId);
    }
}
