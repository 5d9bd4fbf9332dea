// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How loans are sold, fixed at creation. Ratios in basis points, times in seconds.
struct AuctionParameters {
    /// @dev Of the feed's value: asked at first, and once `collateralFall` has run.
    uint16 collateralStartBps;
    uint16 collateralEndBps;
    uint32 collateralFall;
    /// @dev For so long collateral is for sale alone; not less than `collateralFall`.
    uint32 collateralAlone;
    /// @dev Of the collateral when the sale began, what a bid takes at least.
    uint16 leastFillBps;
    /// @dev Of the hardware's appraisal: asked at first, and once `lotFall` has run.
    uint16 lotStartBps;
    uint16 lotEndBps;
    uint32 lotFall;
    /// @dev A longer time between two moves of a clock counts zero.
    uint32 longestGap;
    /// @dev A breach that recurs within this time of the clock's last move finds it where it stood.
    uint32 resumeWindow;
}

/// @notice The sale of one loan's collateral. One slot.
struct Sale {
    /// @dev Seconds that each clock has run, at most `collateralAlone` and `lotFall`.
    uint32 collateralElapsed;
    uint32 lotElapsed;
    /// @dev When a clock was last moved, Unix seconds; zero where there never was a sale.
    uint40 touchedAt;
    /// @dev The breach that is being sold, as FleetCredit dates it. Another one needs another `start`.
    uint40 breachedSince;
    /// @dev Collateral when the sale began or was resumed, of which a part is the least that a bid takes.
    uint96 collateralAtStart;
    /// @dev Whether the price could not be told at `touchedAt`: time from there on counts zero.
    bool still;
}

/// @notice What a sale asks now.
struct Asking {
    /// @dev Whether liquid collateral is for sale, and title with shares.
    bool collateralForSale;
    bool lotForSale;
    /// @dev Asset units for all collateral that is left, rounded up; and the least amount that a bid takes.
    uint256 collateralPrice;
    uint256 leastCollateral;
    /// @dev Asset units for title and pledged shares, rounded up.
    uint256 lotPrice;
}

/// @title CollateralAuction: how is a loan in breach turned into money?
/// @notice Liquid collateral first, at the live feed times a premium that falls from 105 % to 90 % within 6 hours and stays there. Once it is
/// sold, or has been for sale for 24 hours, title and pledged shares as one lot, from 120 % of the hardware's appraisal,
/// without its revenue cap, down to 40 % within 72 hours; then the vault takes it. A sale stops when the loan is cured and
/// goes on where it stood if a breach recurs within 30 days of its clock's last move.
///
/// Two clocks, of which one runs at a time: the collateral's, then the lot's. A clock advances only by `touch` and by bids: a
/// gap over one hour, or with a restart of the sequencer inside, counts zero, and so does a gap at whose beginning or end the price that is
/// asked could not be told. Once collateral is sold out its clock has run out: more of it that is added later sells at the
/// last premium beside the lot, so that nobody can close the lot again by adding dust.
/// @dev Prices round up, for the vault. Percentages and times are the parameters' defaults. Nothing is kept here, and
/// nothing here is paused: the bidder pays the vault for collateral and FleetCredit for a lot, each of which must have the
/// whole price before it is booked. Custody refuses the receivers that it cannot pay. A fleet without hardware has a lot
/// without a price, which is not for sale: the vault takes it in the end.
interface ICollateralAuction {
    event StartSale(uint256 indexed loanId, bool resumed);
    event Touch(uint256 indexed loanId, uint256 collateralElapsed, uint256 lotElapsed);
    event BidCollateral(
        uint256 indexed loanId, address indexed bidder, address indexed to, uint256 amount, uint256 price
    );
    event BidLot(uint256 indexed loanId, address indexed bidder, address indexed to, uint256 price);
    event GiveLotToVault(uint256 indexed loanId, uint256 floorPrice);

    /// @notice FleetCredit has no breach of the loan on record, or the loan is not open any more.
    error NotBreached(uint256 loanId);
    error SaleNotStarted(uint256 loanId);
    error SaleRunning(uint256 loanId);
    /// @notice The lot is gone, not on offer yet, or has no price.
    error NotForSale(uint256 loanId);
    error BelowMinimumFill(uint256 loanId, uint256 amount, uint256 least);
    /// @notice No collateral is left, or the debt is less than the smallest unit's price.
    error NothingLeft(uint256 loanId);
    error PriceAboveLimit(uint256 loanId, uint256 price, uint256 limit);
    error FloorNotReached(uint256 loanId, uint256 elapsed, uint256 needed);
    error InvalidParameter(bytes32 field);
    error TransferFellShort(uint256 expected, uint256 received);

    /// @notice Begins or resumes the sale of a loan in breach. For anyone.
    function start(uint256 loanId) external;

    /// @notice Moves the clocks. For anyone.
    function touch(uint256 loanId) external;

    /// @notice Buys `amount` of the collateral, or what is left of it, or as much as the debt asks for where that is less: then
    /// the price is what is owed, which closes the loan. The caller pays.
    /// @param maxPrice For `amount`; where less is bought, in proportion.
    /// @return bought Units of collateral sent to `to`.
    /// @return price Asset units paid.
    function bidCollateral(uint256 loanId, uint96 amount, uint256 maxPrice, address to)
        external
        returns (uint256 bought, uint256 price);

    /// @notice Buys title and pledged shares. The caller pays. Refused where nothing is wrong with the loan any more, cured or not.
    function bidLot(uint256 loanId, uint256 maxPrice, address to) external returns (uint256 price);

    /// @notice Once the lot's clock has run out, gives it to the vault, which books the last premium on the appraisal with
    /// its revenue cap, rounded down, and at most what is owed. For anyone, and refused likewise.
    function giveLotToVault(uint256 loanId) external;

    function sale(uint256 loanId) external view returns (Sale memory);
    /// @notice What is asked now; reverts where a price cannot be told.
    function asking(uint256 loanId) external view returns (Asking memory);
    function parameters() external view returns (AuctionParameters memory);
}
