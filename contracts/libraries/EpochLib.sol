// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {LibBit} from "solady/utils/LibBit.sol";
import {Epoch} from "../interfaces/ICreditVault.sol";

/// @notice Weeks of redemption requests, served oldest first. What was served of a week belongs to its positions pro rata:
/// each has `shares × servedShares ÷ week's shares`, likewise of the assets, rounded down. A position that leaves takes its
/// parts out of all three sums; the others' ratios never fall by that, and the last to leave finds exactly the rest.
library EpochLib {
    using SafeCast for uint256;

    uint256 internal constant LENGTH = 7 days;
    uint256 private constant IN_WORD = 255;
    uint256 private constant USED = 1 << IN_WORD;

    /// @dev Shares and assets in their smallest units.
    struct Queue {
        // slot 0
        /// Set aside for claims, in asset units.
        uint128 setAside;
        /// No epoch before it waits.
        uint32 from;
        mapping(uint256 id => Epoch) epochs;
        /// One bit an epoch that waits; a word lasts almost five years. Its last bit is set for good, so that nobody pays for
        /// making it anew.
        mapping(uint256 word => uint256) waiting;
    }

    /// @dev A controller's requests.
    struct Position {
        // slot 0
        /// In `epoch`, served or not.
        uint128 shares;
        uint32 epoch;
        // slot 1
        /// Of what `epoch` served of it, what is claimable or claimed.
        uint128 creditedShares;
        uint128 creditedAssets;
        // slot 2
        uint128 claimableShares;
        uint128 claimableAssets;
        // slot 3
        /// Cancelled and not taken back yet.
        uint128 cancelledShares;
    }

    /// @dev Nothing was requested before now.
    function begin(Queue storage self) internal {
        uint256 id = current();
        // Safe: weeks since 1970.
        self.from = uint32(id);
        self.waiting[id / IN_WORD] = USED;
    }

    function current() internal view returns (uint256) {
        return block.timestamp / LENGTH;
    }

    /// @dev The oldest epoch that waits; zero where none does.
    function oldest(Queue storage self) internal view returns (uint256) {
        uint256 last = current() / IN_WORD;
        for (uint256 word = self.from / IN_WORD; word <= last; ++word) {
            uint256 bits = self.waiting[word] & ~USED;
            if (bits > 0) return word * IN_WORD + LibBit.ffs(bits);
        }
        return 0;
    }

    /// @dev What waits of an epoch.
    function unserved(Queue storage self, uint256 id) internal view returns (uint256) {
        return self.epochs[id].shares - self.epochs[id].servedShares;
    }

    /// @dev `shares` more in the current epoch. What the position had in another one has left that before.
    function join(Queue storage self, Position storage position, uint256 shares) internal {
        uint256 id = current();
        Epoch storage week = self.epochs[id];
        if (week.shares == 0) self.waiting[id / IN_WORD] |= USED | 1 << id % IN_WORD;
        week.shares += shares.toUint128();
        position.shares += uint128(shares);
        // Safe: weeks since 1970.
        position.epoch = uint32(id);
    }

    /// @dev Makes what was served of a position claimable; once its epoch is served whole, the position leaves it.
    function settle(Queue storage self, Position storage position) internal {
        uint256 id = position.epoch;
        uint256 servedShares = _credit(self, position);
        if (servedShares > 0 && servedShares == position.shares) _remove(self, position, id);
    }

    /// @dev Takes a position out of its epoch, what was served of it becoming claimable.
    /// @return shares That were not served.
    function depart(Queue storage self, Position storage position) internal returns (uint256 shares) {
        uint256 id = position.epoch;
        if (id == 0) return 0;
        shares = position.shares - _credit(self, position);
        _remove(self, position, id);
    }

    /// @dev Of the epoch `shares` are served for `assets`.
    function serve(Queue storage self, uint256 id, uint256 shares, uint256 assets) internal {
        Epoch storage week = self.epochs[id];
        week.servedShares += uint128(shares);
        week.servedAssets += assets.toUint128();
        self.setAside += uint128(assets);
        self.from = uint32(id);
        if (week.servedShares == week.shares) _clear(self, id);
    }

    /// @dev Takes shares that are claimable, and their part of the assets, rounded down: the rest stays for what is left.
    function claim(Queue storage self, Position storage position, uint256 shares, uint256 assets) internal {
        // Safe: at most what the position holds.
        position.claimableShares -= uint128(shares);
        position.claimableAssets -= uint128(assets);
        self.setAside -= uint128(assets);
    }

    /// @dev What was served of a position in its epoch, whether or not credited. Both round down.
    function served(Queue storage self, Position storage position)
        internal
        view
        returns (uint256 shares, uint256 assets)
    {
        uint256 id = position.epoch;
        if (id == 0) return (0, 0);
        Epoch storage week = self.epochs[id];
        uint256 total = week.shares;
        if (week.servedShares == 0) return (0, 0);
        shares = uint256(position.shares) * week.servedShares / total;
        assets = uint256(position.shares) * week.servedAssets / total;
    }

    /// @dev Shares that wait to be served.
    function pending(Queue storage self, Position storage position) internal view returns (uint256) {
        (uint256 shares,) = served(self, position);
        return position.shares - shares;
    }

    function claimable(Queue storage self, Position storage position)
        internal
        view
        returns (uint256 shares, uint256 assets)
    {
        (shares, assets) = served(self, position);
        shares = position.claimableShares + shares - position.creditedShares;
        assets = position.claimableAssets + assets - position.creditedAssets;
    }

    function _credit(Queue storage self, Position storage position) private returns (uint256 servedShares) {
        uint256 servedAssets;
        (servedShares, servedAssets) = served(self, position);
        // Neither falls while the position stays: whoever leaves takes out no more than its part.
        if (servedShares > position.creditedShares || servedAssets > position.creditedAssets) {
            position.claimableShares += uint128(servedShares - position.creditedShares);
            position.claimableAssets += uint128(servedAssets - position.creditedAssets);
            position.creditedShares = uint128(servedShares);
            position.creditedAssets = uint128(servedAssets);
        }
    }

    /// @dev The position is credited.
    function _remove(Queue storage self, Position storage position, uint256 id) private {
        Epoch storage week = self.epochs[id];
        week.shares -= position.shares;
        week.servedShares -= position.creditedShares;
        week.servedAssets -= position.creditedAssets;
        if (week.servedShares == week.shares) _clear(self, id);
        (position.shares, position.epoch) = (0, 0);
        if (position.creditedShares > 0 || position.creditedAssets > 0) {
            (position.creditedShares, position.creditedAssets) = (0, 0);
        }
    }

    function _clear(Queue storage self, uint256 id) private {
        uint256 word = self.waiting[id / IN_WORD];
        uint256 rest = word & ~(1 << id % IN_WORD);
        if (rest != word) self.waiting[id / IN_WORD] = rest;
    }
}
