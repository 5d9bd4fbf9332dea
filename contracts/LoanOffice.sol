// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {LoanLedger} from "./base/LoanLedger.sol";
import {CreditSystem} from "./interfaces/CreditSystem.sol";
import {ICollateralPrices} from "./interfaces/ICollateralPrices.sol";
import {
    Evidence,
    Health,
    ILoanOffice,
    Instalment,
    Loan,
    LoanRequest,
    LoanState,
    LoanTerms
} from "./interfaces/IFleetCredit.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "./interfaces/IFleetShareFactory.sol";
import {IFleetShares} from "./interfaces/IFleetShares.sol";
import {Limits, Pledge} from "./interfaces/ILoanHealth.sol";
import {Debt, DebtLib} from "./libraries/DebtLib.sol";
import {InterestLib} from "./libraries/InterestLib.sol";
import {ScheduleLib} from "./libraries/ScheduleLib.sol";

/// @title LoanOffice
/// @dev FleetCredit runs this code on its own storage. Called at its own address it has none: no loan, no role, no custody that
/// obeys it.
contract LoanOffice is ILoanOffice, LoanLedger {
    using DebtLib for Debt;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev Of `rateBps` and `lateRateBps` each.
    uint256 internal constant MOST_RATE_BPS = 10_000;
    /// @dev For so long what accrues on the ceiling fits its 128 bits, at both rates.
    uint256 internal constant CENTURY = 100 * 365 days;
    uint256 internal constant MOST_MONTHS = 240;

    IFleetRegistry internal immutable REGISTRY;
    IFleetShareFactory internal immutable SHARE_FACTORY;
    ICollateralPrices internal immutable PRICES;

    constructor(CreditSystem memory system) LoanLedger(system) {
        REGISTRY = IFleetRegistry(system.registry);
        SHARE_FACTORY = IFleetShareFactory(system.shareFactory);
        PRICES = ICollateralPrices(system.prices);
    }

    modifier whenRunning() {
        require(!REGISTRY.isPaused(), Paused());
        _;
    }

    /* ---- borrowing ---- */

    /// @inheritdoc ILoanOffice
    function request(LoanRequest calldata r) external whenRunning returns (uint256 loanId) {
        uint256 fleetId = r.fleetId;
        require(msg.sender == _titleOwner(fleetId), NotTitleOwner(fleetId, msg.sender));
        address token = REGISTRY.settlementToken(fleetId);
        require(token == address(ASSET), WrongToken(fleetId, token));
        require(r.months > 0 && r.months <= MOST_MONTHS, InvalidRequest("months"));
        require(r.principal > 0, InvalidRequest("principal"));
        if (address(r.collateral) == address(0)) require(r.collateralAmount == 0, InvalidRequest("collateral"));
        else _requireListed(r.collateral);
        IFleetShares shares = IFleetShares(SHARE_FACTORY.sharesOf(fleetId));

        loanId = ++_loanCount;
        Account storage a = _accounts[loanId];
        a.debt.state = LoanState.Requested;
        a.debt.months = r.months;
        a.sweep = r.sweep;
        a.borrower = msg.sender;
        a.fleetId = r.fleetId;
        a.operator = REGISTRY.operatorOf(fleetId);
        a.ceiling = r.principal;
        a.collateral = r.collateral;
        // Safe: no supply is 2^96 or more.
        a.supply = uint96(shares.totalSupply());
        a.bound = uint96(shares.boundShares());
        a.shares = r.shares;
        a.collateralAmount = r.collateralAmount;

        emit RequestLoan(loanId, fleetId, msg.sender, r);
    }

    /// @inheritdoc ILoanOffice
    function cancel(uint256 loanId) external {
        Account storage a = _ofBorrower(loanId);
        LoanState state = a.debt.state;
        require(state == LoanState.Requested || state == LoanState.Approved, WrongState(loanId, state));
        a.debt.state = LoanState.Closed;
        emit CancelLoan(loanId);
    }

    /// @inheritdoc ILoanOffice
    function approve(uint256 loanId, LoanTerms calldata t) external restricted whenRunning {
        Account storage a = _inState(loanId, LoanState.Requested);
        _checkTerms(t);

        a.debt.state = LoanState.Approved;
        a.debt.months = t.months;
        a.debt.rateBps = t.rateBps;
        a.debt.accruedAt = uint32(block.timestamp);
        a.ceiling = t.ceiling;
        a.graceDays = t.graceDays;
        a.reserveMonths = t.reserveMonths;
        a.insuredUntil = t.insuredUntil;
        a.expiry = t.expiry;
        a.lateRateBps = t.lateRateBps;
        a.saleCostBps = t.saleCostBps;
        a.hardwareLtvBps = t.hardwareLtvBps;
        a.hardwareBreachBps = t.hardwareBreachBps;
        a.youngLtvBps = t.youngLtvBps;
        a.collateralLtvBps = t.collateralLtvBps;
        a.collateralBreachBps = t.collateralBreachBps;
        a.coverageBps = t.coverageBps;

        emit ApproveLoan(loanId, t);
    }

    /// @inheritdoc ILoanOffice
    function draw(uint256 loanId, uint96 principal, address to) external nonReentrant {
        Account storage a = _ofBorrower(loanId);
        Debt memory d = _load(a);
        require(d.state == LoanState.Approved, WrongState(loanId, d.state));
        require(to != address(0) && to != address(this), InvalidReceiver(to));
        _checkDraw(loanId, a, principal);

        d.drawn = principal;
        d.principal = principal;
        d.startedAt = uint40(block.timestamp);
        d.nextDue = 1;
        d.nextDueAt = uint40(ScheduleLib.dueAt(block.timestamp, 1));
        d.state = LoanState.Open;
        d.accruedAt = uint32(block.timestamp);
        d.accrualBps = d.rateBps;
        uint256 reserve = _reserveTarget(a, d);
        require(principal > reserve, InvalidAmount(loanId, principal));
        _store(a, d);
        // Safe: less than `principal`.
        a.reserve = uint96(reserve);

        emit DrawLoan(loanId, to, principal, reserve);
        CUSTODY.take(loanId, a.fleetId, msg.sender, a.shares, a.collateral, a.collateralAmount);
        VAULT.lend(loanId, address(this), principal, d.rateBps);
        ASSET.safeTransfer(to, principal - reserve);
    }

    /// @inheritdoc ILoanOffice
    function addCollateral(uint256 loanId, uint96 amount) external nonReentrant {
        Account storage a = _inState(loanId, LoanState.Open);
        require(amount > 0 && address(a.collateral) != address(0), InvalidAmount(loanId, amount));
        a.collateralAmount = (uint256(a.collateralAmount) + amount).toUint96();
        emit AddCollateral(loanId, msg.sender, amount);
        CUSTODY.takeCollateral(loanId, a.lotGone ? 0 : a.fleetId, msg.sender, a.collateral, amount);
    }

    /// @inheritdoc ILoanOffice
    function addShares(uint256 loanId, uint96 amount) external nonReentrant {
        Account storage a = _inState(loanId, LoanState.Open);
        require(amount > 0 && !a.lotGone, InvalidAmount(loanId, amount));
        a.shares = (uint256(a.shares) + amount).toUint96();
        emit AddShares(loanId, msg.sender, amount);
        CUSTODY.takeShares(loanId, a.fleetId, msg.sender, amount);
    }

    /// @inheritdoc ILoanOffice
    function withdrawCollateral(uint256 loanId, uint96 amount, address to) external nonReentrant whenRunning {
        Account storage a = _withdrawing(loanId, amount);
        _takeCollateral(loanId, a, amount);
        emit WithdrawCollateral(loanId, to, amount);
        CUSTODY.releaseCollateral(loanId, a.collateral, to, amount);
        _requireWithin(loanId, a);
    }

    /// @inheritdoc ILoanOffice
    function withdrawShares(uint256 loanId, uint96 amount, address to) external nonReentrant whenRunning {
        Account storage a = _withdrawing(loanId, amount);
        uint256 pledged = a.shares;
        require(amount <= pledged, InsufficientPledge(loanId, pledged, amount));
        // Safe: at most what it was.
        a.shares = uint96(pledged - amount);
        emit WithdrawShares(loanId, to, amount);
        CUSTODY.releaseShares(loanId, a.fleetId, to, amount);
        _requireWithin(loanId, a);
    }

    /// @inheritdoc ILoanOffice
    function setSweep(uint256 loanId, bool sweep) external {
        _ofBorrower(loanId).sweep = sweep;
        emit SetSweep(loanId, sweep);
    }

    /* ---- governance ---- */

    /// @inheritdoc ILoanOffice
    function setCap(bytes32 kind, bytes32 key, uint96 cap) external restricted {
        require(kind == FLEET || kind == OPERATOR || kind == BORROWER, InvalidTerms("kind"));
        Cap storage c = _caps[kind][key];
        (c.cap, c.own) = (cap, true);
        emit SetCap(kind, key, cap);
    }

    /// @inheritdoc ILoanOffice
    /// @dev Not into the past: from there a mark would have fallen before anybody saw it. Nor sooner than the loan's grace, else
    /// the risk role could call a loan by a date.
    function setInsuredUntil(uint256 loanId, uint40 insuredUntil) external restricted {
        Account storage a = _known(loanId);
        require(insuredUntil >= block.timestamp, InvalidTerms("insuredUntil"));
        uint256 least = Math.min(a.insuredUntil, block.timestamp + uint256(a.graceDays) * 1 days);
        require(insuredUntil >= least, InsuranceTooShort(loanId, insuredUntil, least));
        a.insuredUntil = insuredUntil;
        emit SetInsuredUntil(loanId, insuredUntil);
    }

    /* ---- reads ---- */

    /// @inheritdoc ILoanOffice
    function loanCount() external view returns (uint256) {
        return _loanCount;
    }

    /// @inheritdoc ILoanOffice
    function loanOf(uint256 fleetId) external view returns (uint256) {
        return _caps[FLEET][bytes32(fleetId)].loanId;
    }

    /// @inheritdoc ILoanOffice
    function loan(uint256 loanId) external view returns (Loan memory l) {
        Account storage a = _known(loanId);
        Debt memory d = _load(a);
        bool pledged = d.startedAt > 0;
        l.fleetId = a.fleetId;
        l.state = d.state;
        l.borrower = a.borrower;
        if (pledged) l.operator = a.operator;
        l.sweep = a.sweep;
        l.young = a.young;
        l.terms = _terms(a);
        l.drawn = d.drawn;
        if (d.state == LoanState.Held) l.heldOwed = d.principal;
        else l.principal = d.principal;
        l.accruedScaled = d.accruedScaled;
        if (pledged) l.accruedAt = d.accruedAt;
        l.accrualBps = d.accrualBps;
        l.startedAt = d.startedAt;
        l.nextDue = d.nextDue;
        l.nextDueAt = d.nextDueAt;
        l.setAside = a.setAside;
        l.reserve = a.reserve;
        if (pledged) l.reserveTarget = uint96(_reserveTarget(a, d));
        l.shares = a.shares;
        l.collateral = a.collateral;
        l.collateralAmount = a.collateralAmount;
        if (d.state == LoanState.Closed) return l;
        l.markedSince = a.markedSince;
        l.breachedSince = a.breachedSince;
        l.steward = a.steward;
        l.askingPrice = a.askingPrice;
    }

    /// @inheritdoc ILoanOffice
    function instalment(uint256 loanId, uint256 n) external view returns (Instalment memory i) {
        Debt memory d = _load(_known(loanId));
        require(d.startedAt > 0, WrongState(loanId, d.state));
        require(n > 0 && n <= d.months, InvalidAmount(loanId, n));
        i.dueAt = ScheduleLib.dueAt(d.startedAt, n);
        i.balance = ScheduleLib.balanceAfter(d.drawn, d.months, n);
        i.principal = ScheduleLib.balanceAfter(d.drawn, d.months, n - 1) - i.balance;
    }

    /// @inheritdoc ILoanOffice
    function health(uint256 loanId) external view returns (Health memory) {
        Account storage a = _known(loanId);
        Limits memory l = HEALTH.limits(_pledge(a));
        return Health(_accrued(a).total(), l.hardware, l.collateral, l.borrowLimit, l.breachLimit);
    }

    /// @inheritdoc ILoanOffice
    function capOf(bytes32 kind, bytes32 key) public view returns (uint256) {
        Cap storage c = _caps[kind][key];
        return c.own ? c.cap : _caps[kind][0].cap;
    }

    /// @inheritdoc ILoanOffice
    function outstanding(bytes32 kind, bytes32 key) external view returns (uint256) {
        return _caps[kind][key].counted;
    }

    /* ---- internals ---- */

    function _count(bytes32 kind, bytes32 key, uint256 principal) internal {
        Cap storage c = _caps[kind][key];
        uint256 total = c.counted + principal;
        uint256 cap = capOf(kind, key);
        require(total <= cap, CapExceeded(kind, key, total, cap));
        // Safe: at most a cap, which has 96 bits.
        c.counted = uint96(total);
        c.used = true;
    }

    /// @dev All that must hold before `principal` is lent; counts it in the caps.
    function _checkDraw(uint256 loanId, Account storage a, uint256 principal) private {
        uint256 fleetId = a.fleetId;
        require(block.timestamp < a.expiry, ApprovalExpired(loanId, a.expiry));
        require(block.timestamp < a.insuredUntil, NotInsured(loanId, a.insuredUntil));
        require(principal <= a.ceiling, AboveCeiling(loanId, principal, a.ceiling));
        Cap storage ofFleet = _caps[FLEET][bytes32(fleetId)];
        require(ofFleet.loanId == 0, FleetInUse(fleetId, ofFleet.loanId));
        require(msg.sender == _titleOwner(fleetId), NotTitleOwner(fleetId, msg.sender));
        // A fleet that takes no leases takes no loan: this reverts while paused, and where the fleet is suspended or wound down.
        REGISTRY.openingFor(fleetId, address(0));

        Pledge memory p = _pledge(a);
        if (p.collateralAmount > 0) _requireListed(p.collateral);
        (Limits memory l, uint256 acceptedAt, bool silent) = HEALTH.drawLimits(p);
        require(!silent, NoFreshReport(fleetId, acceptedAt));
        require(principal <= l.borrowLimit, AboveLimit(loanId, principal, l.borrowLimit));
        _requireCoverage(loanId, a, l, ScheduleLib.serviceUp(principal, a.debt.months, a.debt.rateBps, 1));

        address operator = REGISTRY.operatorOf(fleetId);
        if (l.young) a.young = true;
        if (operator != a.operator) a.operator = operator;
        _count(FLEET, bytes32(fleetId), principal);
        _count(OPERATOR, _key(operator), principal);
        _count(BORROWER, _key(msg.sender), principal);
        ofFleet.loanId = loanId.toUint40();
    }

    /// @dev Whether the pledge's revenue pays a month's service; without history nobody can tell.
    function _requireCoverage(uint256 loanId, Account storage a, Limits memory l, uint256 serviceUp) private view {
        require(
            l.young || l.revenuePerMonth * BPS >= serviceUp * a.coverageBps,
            CoverageTooLow(loanId, l.revenuePerMonth, serviceUp, a.coverageBps)
        );
    }

    /// @dev Nothing is wrong, recorded or not: who is late cannot be the first to act on it.
    function _withdrawing(uint256 loanId, uint256 amount) private view returns (Account storage a) {
        a = _ofBorrower(loanId);
        Debt memory d = _accrued(a);
        require(d.state == LoanState.Open, WrongState(loanId, d.state));
        require(a.markedSince == 0, InBreach(loanId));
        require(amount > 0, InvalidAmount(loanId, amount));
        d.advance();
        Evidence found = _find(a, d).kind;
        require(found == Evidence.None, StillWrong(loanId, found));
    }

    /// @dev After a withdrawal, what is left carries the debt as if it were drawn now.
    function _requireWithin(uint256 loanId, Account storage a) private view {
        Debt memory d = _accrued(a);
        uint256 total = d.total();
        Limits memory l = HEALTH.limits(_pledge(a));
        require(total <= l.borrowLimit, AboveLimit(loanId, total, l.borrowLimit));
        _requireCoverage(loanId, a, l, d.drawn / d.months + d.monthlyInterest());
    }

    function _titleOwner(uint256 fleetId) private view returns (address) {
        return IERC721(address(REGISTRY)).ownerOf(fleetId);
    }

    function _requireListed(IERC20 token) private view {
        require(PRICES.isListed(address(token)), InvalidRequest("collateral"));
    }

    /// @dev Refuses terms under which a loan would be in breach as it is drawn, or sums would not fit.
    function _checkTerms(LoanTerms calldata t) private view {
        _require(t.rateBps <= MOST_RATE_BPS, "rateBps");
        _require(t.lateRateBps <= MOST_RATE_BPS, "lateRateBps");
        uint256 accruing = InterestLib.accrue(t.ceiling, uint256(t.rateBps) + t.lateRateBps, CENTURY);
        _require(t.ceiling > 0 && accruing <= type(uint128).max, "ceiling");
        _require(t.months > 0 && t.months <= MOST_MONTHS, "months");
        _require(t.reserveMonths < t.months, "reserveMonths");
        _require(t.expiry > block.timestamp, "expiry");
        _require(t.insuredUntil > block.timestamp, "insuredUntil");
        _require(t.hardwareBreachBps <= BPS, "hardwareBreachBps");
        _require(t.hardwareLtvBps <= t.hardwareBreachBps, "hardwareLtvBps");
        _require(t.youngLtvBps <= t.hardwareLtvBps, "youngLtvBps");
        _require(t.collateralBreachBps <= BPS, "collateralBreachBps");
        _require(t.collateralLtvBps <= t.collateralBreachBps, "collateralLtvBps");
        _require(t.saleCostBps <= BPS, "saleCostBps");
    }

    function _require(bool valid, bytes32 field) private pure {
        require(valid, InvalidTerms(field));
    }

    function _terms(Account storage a) private view returns (LoanTerms memory t) {
        t.ceiling = a.ceiling;
        t.rateBps = a.debt.rateBps;
        t.lateRateBps = a.lateRateBps;
        t.months = a.debt.months;
        t.reserveMonths = a.reserveMonths;
        t.graceDays = a.graceDays;
        t.expiry = a.expiry;
        t.insuredUntil = a.insuredUntil;
        t.hardwareLtvBps = a.hardwareLtvBps;
        t.hardwareBreachBps = a.hardwareBreachBps;
        t.youngLtvBps = a.youngLtvBps;
        t.collateralLtvBps = a.collateralLtvBps;
        t.collateralBreachBps = a.collateralBreachBps;
        t.coverageBps = a.coverageBps;
        t.saleCostBps = a.saleCostBps;
    }
}
