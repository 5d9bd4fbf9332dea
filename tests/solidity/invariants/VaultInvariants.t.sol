// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditVault} from "../../../contracts/CreditVault.sol";
import {Epoch, VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {LoanDesk} from "../base/LoanDesk.sol";
import {vm} from "../base/Vm.sol";
import {VaultActions} from "./VaultActions.sol";

struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @dev What holds of CreditVault whatever lenders, borrowers and strangers do, in whatever order.
contract VaultInvariants {
    VaultActions internal actions;
    CreditVault internal vault;
    TestStablecoin internal coin;
    LoanDesk internal desk;

    function setUp() public {
        actions = new VaultActions();
        actions.setUp();
        (vault, coin, desk) = actions.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actions), _selectors());
    }

    function _selectors() internal pure returns (bytes4[] memory s) {
        s = new bytes4[](24);
        s[0] = VaultActions.deposit.selector;
        s[1] = VaultActions.mint.selector;
        s[2] = VaultActions.request.selector;
        s[3] = VaultActions.requestDust.selector;
        s[4] = VaultActions.cancel.selector;
        s[5] = VaultActions.claimCancelled.selector;
        s[6] = VaultActions.redeem.selector;
        s[7] = VaultActions.withdraw.selector;
        s[8] = VaultActions.transfer.selector;
        s[9] = VaultActions.serve.selector;
        s[10] = VaultActions.donate.selector;
        s[11] = VaultActions.donateShares.selector;
        s[12] = VaultActions.pause.selector;
        s[13] = VaultActions.setCap.selector;
        s[14] = VaultActions.wait.selector;
        s[15] = VaultActions.waitForTheWeek.selector;
        s[16] = VaultActions.lend.selector;
        s[17] = VaultActions.pay.selector;
        s[18] = VaultActions.payAll.selector;
        s[19] = VaultActions.reprice.selector;
        s[20] = VaultActions.mark.selector;
        s[21] = VaultActions.unmark.selector;
        s[22] = VaultActions.holdLot.selector;
        s[23] = VaultActions.settle.selector;
    }

    /// @dev Against every loan and lot by itself.
    function invariant_assetsAreCashPrincipalInterestMarksAndLots() public view {
        VaultBook memory b = vault.book();
        (uint256 conservative, uint256 optimistic) = desk.values();
        vm.assertEq(vault.conservativeAssets(), b.cash + conservative, "conservative");
        vm.assertEq(vault.optimisticAssets(), b.cash + optimistic, "optimistic");
        vm.assertEq(
            vault.totalAssets(),
            b.cash + b.performingPrincipal + b.performingInterest + b.markedBase - b.writtenDown,
            "cash + principal + interest + marks and lots"
        );
    }

    function invariant_conservativeIsNoMoreThanOptimistic() public view {
        vm.assertLe(vault.conservativeAssets(), vault.optimisticAssets(), "conservative <= optimistic");
    }

    /// @dev And a donation is no cash.
    function invariant_countedCashAndSetAsideAreThere() public view {
        VaultBook memory b = vault.book();
        vm.assertEq(b.cash + b.setAside + actions.donated(), coin.balanceOf(address(vault)), "cash + set aside");
    }

    /// @dev Whatever was done around a deposit, a mark, a payment, a sale or a serving.
    function invariant_nobodyTakesMoreThanItBroughtAndItsInterest() public view {
        vm.assertTrue(actions.stolen() == 0, "stolen");
    }

    /// @dev Shares in the vault's own balance: those that wait, and those of cancelled requests. What is pending of a position
    /// rounds up, so the positions' sum may be a few smallest units more.
    function invariant_escrowedSharesArePendingOrCancelled() public view {
        address[] memory lenders = actions.lenders();
        uint256 pending;
        uint256 cancelled;
        for (uint256 i; i < lenders.length; ++i) {
            pending += vault.pendingRedeemRequest(0, lenders[i]);
            cancelled += vault.claimableCancelRedeemRequest(0, lenders[i]);
        }
        uint256 waiting;
        for (uint256 id = actions.firstEpoch(); id <= vault.currentEpoch(); ++id) {
            Epoch memory e = vault.epoch(id);
            waiting += e.shares - e.servedShares;
            vm.assertLe(e.servedShares, e.shares, "served <= asked");
        }
        uint256 escrow = vault.balanceOf(address(vault)) - actions.donatedShares();
        vm.assertEq(waiting + cancelled, escrow, "escrow");
        vm.assertGe(pending, waiting, "pending");
        vm.assertLe(pending, waiting + lenders.length, "pending");
    }

    /// @dev What can be claimed is set aside; but for fractions of units nothing else is.
    function invariant_everyClaimableIsBacked() public view {
        address[] memory lenders = actions.lenders();
        uint256 claimable;
        for (uint256 i; i < lenders.length; ++i) {
            claimable += vault.maxWithdraw(lenders[i]);
        }
        uint256 setAside = vault.book().setAside;
        vm.assertLe(claimable, setAside, "claimable <= set aside");
        vm.assertLe(setAside, claimable + lenders.length, "nothing is set aside for nobody");
    }

    /// @dev The oldest waiting epoch is the one that a walk through all of them finds.
    function invariant_theOldestEpochIsServedNext() public view {
        uint256 oldest;
        for (uint256 id = vault.currentEpoch(); id >= actions.firstEpoch(); --id) {
            Epoch memory e = vault.epoch(id);
            if (e.shares > e.servedShares) oldest = id;
        }
        vm.assertEq(vault.oldestEpoch(), oldest, "oldest");
    }

    /// @dev What `maxDeposit` and `maxMint` say can be paid in.
    function invariant_entryIsWhatTheLimitsSay() public {
        uint256 most = vault.maxDeposit(address(this));
        coin.mint(address(this), most + 1);
        coin.approve(address(vault), most + 1);
        uint256 state = vm.snapshotState();
        if (most > 0 && vault.previewDeposit(most) > 0) vault.deposit(most, address(this));
        vm.revertToState(state);
        try vault.deposit(most + 1, address(this)) {
            revert("more than maxDeposit");
        } catch {}
        vm.revertToState(state);
        uint256 shares = vault.maxMint(address(this));
        vault.previewMint(shares);
        if (shares > 0) vault.mint(shares, address(this));
        vm.revertToState(state);
        try vault.mint(shares + 1, address(this)) {
            revert("more than maxMint");
        } catch {}
        vm.revertToState(state);
    }
}
