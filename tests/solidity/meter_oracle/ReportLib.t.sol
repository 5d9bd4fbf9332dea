// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../../../contracts/interfaces/IMeterOracle.sol";
import {Counters, CountersLib} from "../../../contracts/libraries/CountersLib.sol";
import {ReportLib} from "../../../contracts/libraries/ReportLib.sol";
import {vm} from "../base/Vm.sol";

/// @dev What contradicts what, and how counters share a word.
contract ReportLibTest {
    using ReportLib for Report;

    function testFuzz_contradicts__isSymmetricAndExact(Report calldata a, Report calldata b) public view {
        vm.assertEq(a.contradicts(b), b.contradicts(a));
        vm.assertFalse(a.contradicts(a));
        vm.assertEq(a.contradicts(b), _contradict(a, b));
        // Of independent reports hardly two speak of one fleet and moment.
        Report memory c = b;
        (c.fleetId, c.asOf) = (a.fleetId, a.asOf);
        vm.assertEq(this.contradicts(a, c), _contradict(a, c));
        (c.availableGpuMs, c.busyGpuMs, c.energyJoules) = (a.availableGpuMs, a.busyGpuMs, a.energyJoules);
        vm.assertEq(this.contradicts(a, c), a.leaseRoot != c.leaseRoot);
        c.leaseRoot = a.leaseRoot;
        vm.assertFalse(this.contradicts(a, c));
    }

    function testFuzz_pack__anyReport__unpacks(Report calldata report, uint256 lag, bool pending) public pure {
        Counters counters = CountersLib.pack(report, lag).withPending(pending);
        uint256 shown = lag >= 1 << 23 ? (1 << 23) - 1 : lag;
        vm.assertEq(counters.asOf(), report.asOf);
        vm.assertEq(counters.availableGpuMs(), report.availableGpuMs);
        vm.assertEq(counters.busyGpuMs(), report.busyGpuMs);
        vm.assertEq(counters.energyJoules(), report.energyJoules);
        vm.assertEq(counters.hasPending(), pending);
        if (report.asOf <= type(uint40).max - shown) vm.assertEq(counters.acceptedAt(), report.asOf + shown);

        Counters later = counters.withLag(7).withPending(!pending);
        vm.assertEq(later.asOf(), report.asOf);
        vm.assertEq(later.availableGpuMs(), report.availableGpuMs);
        vm.assertEq(later.energyJoules(), report.energyJoules);
        vm.assertEq(later.hasPending(), !pending);
        if (report.asOf <= type(uint40).max - 7) vm.assertEq(later.acceptedAt(), uint256(report.asOf) + 7);
    }

    function contradicts(Report calldata a, Report calldata b) external pure returns (bool) {
        return a.contradicts(b);
    }

    function _contradict(Report memory a, Report memory b) private pure returns (bool) {
        if (a.fleetId != b.fleetId || a.asOf != b.asOf) return false;
        bytes32 one = keccak256(abi.encode(a.availableGpuMs, a.busyGpuMs, a.energyJoules, a.leaseRoot));
        return one != keccak256(abi.encode(b.availableGpuMs, b.busyGpuMs, b.energyJoules, b.leaseRoot));
    }
}
