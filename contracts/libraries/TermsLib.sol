// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ILeaseBook, Terms} from "../interfaces/ILeaseBook.sol";
import {RentLib} from "./RentLib.sol";

/// @notice What a lease's terms come to in money. Ratios are WAD, money in token units.
library TermsLib {
    uint256 internal constant WAD = 1e18;

    /// @dev Refuses terms that could owe more than the reservation, or that leave a side without its time.
    function check(Terms calldata terms) internal pure {
        require(terms.reservationWad <= WAD, ILeaseBook.InvalidTerms("reservationWad"));
        uint256 below = WAD + 1;
        uint256 credit;
        for (uint256 i; i < 3; ++i) {
            require(terms.tiers[i].belowWad < below, ILeaseBook.InvalidTerms("belowWad"));
            require(
                terms.tiers[i].creditWad >= credit && terms.tiers[i].creditWad <= terms.reservationWad,
                ILeaseBook.InvalidTerms("creditWad")
            );
            below = terms.tiers[i].belowWad;
            credit = terms.tiers[i].creditWad;
        }
        require(terms.lesseeNotice <= 30 days, ILeaseBook.InvalidTerms("lesseeNotice"));
        require(terms.operatorNotice <= 30 days, ILeaseBook.InvalidTerms("operatorNotice"));
        require(terms.compensation <= 30 days, ILeaseBook.InvalidTerms("compensation"));
        require(terms.reportInterval > 0 && terms.reportInterval <= 1 days, ILeaseBook.InvalidTerms("reportInterval"));
        require(
            terms.proofDeadline >= 1 days && terms.proofDeadline <= 30 days, ILeaseBook.InvalidTerms("proofDeadline")
        );
        require(terms.maxStandstill <= 90 days, ILeaseBook.InvalidTerms("maxStandstill"));
        require(
            terms.mutualDelay >= 1 days && terms.mutualDelay <= terms.proofDeadline,
            ILeaseBook.InvalidTerms("mutualDelay")
        );
    }

    /// @dev The bond's part of a deposit. Rounds up: credits, which round down, always fit in it.
    function reservationUp(uint256 deposit, uint256 reservationWad) internal pure returns (uint256) {
        return Math.mulDiv(deposit, reservationWad, WAD, Math.Rounding.Ceil);
    }

    /// @dev SLA credit of a lease with this availability. Rounds down, for the operator.
    function slaCreditDown(Terms memory terms, uint256 deposit, uint256 availabilityWad)
        internal
        pure
        returns (uint256)
    {
        uint256 creditWad;
        for (uint256 i; i < 3; ++i) {
            if (availabilityWad < terms.tiers[i].belowWad) creditWad = terms.tiers[i].creditWad;
        }
        return deposit * creditWad / WAD;
    }

    /// @dev What an operator that ended early owes, within what is left of the reservation. Rounds down, for the operator.
    function compensationDown(Terms memory terms, uint256 pricePerGpuHour, uint256 gpus, uint256 left)
        internal
        pure
        returns (uint256)
    {
        return Math.min(left, RentLib.rentDown(pricePerGpuHour, RentLib.deliverable(gpus, terms.compensation)));
    }
}
