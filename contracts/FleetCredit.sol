// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {LoanLedger} from "./base/LoanLedger.sol";
import {LoanSale} from "./base/LoanSale.sol";
import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {Carrying} from "./interfaces/ICreditVault.sol";
import {Evidence, ILoanServicer, LoanState, SaleState} from "./interfaces/IFleetCredit.sol";
import {Finding} from "./interfaces/ILoanHealth.sol";
import {Debt, DebtLib, Paid} from "./libraries/DebtLib.sol";
import {Service, ServiceLib} from "./libraries/ServiceLib.sol";

/// @title FleetCredit
contract FleetCredit is LoanSale {
    using DebtLib for Debt;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using ServiceLib for Service;

    address internal immutable OFFICE;

    constructor(CreditSystem memory system) LoanLedger(system) LoanSale(system) {
        OFFICE = system.office;
    }

    /// @dev All of `ILoanOffice`: its code, this contract's storage, caller and all.
    fallback() external {
        address office = OFFICE;
        assembly ("memory-safe") {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), office, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    /* ---- paying ---- */

    /// @inheritdoc ILoanServicer
    function repay(uint256 loanId, uint256 amount) external nonReentrant returns (uint256 principal, uint256 interest) {
        (Account storage a, Debt memory d) = _open(loanId);
        uint256 total = d.total();
        Paid memory paid;
        if (amount < total) {
            require(amount > 0, NothingToRepay(loanId));
            _take(loanId, a, d, amount, paid);
            _book(loanId, d.accrualBps, paid);
            if (d.marked && _stillWrong(a, d).kind == Evidence.None) _cure(loanId, a, d);
        } else {
            Carrying memory before = d.carrying();
            _take(loanId, a, d, total, paid);
            _bookLast(loanId, a, before, total);
        }
        return (paid.principal, paid.interest);
    }

    /// @inheritdoc ILoanServicer
    function service(uint256 loanId) external nonReentrant {
        Account storage a = _known(loanId);
        if (a.debt.state == LoanState.Held) _serviceHeld(loanId, a);
        else _service(loanId);
    }

    /// @inheritdoc ILoanServicer
    function reclaimLot(uint256 loanId, address to) external nonReentrant {
        Account storage a = _ofBorrower(loanId);
        require(a.lotKept, NothingToReclaim(loanId));
        uint256 shares = a.shares;
        (a.lotKept, a.shares) = (false, 0);
        _credit(ASSET, msg.sender, _collect(loanId, a));
        CUSTODY.releaseLot(loanId, a.fleetId, to, shares);
    }

    /// @inheritdoc ILoanServicer
    function reclaimCollateral(uint256 loanId, address to) external nonReentrant {
        Account storage a = _ofBorrower(loanId);
        require(a.collateralKept, NothingToReclaim(loanId));
        uint256 amount = a.collateralAmount;
        (a.collateralKept, a.collateralAmount) = (false, 0);
        CUSTODY.releaseCollateral(loanId, a.collateral, to, amount);
    }

    /* ---- evidence ---- */

    /// @inheritdoc ILoanServicer
    function mark(uint256 loanId) external nonReentrant {
        (Account storage a, Debt memory d) = _service(loanId);
        // Revenue paid it whole.
        if (a.debt.state != LoanState.Open) return;
        Finding memory f = _find(a, d);
        require(f.kind != Evidence.None, NoEvidence(loanId));

        // Safe: Unix seconds.
        if (a.markedSince == 0) a.markedSince = uint40(f.since);
        if (f.exceeded) a.exceeded = true;
        if (a.breachedSince == 0 && f.breachSince > 0) {
            a.breachedSince = uint40(f.breachSince);
            emit BreachLoan(loanId, f.kind, f.breachSince);
        }

        Carrying memory carrying = d.carrying();
        // Safe: two rates of at most 10,000.
        uint16 lateBps = d.rateBps + a.lateRateBps;
        if (!d.marked) {
            d.marked = true;
            d.accrualBps = lateBps;
            _store(a, d);
        }
        if (carrying.rateBps != lateBps) {
            VAULT.reprice(loanId, carrying, lateBps);
            carrying.rateBps = lateBps;
        }
        _writeMark(loanId, a, carrying, f);
    }

    /// @inheritdoc ILoanServicer
    function cure(uint256 loanId) external nonReentrant {
        require(_inState(loanId, LoanState.Open).markedSince > 0, NotMarked(loanId));
        (Account storage a, Debt memory d) = _service(loanId);
        if (a.debt.state != LoanState.Open) return;
        Evidence found = _stillWrong(a, d).kind;
        require(found == Evidence.None, StillWrong(loanId, found));
        _cure(loanId, a, d);
    }

    /// @inheritdoc ILoanServicer
    function stepIn(uint256 loanId, address steward) external restricted {
        Account storage a = _known(loanId);
        bool held = a.debt.state == LoanState.Held;
        bool breached = a.debt.state == LoanState.Open && a.breachedSince > 0 && !a.lotGone;
        require(held || breached, NotBreached(loanId));
        a.steward = steward;
        emit StepIn(loanId, steward);
        CUSTODY.nameController(a.fleetId, steward == address(0) && !held ? a.borrower : steward);
    }

    /* ---- reads ---- */

    /// @inheritdoc ILoanServicer
    function debt(uint256 loanId) external view returns (uint256 principal, uint256 interest) {
        Debt memory d = _accrued(_known(loanId));
        return (d.principal, d.interest());
    }

    /// @inheritdoc ILoanServicer
    function arrears(uint256 loanId) external view returns (uint256 principal, uint256 interest) {
        Account storage a = _known(loanId);
        if (a.debt.state != LoanState.Open) return (0, 0);
        Debt memory d = _accrued(a);
        d.advance();
        return d.arrears();
    }

    /// @inheritdoc ILoanServicer
    function evidence(uint256 loanId) external view returns (Evidence, uint256) {
        Account storage a = _known(loanId);
        if (a.debt.state != LoanState.Open) return (Evidence.None, 0);
        Debt memory d = _accrued(a);
        Paid memory paid;
        d.pay(Math.min(d.needed(), uint256(a.setAside) + a.reserve), paid);
        d.advance();
        Finding memory f = _find(a, d);
        return (f.kind, f.since);
    }

    /// @inheritdoc ILoanServicer
    function saleState(uint256 loanId) external view returns (SaleState memory s) {
        Account storage a = _known(loanId);
        s.fleetId = a.fleetId;
        s.state = a.debt.state;
        if (s.state == LoanState.Open) s.breachedSince = a.breachedSince;
        s.hasLot = s.state == LoanState.Held || (s.state == LoanState.Open && !a.lotGone);
        s.shares = a.shares;
        s.collateral = a.collateral;
        s.collateralAmount = a.collateralAmount;
        s.owed = _accrued(a).total();
    }

    /* ---- internals ---- */

    /// @dev Pays `d` with `amount`, at most all of it, of the caller's: straight to the vault, which counts what arrived.
    function _take(uint256 loanId, Account storage a, Debt memory d, uint256 amount, Paid memory paid) private {
        d.pay(amount, paid);
        d.advance();
        _store(a, d);

        _tell(loanId, msg.sender, paid);
        ASSET.safeTransferFrom(msg.sender, address(VAULT), amount);
    }

    /// @dev Brings the revenue of an open loan and pays with it. `d` is stored, accrued and advanced.
    function _service(uint256 loanId) private returns (Account storage a, Debt memory d) {
        (a, d) = _open(loanId);
        Carrying memory before = d.carrying();
        uint256 revenue = _collect(loanId, a);
        Service memory s;
        s.pot = a.setAside + revenue;
        s.reserve = a.reserve;
        s.reserveTarget = _reserveTarget(a, d);
        s.breached = a.breachedSince > 0;
        s.sweep = a.sweep;
        Paid memory paid;
        s.run(d, paid);
        d.advance();

        _store(a, d);
        a.setAside = s.pot.toUint96();
        // Safe: at most its target.
        a.reserve = uint96(s.reserve);
        _credit(ASSET, a.borrower, s.released);

        uint256 amount = paid.principal + paid.interest;
        emit ServeLoan(loanId, revenue, amount, s.fromReserve, s.pot, s.released);
        if (amount == 0) return (a, d);
        _tell(loanId, address(this), paid);
        ASSET.safeTransfer(address(VAULT), amount);
        if (d.total() > 0) {
            _book(loanId, d.accrualBps, paid);
        } else {
            _bookLast(loanId, a, before, amount);
        }
    }

    /// @dev What a held lot earns reduces what it owes; paid whole, it is the borrower's again.
    function _serviceHeld(uint256 loanId, Account storage a) private {
        uint256 revenue = _collect(loanId, a);
        Debt memory d = _load(a);
        uint256 amount = Math.min(revenue, d.principal);
        emit ServeLoan(loanId, revenue, amount, 0, 0, revenue - amount);
        if (amount == d.principal) {
            _settle(loanId, a, d, revenue);
        } else if (amount > 0) {
            // Safe: less than it.
            a.debt.principal -= uint96(amount);
            Paid memory paid = Paid(amount, 0, 0);
            _tell(loanId, address(this), paid);
            ASSET.safeTransfer(address(VAULT), amount);
            _book(loanId, 0, paid);
        }
    }
}
