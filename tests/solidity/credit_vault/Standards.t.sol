// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IERC7540Operator, IERC7540Redeem} from "../../../contracts/interfaces/IERC7540.sol";
import {IERC7575} from "../../../contracts/interfaces/IERC7575.sol";
import {IERC7887Redeem} from "../../../contracts/interfaces/IERC7887.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev What ERC-7540, ERC-7575 and ERC-7887 demand of a vault with asynchronous redemption, sentence by sentence. What they
/// demand of asynchronous deposits (`requestDeposit`, its reads, its cancellation, the overloaded `deposit` and `mint`,
/// previews of entry that revert) does not apply: entry is synchronous, as ERC-4626 has it.
contract StandardsTest is VaultScene {
    uint256 internal shares;

    function setUp() public override {
        super.setUp();
        shares = _deposit(lender, _coins(100));
    }

    /* ---- ERC-7540 ---- */

    /// "The redeem and withdraw methods do not transfer shares to the Vault, because this already happened on requestRedeem."
    function test_erc7540__claim__movesNoShares() public {
        _request(lender, shares / 2);
        _nextWeek();
        vault.serve();
        uint256 supply = vault.totalSupply();
        _claim(lender);
        vm.assertEq(vault.totalSupply(), supply);
        vm.assertEq(vault.balanceOf(lender), shares - shares / 2);
    }

    /// "The controller MUST be msg.sender unless the controller has approved the msg.sender as an operator."
    function test_erc7540__claim__onlyControllerOrOperator() public {
        _request(lender, shares);
        _nextWeek();
        vault.serve();
        vm.expectRevert();
        vm.prank(investor);
        vault.redeem(1, investor, lender);
        vm.prank(lender);
        vault.setOperator(investor, true);
        vm.prank(investor);
        vault.redeem(1e6, investor, lender);
    }

    /// "previewRedeem and previewWithdraw MUST revert for all callers and inputs."
    function testFuzz_erc7540__previews__revert(address caller, uint256 amount) public {
        vm.prank(caller);
        (bool redeemed,) = address(vault).staticcall(abi.encodeCall(vault.previewRedeem, (amount)));
        (bool withdrew,) = address(vault).staticcall(abi.encodeCall(vault.previewWithdraw, (amount)));
        vm.assertFalse(redeemed);
        vm.assertFalse(withdrew);
    }

    /// "Requests MUST NOT skip or otherwise short-circuit the Claim state"; "Vaults MUST NOT push tokens onto the user".
    function test_erc7540__serving__pushesNothing() public {
        _request(lender, shares);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares);
        vm.assertEq(vault.maxRedeem(lender), 0);
        _nextWeek();
        vault.serve();
        vm.assertEq(coin.balanceOf(lender), 0);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), 0);
        vm.assertEq(vault.claimableRedeemRequest(0, lender), shares);
    }

    /// "If a Vault returns 0 for the requestId of any request, it MUST return 0 for all requests"; then "the Vault MUST use
    /// purely the controller to discriminate the request state".
    function test_erc7540__requestId__isAlwaysZero() public {
        vm.prank(lender);
        vm.assertEq(vault.requestRedeem(1, lender, lender), 0);
        _nextWeek();
        vm.prank(lender);
        vm.assertEq(vault.requestRedeem(1, investor, lender), 0);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), 1);
        vm.assertEq(vault.pendingRedeemRequest(0, investor), 1);
        vm.assertEq(vault.pendingRedeemRequest(7, investor), 0);
        vm.assertEq(vault.claimableRedeemRequest(7, investor), 0);
    }

    /// "The shares MUST be removed from the custody of owner upon requestRedeem and burned by the time the request is Claimed."
    function test_erc7540__requestRedeem__takesTheShares() public {
        _request(lender, shares);
        vm.assertEq(vault.balanceOf(lender), 0);
        _nextWeek();
        vault.serve();
        vm.assertEq(vault.totalSupply(), 0);
    }

    /// "Spenders with operator permission are not subject to allowance restrictions, spenders with infinite approvals SHOULD
    /// NOT have their allowance deducted, but spenders with non-infinite approvals MUST have their balance deducted."
    function test_erc7540__requestRedeem__allowances() public {
        vm.prank(lender);
        vault.approve(investor, type(uint256).max);
        vm.prank(investor);
        vault.requestRedeem(1, investor, lender);
        vm.assertEq(vault.allowance(lender, investor), type(uint256).max);
        vm.prank(lender);
        vault.approve(stranger, 5);
        vm.prank(stranger);
        vault.requestRedeem(5, stranger, lender);
        vm.assertEq(vault.allowance(lender, stranger), 0);
        vm.expectRevert();
        vm.prank(stranger);
        vault.requestRedeem(1, stranger, lender);
        vm.prank(lender);
        vault.setOperator(stranger, true);
        vm.prank(stranger);
        vault.requestRedeem(1, stranger, lender);
    }

    /// "maxDeposit increases and decreases in sync with claimableDepositRequest"; so do these with the claimable redemption.
    function test_erc7540__maxRedeem__isWhatIsClaimable() public {
        _request(lender, shares / 2);
        vm.assertEq(vault.maxRedeem(lender), vault.claimableRedeemRequest(0, lender));
        _nextWeek();
        vault.serve();
        vm.assertEq(vault.maxRedeem(lender), vault.claimableRedeemRequest(0, lender));
        vm.prank(lender);
        vault.redeem(shares / 4, lender, lender);
        vm.assertEq(vault.claimableRedeemRequest(0, lender), shares / 2 - shares / 4);
        vm.assertEq(vault.maxRedeem(lender), shares / 2 - shares / 4);
    }

    /// "MUST NOT show any variations depending on the caller"; "MUST NOT revert".
    function testFuzz_erc7540__reads__sameForEveryCaller(address caller, address controller, uint256 id) public {
        _request(lender, shares / 2);
        bytes[4] memory calls = [
            abi.encodeCall(vault.pendingRedeemRequest, (id % 2, lender)),
            abi.encodeCall(vault.claimableRedeemRequest, (id, controller)),
            abi.encodeCall(vault.pendingCancelRedeemRequest, (id, controller)),
            abi.encodeCall(vault.claimableCancelRedeemRequest, (id, controller))
        ];
        for (uint256 i; i < 4; ++i) {
            (bool done, bytes memory said) = address(vault).staticcall(calls[i]);
            vm.assertTrue(done);
            vm.prank(caller);
            (, bytes memory saidToCaller) = address(vault).staticcall(calls[i]);
            vm.assertEq(said, saidToCaller);
        }
    }

    /// "MUST set the operator status", "MUST log the OperatorSet event", "MUST return True".
    function test_erc7540__setOperator__setsLogsAndReturnsTrue() public {
        vm.assertFalse(vault.isOperator(lender, investor));
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(address(vault));
            emit IERC7540Operator.OperatorSet(lender, investor, i == 0);
            vm.prank(lender);
            vm.assertTrue(vault.setOperator(investor, i == 0));
            vm.assertTrue(vault.isOperator(lender, investor) == (i == 0));
        }
    }

    /* ---- ERC-7575 ---- */

    /// "MUST return an address of an ERC-20 share representation of the Vault"; it "MAY return the address of the Vault itself".
    function test_erc7575__share__isTheVault() public view {
        vm.assertEq(vault.share(), address(vault));
    }

    /* ---- ERC-7887 ---- */

    /// "To initiate and claim a Request, a user MUST call both cancel* and the corresponding Claim function separately."
    function test_erc7887__cancel__pushesNothing() public {
        _request(lender, shares);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.assertEq(vault.balanceOf(lender), 0);
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), shares);
    }

    /// "For the full amount of the pending redeem Request."
    function test_erc7887__cancel__takesAllThatIsPending() public {
        _request(lender, shares / 3);
        _request(lender, shares / 3);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), 0);
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), shares / 3 * 2);
    }

    /// "While a redeem cancelation Request is Pending, new redeem Requests are blocked": none ever is, it is claimable at once,
    /// so none is blocked.
    function test_erc7887__cancel__blocksNoRequest() public {
        _request(lender, shares / 3);
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        vm.assertFalse(vault.pendingCancelRedeemRequest(0, lender));
        _request(lender, shares / 3);
        vm.assertEq(vault.pendingRedeemRequest(0, lender), shares / 3);
        vm.assertEq(vault.claimableCancelRedeemRequest(0, lender), shares / 3);
    }

    /* ---- ERC-165 ---- */

    function test_supportsInterface__asTheStandardsSay() public view {
        vm.assertTrue(vault.supportsInterface(0x01ffc9a7));
        vm.assertFalse(vault.supportsInterface(0xffffffff));
        // Operators, the whole of ERC-7575, asynchronous redemption, its cancellation.
        vm.assertTrue(vault.supportsInterface(0xe3bc4e65));
        vm.assertTrue(vault.supportsInterface(0x2f0a18c5));
        vm.assertTrue(vault.supportsInterface(0x620ee8e4));
        vm.assertTrue(vault.supportsInterface(0xe76cffc7));
        // The five parts of ERC-7575.
        vm.assertTrue(vault.supportsInterface(0x50a526d6));
        vm.assertTrue(vault.supportsInterface(0xc1f329ef));
        vm.assertTrue(vault.supportsInterface(0xe1550342));
        vm.assertTrue(vault.supportsInterface(0x2fd7d42a));
        vm.assertTrue(vault.supportsInterface(0x70dec094));
        // Neither asynchronous deposits nor their cancellation.
        vm.assertFalse(vault.supportsInterface(0xce3bbe50));
        vm.assertFalse(vault.supportsInterface(0x8bf840e3));
    }

    function test_supportsInterface__ids__areThoseOfTheFunctions() public pure {
        vm.assertTrue(type(IERC165).interfaceId == 0x01ffc9a7);
        vm.assertTrue(type(IERC7540Operator).interfaceId == 0xe3bc4e65);
        vm.assertTrue(type(IERC7540Redeem).interfaceId == 0x620ee8e4);
        vm.assertTrue(type(IERC7887Redeem).interfaceId == 0xe76cffc7);
        bytes4 minimal = IERC4626.asset.selector ^ IERC7575.share.selector ^ IERC4626.convertToAssets.selector
            ^ IERC4626.convertToShares.selector ^ IERC4626.totalAssets.selector;
        bytes4 deposit = IERC4626.deposit.selector ^ IERC4626.previewDeposit.selector ^ IERC4626.maxDeposit.selector;
        bytes4 mint = IERC4626.mint.selector ^ IERC4626.previewMint.selector ^ IERC4626.maxMint.selector;
        bytes4 redeem = IERC4626.redeem.selector ^ IERC4626.previewRedeem.selector ^ IERC4626.maxRedeem.selector;
        bytes4 withdraw = IERC4626.withdraw.selector ^ IERC4626.previewWithdraw.selector ^ IERC4626.maxWithdraw.selector;
        vm.assertTrue(minimal == 0x50a526d6);
        vm.assertTrue(deposit == 0xc1f329ef);
        vm.assertTrue(mint == 0xe1550342);
        vm.assertTrue(redeem == 0x2fd7d42a);
        vm.assertTrue(withdraw == 0x70dec094);
        vm.assertTrue(minimal ^ deposit ^ mint ^ redeem ^ withdraw == 0x2f0a18c5);
    }
}
