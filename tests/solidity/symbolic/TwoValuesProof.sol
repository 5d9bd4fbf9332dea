// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {InterestLib} from "../../../contracts/libraries/InterestLib.sol";
import {WriteDownLib} from "../../../contracts/libraries/WriteDownLib.sol";

/// @dev Proved for every argument by `make prove`: the conservative value of a vault is never above the optimistic one. The two are
/// cash + performing principal + unitsDown(interest) + bases - fallenUp and
/// cash + performing principal + unitsUp(interest) + owed of marked loans and lots, both interests accrued alike.
///
/// By hand, over the lemmas: interest down is no more than interest up; what has fallen is no more than the bases, from which it is
/// taken, so neither underflows nor adds; and each base is no more than what is owed behind it, when a mark begins, with interest
/// that only grows, and after each payment. Sums keep the order of their terms.
contract TwoValuesProof {
    function check_units__anyInterest__downIsNoMoreThanUpAndNoUnitLess(uint184 scaled) external pure {
        uint256 down = InterestLib.unitsDown(scaled);
        uint256 up = InterestLib.unitsUp(scaled);
        assert(down <= up && up <= down + 1);
    }

    function check_units__interestThatGrows__neitherFalls(uint184 early, uint184 late) external pure {
        if (early > late) return;
        assert(InterestLib.unitsDown(early) <= InterestLib.unitsDown(late));
        assert(InterestLib.unitsUp(early) <= InterestLib.unitsUp(late));
    }

    /// @dev A mark's base is principal and interest rounded down; what is owed grows from there.
    function check_base__markThatBegins__isNoMoreThanIsOwedThenOrLater(uint96 principal, uint184 early, uint184 late)
        external
        pure
    {
        if (early > late) return;
        assert(principal + InterestLib.unitsDown(early) <= principal + InterestLib.unitsUp(late));
    }

    /// @dev A payment takes from a mark's base as far as that reaches, and from what is owed whole.
    function check_base__afterAPayment__isNoMoreThanIsOwed(uint128 base, uint128 owed, uint128 amount) external pure {
        if (base > owed || amount > owed) return;
        uint256 left = base > amount ? base - amount : 0;
        assert(left <= owed - amount);
    }

    /// @dev What one value has fallen, scaled: a step of (base - floor) × SCALE ÷ span each midnight, at most `span` of them.
    function check_fallen__anyMidnight__isNoMoreThanFromBaseToFloor(uint96 base, uint96 floor) external pure {
        if (floor > base) return;
        _fallenIsNoMore(base - floor, WriteDownLib.MARK_DAYS);
        _fallenIsNoMore(base - floor, WriteDownLib.LOT_DAYS);
    }

    /// @dev What all have fallen together is no more than all they may fall, rounded up or not.
    function check_fallen__sumInUnits__isNoMoreThanTheSumOfAll(uint104 fallen, uint96 all) external pure {
        if (fallen > all * WriteDownLib.SCALE) return;
        assert(Math.ceilDiv(fallen, WriteDownLib.SCALE) <= all);
    }

    function _fallenIsNoMore(uint256 height, uint256 span) private pure {
        unchecked {
            uint256 step = height * (WriteDownLib.SCALE / span);
            for (uint256 taken; taken <= span; ++taken) {
                assert(step * taken <= height * WriteDownLib.SCALE);
            }
            assert(step * span == height * WriteDownLib.SCALE);
        }
    }
}
