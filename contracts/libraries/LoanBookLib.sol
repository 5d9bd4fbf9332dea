// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Carrying} from "../interfaces/ICreditVault.sol";

/// @notice Many loans as one: their principal, and the interest that accrues on it. Interest is kept scaled, as
/// `InterestLib` does, so that the sum is exactly the sum of what each loan accrues, however often and in whatever order they
/// change.
library LoanBookLib {
    using LoanBookLib for LoanBook;
    using SafeCast for uint256;

    /// @dev Money in asset units, times in Unix seconds.
    struct LoanBook {
        // slot 0
        uint96 principal;
        /// What changes with the loans and is no part of their sum: cash beside performing loans, the base beside marked ones.
        uint96 beside;
        uint40 updatedAt;
        /// The keeper's: a shortcut beside performing loans, a count beside marked ones.
        uint24 note;
        // slot 1
        /// Sum of principal × rate in basis points a year: what accrues in one second, scaled.
        uint112 perSecondScaled;
        /// Accrued until `updatedAt` and not paid, scaled.
        uint144 accruedScaled;
    }

    /// @dev Interest accrued until now and not paid, scaled.
    function accrued(LoanBook storage self) internal view returns (uint256) {
        unchecked {
            // Safe: 144 bits, and 112 times 40; no block is older than the one before.
            return self.accruedScaled + uint256(self.perSecondScaled) * (block.timestamp - self.updatedAt);
        }
    }

    /// @dev Lets go of `leaving`, a loan or a part of one, and takes in `joining`, both as they stand now. Reverts where it
    /// holds less.
    function change(LoanBook storage self, Carrying memory leaving, Carrying memory joining) internal {
        uint144 accruedScaled = (self.accrued() + joining.accruedScaled - leaving.accruedScaled).toUint144();
        uint112 perSecondScaled =
            (uint256(self.perSecondScaled) + _perSecond(joining) - _perSecond(leaving)).toUint112();
        uint96 principal = (uint256(self.principal) + joining.principal - leaving.principal).toUint96();
        // Side by side, so that each slot is written once.
        self.principal = principal;
        self.updatedAt = uint40(block.timestamp);
        self.perSecondScaled = perSecondScaled;
        self.accruedScaled = accruedScaled;
    }

    /// @dev Lets go of what was paid of a loan: of its principal, at the rate that accrues on it, and of its interest; `more`
    /// joins what is beside. Each slot is read once and written once. Reverts where the book holds less.
    function pay(LoanBook storage self, uint256 principal, uint256 rateBps, uint256 accruedScaled, uint256 more)
        internal
    {
        uint256 first;
        uint256 second;
        assembly ("memory-safe") {
            first := sload(self.slot)
            second := sload(add(self.slot, 1))
        }
        // Truncating casts take the fields apart.
        uint256 perSecondScaled = uint112(second);
        uint256 accrued_;
        unchecked {
            // Safe: as in `accrued`.
            accrued_ = (second >> 112) + perSecondScaled * (block.timestamp - uint40(first >> 192));
        }
        accrued_ = (accrued_ - accruedScaled).toUint144();
        perSecondScaled -= principal * rateBps;
        uint256 beside = (uint96(first >> 96) + more).toUint96();
        first =
            (uint96(first) - principal) | beside << 96 | uint256(uint40(block.timestamp)) << 192 | first >> 232 << 232;
        second = perSecondScaled | accrued_ << 112;
        assembly ("memory-safe") {
            sstore(self.slot, first)
            sstore(add(self.slot, 1), second)
        }
    }

    function _perSecond(Carrying memory loan) private pure returns (uint256) {
        return uint256(loan.principal) * loan.rateBps;
    }
}
