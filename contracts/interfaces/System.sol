// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The addresses that hold rights in one another. They are known before any of them has code (CREATE3), so each
/// contract keeps its peers as immutables, constructors call no peer, and no role can ever grant itself a right.
struct System {
    address authority;
    address registry;
    address oracle;
    address leaseBook;
    address leaseTerms;
    address bond;
    address router;
    address shareFactory;
    address transferGate;
    address lossFund;
}
