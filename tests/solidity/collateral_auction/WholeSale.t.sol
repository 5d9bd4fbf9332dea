// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC7943Fungible} from "../../../contracts/interfaces/IERC7943.sol";
import {Asking, ICollateralAuction} from "../../../contracts/interfaces/ICollateralAuction.sol";
import {ICreditFacts, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {Enrolment, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev Sales of a real loan, from its breach to where every unit went. The fleet earns nothing, so by its breach after day 90 its
/// hardware counts nothing in the limits, and 2 BTC carry 90,000 coins.
abstract contract SaleScene is CreditScene {
    uint256 internal loanId;

    function setUp() public virtual override {
        super.setUp();
        _fund(bidder, _coins(5_000_000));
        vm.prank(bidder);
        coin.approve(address(auction), type(uint256).max);
    }

    function _startSale(uint256 principal) internal {
        LoanRequest memory asked = _request();
        asked.principal = uint96(principal);
        loanId = _drawnLoan(asked, _loanTerms());
        _breach(loanId);
        auction.start(loanId);
    }

    /// @dev In breach by an insurance that is over, which no sale mends.
    function _startLastingSale() internal {
        loanId = _drawnLoan();
        _endInsurance(loanId);
        auction.start(loanId);
    }

    /// @dev An hour at a time, as keepers do.
    function _touchFor(uint256 hours_) internal {
        for (uint256 i; i < hours_; ++i) {
            vm.warp(block.timestamp + 1 hours);
            _setBtc(_btcPrice());
            auction.touch(loanId);
        }
    }

    function _bid(uint256 amount) internal returns (uint256 bought, uint256 price) {
        vm.prank(bidder);
        return auction.bidCollateral(loanId, uint96(amount), type(uint256).max, bidder);
    }

    function _bidLot() internal returns (uint256) {
        vm.prank(bidder);
        return auction.bidLot(loanId, type(uint256).max, bidder);
    }

    function _assertState(LoanState state) internal view {
        vm.assertEq(uint256(credit.loan(loanId).state), uint256(state));
    }

    /// @dev All coins that exist are where somebody can say whose they are.
    function _assertEverythingAccountedFor() internal view {
        _checkMoney(loanId);
        vm.assertEq(coin.balanceOf(address(auction)), 0);
        vm.assertEq(coin.balanceOf(address(custody)), 0);
        vm.assertEq(btc.balanceOf(address(custody)), custody.held(btc));
        vm.assertEq(credit.loan(loanId).collateralAmount, custody.held(btc));
        vm.assertEq(shares.balanceOf(address(custody)), credit.loan(loanId).shares);
    }
}

contract WholeSaleTest is SaleScene {
    /* ---- collateral ---- */

    function test_sale__smallDebt__aBidCuresTheLoanAndTheSaleStops() public {
        _startSale(_coins(120_000));
        uint256 owed = _owed(loanId);
        vm.expectEmit(address(credit));
        emit ICreditFacts.CureLoan(loanId);
        (, uint256 price) = _bid(BTC);

        vm.assertEq(_owed(loanId), owed - price);
        vm.assertEq(credit.loan(loanId).breachedSince, 0);
        vm.assertFalse(auction.asking(loanId).collateralForSale);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.NotBreached.selector, loanId));
        _bid(BTC);
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        vm.assertEq(registry.controllerOf(fleetId), owner);
        _assertEverythingAccountedFor();
    }

    function test_sale__curedByPaymentMidSale__stopsAndResumesWhereItStood() public {
        _startSale(_coins(120_000));
        _touchFor(4);
        _repay(loanId, _coins(60_000));
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.NotBreached.selector, loanId));
        auction.touch(loanId);

        _goTo(block.timestamp + 5 days);
        _endInsurance(loanId);
        vm.expectEmit(address(auction));
        emit ICollateralAuction.StartSale(loanId, true);
        auction.start(loanId);
        vm.assertEq(auction.sale(loanId).collateralElapsed, 4 hours);
    }

    function test_sale__debtBelowTheCollateralsPrice__oneBidPaysItWholeAndTheRestGoesHome() public {
        _startLastingSale();
        _repay(loanId, _coins(240_000));
        uint256 owed = _owed(loanId);
        uint256 paidIn = coin.balanceOf(bidder);
        (uint256 bought, uint256 price) = _bid(2 * BTC);

        vm.assertEq(price, owed);
        vm.assertLt(bought, 2 * BTC);
        _assertState(LoanState.Closed);
        vm.assertEq(paidIn - coin.balanceOf(bidder), owed);
        vm.assertEq(btc.balanceOf(bidder), bought);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC - bought);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(shares.balanceOf(owner), FREE_SHARES);
        vm.assertEq(vault.book().markedOwed, 0);
        _assertEverythingAccountedFor();
    }

    /* ---- the lot ---- */

    function test_sale__lotAboveDebtAndCosts__surplusToTheBorrower() public {
        _startLastingSale();
        _bid(2 * BTC);
        uint256 owed = _owed(loanId) - credit.loan(loanId).reserve;
        uint256 price = auction.asking(loanId).lotPrice;
        uint256 cost = price * 300 / 10_000;
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, price - cost - owed, 0, 0);
        vm.assertEq(_bidLot(), price);

        vm.assertEq(credit.owed(coin, costs), cost);
        vm.assertEq(credit.owed(coin, owner), price - cost - owed);
        vm.assertEq(registry.ownerOf(fleetId), bidder);
        vm.assertEq(shares.balanceOf(bidder), FREE_SHARES);
        vm.assertEq(custody.loanOf(fleetId), 0);
        vm.assertEq(vault.conservativeAssets(), vault.book().cash);
        _assertEverythingAccountedFor();
    }

    function test_sale__shortfall__lossFundFirstThenTheVault() public {
        _fillLossFund(_coins(10_000));
        _startLastingSale();
        _bid(2 * BTC);
        _cheapBoards();
        uint256 owed = _owed(loanId) - credit.loan(loanId).reserve;
        uint256 price = _bidLot();
        uint256 have = price - price * 300 / 10_000;
        vm.assertGt(owed, have + _coins(10_000));

        vm.assertEq(lossFund.held(coin), 0);
        vm.assertEq(vault.conservativeAssets(), vault.book().cash);
        _assertState(LoanState.Closed);
        _assertEverythingAccountedFor();
    }

    function test_sale__shortfallWithoutALossFund__theVaultsLossInTheSameTransaction() public {
        _startLastingSale();
        _bid(2 * BTC);
        _cheapBoards();
        uint256 before = vault.optimisticAssets();
        uint256 owed = _owed(loanId) - credit.loan(loanId).reserve;
        uint256 price = _bidLot();
        uint256 loss = owed - (price - price * 300 / 10_000);

        vm.assertGt(loss, 0);
        vm.assertLe(before - vault.optimisticAssets(), loss + 1);
        vm.assertGe(before - vault.optimisticAssets() + 1, loss);
        vm.assertEq(vault.optimisticAssets(), vault.conservativeAssets());
        _assertEverythingAccountedFor();
    }

    function test_sale__lotBoughtWhileCollateralIsLeft__theCollateralSellsOnAndTheLastUnitCloses() public {
        _startLastingSale();
        _touchFor(24);
        _cheapBoards();
        _bidLot();
        _assertState(LoanState.Open);
        Asking memory a = auction.asking(loanId);
        vm.assertTrue(a.collateralForSale);
        vm.assertFalse(a.lotForSale);
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.NotForSale.selector, loanId));
        _bidLot();
        vm.assertEq(registry.ownerOf(fleetId), bidder);

        _bid(2 * BTC);
        _assertState(LoanState.Closed);
        _assertEverythingAccountedFor();
    }

    function test_sale__unsold__vaultHoldsItAndAResalesSurplusIsTheBorrowers() public {
        _startLastingSale();
        _bid(2 * BTC);
        auction.touch(loanId);
        _touchFor(72);
        auction.giveLotToVault(loanId);
        _assertState(LoanState.Held);
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        vm.expectRevert(abi.encodeWithSelector(ICollateralAuction.NotBreached.selector, loanId));
        _bidLot();

        uint256 owed = credit.loan(loanId).heldOwed;
        vm.prank(risk);
        credit.offerLot(loanId, uint96(owed + _coins(100_000)));
        _fund(stranger, owed + _coins(100_000));
        vm.prank(stranger);
        credit.buyLot(loanId, type(uint256).max, stranger);

        uint256 cost = (owed + _coins(100_000)) * 300 / 10_000;
        vm.assertEq(credit.owed(coin, owner), _coins(100_000) - cost);
        vm.assertEq(registry.ownerOf(fleetId), stranger);
        vm.assertEq(shares.balanceOf(stranger), FREE_SHARES);
        _assertEverythingAccountedFor();
    }

    function test_sale__collateralUnsold__theVaultWaitsForIt() public {
        _startLastingSale();
        _touchFor(96);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.CollateralLeft.selector, loanId, 2 * BTC));
        auction.giveLotToVault(loanId);
        _bid(2 * BTC);
        auction.giveLotToVault(loanId);
        _assertState(LoanState.Held);
    }

    function test_sale__paused__goesOn() public {
        _startLastingSale();
        _pause();
        _touchFor(2);
        _bid(2 * BTC);
        _bidLot();
        _assertState(LoanState.Closed);
    }

    function test_sale__dustAddedByTheBorrower__doesNotCloseTheLot() public {
        _startLastingSale();
        _bid(2 * BTC);
        btc.mint(owner, 1);
        vm.prank(owner);
        btc.approve(address(custody), 1);
        vm.prank(owner);
        credit.addCollateral(loanId, 1);
        vm.assertTrue(auction.asking(loanId).lotForSale);
        _bidLot();
        _assertState(LoanState.Closed);
        vm.assertEq(btc.balanceOf(owner), 1);
    }

    /// @dev By a fifth a day at most.
    function _cheapBoards() private {
        uint256 price = 25_000;
        while (price > 2000) {
            price = price * 8 / 10 + 1;
            vm.warp(block.timestamp + 1 days);
            _setPrice(price);
        }
        _setBtc(_btcPrice());
    }
}

contract WholeSaleDecimals18Test is WholeSaleTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

/// @dev Shares behind a gate that permits the owner and the investor alone.
contract GatedSaleTest is SaleScene {
    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.shares = ShareTerms("Gated", "GTD", 1_000_000e18, true, _predict("custody"));
    }

    function setUp() public override {
        super.setUp();
        vm.prank(registrar);
        gate.setPermitted(owner, true);
        vm.prank(registrar);
        gate.setPermitted(investor, true);
        _startLastingSale();
        _bid(2 * BTC);
    }

    function test_bidLot__buyerThatTheGateRefuses__revertsForThatBuyerOnly() public {
        vm.prank(bidder);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, bidder));
        auction.bidLot(loanId, type(uint256).max, bidder);
        _assertState(LoanState.Open);

        vm.prank(bidder);
        auction.bidLot(loanId, type(uint256).max, investor);
        vm.assertEq(registry.ownerOf(fleetId), investor);
        vm.assertEq(shares.balanceOf(investor), FREE_SHARES);
        _assertState(LoanState.Closed);
    }
}
