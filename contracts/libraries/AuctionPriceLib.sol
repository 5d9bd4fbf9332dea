// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Dutch prices: linear in the time that a clock has run, one division each, rounded up for the seller.
library AuctionPriceLib {
    uint256 internal constant BPS = 10_000;

    /// @dev A premium that falls from `startBps` to `endBps` while `elapsed` goes from 0 to `fall` seconds, and stays there:
    /// basis points × `fall`, exact. Assumes `startBps >= endBps`.
    function premium(uint256 startBps, uint256 endBps, uint256 fall, uint256 elapsed) internal pure returns (uint256) {
        uint256 run = elapsed < fall ? elapsed : fall;
        return startBps * fall - (startBps - endBps) * run;
    }

    /// @dev `value` × that premium. Assumes `fall > 0`, ratios below 2^16 and `fall` below 2^32; a `value` of 2^208 or more may revert.
    function priceUp(uint256 value, uint256 startBps, uint256 endBps, uint256 fall, uint256 elapsed)
        internal
        pure
        returns (uint256)
    {
        return divUp(value * premium(startBps, endBps, fall, elapsed), fall * BPS);
    }

    /// @dev Assumes that their sum fits.
    function divUp(uint256 numerator, uint256 denominator) internal pure returns (uint256) {
        return (numerator + denominator - 1) / denominator;
    }

    /// @dev What title and pledge are worth of the whole fleet, rounded up. Shares are below 2^96, values below 2^160.
    function lotValueUp(uint256 fleetValue, uint256 lotShares, uint256 supply) internal pure returns (uint256) {
        return divUp(fleetValue * lotShares, supply);
    }

    /// @dev What the vault books for a lot at the last premium, rounded down.
    function floorDown(uint256 fleetValue, uint256 lotShares, uint256 supply, uint256 endBps)
        internal
        pure
        returns (uint256)
    {
        return fleetValue * lotShares * endBps / (supply * BPS);
    }

    /// @dev The least that a bid takes: a part, rounded up, of what there was at the start, or all that is left.
    function leastFill(uint256 atStart, uint256 left, uint256 leastFillBps) internal pure returns (uint256) {
        uint256 least = divUp(atStart * leastFillBps, BPS);
        return least < left ? least : left;
    }

    /// @dev `amount` at `price`, or as much as `owed` buys of it: rounds down what the bidder gets, for the borrower; the
    /// price is never more than what is owed.
    function cutToDebt(uint256 amount, uint256 price, uint256 owed) internal pure returns (uint256, uint256) {
        return price <= owed ? (amount, price) : (amount * owed / price, owed);
    }
}
