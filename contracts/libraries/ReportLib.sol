// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../interfaces/IMeterOracle.sol";

/// @notice The EIP-712 struct hash of a meter report, and what contradicts what.
library ReportLib {
    bytes32 internal constant TYPE_HASH = keccak256(
        "MeterReport(uint64 fleetId,uint40 asOf,uint64 availableGpuMs,uint64 busyGpuMs,uint64 energyJoules,bytes32 leaseRoot,bytes32 dataHash,bytes32 previousDigest)"
    );

    function structHash(Report calldata report) internal pure returns (bytes32) {
        // A struct of static members encodes as its members do.
        return keccak256(abi.encode(TYPE_HASH, report));
    }

    /// @dev Same fleet and moment, other counters or root. Another parent is innocent: a re-sign after a reorg has one.
    function contradicts(Report calldata a, Report calldata b) internal pure returns (bool) {
        return a.fleetId == b.fleetId && a.asOf == b.asOf
            && (a.availableGpuMs != b.availableGpuMs
                || a.busyGpuMs != b.busyGpuMs
                || a.energyJoules != b.energyJoules
                || a.leaseRoot != b.leaseRoot);
    }
}
