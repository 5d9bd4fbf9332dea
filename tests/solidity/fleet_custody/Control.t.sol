// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {ICustodian} from "../../../contracts/interfaces/ICustodian.sol";
import {FleetStatus, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IFleetCustody} from "../../../contracts/interfaces/IFleetCustody.sol";
import {vm} from "../base/Vm.sol";
import {FleetCustodyTest} from "./FleetCustodyTest.sol";

/// @dev Who controls a fleet in custody, and what it may do of what only an owner may.
contract ControlTest is FleetCustodyTest {
    uint256 internal free;

    function setUp() public override {
        super.setUp();
        free = _liveFleet();
        _approve(owner, free);
        custody.take(LOAN, free, owner, 0, btc, 0);
    }

    function test_supportsInterface__custodian__asTheRegistryAsks() public view {
        vm.assertTrue(custody.supportsInterface(type(ICustodian).interfaceId));
        vm.assertTrue(custody.supportsInterface(type(IERC165).interfaceId));
        vm.assertFalse(custody.supportsInterface(0xffffffff));
    }

    /* ---- controller ---- */

    function test_nameController__steward__controlsUntilItIsTheBorrowerAgain() public {
        vm.expectEmit(address(custody));
        emit IFleetCustody.NameController(free, stranger);
        custody.nameController(free, stranger);
        vm.assertEq(registry.controllerOf(free), stranger);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.NotController.selector, free, owner));
        registry.setInsurance(free, 0, 0);

        custody.nameController(free, owner);
        vm.prank(owner);
        registry.setInsurance(free, 0, 0);
    }

    function test_nameController__fleetWithoutALoan__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, fleetId));
        custody.nameController(fleetId, stranger);
    }

    function test_nameController__notCredit__reverts() public {
        vm.prank(risk);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotCredit.selector, risk));
        custody.nameController(free, risk);
    }

    /* ---- acts ---- */

    function test_shrink__withConsent__doneOnce() public {
        bytes32 act = _consentTo(abi.encodeCall(custody.shrink, (free, 10, bytes32("smaller"))));
        vm.startPrank(owner);
        custody.shrink(free, 10, "smaller");
        vm.assertEq(registry.fleet(free).capacity, 10);

        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.shrink(free, 10, "smaller");
        vm.stopPrank();
    }

    function test_shrink__otherThanWhatWasConsentedTo__reverts() public {
        _consentTo(abi.encodeCall(custody.shrink, (free, 10, bytes32("smaller"))));
        bytes32 other = custody.actHash(abi.encodeCall(custody.shrink, (free, 9, bytes32("smaller"))));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, other));
        custody.shrink(free, 9, "smaller");
    }

    function test_setGpuRoot__withConsent__done() public {
        bytes32 act = custody.actHash(abi.encodeCall(custody.setGpuRoot, (free, bytes32("boards"))));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.setGpuRoot(free, "boards");
        _consentTo(abi.encodeCall(custody.setGpuRoot, (free, bytes32("boards"))));
        vm.prank(owner);
        custody.setGpuRoot(free, "boards");
        vm.assertEq(registry.fleet(free).gpuRoot, bytes32("boards"));
    }

    function test_windDown__withConsent__done() public {
        bytes32 act = custody.actHash(abi.encodeCall(custody.windDown, (free)));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.windDown(free);
        _consentTo(abi.encodeCall(custody.windDown, (free)));
        vm.prank(owner);
        custody.windDown(free);
        vm.assertTrue(registry.fleet(free).status == FleetStatus.WoundDown);
    }

    function test_windDown__thenDistribute__thePledgesPartServesTheLoan() public {
        _consentTo(abi.encodeCall(custody.windDown, (free)));
        vm.prank(owner);
        custody.windDown(free);
        coin.mint(owner, _coins(1000));
        vm.startPrank(owner);
        coin.approve(address(router), _coins(1000));
        router.distribute(free, _coins(1000));
        vm.stopPrank();
        custody.collectRevenue(LOAN, free);
        vm.warp(MIDNIGHT + DAY);
        vm.assertEq(custody.collectRevenue(LOAN, free), _coins(100));
    }

    function test_acts__notTheController__revert() public {
        bytes memory refused = abi.encodeWithSelector(IFleetCustody.NotController.selector, free, risk);
        vm.startPrank(risk);
        vm.expectRevert(refused);
        custody.shrink(free, 10, "smaller");
        vm.expectRevert(refused);
        custody.setGpuRoot(free, "boards");
        vm.expectRevert(refused);
        custody.windDown(free);
        vm.stopPrank();
    }

    function test_acts__fleetWithoutALoan__revert() public {
        vm.prank(owner);
        registry.transferFrom(owner, address(custody), fleetId);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotController.selector, fleetId, owner));
        custody.windDown(fleetId);
        vm.prank(risk);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, fleetId));
        custody.consent(fleetId, "act");
    }

    function test_shrink__refusedByTheRegistry__reverts() public {
        _consentTo(abi.encodeCall(custody.shrink, (free, CAPACITY, bytes32("same"))));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidCapacity.selector, free, CAPACITY, CAPACITY));
        custody.shrink(free, CAPACITY, "same");
    }

    /* ---- consents ---- */

    function test_consent__byTheRiskRole__recorded() public {
        vm.expectEmit(address(custody));
        emit IFleetCustody.Consent(free, "act");
        vm.prank(risk);
        custody.consent(free, "act");
    }

    function test_consent__anotherController__endsIt() public {
        bytes memory call = abi.encodeCall(custody.shrink, (free, 10, bytes32("smaller")));
        bytes32 act = _consentTo(call);
        custody.nameController(free, stranger);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.shrink(free, 10, "smaller");
        // Nor does it come back with whom it was given to.
        custody.nameController(free, owner);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.shrink(free, 10, "smaller");
    }

    function test_consent__anotherLoan__endsIt() public {
        bytes32 act = _consentTo(abi.encodeCall(custody.shrink, (free, 10, bytes32("smaller"))));
        custody.releaseLot(LOAN, free, owner, 0);
        _approve(owner, free);
        custody.take(8, free, owner, 0, btc, 0);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.shrink(free, 10, "smaller");
    }

    function test_consent__forAnotherFleet__isNone() public {
        _take();
        bytes32 act = custody.actHash(abi.encodeCall(custody.windDown, (free)));
        vm.prank(risk);
        custody.consent(fleetId, act);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NoConsent.selector, act));
        custody.windDown(free);
    }

    function test_restricted__notTheRiskRole__reverts() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, owner);
        vm.startPrank(owner);
        vm.expectRevert(refused);
        custody.consent(free, "act");
        vm.expectRevert(refused);
        custody.returnTitle(free, owner);
        vm.stopPrank();
    }

    /* ---- titles without a loan ---- */

    function test_returnTitle__thatSecuresALoan__reverts() public {
        vm.prank(risk);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.Pledged.selector, free, LOAN));
        custody.returnTitle(free, risk);
    }

    function test_returnTitle__thatIsNotHere__reverts() public {
        vm.prank(risk);
        vm.expectRevert(ERC721.TransferFromIncorrectOwner.selector);
        custody.returnTitle(fleetId, risk);
    }

    function test_actHash__isOfTheCustodyAndTheCallData() public view {
        vm.assertEq(custody.actHash("call"), keccak256(abi.encodePacked(address(custody), bytes("call"))));
    }

    function _consentTo(bytes memory call) private returns (bytes32 act) {
        act = custody.actHash(call);
        vm.prank(risk);
        custody.consent(free, act);
    }
}
