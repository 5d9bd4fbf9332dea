// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @dev OpenZeppelin's StandardMerkleTree over leaf hashes: sorted leaves, laid out as a heap, leaves last and reversed.
library DeliveryTree {
    struct Tree {
        bytes32[] nodes;
        uint256 leaves;
    }

    function build(bytes32[] memory leafHashes) internal pure returns (Tree memory tree) {
        uint256 n = leafHashes.length;
        tree.leaves = n;
        bytes32[] memory sorted = sort(leafHashes);
        tree.nodes = new bytes32[](2 * n - 1);
        for (uint256 i; i < n; ++i) {
            tree.nodes[2 * n - 2 - i] = sorted[i];
        }
        for (uint256 i = n - 1; i > 0; --i) {
            tree.nodes[i - 1] = Hashes.commutativeKeccak256(tree.nodes[2 * i - 1], tree.nodes[2 * i]);
        }
    }

    function root(Tree memory tree) internal pure returns (bytes32) {
        return tree.nodes[0];
    }

    function proof(Tree memory tree, bytes32 leaf) internal pure returns (bytes32[] memory path) {
        uint256 node = indexOf(tree, leaf);
        uint256 depth;
        for (uint256 i = node; i > 0; i = (i - 1) / 2) {
            ++depth;
        }
        path = new bytes32[](depth);
        for (uint256 k; k < depth; ++k) {
            path[k] = tree.nodes[_sibling(node)];
            node = (node - 1) / 2;
        }
    }

    /// @dev Leaves come back in the order in which the multiproof consumes them: by falling place in the tree.
    function multiproof(Tree memory tree, bytes32[] memory chosen)
        internal
        pure
        returns (bytes32[] memory ordered, bytes32[] memory path, bool[] memory flags)
    {
        uint256 n = tree.nodes.length;
        uint256[] memory queue = new uint256[](n + chosen.length);
        uint256 tail;
        for (uint256 i = n; i > 0; --i) {
            for (uint256 k; k < chosen.length; ++k) {
                if (tree.nodes[i - 1] == chosen[k] && i - 1 >= tree.leaves - 1) queue[tail++] = i - 1;
            }
        }
        ordered = new bytes32[](tail);
        for (uint256 i; i < tail; ++i) {
            ordered[i] = tree.nodes[queue[i]];
        }
        path = new bytes32[](n);
        flags = new bool[](n);
        uint256 paths;
        uint256 steps;
        uint256 head;
        while (head < tail && queue[head] > 0) {
            uint256 j = queue[head++];
            uint256 s = _sibling(j);
            if (head < tail && queue[head] == s) {
                flags[steps++] = true;
                ++head;
            } else {
                flags[steps++] = false;
                path[paths++] = tree.nodes[s];
            }
            queue[tail++] = (j - 1) / 2;
        }
        assembly ("memory-safe") {
            mstore(path, paths)
            mstore(flags, steps)
        }
    }

    function indexOf(Tree memory tree, bytes32 leaf) internal pure returns (uint256) {
        for (uint256 i = tree.leaves - 1; i < tree.nodes.length; ++i) {
            if (tree.nodes[i] == leaf) return i;
        }
        revert("leaf not in tree");
    }

    function sort(bytes32[] memory a) internal pure returns (bytes32[] memory) {
        for (uint256 i = 1; i < a.length; ++i) {
            bytes32 x = a[i];
            uint256 j = i;
            while (j > 0 && a[j - 1] > x) {
                a[j] = a[j - 1];
                --j;
            }
            a[j] = x;
        }
        return a;
    }

    function _sibling(uint256 i) private pure returns (uint256) {
        return i % 2 == 0 ? i - 1 : i + 1;
    }
}
