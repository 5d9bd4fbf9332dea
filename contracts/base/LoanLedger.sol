// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {CreditSystem} from "../interfaces/CreditSystem.sol";
import {ICreditVault} from "../interfaces/ICreditVault.sol";
import {ICreditFacts, LoanState} from "../interfaces/IFleetCredit.sol";
import {IFleetCustody} from "../interfaces/IFleetCustody.sol";
import {Finding, ILoanHealth, Pledge, Suspect} from "../interfaces/ILoanHealth.sol";
import {Debt, DebtLib} from "../libraries/DebtLib.sol";
import {ScheduleLib} from "../libraries/ScheduleLib.sol";
import {Payouts} from "./Payouts.sol";

/// @notice All storage of FleetCredit, and what its two pieces of code share. Neither adds a variable: both see the same slots.
abstract contract LoanLedger is Payouts, AccessManaged, ReentrancyGuardTransient, ICreditFacts {
    using DebtLib for Debt;

    uint256 internal constant BPS = 10_000;
    bytes32 internal constant FLEET = "fleet";
    bytes32 internal constant OPERATOR = "operator";
    bytes32 internal constant BORROWER = "borrower";

    /// @dev Money in asset units, times in Unix seconds, ratios in basis points.
    struct Account {
        // slots 0 and 1: all that a payment touches
        Debt debt;
        // slot 2: all else that service touches; insurance keeps it from being empty when the loan is drawn
        uint96 setAside;
        uint96 reserve;
        uint40 insuredUntil;
        bool sweep;
        /// Marked for its debt's being above the breach limit: only a price or a payment can clear it of that.
        bool exceeded;
        bool young;
        // slot 3
        address borrower;
        uint64 fleetId;
        uint8 graceDays;
        uint8 reserveMonths;
        /// Title and pledged shares were sold.
        bool lotGone;
        /// Closed, and the lot could not be given back; `collateralKept` likewise.
        bool lotKept;
        // slot 4; the first two, as slot 9, are of no account once the loan is closed
        uint40 breachedSince;
        uint40 markedSince;
        uint40 expiry;
        uint16 lateRateBps;
        uint16 saleCostBps;
        bool collateralKept;
        // slot 5: the operator when asked, and then when drawn
        address operator;
        uint96 ceiling;
        // slot 6
        IERC20 collateral;
        uint16 hardwareLtvBps;
        uint16 hardwareBreachBps;
        uint16 youngLtvBps;
        uint16 collateralLtvBps;
        uint16 collateralBreachBps;
        uint16 coverageBps;
        // slot 7: of the fleet's shares, which never change in number
        uint96 supply;
        uint96 bound;
        // slot 8: what is in custody for it; before it is drawn, what was asked
        uint96 shares;
        uint96 collateralAmount;
        // slot 9: written in a breach alone
        address steward;
        uint96 askingPrice;
        // slot 10: of a held lot, what the vault booked it for, and since when
        uint96 heldValue;
        uint40 heldSince;
    }

    /// @dev One slot. `used` keeps it from becoming empty, which would cost the next loan a new slot.
    struct Cap {
        uint96 cap;
        uint96 counted;
        bool own;
        bool used;
        /// Of a fleet: its open or held loan.
        uint40 loanId;
    }

    IERC20 internal immutable ASSET;
    IFleetCustody internal immutable CUSTODY;
    ICreditVault internal immutable VAULT;
    ILoanHealth internal immutable HEALTH;

    uint256 internal _loanCount;
    mapping(uint256 loanId => Account) internal _accounts;
    mapping(bytes32 kind => mapping(bytes32 key => Cap)) internal _caps;
    address internal _costRecipient;

    constructor(CreditSystem memory system) AccessManaged(system.authority) {
        ASSET = IERC20(system.asset);
        CUSTODY = IFleetCustody(system.custody);
        VAULT = ICreditVault(system.vault);
        HEALTH = ILoanHealth(system.health);
    }

    /* ---- internals ---- */

    function _known(uint256 loanId) internal view returns (Account storage a) {
        a = _accounts[loanId];
        require(a.debt.state != LoanState.None, UnknownLoan(loanId));
    }

    function _inState(uint256 loanId, LoanState wanted) internal view returns (Account storage a) {
        a = _known(loanId);
        LoanState state = a.debt.state;
        require(state == wanted, WrongState(loanId, state));
    }

    /// @dev Two reads, where the compiler would make one for each field.
    function _load(Account storage a) internal view returns (Debt memory d) {
        _read(a, d);
    }

    /// @dev As `_load`, into `d`, which is there already.
    function _read(Account storage a, Debt memory d) private view {
        uint256 first;
        uint256 second;
        assembly ("memory-safe") {
            first := sload(a.slot)
            second := sload(add(a.slot, 1))
        }
        // Truncating casts take the fields apart, in the order of `Debt`.
        d.principal = uint96(first);
        d.accruedScaled = uint128(first >> 96);
        d.accruedAt = uint32(first >> 224);
        d.drawn = uint96(second);
        d.startedAt = uint40(second >> 96);
        d.nextDueAt = uint40(second >> 136);
        d.nextDue = uint8(second >> 176);
        d.months = uint8(second >> 184);
        d.state = LoanState(uint8(second >> 192));
        d.accrualBps = uint16(second >> 200);
        d.rateBps = uint16(second >> 216);
        d.marked = second >> 232 & 1 == 1;
    }

    /// @dev Two writes likewise.
    function _store(Account storage a, Debt memory d) internal {
        uint256 first = uint256(d.principal) | uint256(d.accruedScaled) << 96 | uint256(d.accruedAt) << 224;
        uint256 second = uint256(d.drawn) | uint256(d.startedAt) << 96 | uint256(d.nextDueAt) << 136
            | uint256(d.nextDue) << 176 | uint256(d.months) << 184 | uint256(d.state) << 192 | uint256(d.accrualBps)
            << 200 | uint256(d.rateBps) << 216 | (d.marked ? 1 << 232 : 0);
        assembly ("memory-safe") {
            sstore(a.slot, first)
            sstore(add(a.slot, 1), second)
        }
    }

    function _ofBorrower(uint256 loanId) internal view returns (Account storage a) {
        a = _known(loanId);
        require(msg.sender == a.borrower, NotBorrower(loanId, msg.sender));
    }

    /// @dev An open loan, and its debt with interest until now.
    function _open(uint256 loanId) internal view returns (Account storage a, Debt memory d) {
        a = _accounts[loanId];
        _read(a, d);
        if (d.state != LoanState.Open) _inState(loanId, LoanState.Open);
        d.accrue();
    }

    /// @dev The loan's debt with interest until now.
    function _accrued(Account storage a) internal view returns (Debt memory d) {
        _read(a, d);
        d.accrue();
    }

    function _pledge(Account storage a) internal view returns (Pledge memory p) {
        p.fleetId = a.fleetId;
        if (!a.lotGone) p.shares = uint256(a.bound) + a.shares;
        p.collateralAmount = a.collateralAmount;
        p.supply = a.supply;
        p.collateral = a.collateral;
        p.young = a.young;
        p.hardwareLtvBps = a.hardwareLtvBps;
        p.hardwareBreachBps = a.hardwareBreachBps;
        p.youngLtvBps = a.youngLtvBps;
        p.collateralLtvBps = a.collateralLtvBps;
        p.collateralBreachBps = a.collateralBreachBps;
    }

    /// @dev What is wrong. `d` is accrued until now, paid as far as it could be, and advanced.
    function _find(Account storage a, Debt memory d) internal view returns (Finding memory) {
        Suspect memory s;
        s.pledge = _pledge(a);
        s.owed = d.total();
        s.nextDueAt = d.nextDueAt;
        s.graceDays = a.graceDays;
        s.insuredUntil = a.insuredUntil;
        s.breachedSince = a.breachedSince;
        s.lotGone = a.lotGone;
        return HEALTH.find(s);
    }

    /// @dev Takes `amount` out of the collateral that the loan has in custody. The caller sends it.
    function _takeCollateral(uint256 loanId, Account storage a, uint256 amount) internal {
        uint256 pledged = a.collateralAmount;
        require(amount <= pledged, InsufficientPledge(loanId, pledged, amount));
        // Safe: at most what it was.
        a.collateralAmount = uint96(pledged - amount);
    }

    /// @dev What the reserve is to hold, of a drawn loan.
    function _reserveTarget(Account storage a, Debt memory d) internal view returns (uint256) {
        return ScheduleLib.serviceUp(d.drawn, d.months, d.rateBps, a.reserveMonths);
    }

    function _key(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
