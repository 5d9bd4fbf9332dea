// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAggregatorV3} from "./IAggregatorV3.sol";

/// @notice How one collateral token is priced.
struct PriceFeed {
    IAggregatorV3 feed;
    /// @dev An answer older than so many seconds is stale.
    uint32 maxAge;
    uint8 feedDecimals;
    uint8 tokenDecimals;
    /// @dev How far an answer may lie from that of the round before it, in basis points of the smaller of the two.
    uint16 mostJumpBps;
    /// @dev Answers outside `[least, most]`, in the feed's own units, are refused.
    uint128 least;
    uint128 most;
}

/// @title CollateralPrices: what is liquid collateral worth, now?
/// @notice Values a listed token by a Chainlink-style feed, or reverts with the reason why it cannot. Never depends on the caller.
/// @dev Assumes that a feed quotes one whole token in the currency whose unit one whole settlement coin is worth: a coin
/// that loses its peg makes collateral look dearer or cheaper by as much. A jump is refused until a further round confirms
/// the new level. For an hour after a restart of an L2's sequencer nothing is valued: feeds need time to catch up, and
/// borrowers to answer.
interface ICollateralPrices {
    event ListCollateral(address indexed token, PriceFeed feed);
    event DelistCollateral(address indexed token);

    error InvalidFeed(address token, bytes32 field);
    error CollateralNotListed(address token);
    /// @notice The feed reverted, has no code, or its answer is not one.
    error FeedSilent(address token);
    error PriceNotPositive(address token, int256 answer);
    error PriceStale(address token, uint256 updatedAt, uint256 maxAge);
    error PriceFromTheFuture(address token, uint256 updatedAt);
    error RoundIncomplete(address token, uint256 roundId, uint256 answeredInRound);
    error PriceOutOfBounds(address token, uint256 answer, uint256 least, uint256 most);
    error PriceJumped(address token, uint256 before, uint256 answer, uint256 mostJumpBps);
    error DecimalsChanged(address token, uint256 expected, uint256 found);
    /// @notice `since` is zero where the sequencer's feed is silent itself.
    error SequencerDown(uint256 since);
    /// @notice Up again, and not long enough.
    error SequencerRestarted(uint256 upSince, uint256 until);

    /// @notice Lists a token, or changes how it is priced, for open loans too. The current answer must pass. Restricted.
    function list(address token, PriceFeed calldata feed) external;

    /// @notice Takes no new loans against `token`; loans that have it go on with its feed. Restricted to the guardian.
    function delist(address token) external;

    /// @notice Value of `amount` units of `token` in units of the settlement token, rounded down.
    /// @dev Reverts where the feed is silent, stale, not positive, out of bounds, not complete or jumped, where its decimals
    /// are not those listed, and while an L2 sequencer is down or has just restarted.
    function value(address token, uint256 amount) external view returns (uint256);

    /// @notice Value of `amount` units of `token` at the greatest answer that would be believed, whatever its feed says now;
    /// rounded up. Nothing for a token that never was listed.
    function mostValue(address token, uint256 amount) external view returns (uint256);

    /// @notice Reverts with `SequencerDown` while the sequencer is down.
    /// @return upSince Since when it has been up, Unix seconds; zero on a chain without a sequencer.
    function sequencerUpSince() external view returns (uint256 upSince);

    /// @notice Whether new loans may take `token` as collateral.
    function isListed(address token) external view returns (bool);

    /// @notice How `token` is priced, delisted or not; zero where it never was listed.
    function feedOf(address token) external view returns (PriceFeed memory);
}
