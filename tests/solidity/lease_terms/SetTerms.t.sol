// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {LeaseTerms} from "../../../contracts/LeaseTerms.sol";
import {ILeaseTerms, Terms, Tier} from "../../../contracts/interfaces/ILeaseTerms.sol";
import {bound} from "../base/Bound.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

contract SetTermsTest is SystemTest {
    function _set(Terms memory terms) internal {
        vm.prank(parameters);
        leaseTerms.setTerms(terms);
    }

    function _refuse(Terms memory terms, bytes32 field) internal {
        vm.prank(parameters);
        vm.expectRevert(abi.encodeWithSelector(ILeaseTerms.InvalidTerms.selector, field));
        leaseTerms.setTerms(terms);
    }

    function test_setTerms__valid__nextVersion() public {
        Terms memory terms = _terms();
        terms.reservationWad = 0.2e18;
        vm.expectEmit(address(leaseTerms));
        emit ILeaseTerms.SetTerms(2, terms);
        _set(terms);
        vm.assertEq(leaseTerms.currentTermsId(), 2);
        vm.assertEq(keccak256(abi.encode(leaseTerms.termsOf(2))), keccak256(abi.encode(terms)));
        vm.assertEq(keccak256(abi.encode(leaseTerms.termsOf(1))), keccak256(abi.encode(_terms())));
    }

    function test_setTerms__byStranger__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        leaseTerms.setTerms(_terms());
    }

    function test_setTerms__reservationAboveTheDeposit__reverts() public {
        Terms memory terms = _terms();
        terms.reservationWad = 1e18;
        _set(terms);
        terms.reservationWad = 1e18 + 1;
        _refuse(terms, "reservationWad");
    }

    function test_setTerms__thresholdsNotFalling__reverts() public {
        Terms memory terms = _terms();
        terms.tiers[0].belowWad = 1e18 + 1;
        _refuse(terms, "belowWad");
        terms.tiers[0].belowWad = 1e18;
        _set(terms);
        terms.tiers[2].belowWad = terms.tiers[1].belowWad;
        _refuse(terms, "belowWad");
    }

    function test_setTerms__creditsFallingOrAboveTheReservation__reverts() public {
        Terms memory terms = _terms();
        terms.tiers[1].creditWad = terms.tiers[0].creditWad - 1;
        _refuse(terms, "creditWad");
        terms = _terms();
        terms.tiers[2].creditWad = terms.reservationWad + 1;
        _refuse(terms, "creditWad");
        terms.tiers[2].creditWad = terms.reservationWad;
        _set(terms);
    }

    function test_setTerms__timesOutOfRange__reverts() public {
        Terms memory terms = _terms();
        terms.lesseeNotice = 30 days + 1;
        _refuse(terms, "lesseeNotice");
        terms = _terms();
        terms.operatorNotice = 30 days + 1;
        _refuse(terms, "operatorNotice");
        terms = _terms();
        terms.compensation = 30 days + 1;
        _refuse(terms, "compensation");
        terms = _terms();
        terms.reportInterval = 0;
        _refuse(terms, "reportInterval");
        terms.reportInterval = 1 days + 1;
        _refuse(terms, "reportInterval");
        terms = _terms();
        terms.proofDeadline = 1 days - 1;
        _refuse(terms, "proofDeadline");
        terms.proofDeadline = 30 days + 1;
        _refuse(terms, "proofDeadline");
        terms = _terms();
        terms.maxStandstill = 90 days + 1;
        _refuse(terms, "maxStandstill");
        terms = _terms();
        terms.mutualDelay = 1 days - 1;
        _refuse(terms, "mutualDelay");
        terms.mutualDelay = terms.proofDeadline + 1;
        _refuse(terms, "mutualDelay");
    }

    function test_setTerms__timesAtTheirLimits__accepted() public {
        Terms memory terms = _terms();
        terms.lesseeNotice = terms.operatorNotice = terms.compensation = 30 days;
        terms.reportInterval = 1 days;
        terms.proofDeadline = 30 days;
        terms.maxStandstill = 90 days;
        terms.mutualDelay = 30 days;
        _set(terms);
        terms.proofDeadline = 1 days;
        terms.mutualDelay = 1 days;
        _set(terms);
        vm.assertEq(leaseTerms.currentTermsId(), 3);
    }

    function test_atOpening__noTerms__reverts() public {
        LeaseTerms none = new LeaseTerms(address(authority));
        vm.expectRevert(ILeaseTerms.NoTerms.selector);
        none.atOpening(1);
    }

    function test_atOpening__reservesATenthRoundedUp() public view {
        (uint16 termsId, uint256 reservation) = leaseTerms.atOpening(101);
        vm.assertEq(termsId, 1);
        vm.assertEq(reservation, 11);
        vm.assertEq(leaseTerms.reservationUp(1, 101), 11);
        vm.assertEq(leaseTerms.reservationUp(1, 100), 10);
        vm.assertEq(leaseTerms.reservationUp(1, 0), 0);
    }

    function test_reads__defaults() public view {
        (uint256 rentSeconds, uint256 notice) = leaseTerms.lesseeEnd(1);
        vm.assertEq(rentSeconds, 24 hours);
        vm.assertEq(notice, 2 hours);
        vm.assertEq(leaseTerms.operatorEnd(1), 24 hours);
        (uint256 proofDeadline, uint256 maxStandstill, uint256 mutualDelay) = leaseTerms.deadlines(1);
        vm.assertEq(proofDeadline, 7 days);
        vm.assertEq(maxStandstill, 30 days);
        vm.assertEq(mutualDelay, 48 hours);
    }

    /// @dev Under any terms that are accepted, credit and compensation fit in the reservation, and worse service never
    /// earns less.
    function test_atClosing__anyTerms__owesAtMostTheReservation(
        uint256[7] memory seeds,
        uint128 deposit,
        uint128 rentPerHour,
        uint64 availability,
        uint64 worse
    ) public {
        Terms memory terms = _terms();
        terms.reservationWad = uint64(bound(seeds[0], 0, 1e18));
        terms.tiers[0] = Tier(uint64(bound(seeds[1], 2, 1e18)), uint64(bound(seeds[2], 0, terms.reservationWad)));
        terms.tiers[1] = Tier(
            uint64(bound(seeds[3], 1, terms.tiers[0].belowWad - 1)),
            uint64(bound(seeds[4], terms.tiers[0].creditWad, terms.reservationWad))
        );
        terms.tiers[2] = Tier(
            uint64(bound(seeds[5], 0, terms.tiers[1].belowWad - 1)),
            uint64(bound(seeds[6], terms.tiers[1].creditWad, terms.reservationWad))
        );
        _set(terms);
        availability = uint64(bound(availability, 0, 1e18));
        worse = uint64(bound(worse, 0, availability));
        (uint256 reservation, uint256 credit, uint256 compensation) =
            leaseTerms.atClosing(2, deposit, availability, rentPerHour, true);
        vm.assertLe(credit + compensation, reservation);
        vm.assertEq(reservation, leaseTerms.reservationUp(2, deposit));
        uint256 asked = uint256(rentPerHour) * 24;
        vm.assertEq(compensation, asked < reservation - credit ? asked : reservation - credit);
        (, uint256 worseCredit, uint256 none) = leaseTerms.atClosing(2, deposit, worse, rentPerHour, false);
        vm.assertGe(worseCredit, credit);
        vm.assertEq(none, 0);
    }
}
