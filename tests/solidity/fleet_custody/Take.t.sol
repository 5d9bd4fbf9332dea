// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {IFleetCustody} from "../../../contracts/interfaces/IFleetCustody.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {vm} from "../base/Vm.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {FleetCustodyTest} from "./FleetCustodyTest.sol";

contract TakeTest is FleetCustodyTest {
    function test_take__titleSharesAndCollateral__heldForTheLoanAndControlStaysWithTheBorrower() public {
        vm.expectEmit(address(custody));
        emit IFleetCustody.Take(LOAN, fleetId, owner, PLEDGED, address(btc), BTC);
        vm.expectEmit(address(custody));
        emit IFleetCustody.NameController(fleetId, owner);
        _take();

        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        vm.assertEq(registry.controllerOf(fleetId), owner);
        vm.assertEq(custody.controllerOf(fleetId), owner);
        vm.assertEq(custody.loanOf(fleetId), LOAN);
        vm.assertEq(shares.balanceOf(address(custody)), PLEDGED);
        vm.assertEq(custody.held(btc), BTC);
        vm.assertEq(btc.balanceOf(address(custody)), BTC);
    }

    function test_take__titleAlone__noOtherTokenIsAsked() public {
        custody.take(LOAN, fleetId, owner, 0, IERC20(address(0)), 0);

        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        vm.assertEq(custody.loanOf(fleetId), LOAN);
        vm.assertEq(shares.balanceOf(address(custody)), 0);
        vm.assertEq(custody.held(IERC20(address(0))), 0);
    }

    function test_take__secondLoanOfTheFleetAfterTheFirst__startsFromNothing() public {
        _take();
        custody.releaseCollateral(LOAN, btc, owner, BTC);
        custody.releaseLot(LOAN, fleetId, owner, PLEDGED);
        _approve(owner, fleetId);
        custody.take(LOAN + 1, fleetId, owner, 1e18, btc, 5);

        vm.assertEq(shares.balanceOf(address(custody)), 1e18);
        vm.assertEq(custody.held(btc), 5);
        vm.assertEq(custody.loanOf(fleetId), LOAN + 1);
    }

    function test_take__oneCollateralTokenForTwoLoans__neverMoreThanBothBrought() public {
        _take();
        uint256 other = _liveFleet();
        _approve(owner, other);
        custody.take(8, other, owner, 0, btc, 3);

        vm.assertEq(custody.held(btc), BTC + 3);
        btc.mint(address(custody), 1);
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        custody.releaseCollateral(8, btc, owner, BTC + 4);
        custody.releaseCollateral(8, btc, owner, 3);
        vm.assertEq(custody.held(btc), BTC);
    }

    function test_take__donationsBefore__changeNothing() public {
        btc.mint(address(custody), 77);
        vm.prank(owner);
        shares.transfer(address(custody), 5e18);
        _take();

        vm.assertEq(custody.held(btc), BTC);
        custody.releaseLot(LOAN, fleetId, stranger, PLEDGED);
        vm.assertEq(shares.balanceOf(stranger), PLEDGED);
    }

    function test_take__titleSentBeforeWithoutALoan__revertsUntilItIsReturned() public {
        vm.prank(owner);
        registry.transferFrom(owner, address(custody), fleetId);
        vm.assertEq(registry.controllerOf(fleetId), address(0));
        vm.expectRevert(ERC721.TransferFromIncorrectOwner.selector);
        _take();

        vm.expectEmit(address(custody));
        emit IFleetCustody.ReturnTitle(fleetId, owner);
        vm.prank(risk);
        custody.returnTitle(fleetId, owner);
        _approve(owner, fleetId);
        _take();
        vm.assertEq(custody.controllerOf(fleetId), owner);
    }

    function test_take__titleNotApproved__reverts() public {
        vm.prank(owner);
        registry.approve(address(0), fleetId);
        vm.expectRevert(ERC721.NotOwnerNorApproved.selector);
        _take();
    }

    function test_take__notCredit__reverts() public {
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotCredit.selector, stranger));
        custody.take(LOAN, fleetId, owner, 0, btc, 0);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotCredit.selector, stranger));
        custody.takeCollateral(LOAN, fleetId, owner, btc, 1);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotCredit.selector, stranger));
        custody.takeShares(LOAN, fleetId, owner, 1);
        vm.stopPrank();
    }

    function test_take__moreThanARecordHolds__reverts() public {
        uint256 tooMuch = uint256(type(uint64).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, 64, tooMuch));
        custody.take(tooMuch, fleetId, owner, 0, btc, 0);
    }

    function test_takeCollateral__anyone__addsToTheLoan() public {
        _take();
        btc.mint(stranger, 9);
        vm.prank(stranger);
        btc.approve(address(custody), 9);

        vm.expectEmit(address(custody));
        emit IFleetCustody.Take(LOAN, fleetId, stranger, 0, address(btc), 9);
        custody.takeCollateral(LOAN, fleetId, stranger, btc, 9);

        vm.assertEq(btc.balanceOf(address(custody)), BTC + 9);
        vm.assertEq(custody.held(btc), BTC + 9);
    }

    function test_takeShares__more__addsToTheLoan() public {
        _take();
        vm.expectEmit(address(custody));
        emit IFleetCustody.Take(LOAN, fleetId, owner, 4e18, address(0), 0);
        custody.takeShares(LOAN, fleetId, owner, 4e18);

        vm.assertEq(shares.balanceOf(address(custody)), PLEDGED + 4e18);
    }

    function test_takeShares__anotherFleetsLoan__reverts() public {
        _take();
        uint256 other = _liveFleet();
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, other));
        custody.takeShares(LOAN, other, owner, 1);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, 0));
        custody.takeShares(99, 0, owner, 1);
    }
}

/// @dev The collateral keeps a part of each transfer.
contract TakeWithFeesTest is FleetCustodyTest {
    function _newBtc() internal override returns (TestStablecoin) {
        return new FeeOnTransferToken(8);
    }

    function test_take__collateralThatTakesAFee__reverts() public {
        FeeOnTransferToken(address(btc)).setFee(1);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.TransferFellShort.selector, btc, BTC, BTC * 99 / 100));
        _take();
        FeeOnTransferToken(address(btc)).setFee(0);
        _take();
        FeeOnTransferToken(address(btc)).setFee(10);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.TransferFellShort.selector, btc, 10, 9));
        custody.takeCollateral(LOAN, fleetId, owner, btc, 10);
    }
}
