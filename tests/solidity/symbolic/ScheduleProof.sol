// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ScheduleLib} from "../../../contracts/libraries/ScheduleLib.sol";

/// @dev Proved for every principal and term by `make prove`. Instalment n pays balanceAfter(n - 1) - balanceAfter(n), so the sum of
/// all telescopes to balanceAfter(0) - balanceAfter(months): the principal, as the lemma says. None is negative, by hand: drawn × n
/// grows with n, and so does its quotient by the same term.
contract ScheduleProof {
    function check_balanceAfter__anyTerm__beginsWithThePrincipalAndEndsWithNothing(uint96 drawn, uint8 months)
        external
        pure
    {
        if (months == 0) return;
        assert(ScheduleLib.balanceAfter(drawn, months, 0) == drawn);
        assert(ScheduleLib.balanceAfter(drawn, months, months) == 0);
    }
}
