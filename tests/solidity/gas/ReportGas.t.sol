// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What a report costs its submitter, on a fleet that has a history.
contract ReportGasTest is GasTest {
    string internal constant TOPIC = "reports";

    uint256 internal fleetId;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        for (uint256 i = 1; i <= 3; ++i) {
            vm.warp(START + i * 1 hours);
            _submit(_next());
        }
        coin.mint(operator, _coins(100_000));
        coin.mint(stranger, _coins(100_000));
        vm.prank(operator);
        coin.approve(address(oracle), type(uint256).max);
        vm.prank(stranger);
        coin.approve(address(oracle), type(uint256).max);
        vm.warp(START + 4 hours);
        // A pending report and a dispute have come and gone.
        _post();
        vm.prank(stranger);
        oracle.dispute(fleetId);
        vm.prank(arbiter);
        oracle.rule(fleetId, false);
        vm.warp(START + 5 hours);
    }

    function test_submit() public {
        Report memory report = _next();
        Signature memory signature = _sign(REPORTER_KEY, report);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        oracle.submit(report, signature, quorum);
        _within(90_000, TOPIC, "submit, operator and two verifiers");
    }

    function test_submitWithoutOperator() public {
        vm.warp(block.timestamp + 1 days);
        Report memory report = _next();
        VerifierSignature[] memory quorum = _quorum(report, 2);
        oracle.submitWithoutOperator(report, quorum);
        _record(TOPIC, "submitWithoutOperator, two verifiers");
    }

    function test_post() public {
        _post();
        _record(TOPIC, "post");
    }

    function test_dispute() public {
        _post();
        vm.prank(stranger);
        oracle.dispute(fleetId);
        _record(TOPIC, "dispute");
    }

    function test_rule() public {
        _post();
        vm.prank(stranger);
        oracle.dispute(fleetId);
        vm.prank(arbiter);
        oracle.rule(fleetId, false);
        _record(TOPIC, "rule");
    }

    function test_touch__adopts() public {
        _post();
        vm.warp(block.timestamp + 2 hours);
        oracle.touch(fleetId);
        _record(TOPIC, "touch, adopts a pending report");
    }

    function test_proveLie() public {
        Report memory a = _next();
        Report memory b = _next();
        b.busyGpuMs += 1;
        oracle.proveLie(a, _sign(REPORTER_KEY, a), b, _sign(REPORTER_KEY, b));
        _record(TOPIC, "proveLie");
    }

    function _post() private {
        Report memory report = _next();
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.prank(operator);
        oracle.post(report, signature);
    }

    function _next() private view returns (Report memory) {
        return _report(fleetId, block.timestamp, 10 * HOUR / 11, keccak256(abi.encode(block.timestamp)));
    }
}
