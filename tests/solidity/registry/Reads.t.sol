// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {Amount, IERC7578, Properties} from "../../../contracts/interfaces/IERC7578.sol";
import {Hardware, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IFleetShares} from "../../../contracts/interfaces/IFleetShares.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Unknown fleets, the title as a token, interface ids, and the hash that a buyer relies on.
contract ReadsTest is SystemTest {
    uint256 internal fleetId;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
    }

    function test_fleet__unknown__reverts() public {
        bytes memory unknown = abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77);
        vm.expectRevert(unknown);
        registry.fleet(77);
        vm.expectRevert(unknown);
        registry.operatorOf(77);
        vm.expectRevert(unknown);
        registry.settlementToken(77);
        vm.expectRevert(unknown);
        registry.openingFor(77, lessee);
        vm.expectRevert(unknown);
        registry.stateHash(77);
        vm.expectRevert(unknown);
        registry.hardwareOf(77);
        vm.expectRevert(ERC721.TokenDoesNotExist.selector);
        registry.controllerOf(77);
    }

    function test_hardwareOf__fleetsLife__asTheFleetSays() public {
        vm.warp(START + 5 days);
        vm.prank(operator);
        uint256 other = registry.enrol(_enrolment());
        _assertHardware(other, 0, 0);
        vm.prank(registrar);
        registry.confirmGrowth(other, CAPACITY, _gpuRoot());
        _assertHardware(other, CAPACITY, START + 5 days);
        vm.warp(START + 9 days);
        vm.startPrank(owner);
        registry.shrink(other, 7, _gpuRoot());
        _assertHardware(other, 7, START + 5 days);
        registry.windDown(other);
        _assertHardware(other, 0, START + 5 days);
        vm.stopPrank();
        _assertHardware(fleetId, CAPACITY, START);
    }

    function _assertHardware(uint256 id, uint256 capacity, uint256 commissionedAt) internal view {
        Hardware memory h = registry.hardwareOf(id);
        vm.assertEq(h.token, address(coin));
        vm.assertEq(h.capacity, capacity);
        vm.assertEq(h.commissionedAt, commissionedAt);
        vm.assertEq(h.gpuClass, "H100-SXM5-80GB");
    }

    function test_name__title__saysWhatItIs() public view {
        vm.assertEq(registry.name(), "GPU fleet title");
        vm.assertEq(registry.symbol(), "FLEET");
        vm.assertEq(registry.tokenURI(fleetId), "");
    }

    function test_supportsInterface__whatTheTitleIs__true() public view {
        vm.assertTrue(registry.supportsInterface(type(IERC165).interfaceId));
        vm.assertTrue(registry.supportsInterface(type(IERC721).interfaceId));
        vm.assertTrue(registry.supportsInterface(type(IERC721Metadata).interfaceId));
        vm.assertTrue(registry.supportsInterface(type(IERC7578).interfaceId));
        vm.assertFalse(registry.supportsInterface(0xffffffff));
        vm.assertFalse(registry.supportsInterface(0x80ac58ce));
    }

    function test_transferFrom__title__tellsTheShares() public {
        address shares = registry.fleet(fleetId).shares;

        vm.expectEmit(shares);
        emit IFleetShares.MoveTitle(owner, investor, 0);
        vm.prank(owner);
        registry.transferFrom(owner, investor, fleetId);

        vm.assertEq(registry.ownerOf(fleetId), investor);
        vm.assertEq(registry.controllerOf(fleetId), investor);
    }

    function test_transferFrom__notTheTitleOwner__reverts() public {
        vm.prank(operator);
        vm.expectRevert(ERC721.NotOwnerNorApproved.selector);
        registry.transferFrom(owner, operator, fleetId);
    }

    function test_stateHash__anythingABuyerReliesOn__changesIt() public {
        bytes32[8] memory seen;
        seen[0] = registry.stateHash(fleetId);
        vm.assertEq(registry.stateHash(fleetId), seen[0]);

        _openLease(fleetId, lessee, 1, 1 hours);
        seen[1] = registry.stateHash(fleetId);
        vm.prank(owner);
        registry.setDocuments(fleetId, Properties("a", "b", "c", "d", "e", Amount("EUR", 1)));
        seen[2] = registry.stateHash(fleetId);
        vm.prank(owner);
        registry.shrink(fleetId, 10, "smaller");
        seen[3] = registry.stateHash(fleetId);
        vm.prank(guardian);
        registry.pause();
        seen[4] = registry.stateHash(fleetId);
        vm.prank(owner);
        registry.transferFrom(owner, investor, fleetId);
        seen[5] = registry.stateHash(fleetId);
        vm.prank(registrar);
        registry.lowerFloor(fleetId, 1);
        seen[6] = registry.stateHash(fleetId);
        vm.prank(investor);
        registry.setInsurance(fleetId, 1, "deed");
        seen[7] = registry.stateHash(fleetId);

        for (uint256 i; i < seen.length; ++i) {
            for (uint256 k; k < i; ++k) {
                vm.assertNotEq(seen[i], seen[k]);
            }
        }
    }
}
