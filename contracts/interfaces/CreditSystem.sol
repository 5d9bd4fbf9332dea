// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The addresses of one credit market: one settlement token, one vault. They are known before any of them has code
/// (CREATE3), so each contract keeps its peers as immutables and constructors call no peer. None of them holds a right in
/// the contracts below them: towards those, custody is a title's owner and a holder of shares like any other.
struct CreditSystem {
    address authority;
    address registry;
    address oracle;
    address router;
    /// @dev Tells a fleet's shares for one read.
    address shareFactory;
    address lossFund;
    /// @dev The settlement token that is lent.
    address asset;
    address credit;
    /// @dev Code that FleetCredit runs on its own storage: its ABI is both together.
    address office;
    /// @dev What FleetCredit asks about a loan's pledge: code that only reads, apart from the contract that keeps the loans.
    address health;
    address custody;
    address auction;
    address vault;
    address appraisal;
    address prices;
}
