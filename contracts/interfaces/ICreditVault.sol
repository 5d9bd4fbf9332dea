// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A loan as the vault carries it; FleetCredit keeps it and states it with each change.
struct Carrying {
    /// @dev Outstanding, in asset units.
    uint96 principal;
    /// @dev Basis points a year that accrue on `principal`.
    uint16 rateBps;
    /// @dev Interest accrued until now and not paid, scaled: asset units × basis points × seconds.
    uint144 accruedScaled;
}

/// @notice What a vault holds, in asset units as of now.
struct VaultBook {
    /// @dev Counted; a donation changes nothing.
    uint256 cash;
    /// @dev Principal of loans without a mark, and their accrued interest, rounded down.
    uint256 performingPrincipal;
    uint256 performingInterest;
    /// @dev What marked loans and held lots count for before they fall, and by how much they have fallen, rounded up.
    uint256 markedBase;
    uint256 writtenDown;
    /// @dev What marked loans owe, interest running on, rounded up; and what is owed on held lots.
    uint256 markedOwed;
    uint256 heldOwed;
    /// @dev Paid out to redemptions and not claimed yet; no part of the assets.
    uint256 setAside;
}

/// @notice One week's requests. Shares and assets in their smallest units.
struct Epoch {
    /// @dev Shares asked to be redeemed, of positions that are still in it.
    uint128 shares;
    /// @dev Of them, burned so far; and the assets set aside for them.
    uint128 servedShares;
    uint128 servedAssets;
}

/// @title CreditVault: what do lenders own?
/// @notice ERC-4626 to enter, ERC-7540 to leave, ERC-7887 to change one's mind, for one settlement token.
///
/// Two values. Entry is at the optimistic one: cash, all principal and all interest. Exit is at the conservative one: marked
/// loans and held lots count for less, by a fall linear in whole UTC days. `totalAssets` and `convertTo*` are conservative,
/// `previewDeposit` and `previewMint` optimistic. Entry closes while the two differ by more than 2 % of the optimistic one.
///
/// Redemption requests join the epoch of their UTC week (`timestamp / 7 days`). An epoch closes with its week; the oldest
/// closed one is served first, pro rata within, at the conservative value when served, as far as cash goes. Nothing is lent while a
/// closed epoch waits. No epoch is served in a mark's first 7 UTC days, counted like its fall.
/// @dev Rounding: shares out of a deposit and assets out of a redemption round down, assets into a mint up, write-downs up:
/// each for those who stay. `cash` is counted, so a donation moves no price; with virtual shares (six more decimals) a first
/// depositor cannot inflate either. Pausing stops entry and lending, never requests, serving, claims, cancellation or payment.
interface ICreditVault {
    event Lend(uint256 indexed loanId, address indexed to, uint256 principal, uint256 rateBps);
    event Receive(uint256 indexed loanId, uint256 principal, uint256 interest);
    event Reprice(uint256 indexed loanId, uint256 fromBps, uint256 toBps);
    /// @notice From UTC day `firstDay` on `base` falls to `floor` within `days_`.
    event MarkDown(uint256 indexed loanId, uint256 base, uint256 floor, uint256 firstDay, uint256 days_);
    event Unmark(uint256 indexed loanId);
    event HoldLot(uint256 indexed loanId, uint256 owed, uint256 value);
    /// @notice The loan left the books: `recovered` came in, `loss` was written off.
    event Settle(uint256 indexed loanId, uint256 owed, uint256 recovered, uint256 loss);
    event ServeEpoch(uint256 indexed epoch, uint256 shares, uint256 assets, bool whole);
    event SetCap(uint256 cap);

    error NotCredit(address caller);
    error Paused();
    error CapExceeded(uint256 assets, uint256 cap);
    error EntryClosed(uint256 conservative, uint256 optimistic);
    error InsufficientCash(uint256 asked, uint256 cash);
    error EpochWaiting(uint256 epoch);
    error NothingToServe();
    error EpochStillOpen(uint256 epoch, uint256 until);
    error MarkTooYoung(uint256 until);
    error CutOffPassed(uint256 epoch);
    error ZeroShares();
    error NotOperator(address controller, address caller);
    error NothingPending(address controller);
    error RequestExceedsClaimable(address controller, uint256 asked, uint256 claimable);
    error AsynchronousOnly();
    error TransferFellShort(uint256 expected, uint256 received);
    error AlreadyMarked(uint256 loanId);
    error NotMarked(uint256 loanId);

    /* ---- for FleetCredit alone; `now_` values are as of this block ---- */

    /// @notice Sends `principal` to `to`, for a loan that begins to accrue at `rateBps`.
    function lend(uint256 loanId, address to, uint256 principal, uint16 rateBps) external;

    /// @notice Books a payment that FleetCredit or the auction has sent here already. On a marked loan it lowers what the loan counts
    /// for by as much, and the floor only where the two meet. On a held lot it lowers what is owed, and what the lot counts
    /// for to no more than that; `rateBps`, and what of the payment is interest, do not matter.
    /// @param rateBps What accrues on the loan.
    /// @param principal Of the payment, principal.
    /// @param interest Of the payment, interest, in asset units, which pays `accruedPaid` of what accrued, scaled.
    function receivePayment(uint256 loanId, uint256 rateBps, uint256 principal, uint256 interest, uint256 accruedPaid)
        external;

    /// @notice As `receivePayment`, of what a part of the pledge was sold for: the floor of its mark falls by `worth`, else who
    /// leaves next would be paid for what was sold.
    /// @param worth Of what was sold, in asset units; no less than its floor counted.
    function receiveProceeds(
        uint256 loanId,
        uint256 rateBps,
        uint256 principal,
        uint256 interest,
        uint256 accruedPaid,
        uint256 worth
    ) external;

    /// @notice The loan accrues at another rate from now on.
    function reprice(uint256 loanId, Carrying calldata before, uint16 rateBps) external;

    /// @notice Writes the loan down, from what it owes now to `floor` within 30 days from `since`. A mark that exists is
    /// written anew, from its own base and beginning: only the floor is another. A loan that was paid whole keeps its mark
    /// until `unmark` or `settle`.
    /// @dev The first step down is at the end of the UTC day of `since`, the last 30 days after it; what should have fallen by
    /// now has fallen at once.
    function markDown(uint256 loanId, Carrying calldata carrying, uint256 floor, uint256 since) external;

    /// @notice Ends a loan's mark: it counts in full again.
    function unmark(uint256 loanId, Carrying calldata carrying) external;

    /// @notice The loan, marked or not, becomes a lot that the vault holds: what it owes now in the optimistic value, `value`, or
    /// what it owes where that is less, falling to zero within 90 days in the conservative one.
    function holdLot(uint256 loanId, Carrying calldata carrying, uint256 value) external;

    /// @notice Takes a loan or a held lot off the books; `recovered` has been sent here already, the rest of what it owed is
    /// lost, in this transaction.
    /// @param carrying The loan, or zeros for a held lot, which owes what `holdLot` said.
    function settle(uint256 loanId, Carrying calldata carrying, uint256 recovered) external;

    /* ---- for anyone ---- */

    /// @notice Prices the oldest closed epoch and sets aside what cash allows. Without cash nothing is burned.
    /// @return shares Burned.
    /// @return assets Set aside.
    function serve() external returns (uint256 shares, uint256 assets);

    /// @notice The most that the vault takes in, in assets at the optimistic value. Restricted to the risk role.
    function setCap(uint256 newCap) external;

    /* ---- reads ---- */

    function conservativeAssets() external view returns (uint256);
    function optimisticAssets() external view returns (uint256);
    function book() external view returns (VaultBook memory);
    /// @notice What a marked loan counts for once it has fallen; zero for a loan without a mark, and for a held lot.
    function floorOf(uint256 loanId) external view returns (uint256);
    function epoch(uint256 id) external view returns (Epoch memory);
    function currentEpoch() external view returns (uint256);
    /// @notice The oldest epoch with requests that are not served; zero where there is none.
    function oldestEpoch() external view returns (uint256);
    /// @notice The epoch in which a controller's requests wait; zero where none do.
    function epochOf(address controller) external view returns (uint256);
    /// @notice Until when no epoch is served because of a young mark, Unix seconds; zero where none is young. A cure ends it.
    function servingFrom() external view returns (uint256);
    /// @notice Cash that may be lent now: none while a closed epoch waits.
    function lendable() external view returns (uint256);
    function cap() external view returns (uint256);
}
