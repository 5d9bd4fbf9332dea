// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {InterestLib} from "../../contracts/libraries/InterestLib.sol";
import {WriteDownLib} from "../../contracts/libraries/WriteDownLib.sol";

import {bound} from "./base/Bound.sol";

/// @dev Why the conservative value never exceeds the optimistic one, step by step, for one loan. Sums keep the order, since the vault's
/// sums are exact and rounded once: down on one side, up on the other.
contract VaultValuesTest {
    /// @dev Performing interest: rounded down is no more than rounded up.
    function testFuzz_interest__roundedDown__isNoMoreThanRoundedUp(uint144 scaled) external pure {
        uint256 down = InterestLib.unitsDown(scaled);
        uint256 up = InterestLib.unitsUp(scaled);
        assert(down <= up && up - down <= 1);
    }

    /// @dev When marked: the base is no more than what the loan owes, and stays so while interest runs on.
    function testFuzz_mark__base__isNoMoreThanWhatIsOwed(uint96 principal, uint144 scaled, uint128 more) external pure {
        uint256 base = uint256(principal) + InterestLib.unitsDown(scaled);
        assert(base <= uint256(principal) + InterestLib.unitsUp(uint256(scaled) + more));
    }

    /// @dev A payment on a marked loan lowers the base by all of it, and what is owed by no more: `interest`, rounded up, pays
    /// `accruedPaid`. In scaled units, without a division.
    function testFuzz_pay__base__staysNoMoreThanWhatIsOwed(
        uint96 base,
        uint96 principal,
        uint144 scaled,
        uint96 paid,
        uint96 interest,
        uint144 accruedPaid
    ) external pure {
        uint256 scale = InterestLib.SCALE;
        base = uint96(bound(base, 0, Math.min(principal + scaled / scale, type(uint96).max)));
        paid = uint96(bound(paid, 0, principal));
        interest = uint96(bound(interest, 0, Math.ceilDiv(scaled, scale)));
        accruedPaid = uint144(bound(accruedPaid, 0, Math.min(scaled, interest * scale)));
        uint256 amount = uint256(paid) + interest;
        uint256 left = amount < base ? base - amount : 0;
        assert(left * scale <= uint256(principal - paid) * scale + (scaled - accruedPaid));
    }

    /// @dev What has fallen of a mark or a lot is never more than its base less its floor, so no value is below zero.
    function testFuzz_fall__anyDay__isNoMoreThanBaseLessFloor(uint96 base, uint96 floor, uint8 taken, bool lot)
        external
        pure
    {
        uint256 span = lot ? WriteDownLib.LOT_DAYS : WriteDownLib.MARK_DAYS;
        floor = uint96(bound(floor, 0, base));
        taken = uint8(bound(taken, 0, span));
        uint256 step = uint256(base - floor) * (WriteDownLib.SCALE / span);
        assert(step * taken <= uint256(base - floor) * WriteDownLib.SCALE);
        assert(taken < span || step * taken == uint256(base - floor) * WriteDownLib.SCALE);
    }

    /// @dev What leaves an epoch leaves the others no less than their part, and never more served than asked.
    function testFuzz_leave__epoch__ratioNeverFalls(uint16 shares, uint16 served, uint16 position) external pure {
        shares = uint16(bound(shares, 1, type(uint16).max));
        served = uint16(bound(served, 0, shares));
        position = uint16(bound(position, 0, shares - 1));
        uint256 out = uint256(position) * served / shares;
        uint256 sharesLeft = shares - position;
        uint256 servedLeft = served - out;
        assert(servedLeft * shares >= uint256(served) * sharesLeft);
        assert(servedLeft <= sharesLeft);
    }
}
