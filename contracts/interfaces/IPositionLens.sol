// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Lease} from "./ILeaseBook.sol";
import {Loan} from "./IFleetCredit.sol";
import {Bond} from "./IOperatorBond.sol";

/// @notice One credit market's contracts.
struct MarketPlace {
    address credit;
    address vault;
}

/// @notice How far the reading of an account came. Zeros begin it.
struct Cursor {
    /// @dev The fleet to read next; 1 and above once begun.
    uint64 fleetId;
    /// @dev The lease of that fleet to read next; zero where the fleet itself was not read yet.
    uint32 lease;
    /// @dev The market to read next, once all fleets were.
    uint32 market;
    /// @dev The loan of that market to read next; zero where the market's vault was not read yet.
    uint64 loanId;
    /// @dev Titles and leases found so far: where the account has no more of them, none is looked for.
    uint64 titles;
    uint64 leases;
    /// @dev All was read.
    bool done;
}

/// @notice Whose positions, and where to look for them.
struct Query {
    address account;
    address registry;
    address shareFactory;
    address leaseBook;
    address bond;
    /// @dev Contracts that credit money: `Payouts`.
    address[] payers;
    MarketPlace[] markets;
    /// @dev Coins to read whatever the fleets settle in; and those that pages before this one have read.
    address[] coins;
    address[] known;
    Cursor from;
    /// @dev The page ends before its rows take more bytes than this.
    uint256 mostBytes;
}

/// @notice A coin that the account holds or is owed, in the coin's units.
struct CoinRow {
    address token;
    uint8 decimals;
    uint256 balance;
    /// @dev What `symbol()` returned: a string, or of old coins a `bytes32`.
    bytes symbol;
    /// @dev What each of the query's payers owes.
    uint256[] owed;
}

/// @notice Shares of a fleet, and what they earned and was not claimed.
struct ShareRow {
    uint256 fleetId;
    address token;
    uint256 shares;
    uint256 supply;
    uint256 claimable;
}

/// @notice A title: the shares bound to it, and what they earned and was not claimed.
struct TitleRow {
    uint256 fleetId;
    address token;
    uint256 boundShares;
    uint256 claimable;
}

/// @notice A bond for one fleet, of its operator or of a former or coming one.
struct BondRow {
    uint256 fleetId;
    address token;
    Bond bond;
}

/// @notice A lease that the account owns, closed ones included.
struct LeaseRow {
    uint256 leaseId;
    address token;
    Lease lease;
}

/// @notice What a lender has in a vault: shares in their units, assets in the coin's.
struct LenderRow {
    address vault;
    address token;
    uint8 decimals;
    string symbol;
    uint256 shares;
    /// @dev Of `shares`, at the value at which lenders leave; rounds down.
    uint256 worth;
    uint256 pending;
    /// @dev The epoch in which `pending` waits; zero for none.
    uint256 pendingEpoch;
    uint256 claimableShares;
    uint256 claimable;
    /// @dev Shares of requests that were taken back.
    uint256 cancelled;
}

/// @notice A loan of which the account is the borrower, until it is closed.
struct LoanRow {
    uint256 loanId;
    address credit;
    address token;
    Loan loan;
    uint256 principal;
    /// @dev Until now, rounded up.
    uint256 interest;
}

/// @notice What one page found. Empty rows are left out.
struct PositionPage {
    /// @dev Whether the account has code of its own; a delegation (EIP-7702) is none.
    bool isContract;
    uint256 weiBalance;
    CoinRow[] coins;
    ShareRow[] shares;
    TitleRow[] titles;
    BondRow[] bonds;
    LeaseRow[] leases;
    LenderRow[] lenders;
    LoanRow[] loans;
    Cursor next;
}

/// @title PositionLens: what does an account have, anywhere in the system?
/// @notice Reads only, and keeps nothing: made to travel in an `eth_call`, see `Carrier`. Its amounts are those of the contracts'
/// own views, as of the block that is asked.
/// @dev A page ends where its rows or its gas run out, whatever the node's limits are, and says where the next one begins.
interface IPositionLens {
    function positions(Query calldata query) external view returns (PositionPage memory page);
}
