// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {GatedFleetShares} from "../../../contracts/GatedFleetShares.sol";
import {IERC7943Fungible} from "../../../contracts/interfaces/IERC7943.sol";
import {Enrolment, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {ITransferGate} from "../../../contracts/interfaces/ITransferGate.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";

contract TransferGateTest is RevenueTest {
    GatedFleetShares internal gated;

    function setUp() public override {
        super.setUp();
        gated = GatedFleetShares(address(shares));
        vm.startPrank(registrar);
        gate.setPermitted(owner, true);
        gate.setPermitted(investor, true);
        vm.stopPrank();
    }

    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.shares = ShareTerms("Gated", "GTD", 1_000_000e18, true, address(0xC057));
    }

    function test_setPermitted__onAndOff__read() public {
        vm.expectEmit(address(gate));
        emit ITransferGate.SetPermitted(stranger, true);
        vm.prank(registrar);
        gate.setPermitted(stranger, true);
        vm.assertTrue(gate.isPermitted(stranger));

        vm.expectEmit(address(gate));
        emit ITransferGate.SetPermitted(stranger, false);
        vm.prank(registrar);
        gate.setPermitted(stranger, false);
        vm.assertFalse(gate.isPermitted(stranger));
    }

    function test_freeze__byRegistrar__readAndEvent() public {
        vm.expectEmit(address(gated));
        emit IERC7943Fungible.Frozen(owner, 7e18);
        vm.prank(registrar);
        gate.freeze(address(gated), owner, 7e18);
        vm.assertEq(gated.getFrozenTokens(owner), 7e18);

        vm.prank(registrar);
        gate.freeze(address(gated), owner, 0);
        vm.assertEq(gated.getFrozenTokens(owner), 0);
    }

    function test_forceTransfer__bothHands__moves() public {
        vm.expectEmit(address(gate));
        emit ITransferGate.ApproveForcedTransfer(address(gated), owner, investor, 5e18);
        vm.prank(enforcer);
        gate.approveForcedTransfer(address(gated), owner, investor, 5e18);

        vm.expectEmit(address(gated));
        emit IERC7943Fungible.ForcedTransfer(owner, investor, 5e18);
        vm.prank(registrar);
        gate.forceTransfer(address(gated), owner, investor, 5e18);

        vm.assertEq(gated.balanceOf(investor), 5e18);
    }

    function test_forceTransfer__sharesBoundToTheTitle__reverts() public {
        vm.prank(enforcer);
        gate.approveForcedTransfer(address(gated), address(gated), investor, 1);
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotSend.selector, address(gated)));
        gate.forceTransfer(address(gated), address(gated), investor, 1);
    }

    function test_forceTransfer__sharesSeizedByTheRegistrarAlone__reverts() public {
        vm.prank(registrar);
        vm.expectRevert(_notApproved(investor, 5e18));
        gate.forceTransfer(address(gated), owner, investor, 5e18);
    }

    function test_forceTransfer__sharesSeizedByTheEnforcerAlone__reverts() public {
        _approve(investor, 5e18);
        vm.prank(enforcer);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, enforcer));
        gate.forceTransfer(address(gated), owner, investor, 5e18);
    }

    function test_forceTransfer__anotherReceiverOrAmount__reverts() public {
        _approve(investor, 5e18);

        vm.prank(registrar);
        vm.expectRevert(_notApproved(registrar, 5e18));
        gate.forceTransfer(address(gated), owner, registrar, 5e18);
        vm.prank(registrar);
        vm.expectRevert(_notApproved(investor, 6e18));
        gate.forceTransfer(address(gated), owner, investor, 6e18);
    }

    function test_forceTransfer__oneApprovalUsedTwice__reverts() public {
        _approve(investor, 5e18);
        _force(investor, 5e18);

        vm.prank(registrar);
        vm.expectRevert(_notApproved(investor, 5e18));
        gate.forceTransfer(address(gated), owner, investor, 5e18);
    }

    function test_forceTransfer__twoApprovals__twice() public {
        _approve(investor, 5e18);
        _approve(investor, 5e18);
        _force(investor, 5e18);
        _force(investor, 5e18);
        vm.assertEq(gated.balanceOf(investor), 10e18);
    }

    function test_forceTransfer__senderNotPermittedAndFrozen__moves() public {
        vm.prank(registrar);
        gate.setPermitted(owner, false);
        vm.prank(registrar);
        gate.freeze(address(gated), owner, type(uint256).max);
        _approve(investor, 5e18);

        vm.expectEmit(address(gated));
        emit IERC7943Fungible.Frozen(owner, 900_000e18 - 5e18);
        _force(investor, 5e18);

        vm.assertEq(gated.balanceOf(investor), 5e18);
        vm.assertEq(gated.getFrozenTokens(owner), 900_000e18 - 5e18);
    }

    function test_forceTransfer__enoughUnfrozen__leavesTheFrozenAlone() public {
        vm.prank(registrar);
        gate.freeze(address(gated), owner, 1e18);
        _approve(investor, 899_999e18);
        _force(investor, 899_999e18);
        vm.assertEq(gated.getFrozenTokens(owner), 1e18);
    }

    function test_forceTransfer__everything__leavesNothingFrozen() public {
        vm.prank(registrar);
        gate.freeze(address(gated), owner, 1e18);
        _approve(investor, 900_000e18);
        _force(investor, 900_000e18);
        vm.assertEq(gated.getFrozenTokens(owner), 0);
    }

    function test_forceTransfer__receiverNotPermitted__reverts() public {
        _approve(stranger, 5e18);
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        gate.forceTransfer(address(gated), owner, stranger, 5e18);
    }

    function test_forceTransfer__moreThanHeld__reverts() public {
        _approve(investor, 900_001e18);
        vm.prank(registrar);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, owner, 900_000e18, 900_001e18)
        );
        gate.forceTransfer(address(gated), owner, investor, 900_001e18);
    }

    function test_forceTransfer__accruedRevenue__staysWithTheHolder() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        _approve(investor, 900_000e18);
        _force(investor, 900_000e18);

        vm.assertEq(gated.claimable(investor), 0);
        vm.assertGe(gated.claimable(owner), _coins(900) - 1);
    }

    function test_forceTransfer__afterwards__ordinaryTransfersAreTestedAgain() public {
        _approve(investor, 5e18);
        _force(investor, 5e18);
        vm.prank(investor);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        gated.transfer(stranger, 1);
    }

    function _approve(address to, uint256 amount) private {
        vm.prank(enforcer);
        gate.approveForcedTransfer(address(gated), owner, to, amount);
    }

    function _force(address to, uint256 amount) private {
        vm.prank(registrar);
        gate.forceTransfer(address(gated), owner, to, amount);
    }

    function _notApproved(address to, uint256 amount) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(ITransferGate.ForcedTransferNotApproved.selector, address(gated), owner, to, amount);
    }
}
