// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMeterOracle} from "../../../contracts/interfaces/IMeterOracle.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Operators and verifiers keep out of each other's seats.
contract BarredVerifierTest is SystemTest {
    uint256 internal constant NEWCOMER_KEY = 0x5EAF00D;
    uint256 internal fleetId;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
    }

    /// @dev A colluding operator could otherwise keep its verifiers for ever: their successors' addresses are seen coming.
    function test_setVerifiers__operatorClaimsTheNewVerifiersAddress__isAppointedAndTheKeyRetired() public {
        address newcomer = vm.addr(NEWCOMER_KEY);
        vm.prank(operator);
        oracle.setReporter(fleetId, newcomer);

        vm.expectEmit(address(oracle));
        emit IMeterOracle.RetireReporter(fleetId, newcomer, START + 21 days);
        _appoint(newcomer);

        (address[] memory verifiers, uint256 quorum) = oracle.verifiersOf(fleetId);
        vm.assertEq(verifiers[0], newcomer);
        vm.assertEq(quorum, 1);
        vm.assertEq(oracle.reporterOf(fleetId), address(0));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.InvalidReporter.selector, newcomer));
        oracle.setReporter(fleetId, newcomer);
        vm.prank(operator);
        oracle.setReporter(fleetId, reporter);
        vm.assertEq(oracle.reporterOf(fleetId), reporter);
    }

    /// @dev It would sign its own reports twice.
    function test_setReporter__operatorIsAVerifier__reverts() public {
        address verifier = _verifiers()[0];
        vm.prank(registrar);
        registry.admitOperator(verifier, "papers");
        vm.prank(owner);
        registry.proposeOperator(fleetId, verifier);
        _stake(fleetId, verifier, _coins(100_000));
        vm.warp(START + 7 days);
        registry.replaceOperator(fleetId);

        address key = vm.addr(NEWCOMER_KEY);
        vm.prank(verifier);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.InvalidReporter.selector, key));
        oracle.setReporter(fleetId, key);
    }

    function _appoint(address verifier) private {
        address[] memory verifiers = new address[](1);
        verifiers[0] = verifier;
        vm.prank(verifierAdmin);
        oracle.setVerifiers(fleetId, verifiers, 1);
    }
}
