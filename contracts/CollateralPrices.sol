// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {IAggregatorV3} from "./interfaces/IAggregatorV3.sol";
import {ICollateralPrices, PriceFeed} from "./interfaces/ICollateralPrices.sol";
import {ISequencerFeed} from "./interfaces/ISequencerFeed.sol";
import {FeedLib, Round} from "./libraries/FeedLib.sol";

/// @title CollateralPrices
contract CollateralPrices is AccessManaged, ICollateralPrices {
    uint256 internal constant BPS = 10_000;
    uint256 internal constant MOST_DECIMALS = 18;
    /// @notice For so long after a restart of the sequencer nothing is valued.
    uint256 public constant GRACE = 1 hours;

    /// @dev A `PriceFeed` and whether new loans may rest on it, in two slots.
    struct Listing {
        // slot 0
        IAggregatorV3 feed;
        uint32 maxAge;
        uint8 feedDecimals;
        uint8 tokenDecimals;
        uint16 mostJumpBps;
        bool isListed;
        // slot 1
        uint128 least;
        uint128 most;
    }

    uint256 internal immutable ASSET_UNIT;
    /// @dev Zero on a chain without a sequencer.
    ISequencerFeed internal immutable SEQUENCER_FEED;

    mapping(address token => Listing) internal _listings;

    /// @param system Of which the asset exists already.
    /// @param sequencerFeed Chainlink's uptime feed on an L2, zero elsewhere.
    constructor(CreditSystem memory system, ISequencerFeed sequencerFeed) AccessManaged(system.authority) {
        ASSET_UNIT = 10 ** IERC20Metadata(system.asset).decimals();
        SEQUENCER_FEED = sequencerFeed;
    }

    /// @inheritdoc ICollateralPrices
    function list(address token, PriceFeed calldata feed) external restricted {
        (bool ok, uint256 decimals) = FeedLib.decimals(token);
        require(ok && decimals <= MOST_DECIMALS && decimals == feed.tokenDecimals, InvalidFeed(token, "tokenDecimals"));
        require(feed.maxAge > 0, InvalidFeed(token, "maxAge"));
        require(feed.feedDecimals <= MOST_DECIMALS, InvalidFeed(token, "feedDecimals"));
        require(feed.mostJumpBps > 0, InvalidFeed(token, "mostJumpBps"));
        require(feed.least > 0, InvalidFeed(token, "least"));
        require(feed.most >= feed.least, InvalidFeed(token, "most"));

        Listing memory listing = Listing({
            feed: feed.feed,
            maxAge: feed.maxAge,
            feedDecimals: feed.feedDecimals,
            tokenDecimals: feed.tokenDecimals,
            mostJumpBps: feed.mostJumpBps,
            isListed: true,
            least: feed.least,
            most: feed.most
        });
        _answer(token, listing);

        _listings[token] = listing;

        emit ListCollateral(token, feed);
    }

    /// @inheritdoc ICollateralPrices
    function delist(address token) external restricted {
        require(_listings[token].isListed, CollateralNotListed(token));

        _listings[token].isListed = false;

        emit DelistCollateral(token);
    }

    /// @inheritdoc ICollateralPrices
    function value(address token, uint256 amount) external view returns (uint256) {
        Listing memory listing = _listings[token];
        require(address(listing.feed) != address(0), CollateralNotListed(token));
        // In 512 bits: an amount that the token cannot have must not read as another error than its own.
        return Math.mulDiv(
            amount, _answer(token, listing) * ASSET_UNIT, 10 ** (uint256(listing.tokenDecimals) + listing.feedDecimals)
        );
    }

    /// @inheritdoc ICollateralPrices
    function mostValue(address token, uint256 amount) external view returns (uint256) {
        Listing memory listing = _listings[token];
        uint256 unit = 10 ** (uint256(listing.tokenDecimals) + listing.feedDecimals);
        return Math.mulDiv(amount, listing.most * ASSET_UNIT, unit, Math.Rounding.Ceil);
    }

    /// @inheritdoc ICollateralPrices
    function sequencerUpSince() public view returns (uint256 upSince) {
        if (address(SEQUENCER_FEED) == address(0)) return 0;
        (bool ok, Round memory round) = FeedLib.latest(address(SEQUENCER_FEED));
        // A feed that has not begun says zero; what it says of the future it cannot know.
        require(
            ok && round.answer == 0 && round.startedAt != 0 && round.startedAt <= block.timestamp,
            SequencerDown(round.startedAt)
        );
        return round.startedAt;
    }

    /// @inheritdoc ICollateralPrices
    function isListed(address token) external view returns (bool) {
        return _listings[token].isListed;
    }

    /// @inheritdoc ICollateralPrices
    function feedOf(address token) external view returns (PriceFeed memory) {
        Listing memory l = _listings[token];
        return PriceFeed(l.feed, l.maxAge, l.feedDecimals, l.tokenDecimals, l.mostJumpBps, l.least, l.most);
    }

    /// @dev The feed's answer, in its own units, once nothing speaks against it.
    function _answer(address token, Listing memory l) private view returns (uint256 answer) {
        _requireSequencer();
        address feed = address(l.feed);
        (bool ok, Round memory round) = FeedLib.latest(feed);
        require(ok, FeedSilent(token));
        require(
            round.id != 0 && round.updatedAt != 0 && round.answeredIn >= round.id,
            RoundIncomplete(token, round.id, round.answeredIn)
        );
        require(round.answer > 0, PriceNotPositive(token, round.answer));
        require(round.updatedAt <= block.timestamp, PriceFromTheFuture(token, round.updatedAt));
        require(block.timestamp - round.updatedAt <= l.maxAge, PriceStale(token, round.updatedAt, l.maxAge));
        // Safe: positive.
        answer = uint256(round.answer);
        require(answer >= l.least && answer <= l.most, PriceOutOfBounds(token, answer, l.least, l.most));

        uint256 decimals;
        (ok, decimals) = FeedLib.decimals(feed);
        require(ok, FeedSilent(token));
        require(decimals == l.feedDecimals, DecimalsChanged(token, l.feedDecimals, decimals));

        (ok, round) = FeedLib.past(feed, round.id - 1);
        // A feed's first round, of its life or of a phase, has none before it.
        if (ok && round.updatedAt != 0 && round.answer > 0) {
            _requireNoJump(token, uint256(round.answer), answer, l.mostJumpBps);
        }
    }

    /// @dev `answer` passed its bounds, so the smaller of the two has 128 bits; the other may be anything.
    function _requireNoJump(address token, uint256 before, uint256 answer, uint256 mostJumpBps) private pure {
        uint256 low = Math.min(before, answer);
        require(
            Math.max(before, answer) - low <= low * mostJumpBps / BPS, PriceJumped(token, before, answer, mostJumpBps)
        );
    }

    function _requireSequencer() private view {
        uint256 upSince = sequencerUpSince();
        if (upSince == 0) return;
        uint256 until = upSince + GRACE;
        require(block.timestamp >= until, SequencerRestarted(upSince, until));
    }
}
