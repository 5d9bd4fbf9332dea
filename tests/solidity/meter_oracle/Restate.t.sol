// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IMeterOracle, Report, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev Only arbiter and quorum together, without the operator, may lower a counter.
contract RestateTest is OracleTest {
    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant LATER = START + 2 hours;

    Report internal head;

    function setUp() public override {
        super.setUp();
        head = _headAt(FIRST);
        vm.warp(LATER);
    }

    function test_restate__lowerCounters__isTheHead() public {
        Report memory report = _lower();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        bytes32 digest = oracle.digestOf(report);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.Restate(fleetId, digest);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdvanceHead(fleetId, LATER, digest, 3, report);
        vm.prank(arbiter);
        oracle.restate(report, quorum);

        _assertHead(report, LATER);
    }

    /// @dev Differences across it mean nothing, so nobody reads a utilization of them.
    function test_restate__thenAnInterval__readsWaitForTheNextReport() public {
        _restate(_lower());
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId));
        oracle.utilizationWad(fleetId);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId));
        oracle.meanPowerWatts(fleetId);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.EmptyInterval.selector, fleetId));
        oracle.joulesPerBusyGpuHour(fleetId);

        _headAt(LATER + 1 hours);
        vm.assertEq(oracle.utilizationWad(fleetId), 0.5e18);
    }

    function test_restate__byAnybodyButTheArbiter__reverts() public {
        Report memory report = _lower();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, operator));
        vm.prank(operator);
        oracle.restate(report, quorum);
    }

    function test_restate__withoutAQuorum__reverts() public {
        Report memory report = _lower();
        VerifierSignature[] memory one = _quorum(report, 1);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.QuorumNotReached.selector, fleetId, 1, 2));
        vm.prank(arbiter);
        oracle.restate(report, one);
    }

    function test_submit__lowerCountersWithEverybodysSignature__reverts() public {
        Report memory report = _lower();
        _refuse(
            report,
            abi.encodeWithSelector(
                IMeterOracle.CounterFell.selector,
                fleetId,
                bytes32("availableGpuMs"),
                report.availableGpuMs,
                head.availableGpuMs
            )
        );
    }

    function test_restate__noReportEver__reverts() public {
        uint256 second = _liveFleet();
        vm.warp(LATER + 1 hours);
        _refuseRestatement(
            _report(second, LATER + 1 hours, 0, 0), abi.encodeWithSelector(IMeterOracle.NoReport.selector, second)
        );
    }

    function test_restate__outOfOrder__reverts() public {
        Report memory report = _lower();
        report.previousDigest = "other";
        _refuseRestatement(
            report,
            abi.encodeWithSelector(IMeterOracle.WrongParent.selector, fleetId, bytes32("other"), oracle.digestOf(head))
        );
        report = _lower();
        report.asOf = uint40(FIRST);
        _refuseRestatement(report, abi.encodeWithSelector(IMeterOracle.NotAdvancing.selector, fleetId, FIRST, FIRST));
        report.asOf = uint40(LATER + 1);
        _refuseRestatement(
            report, abi.encodeWithSelector(IMeterOracle.FromTheFuture.selector, fleetId, LATER + 1, LATER)
        );
    }

    /// @dev Held against all that was possible since the commissioning.
    function test_restate__impossibleSinceTheBeginning__reverts() public {
        uint256 most = 2 * FULL_HOUR;
        Report memory report = _lower();
        report.availableGpuMs = uint64(most + 1);
        _refuseRestatement(
            report, abi.encodeWithSelector(IMeterOracle.AvailableAboveCapacity.selector, fleetId, most + 1, most)
        );
        report.availableGpuMs = uint64(most);
        report.busyGpuMs = uint64(most + 1);
        _refuseRestatement(
            report, abi.encodeWithSelector(IMeterOracle.BusyAboveAvailable.selector, fleetId, most + 1, most)
        );
        report.busyGpuMs = uint64(most);
        uint256 limit = uint256(64) * 700 * 7200 * 11 / 10;
        report.energyJoules = uint64(limit + 1);
        _refuseRestatement(
            report, abi.encodeWithSelector(IMeterOracle.EnergyAboveBoardPower.selector, fleetId, limit + 1, limit)
        );
        report.energyJoules = uint64(limit);
        _restate(report);
        _assertHead(report, LATER);
    }

    function test_restate__besideAPendingReport__supersedesIt() public {
        Report memory report = _lower();
        _post(_next(LATER));
        _restate(report);
        _assertHead(report, LATER);
        vm.assertEq(oracle.pending(fleetId).digest, 0);
        _assertOwed(poster, _coins(1000));
    }

    /// @dev Rent was paid on the old root; the new one says less, and nothing comes back nor is paid again.
    function test_restate__moneyPaid__stands() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
        vm.warp(LATER + 2 hours);
        Report memory report = _next(LATER + 2 hours);
        report.leaseRoot = LeafLib.delivery(leaseId, 16 * HOUR);
        _submit(report);
        book.settle(leaseId, uint64(16 * HOUR), _noProof());
        vm.assertEq(book.lease(leaseId).paid, _coins(32));

        vm.warp(LATER + 3 hours);
        report = _report(fleetId, LATER + 3 hours, 0, LeafLib.delivery(leaseId, 4 * HOUR));
        report.availableGpuMs -= uint64(HOUR);
        _restate(report);
        vm.assertEq(book.settle(leaseId, uint64(4 * HOUR), _noProof()), 0);

        Lease memory lease = book.lease(leaseId);
        vm.assertEq(lease.paid, _coins(32));
        vm.assertEq(router.revenue(fleetId).pending, _coins(32));
    }

    /// @dev As of now, with less of everything than the head said.
    function _lower() private view returns (Report memory report) {
        report = _report(fleetId, LATER, 0, "restated");
        report.availableGpuMs -= 3;
        report.busyGpuMs -= 2;
        report.energyJoules -= 1;
    }
}
