// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {DynamicArrayLib} from "solady/utils/DynamicArrayLib.sol";

import {ICreditVault} from "../interfaces/ICreditVault.sol";
import {IERC7540Redeem} from "../interfaces/IERC7540.sol";
import {IERC7887Redeem} from "../interfaces/IERC7887.sol";
import {IFleetCredit, Loan, LoanState} from "../interfaces/IFleetCredit.sol";
import {IFleetRegistry} from "../interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "../interfaces/IFleetShareFactory.sol";
import {IFleetShares} from "../interfaces/IFleetShares.sol";
import {ILeaseBook} from "../interfaces/ILeaseBook.sol";
import {Bond, IOperatorBond} from "../interfaces/IOperatorBond.sol";
import {IPayouts} from "../interfaces/IPayouts.sol";
import {
    BondRow,
    CoinRow,
    Cursor,
    IPositionLens,
    LeaseRow,
    LenderRow,
    LoanRow,
    MarketPlace,
    PositionPage,
    Query,
    ShareRow,
    TitleRow
} from "../interfaces/IPositionLens.sol";

/// @title PositionLens
contract PositionLens is IPositionLens {
    using DynamicArrayLib for DynamicArrayLib.DynamicArray;

    /// @dev Of the gas: more than the dearest row takes, and the encoding of a full page.
    uint256 internal constant GAS_RESERVE = 3_000_000;
    /// @dev Bytes of a row as it is encoded, with the word that says where a dynamic one stands.
    uint256 internal constant SHARE_BYTES = 5 * 32;
    uint256 internal constant TITLE_BYTES = 4 * 32;
    uint256 internal constant BOND_BYTES = 9 * 32;
    uint256 internal constant LEASE_BYTES = 21 * 32;
    uint256 internal constant LOAN_BYTES = 46 * 32;
    /// @dev Of an account with a delegation (EIP-7702): the prefix and the length of its code.
    bytes3 internal constant DELEGATION = 0xef0100;
    uint256 internal constant DELEGATION_BYTES = 23;

    /// @dev What a page has so far. Lists hold where in memory each row stands, which is what an array of structs is.
    struct Reading {
        uint256 bytes_;
        DynamicArrayLib.DynamicArray known;
        DynamicArrayLib.DynamicArray coins;
        DynamicArrayLib.DynamicArray shares;
        DynamicArrayLib.DynamicArray titles;
        DynamicArrayLib.DynamicArray bonds;
        DynamicArrayLib.DynamicArray leases;
        DynamicArrayLib.DynamicArray lenders;
        DynamicArrayLib.DynamicArray loans;
        Cursor next;
    }

    /// @inheritdoc IPositionLens
    function positions(Query calldata q) external view returns (PositionPage memory page) {
        Reading memory r;
        r.next = q.from;
        for (uint256 i; i < q.known.length; ++i) {
            r.known.p(q.known[i]);
        }
        for (uint256 i; i < q.coins.length; ++i) {
            _readCoin(q, r, q.coins[i]);
        }
        if (r.next.fleetId == 0) r.next.fleetId = 1;
        if (_readFleets(q, r) && _readMarkets(q, r)) r.next.done = true;

        page.isContract = _isContract(q.account);
        page.weiBalance = q.account.balance;
        page.next = r.next;
        _fill(page, r);
    }

    /* ---- fleets ---- */

    function _readFleets(Query calldata q, Reading memory r) private view returns (bool) {
        uint256 count = IFleetRegistry(q.registry).fleetCount();
        uint256 titles = IERC721(q.registry).balanceOf(q.account);
        uint256 leases = IERC721(q.leaseBook).balanceOf(q.account);
        for (; r.next.fleetId <= count; ++r.next.fleetId) {
            if (r.next.lease == 0) {
                if (_isFull(q, r)) return false;
                _readFleet(q, r, titles);
                r.next.lease = 1;
            }
            if (!_readLeases(q, r, leases)) return false;
            r.next.lease = 0;
        }
        return true;
    }

    function _readFleet(Query calldata q, Reading memory r, uint256 titles) private view {
        uint256 fleetId = r.next.fleetId;
        IFleetShares token = IFleetShares(IFleetShareFactory(q.shareFactory).sharesOf(fleetId));
        address coin = IFleetRegistry(q.registry).settlementToken(fleetId);
        _readCoin(q, r, coin);
        ShareRow memory row = ShareRow(fleetId, coin, token.balanceOf(q.account), 0, token.claimable(q.account));
        if (row.shares | row.claimable != 0) {
            row.supply = token.totalSupply();
            r.shares.p(_place(row));
            r.bytes_ += SHARE_BYTES;
        }
        if (r.next.titles < titles && IERC721(q.registry).ownerOf(fleetId) == q.account) {
            r.titles.p(_place(TitleRow(fleetId, coin, token.boundShares(), token.claimableByTitle())));
            r.bytes_ += TITLE_BYTES;
            ++r.next.titles;
        }
        Bond memory b = IOperatorBond(q.bond).bond(fleetId, q.account);
        if (b.reserved | b.lieStake | b.free | b.unbonding | b.slashed | b.withdrawn != 0) {
            r.bonds.p(_place(BondRow(fleetId, coin, b)));
            r.bytes_ += BOND_BYTES;
        }
    }

    function _readLeases(Query calldata q, Reading memory r, uint256 owned) private view returns (bool) {
        if (r.next.leases >= owned) return true;
        uint256 count = ILeaseBook(q.leaseBook).leaseCount(r.next.fleetId);
        for (; r.next.lease <= count && r.next.leases < owned; ++r.next.lease) {
            if (_isFull(q, r)) return false;
            uint256 leaseId = uint256(r.next.fleetId) << 32 | r.next.lease;
            if (IERC721(q.leaseBook).ownerOf(leaseId) != q.account) continue;
            address coin = IFleetRegistry(q.registry).settlementToken(r.next.fleetId);
            r.leases.p(_place(LeaseRow(leaseId, coin, ILeaseBook(q.leaseBook).lease(leaseId))));
            r.bytes_ += LEASE_BYTES;
            ++r.next.leases;
        }
        return true;
    }

    /* ---- markets ---- */

    function _readMarkets(Query calldata q, Reading memory r) private view returns (bool) {
        for (; r.next.market < q.markets.length; ++r.next.market) {
            MarketPlace calldata market = q.markets[r.next.market];
            if (r.next.loanId == 0) {
                if (_isFull(q, r)) return false;
                _readLender(q, r, market.vault);
                r.next.loanId = 1;
            }
            if (!_readLoans(q, r, market)) return false;
            r.next.loanId = 0;
        }
        return true;
    }

    function _readLender(Query calldata q, Reading memory r, address vault) private view {
        LenderRow memory row;
        row.shares = IERC20(vault).balanceOf(q.account);
        row.pending = IERC7540Redeem(vault).pendingRedeemRequest(0, q.account);
        row.claimableShares = IERC7540Redeem(vault).claimableRedeemRequest(0, q.account);
        row.claimable = IERC4626(vault).maxWithdraw(q.account);
        row.cancelled = IERC7887Redeem(vault).claimableCancelRedeemRequest(0, q.account);
        row.token = IERC4626(vault).asset();
        _readCoin(q, r, row.token);
        if (row.shares | row.pending | row.claimableShares | row.claimable | row.cancelled == 0) return;

        row.vault = vault;
        row.decimals = IERC20Metadata(vault).decimals();
        row.symbol = IERC20Metadata(vault).symbol();
        row.worth = IERC4626(vault).convertToAssets(row.shares);
        row.pendingEpoch = ICreditVault(vault).epochOf(q.account);
        r.lenders.p(_place(row));
        r.bytes_ += abi.encode(row).length;
    }

    function _readLoans(Query calldata q, Reading memory r, MarketPlace calldata market) private view returns (bool) {
        IFleetCredit credit = IFleetCredit(market.credit);
        uint256 count = credit.loanCount();
        for (; r.next.loanId <= count; ++r.next.loanId) {
            if (_isFull(q, r)) return false;
            Loan memory l = credit.loan(r.next.loanId);
            if (l.borrower != q.account || l.state == LoanState.Closed) continue;
            (uint256 principal, uint256 interest) = credit.debt(r.next.loanId);
            address coin = IERC4626(market.vault).asset();
            r.loans.p(_place(LoanRow(r.next.loanId, market.credit, coin, l, principal, interest)));
            r.bytes_ += LOAN_BYTES;
        }
        return true;
    }

    /* ---- coins ---- */

    /// @dev Each coin once, in whichever page first meets it.
    function _readCoin(Query calldata q, Reading memory r, address token) private view {
        if (r.known.contains(uint160(token))) return;
        r.known.p(token);
        CoinRow memory row;
        row.token = token;
        row.decimals = IERC20Metadata(token).decimals();
        row.balance = IERC20(token).balanceOf(q.account);
        // Not by the interface, which takes a `bytes32` for no string and would refuse all of the page.
        (, row.symbol) = token.staticcall(abi.encodeCall(IERC20Metadata.symbol, ()));
        row.owed = new uint256[](q.payers.length);
        for (uint256 i; i < q.payers.length; ++i) {
            row.owed[i] = IPayouts(q.payers[i]).owed(IERC20(token), q.account);
        }
        r.coins.p(_place(row));
        r.bytes_ += abi.encode(row).length;
    }

    /* ---- internals ---- */

    function _isFull(Query calldata q, Reading memory r) private view returns (bool) {
        return gasleft() < GAS_RESERVE || r.bytes_ + LOAN_BYTES > q.mostBytes;
    }

    function _isContract(address account) private view returns (bool) {
        bytes memory code = account.code;
        return code.length != 0 && !(code.length == DELEGATION_BYTES && bytes3(code) == DELEGATION);
    }

    /// @dev Lists of places become the arrays of structs that they are.
    function _fill(PositionPage memory page, Reading memory r) private pure {
        uint256[] memory coins = r.coins.data;
        uint256[] memory shares = r.shares.data;
        uint256[] memory titles = r.titles.data;
        uint256[] memory bonds = r.bonds.data;
        uint256[] memory leases = r.leases.data;
        uint256[] memory lenders = r.lenders.data;
        uint256[] memory loans = r.loans.data;
        assembly ("memory-safe") {
            mstore(add(page, 0x40), coins)
            mstore(add(page, 0x60), shares)
            mstore(add(page, 0x80), titles)
            mstore(add(page, 0xa0), bonds)
            mstore(add(page, 0xc0), leases)
            mstore(add(page, 0xe0), lenders)
            mstore(add(page, 0x100), loans)
        }
    }

    function _place(CoinRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }

    function _place(ShareRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }

    function _place(TitleRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }

    function _place(BondRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }

    function _place(LeaseRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }

    function _place(LenderRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }

    function _place(LoanRow memory row) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := row
        }
    }
}
