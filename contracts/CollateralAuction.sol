// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {IAppraisal} from "./interfaces/IAppraisal.sol";
import {Asking, AuctionParameters, ICollateralAuction, Sale} from "./interfaces/ICollateralAuction.sol";
import {ICollateralPrices} from "./interfaces/ICollateralPrices.sol";
import {IFleetCredit, LoanState, SaleState} from "./interfaces/IFleetCredit.sol";
import {IFleetShareFactory} from "./interfaces/IFleetShareFactory.sol";
import {IFleetShares} from "./interfaces/IFleetShares.sol";
import {AuctionPriceLib} from "./libraries/AuctionPriceLib.sol";

/// @title CollateralAuction
contract CollateralAuction is ReentrancyGuardTransient, ICollateralAuction {
    using SafeERC20 for IERC20;

    uint256 internal constant BPS = 10_000;
    /// @dev No price is asked above twice the value, no clock is fixed beyond a year.
    uint256 internal constant MOST_BPS = 20_000;
    uint256 internal constant MOST_SECONDS = 365 days;

    IERC20 internal immutable ASSET;
    IFleetCredit internal immutable CREDIT;
    address internal immutable VAULT;
    IAppraisal internal immutable APPRAISAL;
    ICollateralPrices internal immutable PRICES;
    IFleetShareFactory internal immutable SHARE_FACTORY;

    uint16 internal immutable COLLATERAL_START_BPS;
    uint16 internal immutable COLLATERAL_END_BPS;
    uint32 internal immutable COLLATERAL_FALL;
    uint32 internal immutable COLLATERAL_ALONE;
    uint16 internal immutable LEAST_FILL_BPS;
    uint16 internal immutable LOT_START_BPS;
    uint16 internal immutable LOT_END_BPS;
    uint32 internal immutable LOT_FALL;
    uint32 internal immutable LONGEST_GAP;
    uint32 internal immutable RESUME_WINDOW;

    mapping(uint256 loanId => Sale) internal _sales;

    constructor(CreditSystem memory system, AuctionParameters memory p) {
        _require(p.collateralStartBps <= MOST_BPS, "collateralStartBps");
        _require(p.collateralEndBps > 0 && p.collateralEndBps <= p.collateralStartBps, "collateralEndBps");
        _require(p.collateralFall > 0, "collateralFall");
        _require(p.collateralAlone >= p.collateralFall && p.collateralAlone <= MOST_SECONDS, "collateralAlone");
        _require(p.leastFillBps > 0 && p.leastFillBps <= BPS, "leastFillBps");
        _require(p.lotStartBps <= MOST_BPS, "lotStartBps");
        _require(p.lotEndBps > 0 && p.lotEndBps <= p.lotStartBps, "lotEndBps");
        _require(p.lotFall > 0 && p.lotFall <= MOST_SECONDS, "lotFall");
        _require(p.longestGap > 0 && p.longestGap <= p.lotFall, "longestGap");
        _require(p.resumeWindow <= MOST_SECONDS, "resumeWindow");
        ASSET = IERC20(system.asset);
        CREDIT = IFleetCredit(system.credit);
        VAULT = system.vault;
        APPRAISAL = IAppraisal(system.appraisal);
        PRICES = ICollateralPrices(system.prices);
        SHARE_FACTORY = IFleetShareFactory(system.shareFactory);
        COLLATERAL_START_BPS = p.collateralStartBps;
        COLLATERAL_END_BPS = p.collateralEndBps;
        COLLATERAL_FALL = p.collateralFall;
        COLLATERAL_ALONE = p.collateralAlone;
        LEAST_FILL_BPS = p.leastFillBps;
        LOT_START_BPS = p.lotStartBps;
        LOT_END_BPS = p.lotEndBps;
        LOT_FALL = p.lotFall;
        LONGEST_GAP = p.longestGap;
        RESUME_WINDOW = p.resumeWindow;
    }

    /* ---- clocks ---- */

    /// @inheritdoc ICollateralAuction
    function start(uint256 loanId) external {
        SaleState memory loan = _breached(loanId);
        Sale memory s = _sales[loanId];
        require(s.breachedSince != loan.breachedSince, SaleRunning(loanId));
        bool resumed = s.touchedAt != 0 && block.timestamp <= s.touchedAt + RESUME_WINDOW;

        if (!resumed) (s.collateralElapsed, s.lotElapsed) = (0, 0);
        if (loan.collateralAmount == 0) s.collateralElapsed = COLLATERAL_ALONE;
        s.touchedAt = uint40(block.timestamp);
        s.breachedSince = loan.breachedSince;
        s.collateralAtStart = loan.collateralAmount;
        s.still = !_isTold(s, loan);
        _sales[loanId] = s;

        emit StartSale(loanId, resumed);
    }

    /// @inheritdoc ICollateralAuction
    function touch(uint256 loanId) external {
        (Sale memory s, SaleState memory loan) = _running(loanId);
        _move(loanId, s, loan, _isTold(s, loan));
    }

    /* ---- bids ---- */

    /// @inheritdoc ICollateralAuction
    function bidCollateral(uint256 loanId, uint96 amount, uint256 maxPrice, address to)
        external
        nonReentrant
        returns (uint256 bought, uint256 price)
    {
        (Sale memory s, SaleState memory loan) = _running(loanId);
        uint256 left = loan.collateralAmount;
        require(left > 0, NothingLeft(loanId));
        uint256 least = AuctionPriceLib.leastFill(s.collateralAtStart, left, LEAST_FILL_BPS);
        require(amount >= least, BelowMinimumFill(loanId, amount, least));
        bought = Math.min(amount, left);
        // Where a lot is for sale too, collateral's clock has run out, and the lot's is not this bid's to move.
        bool clockRuns = s.collateralElapsed < COLLATERAL_ALONE;
        uint256 value = PRICES.value(address(loan.collateral), bought);
        if (clockRuns) s = _advanced(s, loan);

        price = _collateralPriceUp(value, s.collateralElapsed);
        uint256 limit = bought == amount ? maxPrice : Math.mulDiv(maxPrice, bought, amount, Math.Rounding.Ceil);
        require(price <= limit, PriceAboveLimit(loanId, price, limit));
        (bought, price) = AuctionPriceLib.cutToDebt(bought, price, loan.owed);
        require(bought > 0, NothingLeft(loanId));
        if (bought == left) s.collateralElapsed = COLLATERAL_ALONE;
        if (clockRuns) _sales[loanId] = s;

        emit BidCollateral(loanId, msg.sender, to, bought, price);
        _pay(VAULT, price);
        // Safe: at most what is left, a uint96.
        CREDIT.collateralSold(loanId, uint96(bought), price, value, to);
    }

    /// @inheritdoc ICollateralAuction
    function bidLot(uint256 loanId, uint256 maxPrice, address to) external nonReentrant returns (uint256 price) {
        (Sale memory s, SaleState memory loan) = _running(loanId);
        require(loan.hasLot && _isLotOpen(s, loan), NotForSale(loanId));
        uint256 hardware = APPRAISAL.hardwareValue(loan.fleetId);
        s = _advanced(s, loan);

        price = _lotPriceUp(loan, hardware, s.lotElapsed);
        require(price > 0, NotForSale(loanId));
        require(price <= maxPrice, PriceAboveLimit(loanId, price, maxPrice));
        _sales[loanId] = s;

        emit BidLot(loanId, msg.sender, to, price);
        _pay(address(CREDIT), price);
        CREDIT.lotSold(loanId, price, to);
    }

    /// @inheritdoc ICollateralAuction
    function giveLotToVault(uint256 loanId) external nonReentrant {
        (Sale memory s, SaleState memory loan) = _running(loanId);
        require(loan.hasLot && _isLotOpen(s, loan), NotForSale(loanId));
        uint256 capped = APPRAISAL.appraise(loan.fleetId).capped;
        s = _advanced(s, loan);
        require(s.lotElapsed >= LOT_FALL, FloorNotReached(loanId, s.lotElapsed, LOT_FALL));
        (uint256 lotShares, uint256 supply) = _lotShares(loan);
        uint256 floorPrice = AuctionPriceLib.floorDown(capped, lotShares, supply, LOT_END_BPS);

        _sales[loanId] = s;

        emit GiveLotToVault(loanId, floorPrice);
        CREDIT.lotUnsold(loanId, floorPrice);
    }

    /* ---- reads ---- */

    /// @inheritdoc ICollateralAuction
    function sale(uint256 loanId) external view returns (Sale memory) {
        return _sales[loanId];
    }

    /// @inheritdoc ICollateralAuction
    function asking(uint256 loanId) external view returns (Asking memory a) {
        SaleState memory loan = CREDIT.saleState(loanId);
        Sale memory s = _sales[loanId];
        if (!_isBreached(loan) || s.breachedSince != loan.breachedSince) return a;
        uint256 left = loan.collateralAmount;
        a.collateralForSale = left > 0;
        a.lotForSale = loan.hasLot && _isLotOpen(s, loan);
        s = _advanced(s, loan);
        if (a.collateralForSale) {
            uint256 value = PRICES.value(address(loan.collateral), left);
            a.collateralPrice = _collateralPriceUp(value, s.collateralElapsed);
            a.leastCollateral = AuctionPriceLib.leastFill(s.collateralAtStart, left, LEAST_FILL_BPS);
        }
        if (a.lotForSale) {
            uint256 hardware = APPRAISAL.hardwareValue(loan.fleetId);
            a.lotPrice = _lotPriceUp(loan, hardware, s.lotElapsed);
            a.lotForSale = a.lotPrice > 0;
        }
    }

    /// @inheritdoc ICollateralAuction
    function parameters() external view returns (AuctionParameters memory) {
        return AuctionParameters({
            collateralStartBps: COLLATERAL_START_BPS,
            collateralEndBps: COLLATERAL_END_BPS,
            collateralFall: COLLATERAL_FALL,
            collateralAlone: COLLATERAL_ALONE,
            leastFillBps: LEAST_FILL_BPS,
            lotStartBps: LOT_START_BPS,
            lotEndBps: LOT_END_BPS,
            lotFall: LOT_FALL,
            longestGap: LONGEST_GAP,
            resumeWindow: RESUME_WINDOW
        });
    }

    /* ---- internals ---- */

    function _breached(uint256 loanId) internal view returns (SaleState memory loan) {
        loan = CREDIT.saleState(loanId);
        require(_isBreached(loan), NotBreached(loanId));
    }

    function _isBreached(SaleState memory loan) internal pure returns (bool) {
        return loan.state == LoanState.Open && loan.breachedSince != 0;
    }

    function _running(uint256 loanId) internal view returns (Sale memory s, SaleState memory loan) {
        loan = _breached(loanId);
        s = _sales[loanId];
        require(s.breachedSince == loan.breachedSince, SaleNotStarted(loanId));
    }

    function _isLotOpen(Sale memory s, SaleState memory loan) internal view returns (bool) {
        return loan.collateralAmount == 0 || s.collateralElapsed >= COLLATERAL_ALONE;
    }

    /// @dev Whether the sequencer runs and the price that the running clock lowers can be told. Nobody makes a call below
    /// fail by a lack of gas: a sixty-fourth of it must suffice for the rest here, which writes a slot.
    function _isTold(Sale memory s, SaleState memory loan) internal view returns (bool) {
        try PRICES.sequencerUpSince() returns (uint256) {}
        catch {
            return false;
        }
        if (!_isLotOpen(s, loan)) {
            try PRICES.value(address(loan.collateral), loan.collateralAmount) returns (uint256) {
                return true;
            } catch {
                return false;
            }
        }
        try APPRAISAL.hardwareValue(loan.fleetId) returns (uint256) {
            return true;
        } catch {
            return false;
        }
    }

    function _move(uint256 loanId, Sale memory s, SaleState memory loan, bool told) internal {
        if (told) {
            s = _advanced(s, loan);
        } else {
            (s.touchedAt, s.still) = (uint40(block.timestamp), true);
        }
        _sales[loanId] = s;
        emit Touch(loanId, s.collateralElapsed, s.lotElapsed);
    }

    /// @dev The sale with its running clock moved to now, where the price can be told now. Reverts while the sequencer is down.
    function _advanced(Sale memory s, SaleState memory loan) internal view returns (Sale memory) {
        uint256 gap = block.timestamp - s.touchedAt;
        uint256 upSince = PRICES.sequencerUpSince();
        if (s.still || gap > LONGEST_GAP || upSince > s.touchedAt) gap = 0;
        // Safe: neither clock runs longer than a uint32 parameter says.
        if (!_isLotOpen(s, loan)) s.collateralElapsed = uint32(Math.min(s.collateralElapsed + gap, COLLATERAL_ALONE));
        else if (loan.hasLot) s.lotElapsed = uint32(Math.min(s.lotElapsed + gap, LOT_FALL));
        s.touchedAt = uint40(block.timestamp);
        s.still = false;
        return s;
    }

    /// @dev The feed's value is rounded down: with one unit more the price is never below it, nor nothing.
    function _collateralPriceUp(uint256 value, uint256 elapsed) internal view returns (uint256) {
        return AuctionPriceLib.priceUp(value + 1, COLLATERAL_START_BPS, COLLATERAL_END_BPS, COLLATERAL_FALL, elapsed);
    }

    function _lotPriceUp(SaleState memory loan, uint256 hardware, uint256 elapsed) internal view returns (uint256) {
        (uint256 lotShares, uint256 supply) = _lotShares(loan);
        uint256 value = AuctionPriceLib.lotValueUp(hardware, lotShares, supply);
        return AuctionPriceLib.priceUp(value, LOT_START_BPS, LOT_END_BPS, LOT_FALL, elapsed);
    }

    /// @dev Pledged and bound shares, of all.
    function _lotShares(SaleState memory loan) internal view returns (uint256 lotShares, uint256 supply) {
        IFleetShares shares = IFleetShares(SHARE_FACTORY.sharesOf(loan.fleetId));
        return (loan.shares + shares.boundShares(), shares.totalSupply());
    }

    /// @dev From the bidder straight to whom it is owed.
    function _pay(address to, uint256 price) internal {
        uint256 before = ASSET.balanceOf(to);
        ASSET.safeTransferFrom(msg.sender, to, price);
        uint256 received = ASSET.balanceOf(to) - before;
        require(received == price, TransferFellShort(price, received));
    }

    function _require(bool valid, bytes32 field) internal pure {
        require(valid, InvalidParameter(field));
    }
}
