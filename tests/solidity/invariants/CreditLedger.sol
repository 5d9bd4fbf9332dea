// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICreditFacts, Loan, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm, Vm} from "../base/Vm.sol";

/// @dev One loan by the tests' own arithmetic. Money in asset units, times in Unix seconds.
struct Reckoning {
    uint64 fleetId;
    uint256 drawn;
    /// What it was charged since then, in asset units × basis points × seconds.
    uint256 charged;
    /// What accrues since `accruedAt`.
    uint256 principal;
    uint256 rateBps;
    uint256 accruedAt;
    /// How often it was paid, all that was paid, and how much of that was principal.
    uint256 payments;
    uint256 paid;
    uint256 principalPaid;
    uint256 covered;
    uint256 lost;
    /// What is pledged: title, shares, and BTC.
    bool lot;
    uint256 shares;
    uint256 collateral;
    bool breached;
    /// A mark or a held lot: what counts for `base` falls to `floor` in `span` UTC days.
    uint256 base;
    uint256 floor;
    uint256 firstDay;
    uint256 span;
    /// Owed on a held lot.
    uint256 lotOwed;
}

/// @dev Keeps a second book of every loan, out of what FleetCredit tells and of time. It never asks the vault or custody, whose
/// books are compared with it.
abstract contract CreditLedger is CreditScene {
    uint256 internal constant MARK_DAYS = 30;
    uint256 internal constant LOT_DAYS = 90;

    mapping(uint256 loanId => Reckoning) internal _reckonings;
    /// @dev What FleetCredit must owe to each borrower and for costs.
    mapping(address account => uint256) public due;
    uint256 public lent;
    /// @dev What borrowers, buyers and the loss fund paid to the vault.
    uint256 public recovered;
    /// @dev Money, shares and collateral that a borrower got out of a loan in breach.
    uint256 public releasedInBreach;

    function reckoning(uint256 loanId) external view returns (Reckoning memory) {
        return _reckonings[loanId];
    }

    /// @dev Reads what was told since the last time. No time passed since then but before the telling.
    function _learn() internal {
        uint256 count = credit.loanCount();
        for (uint256 id = 1; id <= count; ++id) {
            Reckoning storage r = _reckonings[id];
            if (r.principal > 0) r.charged += r.principal * r.rateBps * (block.timestamp - r.accruedAt);
            r.accruedAt = block.timestamp;
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == address(credit) && logs[i].topics.length > 1) _hear(logs[i]);
        }
        for (uint256 id = 1; id <= count; ++id) {
            Reckoning storage r = _reckonings[id];
            if (r.drawn == 0 || (r.principal == 0 && r.lotOwed == 0 && !r.lot)) continue;
            Loan memory l = credit.loan(id);
            (r.principal, r.rateBps) = (l.principal, l.accrualBps);
            r.breached = l.state == LoanState.Open && l.breachedSince > 0;
        }
    }

    /// @dev What was told in a call that was undone is recorded too.
    function _forget() internal {
        vm.getRecordedLogs();
    }

    function _hear(Vm.Log memory log) private {
        bytes32 kind = log.topics[0];
        uint256 id = uint256(log.topics[1]);
        Reckoning storage r = _reckonings[id];
        if (kind == ICreditFacts.ServeLoan.selector) {
            (,,,, uint256 released) = abi.decode(log.data, (uint256, uint256, uint256, uint256, uint256));
            // What a held lot releases, its closing tells again.
            if (r.span == LOT_DAYS) return;
            due[credit.loan(id).borrower] += released;
            if (r.breached) releasedInBreach += released;
        } else if (kind == ICreditFacts.RepayLoan.selector) {
            (uint256 principal, uint256 interest) = abi.decode(log.data, (uint256, uint256));
            _pay(r, principal, interest);
        } else if (kind == ICreditFacts.MarkLoan.selector) {
            (, uint256 since, uint256 floor) = abi.decode(log.data, (uint256, uint256, uint256));
            _mark(r, credit.loan(id), since, floor);
        } else if (kind == ICreditFacts.CureLoan.selector) {
            _unmark(r);
        } else if (kind == ICreditFacts.CloseLoan.selector) {
            _close(r, id, log.data);
        } else if (kind == ICreditFacts.HoldLot.selector) {
            (r.lotOwed, r.base) = abi.decode(log.data, (uint256, uint256));
            (r.floor, r.firstDay, r.span) = (0, block.timestamp / 1 days, LOT_DAYS);
        } else if (kind == ICreditFacts.RequestLoan.selector) {
            LoanRequest memory asked = abi.decode(log.data, (LoanRequest));
            (r.fleetId, r.shares, r.collateral) = (asked.fleetId, asked.shares, asked.collateralAmount);
        } else if (kind == ICreditFacts.DrawLoan.selector) {
            (r.drawn,) = abi.decode(log.data, (uint256, uint256));
            (r.lot, r.accruedAt) = (true, block.timestamp);
            lent += r.drawn;
        } else {
            _hearOfPledge(r, kind, log.data);
        }
    }

    function _hearOfPledge(Reckoning storage r, bytes32 kind, bytes memory data) private {
        if (kind == ICreditFacts.AddCollateral.selector) {
            r.collateral += abi.decode(data, (uint256));
        } else if (kind == ICreditFacts.AddShares.selector) {
            r.shares += abi.decode(data, (uint256));
        } else if (kind == ICreditFacts.WithdrawCollateral.selector) {
            uint256 amount = abi.decode(data, (uint256));
            r.collateral -= amount;
            if (r.breached) releasedInBreach += amount;
        } else if (kind == ICreditFacts.WithdrawShares.selector) {
            uint256 amount = abi.decode(data, (uint256));
            r.shares -= amount;
            if (r.breached) releasedInBreach += amount;
        } else if (kind == ICreditFacts.SellCollateral.selector) {
            (uint256 amount, uint256 price) = abi.decode(data, (uint256, uint256));
            r.collateral -= amount;
            // What was sold counts no longer, at what it fetched or at the feed's price, whichever is more.
            uint256 worth = Math.max(price, _btcValue(amount));
            if (r.span == MARK_DAYS) r.floor -= Math.min(r.floor, worth);
        } else if (kind == ICreditFacts.SellLot.selector) {
            (, uint256 saleCosts) = abi.decode(data, (uint256, uint256));
            (r.lot, r.shares) = (false, 0);
            // What a loan without its lot counts for is told anew.
            if (r.span == MARK_DAYS) _unmark(r);
            due[costs] += saleCosts;
        }
    }

    function _pay(Reckoning storage r, uint256 principal, uint256 interest) private {
        uint256 amount = principal + interest;
        recovered += amount;
        r.paid += amount;
        r.principalPaid += principal;
        ++r.payments;
        if (r.span == LOT_DAYS) {
            r.lotOwed -= amount;
            if (r.base > r.lotOwed) r.base = r.lotOwed;
        } else if (r.span > 0) {
            r.base = r.base > amount ? r.base - amount : 0;
            if (r.floor > r.base) r.floor = r.base;
        }
    }

    function _mark(Reckoning storage r, Loan memory l, uint256 since, uint256 floor) private {
        if (r.span == 0) {
            uint256 today = block.timestamp / 1 days;
            r.base = l.principal + l.accruedScaled / SCALE;
            r.firstDay = since / 1 days < today ? since / 1 days : today;
            r.span = MARK_DAYS;
        }
        r.floor = floor < r.base ? floor : r.base;
    }

    function _unmark(Reckoning storage r) private {
        (r.base, r.floor, r.firstDay, r.span, r.lotOwed) = (0, 0, 0, 0, 0);
    }

    /// @dev What could not be sent back stays pledged until it is reclaimed: here collateral alone, which can refuse its owner.
    function _close(Reckoning storage r, uint256 id, bytes memory data) private {
        (uint256 surplus, uint256 covered, uint256 lost) = abi.decode(data, (uint256, uint256, uint256));
        due[credit.loan(id).borrower] += surplus;
        recovered += covered;
        (r.covered, r.lost) = (covered, lost);
        (r.principal, r.lot, r.shares, r.breached) = (0, false, 0, false);
        _unmark(r);
        if (!_isBlocked(credit.loan(id).borrower)) r.collateral = 0;
    }

    /// @dev Whether collateral cannot be sent to `who`.
    function _isBlocked(address who) internal view virtual returns (bool);
}
