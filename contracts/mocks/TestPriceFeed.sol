// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";

/// @title TestPriceFeed
/// @notice A price feed without truth for local chains and testnets: anyone may say what it answers.
contract TestPriceFeed is IAggregatorV3 {
    using SafeCast for uint256;

    /// @dev Two slots, about what a read of a real feed costs.
    struct Round {
        int256 answer;
        uint64 startedAt;
        uint64 updatedAt;
        uint80 answeredInRound;
    }

    /// @notice As Chainlink's feeds revert for a round that they do not have.
    error NoDataPresent();

    /// @inheritdoc IAggregatorV3
    uint8 public decimals;
    /// @notice The newest round; zero where nothing was said yet.
    uint80 public latestRound;
    mapping(uint80 roundId => Round) internal _rounds;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    /// @notice A further round, complete and of now.
    function say(int256 answer) external {
        ++latestRound;
        _rounds[latestRound] = Round(answer, uint64(block.timestamp), uint64(block.timestamp), latestRound);
    }

    /// @notice Sets a round as it is given, and makes it the newest.
    function sayRound(uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
        external
    {
        latestRound = roundId;
        _rounds[roundId] = Round(answer, startedAt.toUint64(), updatedAt.toUint64(), answeredInRound);
    }

    /// @notice Another unit from now on.
    function setDecimals(uint8 newDecimals) external {
        decimals = newDecimals;
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _round(latestRound);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _round(roundId);
    }

    /// @dev Empty where nothing was said of it, also where that was said explicitly.
    function _round(uint80 roundId) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory r = _rounds[roundId];
        require(r.startedAt != 0 || r.updatedAt != 0, NoDataPresent());
        return (roundId, r.answer, r.startedAt, r.updatedAt, r.answeredInRound);
    }
}
