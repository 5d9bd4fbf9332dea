// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAppraisal} from "../../../contracts/interfaces/IAppraisal.sol";
import {ICollateralPrices} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {Evidence, Health, ICreditFacts, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev Adding to a pledge and taking from it.
contract PledgeTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        LoanRequest memory asked = _request();
        asked.shares = 800_000e18;
        loanId = _drawnLoan(asked, _loanTerms());
    }

    function test_addCollateral__byAnyone__isPledged() public {
        btc.mint(stranger, BTC);
        vm.startPrank(stranger);
        btc.approve(address(custody), BTC);
        vm.expectEmit(address(credit));
        emit ICreditFacts.AddCollateral(loanId, stranger, BTC);
        credit.addCollateral(loanId, uint96(BTC));
        vm.stopPrank();
        vm.assertEq(credit.loan(loanId).collateralAmount, 3 * BTC);
        vm.assertEq(credit.health(loanId).collateral, _coins(180_000));
    }

    function test_addCollateral__pausedAndInBreach__works() public {
        _breach(loanId);
        _pause();
        btc.mint(owner, BTC);
        vm.prank(owner);
        credit.addCollateral(loanId, uint96(BTC));
        vm.assertEq(credit.loan(loanId).collateralAmount, 3 * BTC);
    }

    function test_addCollateral__nothingOrNoToken__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, 0));
        credit.addCollateral(loanId, 0);

        _repay(loanId, type(uint256).max);
        LoanRequest memory asked = _request();
        (asked.collateral, asked.collateralAmount) = (IERC20(address(0)), 0);
        uint256 bare = _drawnLoan(asked, _loanTerms());
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, bare, 1));
        credit.addCollateral(bare, 1);
    }

    function test_addCollateral__notOpen__reverts() public {
        _repay(loanId, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        credit.addCollateral(loanId, 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        credit.addShares(loanId, 1);
    }

    function test_addShares__byAnyone__countMoreOfTheHardware() public {
        uint256 before = credit.health(loanId).hardware;
        vm.startPrank(owner);
        vm.expectEmit(address(credit));
        emit ICreditFacts.AddShares(loanId, owner, 100_000e18);
        credit.addShares(loanId, 100_000e18);
        vm.stopPrank();
        vm.assertEq(credit.loan(loanId).shares, FREE_SHARES);
        vm.assertEq(credit.health(loanId).hardware, before * 10 / 9);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, 0));
        credit.addShares(loanId, 0);
    }

    function test_withdrawCollateral__free__goesWhereTheBorrowerWants() public {
        vm.expectEmit(address(credit));
        emit ICreditFacts.WithdrawCollateral(loanId, investor, BTC);
        vm.prank(owner);
        credit.withdrawCollateral(loanId, uint96(BTC), investor);
        vm.assertEq(btc.balanceOf(investor), BTC);
        vm.assertEq(credit.loan(loanId).collateralAmount, BTC);
    }

    function test_withdrawCollateral__beyondTheLimit__reverts() public {
        // Hardware alone: 35 % of 90 % of 1,600,000.
        _movePrices(10_000, 60_000);
        Health memory h = credit.health(loanId);
        vm.assertGt(h.borrowLimit, 0);
        uint256 hardware = h.hardware * 3500 / 10_000;
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.AboveLimit.selector, loanId, h.debt, hardware));
        vm.prank(owner);
        credit.withdrawCollateral(loanId, uint96(2 * BTC), owner);
    }

    function test_withdrawCollateral__toTheLastUnitOfTheLimit__andNotOneMore() public {
        _repay(loanId, _coins(200_000));
        _movePrices(4000, 60_000);
        Health memory h = credit.health(loanId);
        uint256 hardware = h.hardware * 3500 / 10_000;
        // What BTC must carry, at 50 % of 60,000 coins.
        uint256 needed = ((h.debt - hardware) * BTC + _coins(30_000) - 1) / _coins(30_000);
        uint96 free = uint96(2 * BTC - needed);
        vm.startPrank(owner);
        credit.withdrawCollateral(loanId, free, owner);
        uint256 left = prices.value(address(btc), needed - 1) * 5000 / 10_000;
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.AboveLimit.selector, loanId, h.debt, hardware + left));
        credit.withdrawCollateral(loanId, 1, owner);
        vm.stopPrank();
    }

    function test_withdrawCollateral__moreThanPledged__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InsufficientPledge.selector, loanId, 2 * BTC, 2 * BTC + 1));
        vm.prank(owner);
        credit.withdrawCollateral(loanId, uint96(2 * BTC + 1), owner);
    }

    function test_withdrawShares__moreThanPledged__reverts() public {
        uint96 more = 800_000e18 + 1;
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InsufficientPledge.selector, loanId, more - 1, more));
        vm.prank(owner);
        credit.withdrawShares(loanId, more, owner);
    }

    function test_withdrawShares__free__goesWhereTheBorrowerWants() public {
        vm.expectEmit(address(credit));
        emit ICreditFacts.WithdrawShares(loanId, investor, 300_000e18);
        vm.prank(owner);
        credit.withdrawShares(loanId, 300_000e18, investor);
        vm.assertEq(shares.balanceOf(investor), 300_000e18);
        vm.assertEq(credit.loan(loanId).shares, 500_000e18);
    }

    function test_withdrawShares__beyondTheLimit__reverts() public {
        Health memory h = credit.health(loanId);
        uint256 hardware = appraisal.appraise(fleetId).hardware / 10;
        vm.expectRevert(
            abi.encodeWithSelector(
                ICreditFacts.AboveLimit.selector, loanId, h.debt, hardware * 3500 / 10_000 + _coins(60_000)
            )
        );
        vm.prank(owner);
        credit.withdrawShares(loanId, 800_000e18, owner);
    }

    /// @dev What earns the service stays, also where BTC would carry the debt.
    function test_withdrawShares__revenueWouldNotCoverService__reverts() public {
        _repay(loanId, type(uint256).max);
        _history(31, _coins(2000));
        LoanRequest memory asked = _request();
        asked.collateralAmount = uint96(100 * BTC);
        loanId = _drawnLoan(asked, _loanTerms());
        uint256 month = appraisal.appraise(fleetId).mean30 * 365 / 12;
        vm.expectRevert(
            abi.encodeWithSelector(ICreditFacts.CoverageTooLow.selector, loanId, month / 2, _coins(28_000), 13_500)
        );
        vm.prank(owner);
        credit.withdrawShares(loanId, 500_000e18, owner);
        // Nor may collateral go that way, or it would be a way around.
        vm.prank(owner);
        credit.withdrawCollateral(loanId, uint96(98 * BTC), owner);
    }

    function test_withdraw__notTheBorrower__reverts() public {
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.NotBorrower.selector, loanId, attacker);
        vm.startPrank(attacker);
        vm.expectRevert(refused);
        credit.withdrawCollateral(loanId, 1, attacker);
        vm.expectRevert(refused);
        credit.withdrawShares(loanId, 1, attacker);
        vm.stopPrank();
    }

    function test_withdraw__paused__reverts() public {
        _pause();
        _refused(abi.encodeWithSelector(ICreditFacts.Paused.selector));
    }

    function test_withdraw__nothing__reverts() public {
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, 0);
        vm.startPrank(owner);
        vm.expectRevert(refused);
        credit.withdrawCollateral(loanId, 0, owner);
        vm.expectRevert(refused);
        credit.withdrawShares(loanId, 0, owner);
        vm.stopPrank();
    }

    function test_withdraw__marked__reverts() public {
        _missDueDate(loanId);
        credit.mark(loanId);
        _refused(abi.encodeWithSelector(ICreditFacts.InBreach.selector, loanId));
    }

    /// @dev Late, and nobody recorded it yet: the borrower cannot be the first to act on it.
    function test_withdraw__lateAndNotMarkedYet__reverts() public {
        _missDueDate(loanId);
        _refused(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.MissedDue));
    }

    function test_withdraw__noReport__reverts() public {
        vm.warp(block.timestamp + 48 hours);
        _setBtc(60_000);
        _refused(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.NoReport));
    }

    function test_withdraw__staleFeed__reverts() public {
        uint256 said = block.timestamp;
        vm.warp(said + 1 hours + 1);
        _refused(abi.encodeWithSelector(ICollateralPrices.PriceStale.selector, btc, said, 1 hours));
    }

    function test_withdraw__staleAppraisal__reverts() public {
        uint256 updatedAt = appraisal.priceOf(CLASS).updatedAt;
        vm.warp(updatedAt + 36 days);
        _setBtc(60_000);
        _report();
        // What fell due meanwhile is paid: nothing but the price is missing.
        _repay(loanId, _coins(30_000));
        _refused(abi.encodeWithSelector(IAppraisal.AppraisalStale.selector, CLASS, updatedAt, 35 days));
    }

    /// @dev The block before a jump is confirmed: a feed that is not believed opens nothing.
    function test_withdraw__feedJumpedUp__reverts() public {
        feed.say(100_000e8);
        _refused(abi.encodeWithSelector(ICollateralPrices.PriceJumped.selector, btc, 60_000e8, 100_000e8, 2000));
    }

    /* ---- what cannot be given back ---- */

    function test_reclaim__nothingKept__reverts() public {
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.NothingToReclaim.selector, loanId);
        vm.startPrank(owner);
        vm.expectRevert(refused);
        credit.reclaimLot(loanId, owner);
        vm.expectRevert(refused);
        credit.reclaimCollateral(loanId, owner);
        vm.stopPrank();
    }

    function test_reclaim__notTheBorrower__reverts() public {
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.NotBorrower.selector, loanId, attacker);
        vm.startPrank(attacker);
        vm.expectRevert(refused);
        credit.reclaimLot(loanId, attacker);
        vm.expectRevert(refused);
        credit.reclaimCollateral(loanId, attacker);
        vm.stopPrank();
    }

    function _refused(bytes memory reason) private {
        vm.startPrank(owner);
        vm.expectRevert(reason);
        credit.withdrawCollateral(loanId, 1, owner);
        vm.expectRevert(reason);
        credit.withdrawShares(loanId, 1, owner);
        vm.stopPrank();
    }
}
