// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFixedPricing} from "../../contracts/interfaces/IFixedPricing.sol";
import {ERC721} from "solady/tokens/ERC721.sol";
import {SystemTest} from "./base/SystemTest.sol";
import {vm} from "./base/Vm.sol";

contract FixedPricingTest is SystemTest {
    uint256 internal fleetId;

    function setUp() public override {
        super.setUp();
        vm.prank(operator);
        fleetId = registry.enrol(_enrolment());
    }

    function test_setPrice__byController__quotedAndCharged() public {
        vm.expectEmit(address(pricing));
        emit IFixedPricing.SetPrice(fleetId, _coins(3));
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(3)));

        vm.assertEq(pricing.priceOf(fleetId), _coins(3));
        vm.assertEq(pricing.quote(fleetId, 1, 1 hours, 0, 64), _coins(3));
        vm.assertEq(pricing.quote(fleetId, 64, 90 days, 64, 64), _coins(3));
        vm.assertEq(pricing.charge(fleetId, 1, 1 hours, 0, 64), _coins(3));
    }

    function test_setPrice__atTheFloor__accepted() public {
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(1)));
        vm.assertEq(pricing.priceOf(fleetId), _coins(1));
    }

    function test_setPrice__belowTheFloor__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.PriceBelowFloor.selector, _coins(1) - 1, _coins(1)));
        pricing.setPrice(fleetId, uint72(_coins(1)) - 1);
    }

    function test_setPrice__notTheController__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.NotController.selector, fleetId, operator));
        pricing.setPrice(fleetId, uint72(_coins(3)));
    }

    function test_setPrice__unknownFleet__reverts() public {
        vm.expectRevert(ERC721.TokenDoesNotExist.selector);
        pricing.setPrice(77, 1);
    }

    function test_quote__neverSet__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.NoPrice.selector, fleetId));
        pricing.quote(fleetId, 1, 1 hours, 0, 64);
        vm.expectRevert(abi.encodeWithSelector(IFixedPricing.NoPrice.selector, fleetId));
        pricing.charge(fleetId, 1, 1 hours, 0, 64);
    }
}
