// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMeterOracle, Report, Signature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {Bond, IOperatorBond, SlashReason} from "../../../contracts/interfaces/IOperatorBond.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev Two statements of one key about one fleet and moment.
contract ProveLieTest is OracleTest {
    uint256 internal constant AS_OF = START + 1 hours;
    uint256 internal constant NEXT_KEY = 0xB0B;

    address internal finder = _actor("finder");
    Report internal a;
    Report internal b;

    function setUp() public override {
        super.setUp();
        vm.warp(AS_OF);
        a = _next(AS_OF);
        b = _next(AS_OF);
        b.busyGpuMs += 1;
    }

    function test_proveLie__otherCounters__slashesATenthToTheFinder() public {
        Signature memory first = _sign(REPORTER_KEY, a);
        Signature memory second = _sign(REPORTER_KEY, b);
        uint256 amount = _coins(1000);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.Lie, AS_OF, finder, amount / 10);
        vm.expectEmit(address(bond));
        emit IOperatorBond.Slash(fleetId, operator, SlashReason.Lie, AS_OF, address(lossFund), amount - amount / 10);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.ProveLie(fleetId, operator, reporter, AS_OF, finder, amount);
        vm.prank(finder);
        oracle.proveLie(a, first, b, second);

        vm.assertEq(bond.owed(coin, finder), amount / 10);
        vm.assertEq(bond.owed(coin, address(lossFund)), amount - amount / 10);
        Bond memory left = bond.bond(fleetId, operator);
        vm.assertEq(left.slashed, amount);
        vm.assertEq(left.free + left.lieStake + left.reserved, _coins(99_000));
    }

    function test_proveLie__anyCounterOrTheRoot__contradicts() public {
        for (uint256 field; field < 4; ++field) {
            uint256 state = vm.snapshotState();
            Report memory other = _other(field);
            _prove(a, REPORTER_KEY, other, REPORTER_KEY);
            vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(1000));
            vm.revertToState(state);
        }
    }

    function test_proveLie__ofReportsThatNobodySubmitted__counts() public {
        _headAt(AS_OF);
        vm.warp(AS_OF + 5 hours);
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);
    }

    /* ---- innocent ---- */

    /// @dev After a reorg the same statement stands on another parent, and its leaf file may be published anew.
    function test_proveLie__otherParentOrLeafFileAlone__reverts() public {
        Report memory other = _next(AS_OF);
        other.previousDigest = "other parent";
        _refuseLie(a, REPORTER_KEY, other, REPORTER_KEY, abi.encodeWithSelector(IMeterOracle.NoContradiction.selector));
        other.dataHash = "other file";
        _refuseLie(a, REPORTER_KEY, other, REPORTER_KEY, abi.encodeWithSelector(IMeterOracle.NoContradiction.selector));
    }

    function test_proveLie__sameReportTwice__reverts() public {
        _refuseLie(a, REPORTER_KEY, a, REPORTER_KEY, abi.encodeWithSelector(IMeterOracle.NoContradiction.selector));
    }

    function test_proveLie__otherMomentOrFleet__reverts() public {
        Report memory other = _other(0);
        other.asOf += 1;
        _refuseLie(a, REPORTER_KEY, other, REPORTER_KEY, abi.encodeWithSelector(IMeterOracle.NoContradiction.selector));
        other = _other(0);
        other.fleetId += 1;
        _refuseLie(a, REPORTER_KEY, other, REPORTER_KEY, abi.encodeWithSelector(IMeterOracle.NoContradiction.selector));
    }

    /* ---- whose key ---- */

    function test_proveLie__notAReporter__reverts() public {
        bytes memory reason = abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, lessee);
        _refuseLie(a, LESSEE_KEY, b, LESSEE_KEY, reason);
        _refuseLie(a, LESSEE_KEY, b, REPORTER_KEY, reason);
        _refuseLie(a, REPORTER_KEY, b, LESSEE_KEY, reason);
    }

    function test_proveLie__reporterOfAnotherFleet__reverts() public {
        uint256 second = _liveFleet();
        vm.prank(operator);
        oracle.setReporter(second, vm.addr(NEXT_KEY));
        _refuseLie(
            a,
            NEXT_KEY,
            b,
            NEXT_KEY,
            abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, vm.addr(NEXT_KEY))
        );
    }

    /// @dev One word of each of two keys of one operator is no contradiction of a key.
    function test_proveLie__twoKeysOfOneOperator__reverts() public {
        _rotate();
        _refuseLie(
            a,
            REPORTER_KEY,
            b,
            NEXT_KEY,
            abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, vm.addr(NEXT_KEY))
        );
    }

    function test_proveLie__rotatedKey__answersFor21Days() public {
        _rotate();
        vm.warp(AS_OF + 21 days);
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);
        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(1000));
    }

    function test_proveLie__rotatedKeyAfter21Days__reverts() public {
        _rotate();
        vm.warp(AS_OF + 21 days + 1);
        _refuseLie(
            a,
            REPORTER_KEY,
            b,
            REPORTER_KEY,
            abi.encodeWithSelector(IMeterOracle.KeyNoLongerAnswers.selector, fleetId, reporter, AS_OF + 21 days)
        );
    }

    function test_proveLie__oldKeyTakenUpAgain__answersAgain() public {
        _rotate();
        vm.prank(operator);
        oracle.setReporter(fleetId, reporter);
        vm.warp(AS_OF + 60 days);
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);
    }

    /// @dev The theft: an operator lies, is replaced, and its successor's bond pays.
    function test_proveLie__keyOfAReplacedOperator__slashesThatOperator() public {
        address successor = _actor("successor");
        vm.prank(registrar);
        registry.admitOperator(successor, "papers");
        vm.prank(owner);
        registry.proposeOperator(fleetId, successor);
        _stake(fleetId, successor, _coins(50_000));
        vm.warp(AS_OF + 7 days);
        registry.replaceOperator(fleetId);
        vm.prank(operator);
        bond.unbond(fleetId, _coins(100_000));

        vm.warp(AS_OF + 28 days);
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);

        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(1000));
        vm.assertEq(bond.bond(fleetId, operator).unbonding, _coins(99_000));
        vm.assertEq(bond.bond(fleetId, successor).slashed, 0);
    }

    /// @dev The theft: a liar takes its stake out before anybody can prove it.
    function test_proveLie__stakeOnItsWayOut__isSlashed() public {
        vm.prank(operator);
        bond.unbond(fleetId, _coins(99_600));
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);

        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(1000));
        vm.assertEq(bond.bond(fleetId, operator).free, 0);
        vm.assertEq(bond.bond(fleetId, operator).unbonding, _coins(99_000));
    }

    /* ---- once ---- */

    function test_proveLie__sameMomentAgain__reverts() public {
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);
        bytes memory reason = abi.encodeWithSelector(IMeterOracle.LieAlreadyProved.selector, fleetId, AS_OF, reporter);
        _refuseLie(a, REPORTER_KEY, b, REPORTER_KEY, reason);
        _refuseLie(b, REPORTER_KEY, a, REPORTER_KEY, reason);
        _refuseLie(a, REPORTER_KEY, _other(3), REPORTER_KEY, reason);
    }

    function test_proveLie__anotherMomentOrKey__isAnotherLie() public {
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);
        a.asOf += 1;
        b.asOf += 1;
        _prove(a, REPORTER_KEY, b, REPORTER_KEY);
        _rotate();
        _prove(a, NEXT_KEY, b, NEXT_KEY);
        vm.assertEq(bond.bond(fleetId, operator).slashed, _coins(3000));
    }

    /* ---- steps ---- */

    function _other(uint256 field) private view returns (Report memory other) {
        other = a;
        if (field == 0) other.availableGpuMs -= 1;
        else if (field == 1) other.busyGpuMs -= 1;
        else if (field == 2) other.energyJoules -= 1;
        else other.leaseRoot = "other root";
    }

    function _rotate() private {
        vm.prank(operator);
        oracle.setReporter(fleetId, vm.addr(NEXT_KEY));
    }

    function _prove(Report memory one, uint256 oneKey, Report memory two, uint256 twoKey) private {
        Signature memory first = _sign(oneKey, one);
        Signature memory second = _sign(twoKey, two);
        vm.prank(finder);
        oracle.proveLie(one, first, two, second);
    }

    function _refuseLie(Report memory one, uint256 oneKey, Report memory two, uint256 twoKey, bytes memory reason)
        private
    {
        Signature memory first = _sign(oneKey, one);
        Signature memory second = _sign(twoKey, two);
        vm.expectRevert(reason);
        vm.prank(finder);
        oracle.proveLie(one, first, two, second);
    }
}
