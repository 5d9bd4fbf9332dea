// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Ids of the people's roles in the `AccessManager`. The deployment maps functions to them; the delays belong to
/// each grant.
library Roles {
    /// @dev Admits operators and lessees of record, decides double enrolments, keeps the lists of gated shares.
    uint64 internal constant REGISTRAR = 1;
    /// @dev The registrar's slow hand: confirms growth, lowers floors, executes forced transfers.
    uint64 internal constant REGISTRAR_DELAYED = 2;
    /// @dev Pauses and delists: de-risking only, at once.
    uint64 internal constant GUARDIAN = 3;
    /// @dev Unpauses, lists tokens, sets terms and fees for new business: always after a delay.
    uint64 internal constant PARAMETERS = 4;
    /// @dev Rules on disputes and joins a verifiers' quorum in restatements.
    uint64 internal constant ARBITER = 5;
    /// @dev Appoints verifiers, after a delay; never an operator or a title owner.
    uint64 internal constant VERIFIER_ADMIN = 6;
    /// @dev Consents for lenders and lets them draw on the loss fund.
    uint64 internal constant RISK = 7;
    /// @dev The second, delayed hand that a forced transfer needs.
    uint64 internal constant ENFORCER = 8;
    /// @dev Sets what new boards cost, on which loans against fleets rest.
    uint64 internal constant APPRAISER = 9;
}
