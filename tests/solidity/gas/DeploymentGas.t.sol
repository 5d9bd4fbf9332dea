// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {FixedPricing} from "../../../contracts/FixedPricing.sol";
import {FleetRegistry} from "../../../contracts/FleetRegistry.sol";
import {FleetShareFactory} from "../../../contracts/FleetShareFactory.sol";
import {LeaseBook} from "../../../contracts/LeaseBook.sol";
import {LeaseTerms} from "../../../contracts/LeaseTerms.sol";
import {LossFund} from "../../../contracts/LossFund.sol";
import {MeterOracle} from "../../../contracts/MeterOracle.sol";
import {OperatorBond} from "../../../contracts/OperatorBond.sol";
import {RevenueRouter} from "../../../contracts/RevenueRouter.sol";
import {TransferGate} from "../../../contracts/TransferGate.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What it costs to put the system on a chain, through the CREATE3 factory as the tool does, and how large it is.
contract DeploymentGasTest is GasTest {
    /// @dev Nine tenths of what a chain accepts (EIP-170), so that a fix always fits.
    uint256 internal constant MOST_RUNTIME_BYTES = 22_118;

    function test_deploy__AccessManager() public {
        _measure("AccessManager", type(AccessManager).creationCode, abi.encode(address(this)));
    }

    function test_deploy__FleetRegistry() public {
        _measure("FleetRegistry", type(FleetRegistry).creationCode, abi.encode(system, address(this)));
    }

    function test_deploy__MeterOracle() public {
        _measure("MeterOracle", type(MeterOracle).creationCode, abi.encode(system, address(0), uint32(2 hours)));
    }

    function test_deploy__LeaseBook() public {
        _measure("LeaseBook", type(LeaseBook).creationCode, abi.encode(system));
    }

    function test_deploy__LeaseTerms() public {
        _measure("LeaseTerms", type(LeaseTerms).creationCode, abi.encode(system.authority));
    }

    function test_deploy__OperatorBond() public {
        _measure("OperatorBond", type(OperatorBond).creationCode, abi.encode(system));
    }

    function test_deploy__RevenueRouter() public {
        _measure("RevenueRouter", type(RevenueRouter).creationCode, abi.encode(system, feeRecipient, uint16(200)));
    }

    function test_deploy__FleetShareFactory() public {
        _measure("FleetShareFactory", type(FleetShareFactory).creationCode, abi.encode(system));
    }

    function test_deploy__TransferGate() public {
        _measure("TransferGate", type(TransferGate).creationCode, abi.encode(system.authority));
    }

    function test_deploy__LossFund() public {
        _measure("LossFund", type(LossFund).creationCode, abi.encode(system.authority));
    }

    function test_deploy__FixedPricing() public {
        _measure("FixedPricing", type(FixedPricing).creationCode, abi.encode(system.registry));
    }

    function test_enrol() public {
        _liveFleet();
        Enrolment memory e = _enrolment();
        vm.prank(operator);
        uint256 fleetId = registry.enrol(e);
        _record("deployment", "enrol, with the fleet's shares");
        _size("FleetShares", address(_shares(fleetId)));
    }

    function test_enrol__gated() public {
        Enrolment memory e = _enrolment();
        e.shares.gated = true;
        vm.prank(registrar);
        gate.setPermitted(owner, true);
        vm.prank(operator);
        uint256 fleetId = registry.enrol(e);
        _record("deployment", "enrol, with gated shares");
        _size("GatedFleetShares", address(_shares(fleetId)));
    }

    function _measure(string memory name, bytes memory code, bytes memory arguments) private {
        address deployed = create3.deploy(bytes32(bytes(name)), bytes.concat(code, arguments));
        _record("deployment", name);
        _size(name, deployed);
    }

    function _size(string memory name, address deployed) private {
        uint256 size = deployed.code.length;
        vm.snapshotValue("size", name, size);
        vm.assertLe(size, MOST_RUNTIME_BYTES, name);
    }
}
