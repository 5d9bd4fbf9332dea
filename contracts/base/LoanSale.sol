// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {CreditSystem} from "../interfaces/CreditSystem.sol";
import {Carrying} from "../interfaces/ICreditVault.sol";
import {Evidence, ILoanServicer, LoanState} from "../interfaces/IFleetCredit.sol";
import {Finding} from "../interfaces/ILoanHealth.sol";
import {ILossFund} from "../interfaces/ILossFund.sol";
import {Debt, DebtLib, Paid} from "../libraries/DebtLib.sol";
import {WriteDownLib} from "../libraries/WriteDownLib.sol";
import {LoanLedger} from "./LoanLedger.sol";

/// @notice How loans end: paid, sold, or taken by the vault.
abstract contract LoanSale is ILoanServicer, LoanLedger {
    using DebtLib for Debt;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev What the vault books for a held lot falls to zero in so many days; an offer starts from there.
    uint256 internal constant HOLDING_DAYS = 90;

    address internal immutable AUCTION;
    ILossFund internal immutable LOSS_FUND;

    constructor(CreditSystem memory system) {
        AUCTION = system.auction;
        LOSS_FUND = ILossFund(system.lossFund);
    }

    modifier onlyAuction() {
        _requireAuction();
        _;
    }

    /* ---- for the auction ---- */

    /// @inheritdoc ILoanServicer
    function collateralSold(uint256 loanId, uint96 amount, uint256 price, uint256 value, address to)
        external
        onlyAuction
        nonReentrant
    {
        (Account storage a, Debt memory d) = _breached(loanId);
        uint256 total = d.total();
        require(price <= total, PriceTooHigh(loanId, price, total));
        Carrying memory before = d.carrying();
        Paid memory paid;
        d.pay(price, paid);
        d.advance();
        _store(a, d);
        _takeCollateral(loanId, a, amount);

        emit SellCollateral(loanId, to, amount, price);
        _tell(loanId, msg.sender, paid);
        CUSTODY.releaseCollateral(loanId, a.collateral, to, amount);
        if (price == total) {
            _bookLast(loanId, a, before, price);
            return;
        }
        uint256 worth = Math.max(price, value);
        VAULT.receiveProceeds(loanId, d.accrualBps, paid.principal, paid.interest, paid.accrued, worth);
        if (a.lotGone) {
            // The last of what secured it: what is missing now stays missing.
            if (a.collateralAmount == 0) _settle(loanId, a, d, 0);
            return;
        }
        // No price mends these, and what was sold counts no longer.
        if (_isPlainlyWrong(a, d)) return;
        Finding memory f = _stillWrong(a, d);
        if (f.kind == Evidence.None) _cure(loanId, a, d);
        else _writeMark(loanId, a, d.carrying(), f);
    }

    /// @inheritdoc ILoanServicer
    function lotSold(uint256 loanId, uint256 price, address to) external onlyAuction nonReentrant {
        (Account storage a, Debt memory d) = _breached(loanId);
        _requireWrong(loanId, a, d);
        _sellLot(loanId, a, d, price, to);
    }

    /// @inheritdoc ILoanServicer
    function lotUnsold(uint256 loanId, uint256 value) external onlyAuction nonReentrant {
        (Account storage a, Debt memory d) = _breached(loanId);
        require(!a.lotGone, NotOffered(loanId));
        uint256 left = a.collateralAmount;
        require(left == 0, CollateralLeft(loanId, left));
        _requireWrong(loanId, a, d);
        uint256 have = _takeKept(a) + _collect(loanId, a);
        if (have >= d.total()) {
            _settle(loanId, a, d, have);
            return;
        }
        _payFromHere(loanId, d, have);
        Carrying memory carrying = d.carrying();
        uint256 total = d.total();
        uint256 booked = Math.min(total, value);

        d.principal = total.toUint96();
        d.accruedScaled = 0;
        d.accrualBps = 0;
        d.state = LoanState.Held;
        _store(a, d);
        a.markedSince = 0;
        a.breachedSince = 0;
        // Safe: at most what is owed; and Unix seconds.
        a.heldValue = uint96(booked);
        a.heldSince = uint40(block.timestamp);

        emit HoldLot(loanId, total, booked);
        CUSTODY.nameController(a.fleetId, a.steward);
        VAULT.holdLot(loanId, carrying, booked);
    }

    /* ---- held lots ---- */

    /// @inheritdoc ILoanServicer
    function offerLot(uint256 loanId, uint96 askingPrice) external restricted {
        Account storage a = _inState(loanId, LoanState.Held);
        uint256 least = Math.min(a.debt.principal, _carriedDown(a));
        require(askingPrice > 0 && askingPrice >= least, PriceTooLow(loanId, askingPrice, least));
        a.askingPrice = askingPrice;
        emit OfferLot(loanId, askingPrice);
    }

    /// @inheritdoc ILoanServicer
    function buyLot(uint256 loanId, uint256 maxPrice, address to) external nonReentrant {
        Account storage a = _inState(loanId, LoanState.Held);
        uint256 price = a.askingPrice;
        require(price > 0, NotOffered(loanId));
        require(price <= maxPrice, PriceTooHigh(loanId, price, maxPrice));
        // Before anything is booked: what is pulled here is counted by nobody until then.
        _pull(ASSET, msg.sender, price);
        _sellLot(loanId, a, _accrued(a), price, to);
    }

    /// @inheritdoc ILoanServicer
    function setCostRecipient(address recipient) external restricted {
        _costRecipient = recipient;
        emit SetCostRecipient(recipient);
    }

    /// @inheritdoc ILoanServicer
    function costRecipient() external view returns (address) {
        return _costRecipient;
    }

    /* ---- internals ---- */

    /// @dev What the pledge earned until now, which is sent here; nothing once the lot went.
    function _collect(uint256 loanId, Account storage a) internal returns (uint256) {
        return a.lotGone ? 0 : CUSTODY.collectRevenue(loanId, a.fleetId);
    }

    function _tell(uint256 loanId, address payer, Paid memory paid) internal {
        emit RepayLoan(loanId, payer, paid.principal, paid.interest);
    }

    /// @dev Books a payment that the vault has, after which something is still owed.
    function _book(uint256 loanId, uint16 rateBps, Paid memory paid) internal {
        VAULT.receivePayment(loanId, rateBps, paid.principal, paid.interest, paid.accrued);
    }

    /// @dev Books the payment that pays all, which the vault has, and closes the loan. What the pledge earned until now is the borrower's.
    function _bookLast(uint256 loanId, Account storage a, Carrying memory before, uint256 amount) internal {
        VAULT.settle(loanId, before, amount);
        _close(loanId, a, _collect(loanId, a), 0, 0);
    }

    /// @dev `price` is here. The lot goes to `to`; costs, then the vault, then the borrower.
    function _sellLot(uint256 loanId, Account storage a, Debt memory d, uint256 price, address to) private {
        require(!a.lotGone, NotOffered(loanId));
        address recipient = _costRecipient;
        uint256 costs = recipient == address(0) ? 0 : price * a.saleCostBps / BPS;
        uint256 have = price - costs + _takeKept(a) + _collect(loanId, a);
        uint256 shares = a.shares;
        a.shares = 0;
        a.lotGone = true;
        _caps[FLEET][bytes32(uint256(a.fleetId))].loanId = 0;
        _credit(ASSET, recipient, costs);

        emit SellLot(loanId, to, price, costs);
        CUSTODY.releaseLot(loanId, a.fleetId, to, shares);
        if (have < d.total() && a.collateralAmount > 0) {
            _payFromHere(loanId, d, have);
            d.advance();
            _store(a, d);
            _writeOff(loanId, a, d);
        } else {
            _settle(loanId, a, d, have);
        }
    }

    /// @dev Ends the loan with `have`, which is here: the vault gets what it is owed, the borrower what is left, and what is missing
    /// meets the loss fund before it is the vault's loss.
    function _settle(uint256 loanId, Account storage a, Debt memory d, uint256 have) internal {
        uint256 total = d.total();
        uint256 toVault = Math.min(have, total);
        uint256 covered = _cover(total - toVault);
        // A held lot owes what the vault knows.
        Carrying memory before;
        if (d.state == LoanState.Open) before = d.carrying();
        Paid memory paid;
        d.pay(toVault, paid);
        a.debt.principal = 0;
        a.debt.accruedScaled = 0;
        a.debt.accruedAt = uint32(block.timestamp);

        if (toVault > 0) _tell(loanId, address(this), paid);
        if (toVault + covered > 0) ASSET.safeTransfer(address(VAULT), toVault + covered);
        VAULT.settle(loanId, before, toVault + covered);
        _close(loanId, a, have - toVault, covered, total - toVault - covered);
    }

    /// @dev Pays `amount`, which is here and less than what is owed. The caller stores `d`.
    function _payFromHere(uint256 loanId, Debt memory d, uint256 amount) internal {
        if (amount == 0) return;
        Paid memory paid;
        d.pay(amount, paid);
        _tell(loanId, address(this), paid);
        ASSET.safeTransfer(address(VAULT), amount);
        _book(loanId, d.accrualBps, paid);
    }

    /// @dev Nothing is owed any more. What is kept here and `surplus`, which is here too, is the borrower's.
    function _close(uint256 loanId, Account storage a, uint256 surplus, uint256 covered, uint256 loss) internal {
        surplus += _takeKept(a);
        uint256 drawn = a.debt.drawn;
        address borrower = a.borrower;
        a.debt.state = LoanState.Closed;
        // Else the fleet is another's by now, and may secure another loan.
        if (!a.lotGone) _caps[FLEET][bytes32(uint256(a.fleetId))].loanId = 0;
        _uncount(FLEET, bytes32(uint256(a.fleetId)), drawn);
        _uncount(OPERATOR, _key(a.operator), drawn);
        _uncount(BORROWER, _key(borrower), drawn);
        _credit(ASSET, borrower, surplus);

        emit CloseLoan(loanId, surplus, covered, loss);
        _giveBack(loanId, a, borrower);
    }

    /// @dev A gate or a token that refuses the borrower keeps the pledge here, not the loan from being paid. So does a payer who
    /// sends too little gas for it, which costs the borrower a call that reclaims it.
    function _giveBack(uint256 loanId, Account storage a, address borrower) private {
        bool lotKept;
        bool collateralKept;
        (uint96 shares, uint96 amount) = (a.shares, a.collateralAmount);
        (a.shares, a.collateralAmount) = (0, 0);
        if (!a.lotGone) {
            uint256 fleetId = a.fleetId;
            try CUSTODY.releaseLot(loanId, fleetId, borrower, shares) {}
            catch {
                lotKept = true;
                a.shares = shares;
                CUSTODY.nameController(fleetId, borrower);
            }
        }
        if (amount > 0) {
            try CUSTODY.releaseCollateral(loanId, a.collateral, borrower, amount) {}
            catch {
                collateralKept = true;
                a.collateralAmount = amount;
            }
        }
        if (lotKept || collateralKept) {
            (a.lotKept, a.collateralKept) = (lotKept, collateralKept);
            emit KeepPledge(loanId, lotKept, collateralKept);
        }
    }

    /// @dev Ends mark and breach. `d` is accrued, and stored here.
    function _cure(uint256 loanId, Account storage a, Debt memory d) internal {
        Carrying memory carrying = d.carrying();
        bool late = d.accrualBps != d.rateBps;
        bool stepped = a.steward != address(0);
        a.markedSince = 0;
        a.breachedSince = 0;
        a.exceeded = false;
        d.marked = false;
        d.accrualBps = d.rateBps;
        _store(a, d);

        emit CureLoan(loanId);
        VAULT.unmark(loanId, carrying);
        if (late) VAULT.reprice(loanId, carrying, d.rateBps);
        if (stepped) {
            a.steward = address(0);
            CUSTODY.nameController(a.fleetId, a.borrower);
        }
    }

    /// @dev What `_find` would say of due date or insurance, which no price and no report can mend: so nobody need ask for those.
    function _isPlainlyWrong(Account storage a, Debt memory d) private view returns (bool) {
        return block.timestamp > d.nextDueAt || block.timestamp >= a.insuredUntil;
    }

    /// @dev What is still wrong with a marked loan: as found; and where the debt was above its limit, a price that cannot be told
    /// is no proof that it no longer is: what can be told must carry it.
    function _stillWrong(Account storage a, Debt memory d) internal view returns (Finding memory f) {
        f = _find(a, d);
        if (f.kind == Evidence.None && a.exceeded && d.total() > f.breachLimit) f.kind = Evidence.AboveBreachLimit;
    }

    /// @dev A fleet is not taken for what is mended: then anybody cures the loan. `d` is accrued, and advanced here.
    function _requireWrong(uint256 loanId, Account storage a, Debt memory d) private view {
        d.advance();
        require(_isPlainlyWrong(a, d) || _stillWrong(a, d).kind != Evidence.None, NoEvidence(loanId));
    }

    /// @dev The lot is gone and did not pay the debt: what no collateral is left for counts for nobody from now on, as if the mark
    /// were as old as its fall is long.
    function _writeOff(uint256 loanId, Account storage a, Debt memory d) private {
        Finding memory f = _find(a, d);
        Carrying memory carrying = d.carrying();
        uint256 since = block.timestamp - WriteDownLib.MARK_DAYS * 1 days;
        emit MarkLoan(loanId, f.kind, since, f.floor);
        VAULT.unmark(loanId, carrying);
        VAULT.markDown(loanId, carrying, f.floor, since);
    }

    /// @dev Writes the loan down, or its mark anew, to the floor that was found; where a price cannot be told, to no less than a mark
    /// had already.
    function _writeMark(uint256 loanId, Account storage a, Carrying memory carrying, Finding memory f) internal {
        uint256 floor = f.known ? f.floor : Math.max(f.floor, VAULT.floorOf(loanId));
        uint256 since = a.markedSince;
        emit MarkLoan(loanId, f.kind, since, floor);
        VAULT.markDown(loanId, carrying, floor, since);
    }

    /// @dev The set-aside revenue and the reserve, taken out.
    function _takeKept(Account storage a) private returns (uint256 kept) {
        kept = uint256(a.setAside) + a.reserve;
        a.setAside = 0;
        a.reserve = 0;
    }

    function _cover(uint256 shortfall) private returns (uint256 covered) {
        if (shortfall == 0) return 0;
        covered = Math.min(shortfall, Math.min(LOSS_FUND.allowance(address(this), ASSET), LOSS_FUND.held(ASSET)));
        if (covered > 0) LOSS_FUND.cover(ASSET, covered);
    }

    function _requireAuction() private view {
        require(msg.sender == AUCTION, NotAuction(msg.sender));
    }

    function _breached(uint256 loanId) private view returns (Account storage a, Debt memory d) {
        (a, d) = _open(loanId);
        require(a.breachedSince > 0, NotBreached(loanId));
    }

    /// @dev What the vault carries a held lot at: falls by whole UTC days. Rounds down, as the vault does.
    function _carriedDown(Account storage a) private view returns (uint256) {
        uint256 fallen = Math.min(block.timestamp / 1 days - a.heldSince / 1 days, HOLDING_DAYS);
        return a.heldValue * (HOLDING_DAYS - fallen) / HOLDING_DAYS;
    }

    function _uncount(bytes32 kind, bytes32 key, uint256 principal) internal {
        // Safe: it was counted.
        _caps[kind][key].counted -= uint96(principal);
    }
}
