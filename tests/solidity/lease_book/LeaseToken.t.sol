// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {IERC4907} from "../../../contracts/interfaces/IERC4907.sol";
import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";

contract LeaseTokenTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _openLease(fleetId, lessee, 8, 10 hours);
    }

    function test_supportsInterface__erc721And4907__yes() public view {
        vm.assertTrue(book.supportsInterface(0x80ac58cd));
        vm.assertTrue(book.supportsInterface(0x5b5e139f));
        vm.assertTrue(book.supportsInterface(0x01ffc9a7));
        vm.assertTrue(book.supportsInterface(0xad092b5c));
        vm.assertFalse(book.supportsInterface(0xffffffff));
        vm.assertEq(bytes32(type(IERC721).interfaceId), bytes32(bytes4(0x80ac58cd)));
        vm.assertEq(bytes32(type(IERC721Metadata).interfaceId), bytes32(bytes4(0x5b5e139f)));
    }

    function test_metadata__isConstant() public view {
        vm.assertEq(book.name(), "GPU lease");
        vm.assertEq(book.symbol(), "LEASE");
        vm.assertEq(book.tokenURI(leaseId), "");
    }

    function test_setUser__byOwner__untilItExpires() public {
        vm.expectEmit(address(book));
        emit IERC4907.UpdateUser(leaseId, stranger, uint64(START + 1 hours));
        vm.prank(lessee);
        book.setUser(leaseId, stranger, uint64(START + 1 hours));
        vm.assertEq(book.userOf(leaseId), stranger);
        vm.assertEq(book.userExpires(leaseId), START + 1 hours);
        vm.warp(START + 1 hours);
        vm.assertEq(book.userOf(leaseId), stranger);
        vm.warp(START + 1 hours + 1);
        vm.assertEq(book.userOf(leaseId), address(0));
        vm.assertEq(book.userExpires(leaseId), START + 1 hours);
    }

    function test_setUser__byApproved__sets() public {
        vm.prank(lessee);
        book.approve(investor, leaseId);
        vm.prank(investor);
        book.setUser(leaseId, stranger, type(uint64).max);
        vm.assertEq(book.userOf(leaseId), stranger);
        vm.prank(lessee);
        book.setApprovalForAll(owner, true);
        vm.prank(owner);
        book.setUser(leaseId, owner, type(uint64).max);
        vm.assertEq(book.userOf(leaseId), owner);
    }

    function test_setUser__byUserOrStranger__reverts() public {
        vm.prank(lessee);
        book.setUser(leaseId, stranger, type(uint64).max);
        vm.prank(stranger);
        vm.expectRevert(ERC721.NotOwnerNorApproved.selector);
        book.setUser(leaseId, investor, type(uint64).max);
    }

    function test_setUser__unknown__reverts() public {
        vm.prank(lessee);
        vm.expectRevert(ERC721.TokenDoesNotExist.selector);
        book.setUser(leaseId + 1, stranger, type(uint64).max);
    }

    function test_transfer__clearsUserAndKey() public {
        vm.prank(lessee);
        book.setUser(leaseId, stranger, type(uint64).max);
        vm.expectEmit(address(book));
        emit IERC4907.UpdateUser(leaseId, address(0), 0);
        vm.expectEmit(address(book));
        emit ILeaseBook.Rekey(leaseId, lessee, 0);
        vm.prank(lessee);
        book.transferFrom(lessee, investor, leaseId);
        vm.assertEq(book.ownerOf(leaseId), investor);
        vm.assertEq(book.userOf(leaseId), address(0));
        vm.assertEq(book.userExpires(leaseId), 0);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotLessee.selector, leaseId, stranger));
        book.rekey(leaseId, "key");
        vm.prank(investor);
        book.rekey(leaseId, "key");
    }

    function test_transfer__closed__reverts() public {
        vm.startPrank(lessee);
        book.cancel(leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.transferFrom(lessee, investor, leaseId);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.LeaseClosed.selector, leaseId));
        book.safeTransferFrom(lessee, investor, leaseId);
        vm.assertEq(book.ownerOf(leaseId), lessee);
    }

    function test_transfer__byStranger__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(ERC721.NotOwnerNorApproved.selector);
        book.transferFrom(lessee, stranger, leaseId);
    }
}

contract LeaseReadsTest is LeaseScene {
    function test_lease__unknown__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, 7));
        book.lease(7);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.UnknownLease.selector, 7));
        book.stateHash(7);
    }

    /// @dev Whatever makes a lease worth less, or other, to a buyer changes the hash on which its order rests.
    function test_stateHash__everyStep__changes() public {
        uint256 leaseId = _openLease(fleetId, lessee, 8, 100 hours);
        bytes32[9] memory hashes;
        hashes[0] = book.stateHash(leaseId);
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "");
        hashes[1] = book.stateHash(leaseId);
        vm.prank(operator);
        book.replaceGpus(leaseId, "other", "");
        hashes[2] = book.stateHash(leaseId);
        vm.prank(lessee);
        book.setUser(leaseId, stranger, 1);
        hashes[3] = book.stateHash(leaseId);
        _proveAndSettle(leaseId, HOUR, START + 1 hours);
        hashes[4] = book.stateHash(leaseId);
        vm.prank(lessee);
        book.transferFrom(lessee, investor, leaseId);
        hashes[5] = book.stateHash(leaseId);
        vm.warp(START + 2 hours);
        vm.prank(investor);
        book.endByLessee(leaseId);
        hashes[6] = book.stateHash(leaseId);
        vm.warp(START + 4 hours);
        book.releaseCapacity(leaseId);
        hashes[7] = book.stateHash(leaseId);
        _proveAndClose(leaseId, HOUR, START + 5 hours);
        hashes[8] = book.stateHash(leaseId);
        for (uint256 i; i < 9; ++i) {
            for (uint256 k; k < i; ++k) {
                vm.assertNotEq(hashes[i], hashes[k]);
            }
        }
    }
}
