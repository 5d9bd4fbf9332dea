// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../../../contracts/interfaces/IMeterOracle.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev The EIP-712 digest against one put together from the standard's text.
contract DigestTest is OracleTest {
    function testFuzz_digestOf__anyReport__isEip712(Report memory report) public view {
        vm.assertEq(oracle.digestOf(report), _digest(report, block.chainid, address(oracle)));
    }

    function test_digestOf__everyFieldCounts() public view {
        Report memory report = _next(START + 1 hours);
        bytes32 digest = oracle.digestOf(report);
        for (uint256 field; field < 8; ++field) {
            Report memory other = _changed(report, field);
            vm.assertNotEq(oracle.digestOf(other), digest);
        }
    }

    function test_eip712Domain__namesTheContract() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = oracle.eip712Domain();
        vm.assertEq(uint8(fields), 0x0f);
        vm.assertEq(name, "MeterOracle");
        vm.assertEq(version, "1");
        vm.assertEq(chainId, block.chainid);
        vm.assertEq(verifyingContract, address(oracle));
        vm.assertEq(salt, 0);
        vm.assertEq(extensions.length, 0);
    }

    function _changed(Report memory r, uint256 field) private pure returns (Report memory) {
        return Report({
            fleetId: r.fleetId + (field == 0 ? 1 : 0),
            asOf: r.asOf + (field == 1 ? 1 : 0),
            availableGpuMs: r.availableGpuMs + (field == 2 ? 1 : 0),
            busyGpuMs: r.busyGpuMs + (field == 3 ? 1 : 0),
            energyJoules: r.energyJoules + (field == 4 ? 1 : 0),
            leaseRoot: field == 5 ? bytes32("other") : r.leaseRoot,
            dataHash: field == 6 ? bytes32("other") : r.dataHash,
            previousDigest: field == 7 ? bytes32("other") : r.previousDigest
        });
    }

    function _digest(Report memory r, uint256 chainId, address verifyingContract) private pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("MeterOracle"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
        bytes32 typeHash = keccak256(
            "MeterReport(uint64 fleetId,uint40 asOf,uint64 availableGpuMs,uint64 busyGpuMs,uint64 energyJoules,bytes32 leaseRoot,bytes32 dataHash,bytes32 previousDigest)"
        );
        bytes memory counters = abi.encode(
            typeHash,
            uint256(r.fleetId),
            uint256(r.asOf),
            uint256(r.availableGpuMs),
            uint256(r.busyGpuMs),
            uint256(r.energyJoules)
        );
        bytes32 data = keccak256(bytes.concat(counters, r.leaseRoot, r.dataHash, r.previousDigest));
        return keccak256(bytes.concat(hex"1901", domain, data));
    }
}
