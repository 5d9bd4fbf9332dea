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
    uint256 internal constant WORDS = 5;

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
        uint256[WORDS] memory words;
        (ok, words) = _read(feed, abi.encodeCall(IAggregatorV3.decimals, ()), 1);
        found = words[0];
    }

    function _round(address feed, bytes memory callData) private view returns (bool ok, Round memory round) {
        uint256[WORDS] memory words;
        (ok, words) = _read(feed, callData, WORDS);
        ok = ok && words[0] <= type(uint80).max && words[4] <= type(uint80).max;
        if (!ok) return (false, round);
        // Safe: a word is an int256, whatever its sign.
        round = Round(words[0], int256(words[1]), words[2], words[3], words[4]);
    }

    /// @dev Copies no more than `count` words, however much comes back.
    function _read(address feed, bytes memory callData, uint256 count)
        private
        view
        returns (bool ok, uint256[WORDS] memory words)
    {
        assembly ("memory-safe") {
            ok := staticcall(gas(), feed, add(callData, 32), mload(callData), words, mul(count, 32))
            ok := and(ok, iszero(lt(returndatasize(), mul(count, 32))))
        }
    }
}
