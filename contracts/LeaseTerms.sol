// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ILeaseTerms, Terms} from "./interfaces/ILeaseTerms.sol";

/// @title LeaseTerms
contract LeaseTerms is AccessManaged, ILeaseTerms {
    uint256 internal constant WAD = 1e18;

    /// @dev One slot: what opening a lease needs.
    struct Current {
        uint16 termsId;
        uint64 reservationWad;
    }

    Current internal _current;
    mapping(uint256 termsId => Terms) internal _terms;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc ILeaseTerms
    function setTerms(Terms calldata terms) external restricted {
        _check(terms);
        uint16 termsId = _current.termsId + 1;

        _terms[termsId] = terms;
        _current = Current(termsId, terms.reservationWad);

        emit SetTerms(termsId, terms);
    }

    /// @inheritdoc ILeaseTerms
    function atOpening(uint256 deposit) external view returns (uint16 termsId, uint256 reservation) {
        Current memory current = _current;
        require(current.termsId > 0, NoTerms());
        return (current.termsId, _reservationUp(deposit, current.reservationWad));
    }

    /// @inheritdoc ILeaseTerms
    function reservationUp(uint256 termsId, uint256 deposit) external view returns (uint256) {
        return _reservationUp(deposit, _terms[termsId].reservationWad);
    }

    /// @inheritdoc ILeaseTerms
    function atClosing(
        uint256 termsId,
        uint256 deposit,
        uint256 availabilityWad,
        uint256 rentPerHour,
        bool endedByOperator
    ) external view returns (uint256 reservation, uint256 slaCredit, uint256 compensation) {
        Terms memory terms = _terms[termsId];
        reservation = _reservationUp(deposit, terms.reservationWad);
        uint256 creditWad;
        for (uint256 i; i < terms.tiers.length; ++i) {
            if (availabilityWad < terms.tiers[i].belowWad) creditWad = terms.tiers[i].creditWad;
        }
        slaCredit = deposit * creditWad / WAD;
        if (endedByOperator) {
            compensation = Math.min(reservation - slaCredit, rentPerHour * terms.compensation / 1 hours);
        }
    }

    /// @inheritdoc ILeaseTerms
    function lesseeEnd(uint256 termsId) external view returns (uint256 rentSeconds, uint256 notice) {
        Terms storage terms = _terms[termsId];
        return (terms.lesseeNotice, 2 * uint256(terms.reportInterval));
    }

    /// @inheritdoc ILeaseTerms
    function operatorEnd(uint256 termsId) external view returns (uint256 notice) {
        Terms storage terms = _terms[termsId];
        return Math.max(terms.operatorNotice, 2 * uint256(terms.reportInterval));
    }

    /// @inheritdoc ILeaseTerms
    function deadlines(uint256 termsId)
        external
        view
        returns (uint256 proofDeadline, uint256 maxStandstill, uint256 mutualDelay)
    {
        Terms storage terms = _terms[termsId];
        return (terms.proofDeadline, terms.maxStandstill, terms.mutualDelay);
    }

    /// @inheritdoc ILeaseTerms
    function termsOf(uint256 termsId) external view returns (Terms memory) {
        return _terms[termsId];
    }

    /// @inheritdoc ILeaseTerms
    function currentTermsId() external view returns (uint16) {
        return _current.termsId;
    }

    /// @dev Refuses terms that could owe more than the reservation, or that leave a side without its time.
    function _check(Terms calldata terms) internal pure {
        require(terms.reservationWad <= WAD, InvalidTerms("reservationWad"));
        uint256 below = WAD + 1;
        uint256 credit;
        for (uint256 i; i < terms.tiers.length; ++i) {
            require(terms.tiers[i].belowWad < below, InvalidTerms("belowWad"));
            require(
                terms.tiers[i].creditWad >= credit && terms.tiers[i].creditWad <= terms.reservationWad,
                InvalidTerms("creditWad")
            );
            below = terms.tiers[i].belowWad;
            credit = terms.tiers[i].creditWad;
        }
        require(terms.lesseeNotice <= 30 days, InvalidTerms("lesseeNotice"));
        require(terms.operatorNotice <= 30 days, InvalidTerms("operatorNotice"));
        require(terms.compensation <= 30 days, InvalidTerms("compensation"));
        require(terms.reportInterval > 0 && terms.reportInterval <= 1 days, InvalidTerms("reportInterval"));
        require(terms.proofDeadline >= 1 days && terms.proofDeadline <= 30 days, InvalidTerms("proofDeadline"));
        require(terms.maxStandstill <= 90 days, InvalidTerms("maxStandstill"));
        require(terms.mutualDelay >= 1 days && terms.mutualDelay <= terms.proofDeadline, InvalidTerms("mutualDelay"));
    }

    /// @dev Rounds up, for the lessee: credits round down and always fit.
    function _reservationUp(uint256 deposit, uint256 reservationWad) internal pure returns (uint256) {
        return Math.ceilDiv(deposit * reservationWad, WAD);
    }
}
