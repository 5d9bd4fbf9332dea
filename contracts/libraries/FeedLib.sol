// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";

/// @notice A round of a feed; times in Unix seconds.
struct Round {
    uint256 id;
    int256 answer;
    uint256 startedAt;
    uint256 updatedAt;
    uint256 answeredIn;
}

/// @notice Reads of a feed that may be gone, changed or broken: they say so, and never revert themselves.
/// @dev `try` would not do: it reverts where there is no code, or where an answer does not decode.
library FeedLib {
    /// @return ok Whether there was an answer of the right length, with a round's id in its range.
    function latest(address feed) internal view returns (bool ok, Round memory round) {
        return _round(feed, abi.encodeCall(IAggregatorV3.latestRoundData, ()));
    }

    /// @return ok As for `latest`.
    function past(address feed, uint256 id) internal view returns (bool ok, Round memory round) {
        // Safe: an id that `latest` gave, or the one before it.
        return _round(feed, abi.encodeCall(IAggregatorV3.getRoundData, (uint80(id))));
    }

    /// @dev Of a token as well.
    /// @return ok Whether there was an answer of the right length.
    function decimals(address feed) internal view returns (bool ok, uint256 found) {
        bytes memory callData = abi.encodeCall(IAggregatorV3.decimals, ());
        assembly ("memory-safe") {
            ok := staticcall(gas(), feed, add(callData, 32), mload(callData), 0, 32)
            ok := and(ok, iszero(lt(returndatasize(), 32)))
            if ok { found := mload(0) }
        }
    }

    /// @dev Copies no more than the words of a `Round`, in whose order they come, however much comes back.
    function _round(address feed, bytes memory callData) private view returns (bool ok, Round memory round) {
        assembly ("memory-safe") {
            ok := staticcall(gas(), feed, add(callData, 32), mload(callData), round, 160)
            ok := and(ok, iszero(lt(returndatasize(), 160)))
        }
        ok = ok && round.id <= type(uint80).max && round.answeredIn <= type(uint80).max;
        if (!ok) round = Round(0, 0, 0, 0, 0);
    }
}
