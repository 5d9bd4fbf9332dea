// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The part of Chainlink's L2 sequencer uptime feed that is used
interface ISequencerFeed {
    /// @return roundId Not used.
    /// @return answer 0 where the sequencer is up, 1 where it is down.
    /// @return startedAt Since when that has been so, Unix seconds.
    /// @return updatedAt Not used.
    /// @return answeredInRound Not used.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
