// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Evidence, ICreditFacts, Loan, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev What the auction brings, booked: the test stands where the auction stands.
contract SaleTest is CreditScene {
    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
        _breach(loanId);
    }

    /* ---- collateral ---- */

    function test_collateralSold__part__paysInterestThenPrincipal() public {
        (uint256 principal, uint256 interest) = credit.debt(loanId);
        coin.mint(address(vault), _coins(20_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.SellCollateral(loanId, bidder, BTC / 3, _coins(20_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.RepayLoan(loanId, address(auction), _coins(20_000) - interest, interest);
        vm.prank(address(auction));
        credit.collateralSold(loanId, uint96(BTC / 3), _coins(20_000), _coins(20_000), bidder);

        vm.assertEq(btc.balanceOf(bidder), BTC / 3);
        vm.assertEq(_owed(loanId), principal + interest - _coins(20_000));
        vm.assertGt(credit.loan(loanId).breachedSince, 0);
        _checkMoney(loanId);
    }

    /// @dev In the transaction of the bid: whoever is served in it leaves at what is left, not at what was sold.
    function test_collateralSold__partAndStillInBreach__countsNoMoreForWhatWasSold() public {
        _goTo(block.timestamp + 31 days);
        vm.assertEq(_counted(), _coins(108_000));
        uint256 since = credit.loan(loanId).markedSince;
        coin.mint(address(vault), _coins(1000));
        vm.prank(address(auction));
        credit.collateralSold(loanId, uint96(BTC), _coins(1000), _coins(60_000), bidder);
        vm.assertEq(_counted(), _coins(48_000));
        vm.assertEq(credit.loan(loanId).markedSince, since);
    }

    /// @dev What the hardware counts for stays, without what the sold part was worth, whatever it was paid.
    function test_collateralSold__partWithAStaleAppraisal__lowersTheFloorByTheValue() public {
        vm.warp(appraisal.priceOf(CLASS).updatedAt + 36 days);
        _setBtc(60_000);
        vm.assertEq(vault.floorOf(loanId), _coins(108_000));
        _sellCollateral(loanId, uint96(BTC / 10), _coins(6000));
        vm.assertEq(vault.floorOf(loanId), _coins(102_000));
        _sellCollateral(loanId, uint96(BTC / 10), 1);
        vm.assertEq(vault.floorOf(loanId), _coins(96_000));
        credit.mark(loanId);
        vm.assertEq(vault.floorOf(loanId), _coins(97_200));
        _setPrice(25_000);
        credit.mark(loanId);
        vm.assertEq(vault.floorOf(loanId), _coins(97_200));
    }

    function test_collateralSold__withinLimitsAgain__curesAtOnce() public {
        coin.mint(address(vault), _coins(50_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.CureLoan(loanId);
        vm.prank(address(auction));
        credit.collateralSold(loanId, uint96(BTC), _coins(50_000), _coins(50_000), bidder);
        vm.assertEq(credit.loan(loanId).markedSince + credit.loan(loanId).breachedSince, 0);
        vm.assertEq(credit.loan(loanId).collateralAmount, BTC);
        // And nothing more can be sold.
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId));
        vm.prank(address(auction));
        credit.collateralSold(loanId, 1, 1, 1, bidder);
        _checkMoney(loanId);
    }

    function test_collateralSold__paysAll__closesAndTheRestGoesBack() public {
        uint256 owed = _owed(loanId);
        _sellCollateral(loanId, uint96(BTC), owed);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(btc.balanceOf(owner), BTC);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(vault.book().markedOwed + vault.book().markedBase, 0);
        _checkMoney(loanId);
    }

    function test_collateralSold__moreThanIsOwed__reverts() public {
        uint256 owed = _owed(loanId);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.PriceTooHigh.selector, loanId, owed + 1, owed));
        vm.prank(address(auction));
        credit.collateralSold(loanId, 1, owed + 1, owed + 1, bidder);
    }

    function test_collateralSold__moreThanIsThere__reverts() public {
        coin.mint(address(vault), 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InsufficientPledge.selector, loanId, 2 * BTC, 2 * BTC + 1));
        vm.prank(address(auction));
        credit.collateralSold(loanId, uint96(2 * BTC + 1), 1, 1, bidder);
    }

    function test_collateralSold__notTheAuction__reverts() public {
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.NotAuction.selector, attacker);
        vm.startPrank(attacker);
        vm.expectRevert(refused);
        credit.collateralSold(loanId, 1, 1, 1, attacker);
        vm.expectRevert(refused);
        credit.lotSold(loanId, 1, attacker);
        vm.expectRevert(refused);
        credit.lotUnsold(loanId, 1);
        vm.stopPrank();
    }

    function test_sales__notInBreach__revert() public {
        _repay(loanId, _coins(40_000));
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId);
        vm.startPrank(address(auction));
        vm.expectRevert(refused);
        credit.collateralSold(loanId, 1, 1, 1, bidder);
        vm.expectRevert(refused);
        credit.lotSold(loanId, 1, bidder);
        vm.expectRevert(refused);
        credit.lotUnsold(loanId, 1);
        vm.stopPrank();
    }

    function test_sales__closed__revert() public {
        _repay(loanId, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        vm.prank(address(auction));
        credit.lotSold(loanId, 1, bidder);
    }

    /* ---- the lot ---- */

    function test_lotSold__aboveDebtAndCosts__surplusAndCollateralAreTheBorrowers() public {
        uint256 owed = _owed(loanId);
        uint256 surplus = _coins(400_000) - _coins(12_000) - owed;
        coin.mint(address(credit), _coins(400_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.SellLot(loanId, bidder, _coins(400_000), _coins(12_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, surplus, 0, 0);
        vm.prank(address(auction));
        credit.lotSold(loanId, _coins(400_000), bidder);

        vm.assertEq(registry.ownerOf(fleetId), bidder);
        vm.assertEq(shares.balanceOf(bidder), FREE_SHARES);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
        vm.assertEq(credit.owed(coin, owner), surplus);
        vm.assertEq(credit.owed(coin, costs), _coins(12_000));
        vm.assertEq(credit.loanOf(fleetId), 0);
        vm.assertEq(credit.outstanding("fleet", bytes32(fleetId)), 0);
        vm.assertEq(_owed(loanId), 0);
        vm.assertEq(vault.book().markedOwed + vault.book().markedBase, 0);
        _checkMoney(loanId);
    }

    function test_lotSold__revenueOfTheLastDays__paysFirst() public {
        _bring(_coins(5000));
        _goTo(block.timestamp + 2 days);
        uint256 owed = _owed(loanId);
        _sellLot(loanId, _coins(400_000));
        vm.assertEq(credit.owed(coin, owner), _coins(400_000) + _coins(5000) - _coins(12_000) - owed);
        // Nothing is left for who has the fleet next.
        vm.assertEq(shares.claimable(address(custody)), 0);
        _checkMoney(loanId);
    }

    function test_lotSold__shortfallWithoutCollateral__fundThenLossInTheSameTransaction() public {
        _fillLossFund(_coins(10_000));
        _withoutCollateral();
        uint256 owed = _owed(loanId);
        uint256 cash = vault.book().cash;
        uint256 missing = owed - _coins(97_000);
        coin.mint(address(credit), _coins(100_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, 0, _coins(10_000), missing - _coins(10_000));
        vm.prank(address(auction));
        credit.lotSold(loanId, _coins(100_000), bidder);

        vm.assertEq(vault.book().cash, cash + _coins(107_000));
        vm.assertEq(vault.conservativeAssets(), vault.optimisticAssets());
        vm.assertEq(vault.optimisticAssets(), vault.book().cash);
        vm.assertEq(lossFund.held(coin), 0);
        vm.assertEq(lossFund.allowance(address(credit), coin), 0);
        _checkMoney(loanId);
    }

    function test_lotSold__fundAllowsLessThanItHolds__coversThat() public {
        _fillLossFund(_coins(10_000));
        vm.prank(risk);
        lossFund.allow(address(credit), coin, _coins(4000));
        _withoutCollateral();
        uint256 cash = vault.book().cash;
        _sellLot(loanId, _coins(100_000));
        vm.assertEq(vault.book().cash, cash + _coins(101_000));
        vm.assertEq(lossFund.held(coin), _coins(6000));
    }

    function test_lotSold__fundHoldsLessThanItAllows__coversThat() public {
        _fillLossFund(_coins(10_000));
        vm.prank(risk);
        lossFund.allow(address(credit), coin, _coins(50_000));
        _withoutCollateral();
        uint256 cash = vault.book().cash;
        _sellLot(loanId, _coins(100_000));
        vm.assertEq(vault.book().cash, cash + _coins(107_000));
        vm.assertEq(lossFund.allowance(address(credit), coin), _coins(40_000));
    }

    function test_lotSold__fundHasMoreThanIsMissing__nothingIsLost() public {
        _fillLossFund(_coins(300_000));
        _withoutCollateral();
        uint256 optimistic = vault.optimisticAssets();
        _sellLot(loanId, _coins(100_000));
        vm.assertEq(vault.conservativeAssets(), optimistic);
        vm.assertEq(credit.owed(coin, owner), 0);
    }

    function test_lotSold__nobodyGetsTheCosts__theyAreTheVaults() public {
        vm.prank(parameters);
        credit.setCostRecipient(address(0));
        uint256 owed = _owed(loanId);
        _sellLot(loanId, _coins(400_000));
        vm.assertEq(credit.owed(coin, owner), _coins(400_000) - owed);
        _checkMoney(loanId);
    }

    /// @dev The collateral is still for sale: what it brings decides whether anything is missing.
    function test_lotSold__shortfallWithCollateralLeft__staysInBreachWithoutItsLot() public {
        uint256 owed = _owed(loanId);
        _sellLot(loanId, _coins(100_000));

        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Open);
        vm.assertGt(l.breachedSince, 0);
        vm.assertEq(_owed(loanId), owed - _coins(97_000));
        vm.assertFalse(credit.saleState(loanId).hasLot);
        vm.assertEq(credit.loanOf(fleetId), 0);
        vm.assertEq(registry.ownerOf(fleetId), bidder);
        _checkMoney(loanId);
        (Evidence found, uint256 since) = credit.evidence(loanId);
        vm.assertTrue(found == Evidence.PastGrace || found == Evidence.AboveBreachLimit);
        vm.assertLe(since, l.breachedSince);
        // Paid up to date, it is still no loan against a fleet.
        (uint256 principal,) = credit.arrears(loanId);
        _repay(loanId, principal + _coins(5000));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.StillWrong.selector, loanId, Evidence.AboveBreachLimit));
        credit.cure(loanId);
        credit.mark(loanId);
        credit.service(loanId);
    }

    /// @dev A satoshi that anybody pledged does not keep what is missing in the value at which lenders leave.
    function test_lotSold__shortfallWithDustLeft__countsForTheDustFromNowOn() public {
        _sellCollateral(loanId, uint96(2 * BTC - 1), 1);
        uint256 owed = _owed(loanId);
        vm.assertGt(_counted(), _coins(100_000));
        coin.mint(address(credit), _coins(100_000));
        vm.expectEmit(address(credit));
        // A satoshi is 600 units, of which nine tenths count.
        emit ICreditFacts.MarkLoan(loanId, Evidence.AboveBreachLimit, block.timestamp - 30 days, 540);
        vm.prank(address(auction));
        credit.lotSold(loanId, _coins(100_000), bidder);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Open);
        vm.assertEq(_counted(), 540);
        vm.assertEq(vault.conservativeAssets(), vault.book().cash + 540);
        // Who enters still pays for what may come.
        vm.assertEq(vault.optimisticAssets(), vault.book().cash + owed - _coins(97_000));
        // Nor does a mark of it keep anybody waiting.
        vm.assertEq(vault.servingFrom(), 0);
    }

    /// @dev The rest of the collateral counts at nine tenths, and less with each sale.
    function test_lotSold__shortfallWithCollateralLeft__countsForNineTenthsOfIt() public {
        _sellLot(loanId, _coins(100_000));
        vm.assertEq(_counted(), _coins(108_000));
        _sellCollateral(loanId, uint96(BTC), _coins(1000));
        vm.assertEq(_counted(), _coins(48_000));
        _setBtc(30_000);
        _setBtc(30_000);
        credit.mark(loanId);
        vm.assertEq(_counted(), _coins(27_000));
    }

    /// @dev What cannot be told counts nothing until somebody marks it again.
    function test_lotSold__shortfallAndTheFeedDies__countsForNothing() public {
        feed.setDecimals(7);
        _sellLot(loanId, _coins(100_000));
        vm.assertEq(_counted(), 0);
        feed.setDecimals(8);
        credit.mark(loanId);
        vm.assertEq(_counted(), _coins(108_000));
    }

    function test_collateralSold__lastOfALoanWithoutItsLot__booksWhatIsMissing() public {
        _fillLossFund(_coins(1000));
        _sellLot(loanId, _coins(100_000));
        _sellCollateral(loanId, uint96(BTC), _coins(50_000));
        vm.assertTrue(credit.loan(loanId).state == LoanState.Open);
        uint256 missing = _owed(loanId) - _coins(50_000);
        coin.mint(address(vault), _coins(50_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, 0, _coins(1000), missing - _coins(1000));
        vm.prank(address(auction));
        credit.collateralSold(loanId, uint96(BTC), _coins(50_000), _coins(50_000), bidder);
        vm.assertEq(_owed(loanId), 0);
        vm.assertEq(vault.optimisticAssets(), vault.book().cash);
        // The fleet stays whose it is.
        vm.assertEq(registry.ownerOf(fleetId), bidder);
        _checkMoney(loanId);
    }

    function test_repay__loanWithoutItsLot__closesAndCollateralGoesBack() public {
        _sellLot(loanId, _coins(100_000));
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
        vm.assertEq(registry.ownerOf(fleetId), bidder);
        _checkMoney(loanId);
    }

    /// @dev Who bought the fleet borrows against it while the old loan still waits for its collateral's sale.
    function test_draw__fleetOfALoanWithoutItsLot__isFree() public {
        _sellLot(loanId, _coins(100_000));
        LoanRequest memory asked = _request();
        asked.principal = uint96(_coins(100_000));
        _earnToday(_coins(200_000));
        _goTo(block.timestamp + 1 days);
        uint256 second = _drawnLoan(asked, _loanTerms());
        vm.assertEq(credit.loan(second).borrower, bidder);
        vm.assertEq(credit.loanOf(fleetId), second);
        _repay(loanId, type(uint256).max);
        vm.assertEq(credit.loanOf(fleetId), second);
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
    }

    /// @dev Revenue put it right, and nobody has cured it yet: the fleet stays.
    function test_lotSold__nothingWrongAnyMore__reverts() public {
        _mendByRevenue();
        coin.mint(address(credit), _coins(400_000));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
        vm.prank(address(auction));
        credit.lotSold(loanId, _coins(400_000), bidder);
        credit.cure(loanId);
    }

    function test_lotUnsold__nothingWrongAnyMore__reverts() public {
        _withoutCollateral();
        _mendByRevenue();
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NoEvidence.selector, loanId));
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(90_000));
        credit.cure(loanId);
    }

    function test_lotSold__twice__reverts() public {
        _sellLot(loanId, _coins(100_000));
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.NotOffered.selector, loanId);
        vm.startPrank(address(auction));
        vm.expectRevert(refused);
        credit.lotSold(loanId, 1, bidder);
        vm.expectRevert(refused);
        credit.lotUnsold(loanId, 1);
        vm.stopPrank();
    }

    function test_stepIn__withoutTheLot__reverts() public {
        _sellLot(loanId, _coins(100_000));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotBreached.selector, loanId));
        vm.prank(risk);
        credit.stepIn(loanId, investor);
    }

    function test_addShares__withoutTheLot__reverts() public {
        _sellLot(loanId, _coins(100_000));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.InvalidAmount.selector, loanId, 1));
        credit.addShares(loanId, 1);
    }

    /* ---- the vault takes it ---- */

    function test_lotUnsold__collateralLeft__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.CollateralLeft.selector, loanId, 2 * BTC));
        vm.prank(address(auction));
        credit.lotUnsold(loanId, 1);
    }

    function test_lotUnsold__floorBelowTheDebt__isHeldForTheDebtAlone() public {
        _withoutCollateral();
        uint256 owed = _owed(loanId);
        vm.expectEmit(address(credit));
        emit ICreditFacts.HoldLot(loanId, owed, _coins(90_000));
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(90_000));

        Loan memory l = credit.loan(loanId);
        vm.assertTrue(l.state == LoanState.Held);
        vm.assertEq(l.heldOwed, owed);
        vm.assertEq(l.principal, 0);
        vm.assertEq(l.markedSince + l.breachedSince, 0);
        vm.assertEq(vault.book().heldOwed, owed);
        vm.assertEq(vault.book().markedBase, _coins(90_000));
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        // Neither the borrower's to control any more, nor anybody's yet.
        vm.assertEq(registry.controllerOf(fleetId), address(0));
        vm.assertEq(credit.loanOf(fleetId), loanId);
        // Held for the debt as it was: nothing accrues.
        vm.warp(block.timestamp + 30 days);
        vm.assertEq(_owed(loanId), owed);
        _checkMoney(loanId);
    }

    function test_lotUnsold__floorAboveTheDebt__booksNoMoreThanTheDebt() public {
        _withoutCollateral();
        uint256 owed = _owed(loanId);
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(900_000));
        vm.assertEq(vault.book().markedBase, owed);
    }

    function test_lotUnsold__revenueOfTheLastDays__paysFirst() public {
        _withoutCollateral();
        _bring(_coins(5000));
        _goTo(block.timestamp + 2 days);
        uint256 owed = _owed(loanId);
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(90_000));
        vm.assertEq(credit.loan(loanId).heldOwed, owed - _coins(5000));
        _checkMoney(loanId);
    }

    function test_lotUnsold__revenuePaysAll__closes() public {
        _withoutCollateral();
        _bring(_coins(400_000));
        _goTo(block.timestamp + 2 days);
        uint256 owed = _owed(loanId);
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(90_000));
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(credit.owed(coin, owner), _coins(400_000) - owed);
        _checkMoney(loanId);
    }

    function _mendByRevenue() private {
        _bringAndRelease(_coins(60_000));
        credit.service(loanId);
        vm.assertGt(credit.loan(loanId).breachedSince, 0);
    }

    /// @dev What the marked loan counts for when lenders leave.
    function _counted() private view returns (uint256) {
        return vault.book().markedBase - vault.book().writtenDown;
    }

    /// @dev Sells the 2 BTC for next to nothing.
    function _withoutCollateral() private {
        _sellCollateral(loanId, uint96(2 * BTC), 1);
    }
}
