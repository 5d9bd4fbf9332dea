// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFleetRegistry, Opening} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Pausing, tokens, and who is admitted.
contract GovernanceTest is SystemTest {
    function test_pause__byGuardian__stopsNewBusiness() public {
        uint256 fleetId = _liveFleet();

        vm.expectEmit(address(registry));
        emit IFleetRegistry.Pause(guardian);
        vm.prank(guardian);
        registry.pause();

        vm.assertTrue(registry.isPaused());
        vm.expectRevert(IFleetRegistry.Paused.selector);
        registry.openingFor(fleetId, lessee);
        vm.prank(operator);
        vm.expectRevert(IFleetRegistry.Paused.selector);
        registry.enrol(_enrolment());
    }

    function test_unpause__byParameters__opensBusinessAgain() public {
        uint256 fleetId = _liveFleet();
        vm.prank(guardian);
        registry.pause();

        vm.expectEmit(address(registry));
        emit IFleetRegistry.Unpause(parameters);
        vm.prank(parameters);
        registry.unpause();

        vm.assertFalse(registry.isPaused());
        registry.openingFor(fleetId, lessee);
    }

    function test_listToken__sixToEighteenDecimals__listed() public {
        uint8[3] memory decimals = [6, 8, 18];
        for (uint256 i; i < decimals.length; ++i) {
            TestStablecoin token = new TestStablecoin("Coin", "COIN", decimals[i]);
            vm.assertFalse(registry.isTokenListed(address(token)));
            vm.expectEmit(address(registry));
            emit IFleetRegistry.ListToken(address(token), decimals[i]);
            vm.prank(parameters);
            registry.listToken(address(token));
            vm.assertTrue(registry.isTokenListed(address(token)));
        }
    }

    function test_listToken__decimalsOutOfRange__reverts() public {
        uint8[3] memory decimals = [5, 19, 0];
        for (uint256 i; i < decimals.length; ++i) {
            TestStablecoin token = new TestStablecoin("Coin", "COIN", decimals[i]);
            vm.prank(parameters);
            vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidToken.selector, address(token)));
            registry.listToken(address(token));
        }
    }

    function test_listToken__notAContract__reverts() public {
        vm.prank(parameters);
        vm.expectRevert();
        registry.listToken(stranger);
    }

    function test_delistToken__listed__newFleetsCannotChooseItOldOnesGoOn() public {
        uint256 fleetId = _liveFleet();

        vm.expectEmit(address(registry));
        emit IFleetRegistry.DelistToken(address(coin));
        vm.prank(guardian);
        registry.delistToken(address(coin));

        vm.assertFalse(registry.isTokenListed(address(coin)));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.TokenNotListed.selector, address(coin)));
        registry.enrol(_enrolment());
        _openLease(fleetId, lessee, 1, 1 hours);
    }

    function test_delistToken__notListed__reverts() public {
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.TokenNotListed.selector, stranger));
        registry.delistToken(stranger);
    }

    function test_admitOperator__withAHash__onRecord() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.AdmitOperator(stranger, "papers");
        vm.prank(registrar);
        registry.admitOperator(stranger, "papers");

        vm.assertEq(registry.operatorRecord(stranger), bytes32("papers"));
        vm.prank(stranger);
        registry.enrol(_enrolment());
    }

    function test_admitOperator__withoutAHash__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(IFleetRegistry.InvalidHash.selector);
        registry.admitOperator(stranger, 0);
    }

    function test_dismissOperator__admitted__cannotEnrolAnyMore() public {
        vm.expectEmit(address(registry));
        emit IFleetRegistry.DismissOperator(operator);
        vm.prank(registrar);
        registry.dismissOperator(operator);

        vm.assertEq(registry.operatorRecord(operator), bytes32(0));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotAdmitted.selector, operator));
        registry.enrol(_enrolment());
    }

    function test_dismissOperator__neverAdmitted__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotAdmitted.selector, stranger));
        registry.dismissOperator(stranger);
    }

    function test_admitLessee__withAHash__ofRecord() public {
        uint256 fleetId = _liveFleet();
        vm.assertFalse(registry.openingFor(fleetId, stranger).ofRecord);

        vm.expectEmit(address(registry));
        emit IFleetRegistry.AdmitLessee(stranger, "papers");
        vm.prank(registrar);
        registry.admitLessee(stranger, "papers");

        vm.assertEq(registry.lesseeRecord(stranger), bytes32("papers"));
        vm.assertTrue(registry.openingFor(fleetId, stranger).ofRecord);
    }

    function test_admitLessee__withoutAHash__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(IFleetRegistry.InvalidHash.selector);
        registry.admitLessee(stranger, 0);
    }

    function test_dismissLessee__onRecord__mayStillLeaseButNotOfRecord() public {
        uint256 fleetId = _liveFleet();

        vm.expectEmit(address(registry));
        emit IFleetRegistry.DismissLessee(lessee);
        vm.prank(registrar);
        registry.dismissLessee(lessee);

        vm.assertEq(registry.lesseeRecord(lessee), bytes32(0));
        vm.assertFalse(registry.openingFor(fleetId, lessee).ofRecord);
        uint256 leaseId = _openLease(fleetId, lessee, 1, 1 hours);
        vm.assertFalse(book.lease(leaseId).ofRecord);
    }

    function test_dismissLessee__notOnRecord__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotAdmitted.selector, stranger));
        registry.dismissLessee(stranger);
    }

    function test_openingFor__liveFleet__saysAllThatALeaseDependsOn() public {
        uint256 fleetId = _liveFleet();

        Opening memory opening = registry.openingFor(fleetId, lessee);

        vm.assertEq(opening.token, address(coin));
        vm.assertEq(opening.capacity, CAPACITY);
        vm.assertEq(opening.maxTerm, 90 days);
        vm.assertEq(address(opening.pricing), address(pricing));
        vm.assertEq(opening.priceFloor, _coins(1));
        vm.assertTrue(opening.ofRecord);
    }
}
