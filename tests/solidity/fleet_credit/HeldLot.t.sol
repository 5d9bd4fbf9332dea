// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Evidence, ICreditFacts, LoanRequest, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev A lot that nobody bought: booked at 90,000, some 278,000 owed on it.
contract HeldLotTest is CreditScene {
    uint256 internal loanId;
    uint256 internal owed;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
        _breach(loanId);
        _sellCollateral(loanId, uint96(2 * BTC), _coins(1));
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(90_000));
        owed = credit.loan(loanId).heldOwed;
    }

    function test_service__heldLot__revenueReducesWhatIsOwed() public {
        _bring(_coins(5000));
        _goTo(block.timestamp + 2 days);
        vm.expectEmit(address(credit));
        emit ICreditFacts.ServeLoan(loanId, _coins(5000), _coins(5000), 0, 0, 0);
        vm.expectEmit(address(credit));
        emit ICreditFacts.RepayLoan(loanId, address(credit), _coins(5000), 0);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).heldOwed, owed - _coins(5000));
        vm.assertEq(vault.book().heldOwed, owed - _coins(5000));
        vm.assertEq(credit.owed(coin, owner), 0);
        _checkMoney(loanId);
    }

    function test_service__heldLotThatEarnedItsDebt__goesBackToTheBorrower() public {
        _bring(_coins(300_000));
        _goTo(block.timestamp + 2 days);
        credit.service(loanId);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(credit.owed(coin, owner), _coins(300_000) - owed);
        vm.assertEq(vault.book().heldOwed + vault.book().markedBase, 0);
        _checkMoney(loanId);
    }

    function test_service__heldLotWithoutRevenue__nothingMoves() public {
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).heldOwed, owed);
    }

    function test_stepIn__heldLot__somebodyRunsIt() public {
        vm.prank(risk);
        credit.stepIn(loanId, investor);
        vm.assertEq(registry.controllerOf(fleetId), investor);
        vm.prank(risk);
        credit.stepIn(loanId, address(0));
        vm.assertEq(registry.controllerOf(fleetId), address(0));
    }

    /// @dev Whom the lenders named before goes on running the fleet.
    function test_lotUnsold__withASteward__whoStays() public {
        _buy(_coins(120_000));
        address before = owner;
        owner = investor;
        uint256 other = _liveFleet();
        owner = before;
        _submit(_report(other, block.timestamp, 0, 0));
        LoanRequest memory asked = _request();
        (asked.fleetId, asked.collateral, asked.collateralAmount) = (uint64(other), IERC20(address(0)), 0);
        loanId = _drawnLoan(asked, _loanTerms());
        vm.warp(block.timestamp + 3 days);
        credit.mark(loanId);
        vm.prank(risk);
        credit.stepIn(loanId, lender);
        vm.prank(address(auction));
        credit.lotUnsold(loanId, _coins(90_000));
        vm.assertEq(registry.controllerOf(other), lender);
        vm.assertEq(credit.loan(loanId).steward, lender);
    }

    function test_offerLot__atWhatTheVaultCarriesIt__andNotBelow() public {
        vm.warp((block.timestamp / DAY + 45) * DAY);
        // Half of 90 days have passed.
        vm.startPrank(risk);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditFacts.PriceTooLow.selector, loanId, _coins(45_000) - 1, _coins(45_000))
        );
        credit.offerLot(loanId, uint96(_coins(45_000) - 1));
        vm.expectEmit(address(credit));
        emit ICreditFacts.OfferLot(loanId, _coins(45_000));
        credit.offerLot(loanId, uint96(_coins(45_000)));
        vm.stopPrank();
        vm.assertEq(vault.book().markedBase - vault.book().writtenDown, _coins(45_000));
        vm.assertEq(credit.loan(loanId).askingPrice, _coins(45_000));
    }

    function test_offerLot__writtenOffWhole__forAUnitAtLeast() public {
        vm.warp(block.timestamp + 200 days);
        vm.startPrank(risk);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.PriceTooLow.selector, loanId, 0, 0));
        credit.offerLot(loanId, 0);
        credit.offerLot(loanId, 1);
        vm.stopPrank();
    }

    function test_offerLot__notRisk__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, attacker));
        vm.prank(attacker);
        credit.offerLot(loanId, 1);
    }

    function test_offerLot__notHeld__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.UnknownLoan.selector, 9));
        vm.prank(risk);
        credit.offerLot(9, 1);
        _buy(_coins(120_000));
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Closed));
        vm.prank(risk);
        credit.offerLot(loanId, 1);
    }

    function test_buyLot__belowTheDebt__costsVaultThenLoss() public {
        uint256 cash = vault.book().cash;
        _offer(_coins(120_000));
        _fund(bidder, _coins(120_000));
        vm.expectEmit(address(credit));
        emit ICreditFacts.SellLot(loanId, investor, _coins(120_000), _coins(3600));
        vm.expectEmit(address(credit));
        emit ICreditFacts.CloseLoan(loanId, 0, 0, owed - _coins(116_400));
        vm.prank(bidder);
        credit.buyLot(loanId, _coins(120_000), investor);

        vm.assertEq(registry.ownerOf(fleetId), investor);
        vm.assertEq(shares.balanceOf(investor), FREE_SHARES);
        vm.assertEq(vault.book().cash, cash + _coins(116_400));
        vm.assertEq(vault.book().heldOwed + vault.book().markedBase, 0);
        vm.assertEq(vault.optimisticAssets(), vault.book().cash);
        vm.assertEq(credit.owed(coin, costs), _coins(3600));
        vm.assertEq(credit.loanOf(fleetId), 0);
        _checkMoney(loanId);
    }

    function test_buyLot__lossFundHelps__lossIsWhatItCannotCover() public {
        _fillLossFund(_coins(50_000));
        uint256 cash = vault.book().cash;
        _buy(_coins(120_000));
        vm.assertEq(vault.book().cash, cash + _coins(166_400));
        _checkMoney(loanId);
    }

    /// @dev A resale that brings more than debt and costs: the rest is the borrower's, not the vault's, nor the fee taker's.
    function test_buyLot__aboveTheDebt__surplusIsTheBorrowers() public {
        _buy(_coins(400_000));
        vm.assertEq(credit.owed(coin, owner), _coins(388_000) - owed);
        vm.assertEq(credit.owed(coin, costs), _coins(12_000));
        _checkMoney(loanId);
    }

    function test_buyLot__notOffered__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NotOffered.selector, loanId));
        credit.buyLot(loanId, type(uint256).max, bidder);
    }

    function test_buyLot__dearerThanTheBuyerAllows__reverts() public {
        _offer(_coins(120_000));
        vm.expectRevert(
            abi.encodeWithSelector(ICreditFacts.PriceTooHigh.selector, loanId, _coins(120_000), _coins(119_999))
        );
        credit.buyLot(loanId, _coins(119_999), bidder);
    }

    function test_buyLot__paused__works() public {
        _offer(_coins(120_000));
        _fund(bidder, _coins(120_000));
        _pause();
        vm.prank(bidder);
        credit.buyLot(loanId, _coins(120_000), bidder);
        vm.assertEq(registry.ownerOf(fleetId), bidder);
    }

    function test_heldLot__repayMarkCureAndCollateral__revert() public {
        bytes memory refused = abi.encodeWithSelector(ICreditFacts.WrongState.selector, loanId, LoanState.Held);
        vm.expectRevert(refused);
        credit.repay(loanId, 1);
        vm.expectRevert(refused);
        credit.mark(loanId);
        vm.expectRevert(refused);
        credit.cure(loanId);
        vm.expectRevert(refused);
        credit.addCollateral(loanId, 1);
        vm.expectRevert(refused);
        vm.prank(owner);
        credit.withdrawShares(loanId, 1, owner);
        (Evidence found,) = credit.evidence(loanId);
        vm.assertEq(uint256(found), uint256(Evidence.None));
    }

    function _offer(uint256 price) private {
        vm.prank(risk);
        credit.offerLot(loanId, uint96(price));
    }

    function _buy(uint256 price) private {
        _offer(price);
        _fund(bidder, price);
        vm.prank(bidder);
        credit.buyLot(loanId, price, bidder);
    }
}
