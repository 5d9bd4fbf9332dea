// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

/// @notice Leaves of OpenZeppelin's StandardMerkleTree: ABI-encoded, hashed twice, so that no inner node passes for a leaf.
library LeafLib {
    /// @dev Leaf of a report: what a lease got, cumulative, in GPU-milliseconds.
    function delivery(uint256 leaseId, uint256 deliveredGpuMs) internal pure returns (bytes32) {
        return EfficientHashLib.hash(EfficientHashLib.hash(leaseId, deliveredGpuMs));
    }

    /// @dev Leaf of a fleet's or a lease's GPUs.
    function gpu(bytes32 gpuId) internal pure returns (bytes32) {
        return EfficientHashLib.hash(EfficientHashLib.hash(gpuId));
    }
}
