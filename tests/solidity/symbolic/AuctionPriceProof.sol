// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AuctionPriceLib} from "../../../contracts/libraries/AuctionPriceLib.sol";

/// @dev Proved for every argument by `make prove`, in lemmas that a solver can carry: the price is
/// divUp(value × premium, fall × 10,000), with premium = start × fall - (start - end) × run and run = min(elapsed, fall).
///
/// Premium, by hand: run never falls with time and lies in [0, fall], and start - end >= 0; so the premium never rises with time and
/// lies between end × fall, at run = fall, and start × fall, at run = 0. A product grows with each factor and a rounded quotient
/// with its numerator, as the lemmas say: so the price falls with time, rises with value, and is value × end ÷ 10,000 rounded up at
/// least and value × start ÷ 10,000 rounded up at most. Quotients are proved for the default parameters; `AuctionPriceLib.t.sol`
/// fuzzes premium, all other parameters and the whole.
contract AuctionPriceProof {
    uint256 internal constant BPS = 10_000;

    /* ---- product and quotient ---- */

    function check_product__anyFactors__growsWithEach(uint64 value, uint64 low, uint64 high) external pure {
        if (low > high) return;
        unchecked {
            assert(uint256(value) * low <= uint256(value) * high);
        }
    }

    function check_divUp__collateral__growsAndIsTheLeastThatCovers(uint128 low, uint128 high) external pure {
        _growsAndIsTheLeastThatCovers(low, high, 6 hours * BPS);
    }

    function check_divUp__lot__growsAndIsTheLeastThatCovers(uint128 low, uint128 high) external pure {
        _growsAndIsTheLeastThatCovers(low, high, 72 hours * BPS);
    }

    /* ---- fills ---- */

    function check_cutToDebt__anything__neverAboveTheDebtNorMoreThanAsked(uint64 amount, uint64 price, uint64 owed)
        external
        pure
    {
        (uint256 bought, uint256 paid) = AuctionPriceLib.cutToDebt(amount, price, owed);
        assert(paid <= owed && paid <= price && bought <= amount);
        assert(paid == owed || (paid == price && bought == amount));
    }

    function check_cutToDebt__anything__noUnitIsCheaper(uint64 amount, uint64 price, uint64 owed) external pure {
        (uint256 bought, uint256 paid) = AuctionPriceLib.cutToDebt(amount, price, owed);
        unchecked {
            assert(paid * amount >= bought * price);
        }
    }

    function check_leastFill__aTenth__orAllThatIsLeft(uint96 atStart, uint96 left) external pure {
        uint256 least = AuctionPriceLib.leastFill(atStart, left, 1000);
        assert(least <= left);
        assert(least == left || (least * 10 >= atStart && least * 10 < uint256(atStart) + 10));
    }

    function _growsAndIsTheLeastThatCovers(uint256 low, uint256 high, uint256 denominator) private pure {
        if (low > high) return;
        uint256 quotient = AuctionPriceLib.divUp(low, denominator);
        assert(quotient <= AuctionPriceLib.divUp(high, denominator));
        unchecked {
            assert(quotient * denominator >= low && quotient * denominator < low + denominator);
        }
    }
}
