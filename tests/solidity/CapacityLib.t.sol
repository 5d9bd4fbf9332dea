// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CapacityLib} from "../../contracts/libraries/CapacityLib.sol";
import {bound} from "./base/Bound.sol";
import {vm} from "./base/Vm.sol";

/// @dev The library's integral against one that adds second by second.
contract CapacityLibTest {
    using CapacityLib for CapacityLib.History;

    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant SPAN = 300;

    CapacityLib.History internal history;

    function setUp() public {
        vm.warp(START);
    }

    function test_gpuMsAt__emptyHistory__zero() public view {
        vm.assertEq(history.gpuMsAt(START + 1000), 0);
        vm.assertEq(history.gpuMsBetween(START, START + 1000), 0);
    }

    function test_push__sameSecond__replaces() public {
        history.push(5);
        history.push(7);

        vm.assertEq(history.checkpoints.length, 1);
        vm.assertEq(history.gpuMsAt(START + 1), 7000);
    }

    function test_gpuMsAt__millionGpusForTenYears__fits() public {
        history.push(1_000_000);
        vm.warp(START + 3650 days);
        history.push(type(uint32).max);

        vm.assertEq(history.gpuMsAt(START + 3650 days), uint256(1_000_000) * 3650 days * 1000);
        vm.assertEq(
            history.gpuMsBetween(START + 3650 days, START + 7300 days), uint256(type(uint32).max) * 3650 days * 1000
        );
    }

    /// @param gaps Seconds before each change, some of them none.
    /// @param capacities GPUs from each change on.
    function testFuzz_gpuMsAt__anyHistory__equalsSumOfSeconds(
        uint8[6] calldata gaps,
        uint32[6] calldata capacities,
        uint256 from,
        uint256 to
    ) public {
        uint256[SPAN] memory perSecond;
        uint256 now_ = START;
        for (uint256 i; i < 6; ++i) {
            now_ += gaps[i] % 40;
            vm.warp(now_);
            history.push(capacities[i]);
            for (uint256 s = now_ - START; s < SPAN; ++s) {
                perSecond[s] = capacities[i];
            }
        }
        from = bound(from, START, START + SPAN);
        to = bound(to, from, START + SPAN);

        vm.assertEq(history.gpuMsAt(to), _sum(perSecond, 0, to - START));
        vm.assertEq(history.gpuMsBetween(from, to), _sum(perSecond, from - START, to - START));
        vm.assertEq(history.gpuMsAt(START - 1), 0);
    }

    function _sum(uint256[SPAN] memory perSecond, uint256 from, uint256 to) private pure returns (uint256 gpuMs) {
        for (uint256 s = from; s < to; ++s) {
            gpuMs += perSecond[s] * 1000;
        }
    }
}
