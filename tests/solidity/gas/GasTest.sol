// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Whole transactions with calldata, in a steady state: slots already used, enough balance left, the day's first write
/// done unless the name says otherwise. Figures go to `snapshots/`, one file a topic.
abstract contract GasTest is SystemTest {
    /// @dev Records the last call as `topic.name`.
    function _record(string memory topic, string memory name) internal returns (uint256) {
        return vm.snapshotGasLastCall(topic, name);
    }

    /// @dev Records the last call, which must not cost more than `budget`.
    function _within(uint256 budget, string memory topic, string memory name) internal {
        vm.assertLe(_record(topic, name), budget, name);
    }
}
