// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {GatedFleetShares} from "../../../contracts/GatedFleetShares.sol";
import {Enrolment, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IFleetShareFactory} from "../../../contracts/interfaces/IFleetShareFactory.sol";
import {IERC7943Fungible} from "../../../contracts/interfaces/IERC7943.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

contract ShareFactoryTest is SystemTest {
    function test_create__plain__hasNoGate() public {
        uint256 fleetId = _liveFleet();

        address shares = shareFactory.sharesOf(fleetId);
        vm.assertEq(shares, registry.fleet(fleetId).shares);
        (bool answers,) = shares.call(abi.encodeCall(IERC7943Fungible.canSend, (owner)));
        vm.assertFalse(answers);
    }

    function test_create__gated__hasTheGateForEver() public {
        Enrolment memory e = _enrolment();
        e.shares = ShareTerms("Gated", "GTD", 1_000_000e18, true, stranger);
        uint256 fleetId = _liveFleet(e);

        GatedFleetShares shares = GatedFleetShares(shareFactory.sharesOf(fleetId));
        vm.assertEq(address(shares.gate()), address(gate));
        vm.assertEq(shares.custodian(), stranger);
        vm.assertEq(shares.balanceOf(owner), 900_000e18);
    }

    function test_create__gated__saysSo() public {
        Enrolment memory e = _enrolment();
        e.shares.gated = true;
        uint256 state = vm.snapshotState();
        address shares = shareFactory.sharesOf(_liveFleet(e));
        vm.revertToState(state);

        vm.expectEmit(address(shareFactory));
        emit IFleetShareFactory.CreateShares(1, shares, owner, true);
        vm.prank(operator);
        registry.enrol(e);
    }

    function test_create__notTheRegistry__reverts() public {
        ShareTerms memory terms = ShareTerms("Fake", "FAKE", 1e18, false, address(0));
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(IFleetShareFactory.NotRegistry.selector, admin));
        shareFactory.create(1, admin, address(coin), terms);
    }

    function test_sharesOf__noFleet__nothing() public view {
        vm.assertEq(shareFactory.sharesOf(77), address(0));
    }
}
