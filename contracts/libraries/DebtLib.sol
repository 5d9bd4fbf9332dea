// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Carrying} from "../interfaces/ICreditVault.sol";
import {LoanState} from "../interfaces/IFleetCredit.sol";
import {InterestLib} from "./InterestLib.sol";
import {ScheduleLib} from "./ScheduleLib.sol";

/// @dev What a loan owes: all that a payment reads and writes of it. Money in asset units, times in Unix seconds, rates in
/// basis points a year.
struct Debt {
    // slot 0: what every payment changes
    /// Outstanding; for a held lot all that it owes, which accrues nothing.
    uint96 principal;
    uint128 accruedScaled;
    /// Its lowest 32 bits. Until the loan is drawn, when it was approved: so that the slot exists by then.
    uint32 accruedAt;
    // slot 1: what a payment changes that meets an instalment
    uint96 drawn;
    uint40 startedAt;
    /// Due date of `nextDue`.
    uint40 nextDueAt;
    /// The first instalment that is not met, and one more than `months` once all are.
    uint8 nextDue;
    uint8 months;
    LoanState state;
    /// `rateBps`, or with the late rate.
    uint16 accrualBps;
    uint16 rateBps;
    /// Whether the vault writes it down.
    bool marked;
}

/// @dev What was paid, in asset units; and of the scaled interest, how much that paid.
struct Paid {
    uint256 principal;
    uint256 interest;
    uint256 accrued;
}

/// @notice A debt in memory: accrue it, then ask or pay.
///
/// A payment pays interest first, so principal only falls once all interest is paid, and whatever accrued after a due date did
/// so on the present principal: that is how interest until that date is told from what came after, without any history. The
/// late rate's part counts as due at once.
library DebtLib {
    using InterestLib for uint256;

    /// @dev Brings interest up to now; everything below expects that.
    function accrue(Debt memory self) internal view {
        unchecked {
            // Safe: 32 bits tell 136 years apart, and what a loan accrues in a century has 128, as its approval asks.
            uint256 elapsed = uint32(uint32(block.timestamp) - self.accruedAt);
            self.accruedScaled += uint128(InterestLib.accrue(self.principal, self.accrualBps, elapsed));
        }
        self.accruedAt = uint32(block.timestamp);
    }

    function carrying(Debt memory self) internal pure returns (Carrying memory) {
        return Carrying(self.principal, self.accrualBps, self.accruedScaled);
    }

    /// @dev Interest rounds up, for the vault.
    function interest(Debt memory self) internal pure returns (uint256) {
        return uint256(self.accruedScaled).unitsUp();
    }

    /// @dev Interest on what is outstanding for a month of equal length, at the loan's own rate. Rounds up.
    function monthlyInterest(Debt memory self) internal pure returns (uint256) {
        return InterestLib.accrue(self.principal, self.rateBps, InterestLib.MONTH).unitsUp();
    }

    function total(Debt memory self) internal pure returns (uint256) {
        return self.principal + interest(self);
    }

    /// @dev Pays `amount`, at most `total`: interest first. Adds to `paid`.
    function pay(Debt memory self, uint256 amount, Paid memory paid) internal pure {
        uint256 interestPaid = interest(self);
        if (interestPaid > amount) interestPaid = amount;
        uint256 principalPaid = amount - interestPaid;
        self.principal = uint96(self.principal - principalPaid);
        unchecked {
            // Safe: not more than there is, and a fraction; and sums of what one loan owes.
            uint256 accruedPaid = interestPaid * InterestLib.SCALE;
            // The last unit pays the fraction that is left, and no more.
            if (accruedPaid > self.accruedScaled) accruedPaid = self.accruedScaled;
            self.accruedScaled -= uint128(accruedPaid);
            paid.principal += principalPaid;
            paid.interest += interestPaid;
            paid.accrued += accruedPaid;
        }
    }

    /// @dev Goes on to the first instalment that is not met.
    function advance(Debt memory self) internal view {
        while (self.nextDueAt <= block.timestamp && self.nextDue <= self.months) {
            uint256 n = self.nextDue;
            if (self.principal > ScheduleLib.balanceAfter(self.drawn, self.months, n)) return;
            if (interestUntil(self, self.nextDueAt) > 0) return;
            // Safe: at most one more than `months`, which is below 255; and Unix seconds.
            self.nextDue = uint8(++n);
            self.nextDueAt = uint40(ScheduleLib.dueAt(self.startedAt, Math.min(n, self.months)));
        }
    }

    /// @dev What is due now and not paid: down to the last due date's balance, and interest until that date.
    function arrears(Debt memory self) internal view returns (uint256 principal, uint256 interest_) {
        uint256 n = ScheduleLib.passed(self.startedAt, self.months, block.timestamp);
        if (n < self.nextDue) return (0, 0);
        uint256 balance = ScheduleLib.balanceAfter(self.drawn, self.months, n);
        principal = self.principal > balance ? self.principal - balance : 0;
        interest_ = interestUntil(self, ScheduleLib.dueAt(self.startedAt, n));
    }

    /// @dev The payment that meets all that is due: more than the arrears where principal is, as all interest goes first.
    function needed(Debt memory self) internal view returns (uint256) {
        (uint256 principal, uint256 interest_) = arrears(self);
        return principal > 0 ? principal + interest(self) : interest_;
    }

    /// @dev What the first instalment that is not due yet will ask for as things stand: what is to be set aside for it. Nothing
    /// where none is left.
    function nextInstalment(Debt memory self) internal view returns (uint256) {
        uint256 n = ScheduleLib.passed(self.startedAt, self.months, block.timestamp) + 1;
        if (n > self.months) return 0;
        uint256 balance = ScheduleLib.balanceAfter(self.drawn, self.months, n);
        uint256 principal = self.principal > balance ? self.principal - balance : 0;
        return principal + (self.accruedScaled + _untilDue(self, n)).unitsUp();
    }

    /// @dev Of `amount`, which is more than the next instalment, what may prepay so that the rest still pays the interest
    /// until the next due date on what is then left. Principal that is prepaid is no longer asked for, so only that interest stays
    /// aside; a second sweep at the same time finds nothing more. Rounds down, for what stays aside.
    function sweep(Debt memory self, uint256 amount) internal view returns (uint256) {
        uint256 owed = interest(self);
        if (amount >= owed + self.principal) return owed + self.principal;
        uint256 n = ScheduleLib.passed(self.startedAt, self.months, block.timestamp) + 1;
        uint256 perUnit =
            n > self.months ? 0 : self.accrualBps * (ScheduleLib.dueAt(self.startedAt, n) - block.timestamp);
        // The greatest y with (principal - y) × perUnit <= (amount - owed - y) × SCALE. At 200 % a year at most, a month's
        // interest is less than a fifth of its principal, so `perUnit` is below SCALE.
        return owed + ((amount - owed) * InterestLib.SCALE - self.principal * perUnit) / (InterestLib.SCALE - perUnit);
    }

    /// @dev Interest that had accrued by `due`, not before this month's principal, with all of the late rate; rounded up.
    function interestUntil(Debt memory self, uint256 due) internal view returns (uint256) {
        uint256 later = InterestLib.accrue(self.principal, self.rateBps, block.timestamp - due);
        return self.accruedScaled > later ? (self.accruedScaled - later).unitsUp() : 0;
    }

    /// @dev Interest that accrues from now until due date `n`, scaled.
    function _untilDue(Debt memory self, uint256 n) private view returns (uint256) {
        uint256 elapsed = ScheduleLib.dueAt(self.startedAt, n) - block.timestamp;
        return InterestLib.accrue(self.principal, self.accrualBps, elapsed);
    }
}
