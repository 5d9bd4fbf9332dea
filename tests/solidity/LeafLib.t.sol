// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LeafLib} from "../../contracts/libraries/LeafLib.sol";
import {vm} from "./base/Vm.sol";

/// @dev Expected values are `@openzeppelin/merkle-tree`'s own.
contract LeafLibTest {
    function test_delivery__leaf__equalsTheStandardTrees() public pure {
        vm.assertEq(
            LeafLib.delivery(4_294_967_297, 28_800_000),
            0xf6d7070ba2df074d8de3077ed447b9db06f26222d5ca527bbcaa3e6501265b8d
        );
    }

    function test_gpu__leaf__equalsTheStandardTrees() public pure {
        vm.assertEq(LeafLib.gpu("gpu-0"), 0xc70e2f4de903dba273a530b50e2de9b0f505d66e27e137e29f255bda5de42156);
    }

    function test_delivery__otherLeaseOrDelivery__otherLeaf() public pure {
        vm.assertNotEq(LeafLib.delivery(1, 2), LeafLib.delivery(2, 1));
        vm.assertNotEq(LeafLib.delivery(1, 2), LeafLib.delivery(1, 3));
    }

    /// @dev An inner node is the hash of 64 bytes; hashed once, a leaf of two words could pass for one.
    function testFuzz_delivery__anyLeaf__isNoInnerNode(uint256 leaseId, uint256 delivered) public pure {
        vm.assertNotEq(LeafLib.delivery(leaseId, delivered), keccak256(abi.encode(leaseId, delivered)));
    }
}
