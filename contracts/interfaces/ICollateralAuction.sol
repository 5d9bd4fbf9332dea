// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The sale of one loan's collateral.
struct Sale {
    /// @dev Seconds that each clock has run.
    uint32 collateralElapsed;
    uint32 lotElapsed;
    /// @dev When a clock was last moved, Unix seconds; zero where there never was a sale.
    uint40 touchedAt;
    /// @dev Collateral when the sale began, of which a part is the least that a bid takes.
    uint96 collateralAtStart;
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
/// sold, or has been for sale for 24 hours, title and pledged shares as one lot, from 120 % of the hardware's appraisal
/// down to 40 % within 72 hours; then the vault takes it. A sale stops when the loan is cured and goes on where it stood
/// if a breach recurs within 30 days.
/// @dev The clocks advance only by `touch` and by bids: a gap over one hour, or with a restart of the sequencer inside, counts
/// zero, and so does time for which the price that is asked cannot be told. Prices round up, for the vault. Percentages
/// are the parameters' defaults.
interface ICollateralAuction {
    event StartSale(uint256 indexed loanId, bool resumed);
    event Touch(uint256 indexed loanId, uint256 collateralElapsed, uint256 lotElapsed);
    event BidCollateral(
        uint256 indexed loanId, address indexed bidder, address indexed to, uint256 amount, uint256 price
    );
    event BidLot(uint256 indexed loanId, address indexed bidder, address indexed to, uint256 price);
    event GiveLotToVault(uint256 indexed loanId, uint256 floorPrice);

    error NotBreached(uint256 loanId);
    error SaleNotStarted(uint256 loanId);
    error SaleRunning(uint256 loanId);
    error NotForSale(uint256 loanId);
    error BelowMinimumFill(uint256 loanId, uint256 amount, uint256 least);
    error NothingLeft(uint256 loanId);
    error PriceAboveLimit(uint256 loanId, uint256 price, uint256 limit);
    error FloorNotReached(uint256 loanId, uint256 elapsed, uint256 needed);
    error InvalidParameter(bytes32 field);
    error InvalidReceiver(address to);
    error TransferFellShort(uint256 expected, uint256 received);

    /// @notice Begins or resumes the sale of a loan in breach. For anyone.
    function start(uint256 loanId) external;

    /// @notice Moves the clocks. For anyone.
    function touch(uint256 loanId) external;

    /// @notice Buys `amount` of the collateral, or as much as the debt asks for where that is less. The caller pays.
    /// @return bought Units of collateral sent to `to`.
    /// @return price Asset units paid.
    function bidCollateral(uint256 loanId, uint96 amount, uint256 maxPrice, address to)
        external
        returns (uint256 bought, uint256 price);

    /// @notice Buys title and pledged shares. The caller pays.
    function bidLot(uint256 loanId, uint256 maxPrice, address to) external returns (uint256 price);

    /// @notice Once the lot's clock has run out, gives it to the vault. For anyone.
    function giveLotToVault(uint256 loanId) external;

    function sale(uint256 loanId) external view returns (Sale memory);
    /// @notice What is asked now; reverts where a price cannot be told.
    function asking(uint256 loanId) external view returns (Asking memory);
}
