// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {GatedFleetShares} from "../../../contracts/GatedFleetShares.sol";
import {IERC7943Fungible} from "../../../contracts/interfaces/IERC7943.sol";
import {Enrolment, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IFleetShares} from "../../../contracts/interfaces/IFleetShares.sol";
import {Custodian} from "../base/Custodian.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev The owner and the investor are permitted, the stranger is not; the custodian was named at creation.
contract GatedFleetSharesTest is RevenueTest {
    Custodian internal custodian;
    GatedFleetShares internal gated;

    function setUp() public override {
        super.setUp();
        gated = GatedFleetShares(address(shares));
        custodian = Custodian(gated.custodian());
        vm.etch(address(custodian), address(new Custodian(registry)).code);
        custodian.name(fleetId, owner);
        _permit(owner);
        _permit(investor);
    }

    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.shares = ShareTerms("Gated", "GTD", 1_000_000e18, true, address(0xC057));
    }

    /* ---- the standard's surface ---- */

    function test_supportsInterface__erc7943__hasTheStandardsId() public view {
        vm.assertTrue(type(IERC7943Fungible).interfaceId == bytes4(0x3edbb4c4));
        vm.assertTrue(gated.supportsInterface(0x3edbb4c4));
        vm.assertTrue(gated.supportsInterface(type(IERC165).interfaceId));
        vm.assertTrue(gated.supportsInterface(type(IERC20).interfaceId));
        vm.assertFalse(gated.supportsInterface(0xffffffff));
    }

    function test_canSend__permittedOrCustodian__true() public view {
        vm.assertTrue(gated.canSend(owner));
        vm.assertTrue(gated.canSend(address(custodian)));
        vm.assertFalse(gated.canSend(stranger));
        vm.assertTrue(gated.canReceive(investor));
        vm.assertTrue(gated.canReceive(address(custodian)));
        vm.assertFalse(gated.canReceive(stranger));
    }

    function test_canTransfer__anyReasonAgainstIt__false() public {
        vm.assertTrue(gated.canTransfer(owner, investor, 900_000e18));
        vm.assertTrue(gated.canTransfer(owner, address(custodian), 1));
        vm.assertFalse(gated.canTransfer(owner, investor, 900_000e18 + 1));
        vm.assertFalse(gated.canTransfer(owner, stranger, 1));
        vm.assertFalse(gated.canTransfer(stranger, owner, 0));
        vm.assertFalse(gated.canTransfer(owner, address(0), 1));
        vm.assertFalse(gated.canTransfer(owner, address(gated), 1));
        _freeze(owner, 899_999e18);
        vm.assertTrue(gated.canTransfer(owner, investor, 1e18));
        vm.assertFalse(gated.canTransfer(owner, investor, 1e18 + 1));
    }

    /* ---- transfers ---- */

    function test_transfer__betweenPermitted__moves() public {
        vm.prank(owner);
        gated.transfer(investor, 5e18);
        vm.assertEq(gated.balanceOf(investor), 5e18);
    }

    function test_transfer__toNotPermitted__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        gated.transfer(stranger, 1);
    }

    function test_transfer__fromOneNoLongerPermitted__reverts() public {
        vm.prank(registrar);
        gate.setPermitted(owner, false);

        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotSend.selector, owner));
        gated.transfer(investor, 1);
    }

    function test_transfer__frozenPart__staysWhereItIs() public {
        _freeze(owner, 899_990e18);

        vm.prank(owner);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector, owner, 10e18 + 1, 10e18
            )
        );
        gated.transfer(investor, 10e18 + 1);
        vm.prank(owner);
        gated.transfer(investor, 10e18);
        vm.assertEq(gated.balanceOf(owner), 899_990e18);
    }

    function test_transfer__moreFrozenThanHeld__nothingMoves() public {
        _freeze(owner, type(uint256).max);

        vm.prank(owner);
        vm.expectRevert(
            abi.encodeWithSelector(IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector, owner, 1, 0)
        );
        gated.transfer(investor, 1);
        vm.assertFalse(gated.canTransfer(owner, investor, 1));
    }

    function test_transfer__moreThanHeld__revertsAsAnyToken() public {
        _freeze(investor, 1);
        vm.prank(investor);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, investor, 0, 1));
        gated.transfer(owner, 1);
    }

    function test_transfer__custodianPaysOut__onlyTheReceiverIsTested() public {
        vm.prank(owner);
        gated.transfer(address(custodian), 100e18);
        vm.assertFalse(gate.isPermitted(address(custodian)));

        custodian.payOut(gated, investor, 40e18);
        vm.assertEq(gated.balanceOf(investor), 40e18);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        custodian.payOut(gated, stranger, 1);
    }

    function test_transferFrom__byASpenderNotPermitted__holdersDecide() public {
        vm.prank(owner);
        gated.approve(stranger, 5e18);
        vm.prank(stranger);
        gated.transferFrom(owner, investor, 5e18);
        vm.assertEq(gated.balanceOf(investor), 5e18);
    }

    function test_claim__noLongerPermitted__stillPaid() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        vm.prank(registrar);
        gate.setPermitted(owner, false);
        _freeze(owner, type(uint256).max);

        vm.prank(owner);
        vm.assertGe(gated.claim(owner), _coins(900) - 1);
    }

    /* ---- the title ---- */

    function test_moveTitle__receiverNotPermitted__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        registry.transferFrom(owner, stranger, fleetId);
        vm.assertEq(registry.ownerOf(fleetId), owner);
    }

    function test_moveTitle__intoCustodyAndOut__onlyTheReceiverIsTested() public {
        vm.expectEmit(address(gated));
        emit IFleetShares.MoveTitle(owner, address(custodian), 0);
        vm.prank(owner);
        registry.transferFrom(owner, address(custodian), fleetId);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        custodian.giveBack(fleetId, stranger);
        custodian.giveBack(fleetId, investor);
        vm.assertEq(registry.ownerOf(fleetId), investor);
    }

    function test_moveTitle__notTheRegistry__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NotRegistry.selector, owner));
        gated.moveTitle(owner, investor);
    }

    /* ---- freezing and force, past the gate ---- */

    function test_setFrozenTokens__notTheGate__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(GatedFleetShares.NotGate.selector, registrar));
        gated.setFrozenTokens(owner, 1);
    }

    function test_forcedTransfer__notTheGate__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(GatedFleetShares.NotGate.selector, registrar));
        gated.forcedTransfer(owner, investor, 1);
    }

    function _permit(address account) private {
        vm.prank(registrar);
        gate.setPermitted(account, true);
    }

    function _freeze(address account, uint256 amount) private {
        vm.prank(registrar);
        gate.freeze(address(gated), account, amount);
    }
}
