// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IMeterOracle, Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev The reporter and a quorum move the head at once; nobody else does, and never to what cannot be.
contract SubmitTest is OracleTest {
    uint256 internal constant FIRST = START + 1 hours;
    /// @dev Order of secp256k1.
    uint256 internal constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_submit__firstReport__isTheHead() public {
        vm.warp(FIRST);
        Report memory report = _next(FIRST);
        Signature memory signature = _sign(REPORTER_KEY, report);
        VerifierSignature[] memory quorum = _quorum(report, 2);

        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdvanceHead(fleetId, FIRST, oracle.digestOf(report), REPORTER_BIT | 3, report);
        vm.prank(stranger);
        oracle.submit(report, signature, quorum);

        _assertHead(report, FIRST);
    }

    function test_submit__anyTwoOfThree__suffice() public {
        vm.warp(FIRST);
        Report memory report = _next(FIRST);
        VerifierSignature[] memory all = _quorum(report, 3);
        VerifierSignature[] memory lastTwo = new VerifierSignature[](2);
        (lastTwo[0], lastTwo[1]) = (all[1], all[2]);
        Signature memory signature = _sign(REPORTER_KEY, report);

        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdvanceHead(fleetId, FIRST, oracle.digestOf(report), REPORTER_BIT | 6, report);
        oracle.submit(report, signature, lastTwo);
    }

    function test_submit__late__countsFromItsAcceptance() public {
        vm.warp(START + 10 hours);
        Report memory report = _next(FIRST);
        _submit(report);
        _assertHead(report, START + 10 hours);
    }

    function test_submit__missedOne__losesNothing() public {
        _headAt(FIRST);
        Report memory report = _headAt(FIRST + 5 hours);
        vm.assertEq(report.availableGpuMs, 6 * FULL_HOUR);
        _assertHead(report, FIRST + 5 hours);
    }

    /* ---- signatures ---- */

    function test_submit__notTheReporter__reverts() public {
        Report memory report = _due();
        Signature memory signature = _sign(OPERATOR_KEY, report);
        _refuseSigned(
            report,
            signature,
            _quorum(report, 2),
            abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, operator)
        );
    }

    function test_submit__signatureOfNobody__reverts() public {
        Report memory report = _due();
        _refuseSigned(report, Signature(0, 0), _quorum(report, 2), abi.encodeWithSignature("InvalidSignature()"));
    }

    function test_submit__notAVerifier__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        (quorum[1].r, quorum[1].vs) = vm.signCompact(LESSEE_KEY, oracle.digestOf(report));
        _refuseQuorum(report, quorum, abi.encodeWithSelector(IMeterOracle.NotVerifier.selector, fleetId, 1, lessee));
    }

    function test_submit__verifierUnderAnothersIndex__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        quorum[1].index = 2;
        _refuseQuorum(
            report,
            quorum,
            abi.encodeWithSelector(IMeterOracle.NotVerifier.selector, fleetId, 2, vm.addr(verifierKeys[1]))
        );
    }

    function test_submit__oneVerifierTwice__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        quorum[1] = quorum[0];
        _refuseQuorum(report, quorum, abi.encodeWithSelector(IMeterOracle.DuplicateVerifier.selector, fleetId, 0));
    }

    function test_submit__verifiersOutOfOrder__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        (quorum[0], quorum[1]) = (quorum[1], quorum[0]);
        _refuseQuorum(report, quorum, abi.encodeWithSelector(IMeterOracle.DuplicateVerifier.selector, fleetId, 0));
    }

    function test_submit__indexBeyondTheSet__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 3);
        quorum[2].index = 3;
        _refuseQuorum(report, quorum, abi.encodeWithSelector(IMeterOracle.UnknownVerifier.selector, fleetId, 3));
        quorum[2].index = 255;
        _refuseQuorum(report, quorum, abi.encodeWithSelector(IMeterOracle.UnknownVerifier.selector, fleetId, 255));
    }

    function test_submit__tooFewVerifiers__reverts() public {
        Report memory report = _due();
        _refuseQuorum(
            report, _quorum(report, 1), abi.encodeWithSelector(IMeterOracle.QuorumNotReached.selector, fleetId, 1, 2)
        );
    }

    function test_submit__oneBadSignatureBeyondTheQuorum__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 3);
        (quorum[2].r, quorum[2].vs) = vm.signCompact(LESSEE_KEY, oracle.digestOf(report));
        _refuseQuorum(report, quorum, abi.encodeWithSelector(IMeterOracle.NotVerifier.selector, fleetId, 2, lessee));
    }

    function test_submit__fleetWithoutVerifiers__reverts() public {
        vm.prank(operator);
        uint256 second = registry.enrol(_enrolment());
        vm.prank(operator);
        oracle.setReporter(second, reporter);
        vm.warp(FIRST);
        Report memory report = _report(second, FIRST, 0, 0);
        _refuseQuorum(
            report,
            new VerifierSignature[](0),
            abi.encodeWithSelector(IMeterOracle.QuorumNotReached.selector, second, 0, 0)
        );
    }

    function test_submit__verifierThatWasReplaced__reverts() public {
        Report memory report = _due();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        address[] memory others = new address[](2);
        (others[0], others[1]) = (address(1), address(2));
        vm.prank(verifierAdmin);
        oracle.setVerifiers(fleetId, others, 2);
        _refuseQuorum(
            report,
            quorum,
            abi.encodeWithSelector(IMeterOracle.NotVerifier.selector, fleetId, 0, vm.addr(verifierKeys[0]))
        );
    }

    /// @dev The compact form has no room for the second signature that everybody can make of a first.
    function test_submit__highS__isNobodysSignature() public {
        Report memory report = _due();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(REPORTER_KEY, oracle.digestOf(report));
        uint256 high = N - uint256(s);
        uint256 vs = high | (v == 27 ? 1 << 255 : 0);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        address stray = ecrecover(oracle.digestOf(report), uint8(27 + (vs >> 255)), r, bytes32(vs & ((1 << 255) - 1)));
        vm.assertNotEq(bytes32(uint256(uint160(stray))), bytes32(uint256(uint160(reporter))));
        vm.expectRevert(
            stray == address(0)
                ? abi.encodeWithSignature("InvalidSignature()")
                : abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, stray)
        );
        oracle.submit(report, Signature(r, bytes32(vs)), quorum);
    }

    function test_submit__signedForAnotherChain__reverts() public {
        _refuseForeign(block.chainid + 1, address(oracle), "MeterOracle", "1");
    }

    function test_submit__signedForAnotherContract__reverts() public {
        _refuseForeign(block.chainid, address(book), "MeterOracle", "1");
    }

    function test_submit__signedForAnotherNameOrVersion__reverts() public {
        _refuseForeign(block.chainid, address(oracle), "LeaseBook", "1");
        _refuseForeign(block.chainid, address(oracle), "MeterOracle", "2");
    }

    /* ---- order ---- */

    function test_submit__twice__reverts() public {
        Report memory report = _headAt(FIRST);
        _refuse(report, _wrongParent(0, oracle.digestOf(report)));
    }

    function test_submit__notOnTheHead__reverts() public {
        Report memory head = _headAt(FIRST);
        vm.warp(FIRST + 1 hours);
        Report memory report = _next(FIRST + 1 hours);
        report.previousDigest = "other";
        _refuse(report, _wrongParent("other", oracle.digestOf(head)));
    }

    function test_submit__asOfNotAdvancing__reverts() public {
        _headAt(FIRST);
        vm.warp(FIRST + 1 hours);
        Report memory report = _report(fleetId, FIRST, 0, 0);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.NotAdvancing.selector, fleetId, FIRST, FIRST));
        report = _report(fleetId, FIRST - 1, 0, 0);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.NotAdvancing.selector, fleetId, FIRST - 1, FIRST));
        _submit(_report(fleetId, FIRST + 1, 0, 0));
    }

    function test_submit__fromTheFuture__reverts() public {
        vm.warp(FIRST);
        _refuse(
            _report(fleetId, FIRST + 1, 0, 0),
            abi.encodeWithSelector(IMeterOracle.FromTheFuture.selector, fleetId, FIRST + 1, FIRST)
        );
        _submit(_report(fleetId, FIRST, 0, 0));
    }

    function test_submit__unknownFleet__reverts() public {
        vm.warp(FIRST);
        Report memory report = _report(9, FIRST, 0, 0);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.NotReporter.selector, 9, reporter));
    }

    /* ---- what cannot be ---- */

    function test_submit__countersFall__reverts() public {
        Report memory head = _headAt(FIRST);
        vm.warp(FIRST + 1 hours);
        Report memory report = _report(fleetId, FIRST + 1 hours, 0, 0);

        report.availableGpuMs = head.availableGpuMs - 1;
        _refuse(report, _fell("availableGpuMs", head.availableGpuMs - 1, head.availableGpuMs));
        report.availableGpuMs = head.availableGpuMs;
        report.busyGpuMs = head.busyGpuMs - 1;
        _refuse(report, _fell("busyGpuMs", head.busyGpuMs - 1, head.busyGpuMs));
        report.busyGpuMs = head.busyGpuMs;
        report.energyJoules = head.energyJoules - 1;
        _refuse(report, _fell("energyJoules", head.energyJoules - 1, head.energyJoules));
        report.energyJoules = head.energyJoules;
        _submit(report);
    }

    function test_submit__availableAboveCapacity__revertsFromTheFirstMillisecond() public {
        vm.warp(FIRST);
        Report memory report = _report(fleetId, FIRST, FULL_HOUR + 1, 0);
        _refuse(
            report,
            abi.encodeWithSelector(IMeterOracle.AvailableAboveCapacity.selector, fleetId, FULL_HOUR + 1, FULL_HOUR)
        );
        report.availableGpuMs -= 1;
        _submit(report);
    }

    /// @dev 64 GPUs for an hour, 96 for the next, 32 for the third: each to the second of its change.
    function test_submit__capacityChangedSinceTheHead__isIntegratedExactly() public {
        _headAt(FIRST);
        vm.warp(FIRST + 1 hours);
        vm.prank(owner);
        registry.requestGrowth(fleetId, 96, "more");
        vm.prank(registrar);
        registry.confirmGrowth(fleetId, 96, "more");
        vm.warp(FIRST + 2 hours);
        vm.prank(owner);
        registry.shrink(fleetId, 32, "fewer");
        vm.warp(FIRST + 3 hours);

        uint256 most = (64 + 96 + 32) * HOUR;
        Report memory report = _report(fleetId, FIRST + 3 hours, most + 1, 0);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.AvailableAboveCapacity.selector, fleetId, most + 1, most));
        report.availableGpuMs -= 1;
        _submit(report);

        vm.warp(FIRST + 4 hours);
        report = _report(fleetId, FIRST + 4 hours, 32 * HOUR + 1, 0);
        _refuse(
            report,
            abi.encodeWithSelector(IMeterOracle.AvailableAboveCapacity.selector, fleetId, 32 * HOUR + 1, 32 * HOUR)
        );
    }

    function test_submit__beforeTheFleetWasCommissioned__hasNoCapacity() public {
        vm.startPrank(operator);
        uint256 second = registry.enrol(_enrolment());
        oracle.setReporter(second, reporter);
        vm.stopPrank();
        vm.prank(verifierAdmin);
        oracle.setVerifiers(second, _verifiers(), 2);
        vm.warp(FIRST);
        Report memory report = _report(second, FIRST, 1, 0);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.AvailableAboveCapacity.selector, second, 1, 0));
        _submit(_report(second, FIRST, 0, 0));
    }

    function test_submit__busyBeyondAvailable__reverts() public {
        _headAt(FIRST);
        vm.warp(FIRST + 1 hours);
        Report memory report = _report(fleetId, FIRST + 1 hours, 1000, 0);
        report.busyGpuMs = oracle.head(fleetId).busyGpuMs + 1001;
        _refuse(report, abi.encodeWithSelector(IMeterOracle.BusyAboveAvailable.selector, fleetId, 1001, 1000));
        report.busyGpuMs -= 1;
        _submit(report);
    }

    /// @dev A tenth above 64 boards of 700 W for an hour, whether they were available or not.
    function test_submit__energyAboveBoardPower__revertsFromTheFirstJoule() public {
        uint256 limit = uint256(64) * 700 * 3600 * 11 / 10;
        vm.warp(FIRST);
        Report memory report = _report(fleetId, FIRST, 0, 0);
        report.energyJoules = uint64(limit + 1);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.EnergyAboveBoardPower.selector, fleetId, limit + 1, limit));
        report.energyJoules = uint64(limit);
        _submit(report);

        vm.warp(FIRST + 1);
        report = _report(fleetId, FIRST + 1, 0, 0);
        report.energyJoules = uint64(limit + 49_281);
        _refuse(report, abi.encodeWithSelector(IMeterOracle.EnergyAboveBoardPower.selector, fleetId, 49_281, 49_280));
        report.energyJoules -= 1;
        _submit(report);
    }

    /* ---- steps ---- */

    function _due() private returns (Report memory) {
        vm.warp(FIRST);
        return _next(FIRST);
    }

    function _refuseQuorum(Report memory report, VerifierSignature[] memory quorum, bytes memory reason) private {
        _refuseSigned(report, _sign(REPORTER_KEY, report), quorum, reason);
    }

    function _refuseSigned(
        Report memory report,
        Signature memory signature,
        VerifierSignature[] memory quorum,
        bytes memory reason
    ) private {
        vm.expectRevert(reason);
        oracle.submit(report, signature, quorum);
    }

    /// @dev The reporter signed for another domain; the oracle sees another signer.
    function _refuseForeign(uint256 chainId, address verifyingContract, string memory name, string memory version)
        private
    {
        Report memory report = _due();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifyingContract
            )
        );
        bytes32 typeHash = keccak256(
            "MeterReport(uint64 fleetId,uint40 asOf,uint64 availableGpuMs,uint64 busyGpuMs,uint64 energyJoules,bytes32 leaseRoot,bytes32 dataHash,bytes32 previousDigest)"
        );
        bytes32 foreign = keccak256(bytes.concat(hex"1901", domain, keccak256(abi.encode(typeHash, report))));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(REPORTER_KEY, foreign);
        address stray = ecrecover(oracle.digestOf(report), v, r, s);
        bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
        _refuseSigned(
            report,
            Signature(r, vs),
            _quorum(report, 2),
            abi.encodeWithSelector(IMeterOracle.NotReporter.selector, fleetId, stray)
        );
    }

    function _wrongParent(bytes32 parent, bytes32 head) private view returns (bytes memory) {
        return abi.encodeWithSelector(IMeterOracle.WrongParent.selector, fleetId, parent, head);
    }

    function _fell(bytes32 counter, uint256 value, uint256 headValue) private view returns (bytes memory) {
        return abi.encodeWithSelector(IMeterOracle.CounterFell.selector, fleetId, counter, value, headValue);
    }
}
