// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {FleetRegistry} from "../../../contracts/FleetRegistry.sol";
import {GatedFleetShares} from "../../../contracts/GatedFleetShares.sol";
import {IERC7943Fungible} from "../../../contracts/interfaces/IERC7943.sol";
import {IFleetCustody} from "../../../contracts/interfaces/IFleetCustody.sol";
import {Enrolment, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {vm} from "../base/Vm.sol";
import {BlocklistToken} from "../tokens/BlocklistToken.sol";
import {FleetCustodyTest} from "./FleetCustodyTest.sol";

/// @dev Reverts whatever is called: a receiver whose hooks would block.
contract Hostile {
    fallback() external {
        revert("not me");
    }
}

contract ReleaseTest is FleetCustodyTest {
    function setUp() public override {
        super.setUp();
        _take();
    }

    function test_releaseCollateral__part__sentAndCounted() public {
        vm.expectEmit(address(custody));
        emit IFleetCustody.ReleaseCollateral(LOAN, address(btc), stranger, 30);
        custody.releaseCollateral(LOAN, btc, stranger, 30);

        vm.assertEq(btc.balanceOf(stranger), 30);
        vm.assertEq(custody.held(btc), BTC - 30);
    }

    function test_releaseCollateral__afterTheLotWent__stillThere() public {
        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);
        vm.assertEq(custody.held(btc), BTC);
        custody.releaseCollateral(LOAN, btc, owner, BTC);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
    }

    function test_releaseCollateral__moreThanLoansBrought__reverts() public {
        btc.mint(address(custody), 1);
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        custody.releaseCollateral(LOAN, btc, owner, BTC + 1);
    }

    function test_releaseShares__part__sentAndCounted() public {
        vm.expectEmit(address(custody));
        emit IFleetCustody.ReleaseShares(LOAN, fleetId, owner, 1e18);
        custody.releaseShares(LOAN, fleetId, owner, 1e18);

        vm.assertEq(shares.balanceOf(address(custody)), PLEDGED - 1e18);
        vm.assertEq(shares.balanceOf(owner), 900_000e18 - PLEDGED + 1e18);
    }

    function test_releaseShares__moreThanAreHere__reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, address(custody), PLEDGED, PLEDGED + 1
            )
        );
        custody.releaseShares(LOAN, fleetId, owner, PLEDGED + 1);
    }

    function test_releaseLot__titleAndAllShares__sentAndForgotten() public {
        vm.expectEmit(address(custody));
        emit IFleetCustody.ReleaseLot(LOAN, fleetId, investor, PLEDGED);
        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);

        vm.assertEq(registry.ownerOf(fleetId), investor);
        vm.assertEq(registry.controllerOf(fleetId), investor);
        vm.assertEq(shares.balanceOf(investor), PLEDGED);
        vm.assertEq(shares.balanceOf(address(custody)), 0);
        vm.assertEq(custody.loanOf(fleetId), 0);
        vm.assertEq(custody.controllerOf(fleetId), address(0));
    }

    function test_releaseLot__titleComesBackWithoutALoan__formerBorrowerControlsNothing() public {
        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);
        vm.prank(investor);
        registry.transferFrom(investor, address(custody), fleetId);

        vm.assertEq(registry.controllerOf(fleetId), address(0));
        vm.assertEq(custody.controllerOf(fleetId), address(0));
    }

    function test_releaseLot__receiverThatRevertsWhenCalled__isNotCalled() public {
        Hostile hostile = new Hostile();
        custody.releaseLot(LOAN, fleetId, address(hostile), PLEDGED);
        custody.releaseCollateral(LOAN, btc, address(hostile), BTC);

        vm.assertEq(registry.ownerOf(fleetId), address(hostile));
        vm.assertEq(shares.balanceOf(address(hostile)), PLEDGED);
        vm.assertEq(btc.balanceOf(address(hostile)), BTC);
    }

    function test_releaseLot__twice__reverts() public {
        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, fleetId));
        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, fleetId));
        custody.releaseShares(LOAN, fleetId, investor, 0);
    }

    function test_releaseLot__anotherFleetsTitle__reverts() public {
        uint256 other = _liveFleet();
        _approve(owner, other);
        custody.take(8, other, owner, 0, btc, 0);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, other));
        custody.releaseLot(LOAN, other, investor, 0);
        vm.expectRevert(abi.encodeWithSelector(IFleetCustody.NotHere.selector, fleetId));
        custody.releaseShares(8, fleetId, investor, 1);
    }

    function test_release__toNobodyOrHere__reverts() public {
        address[2] memory wrong = [address(0), address(custody)];
        for (uint256 i; i < wrong.length; ++i) {
            bytes memory refused = abi.encodeWithSelector(IFleetCustody.InvalidReceiver.selector, wrong[i]);
            vm.expectRevert(refused);
            custody.releaseCollateral(LOAN, btc, wrong[i], 1);
            vm.expectRevert(refused);
            custody.releaseShares(LOAN, fleetId, wrong[i], 1);
            vm.expectRevert(refused);
            custody.releaseLot(LOAN, fleetId, wrong[i], PLEDGED);
            vm.prank(risk);
            vm.expectRevert(refused);
            custody.returnTitle(fleetId, wrong[i]);
        }
    }

    function test_release__notCredit__reverts() public {
        bytes memory refused = abi.encodeWithSelector(IFleetCustody.NotCredit.selector, risk);
        vm.startPrank(risk);
        vm.expectRevert(refused);
        custody.releaseCollateral(LOAN, btc, risk, 1);
        vm.expectRevert(refused);
        custody.releaseShares(LOAN, fleetId, risk, 1);
        vm.expectRevert(refused);
        custody.releaseLot(LOAN, fleetId, risk, PLEDGED);
        vm.stopPrank();
    }

    function test_release__everything__allCountsAreZero() public {
        custody.releaseShares(LOAN, fleetId, owner, PLEDGED);
        custody.releaseCollateral(LOAN, btc, owner, BTC);
        custody.releaseLot(LOAN, fleetId, owner, 0);

        vm.assertEq(shares.balanceOf(owner), 900_000e18);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
        vm.assertEq(custody.held(btc), 0);
        vm.assertEq(shares.balanceOf(address(custody)), 0);
    }
}

/// @dev The collateral refuses receivers on its list.
contract ReleaseBlockedTest is FleetCustodyTest {
    function _newBtc() internal override returns (TestStablecoin) {
        return new BlocklistToken(8);
    }

    function test_releaseCollateral__blockedReceiver__nobodyElseIsBlocked() public {
        _take();
        BlocklistToken(address(btc)).setBlocked(stranger, true);
        vm.expectRevert(abi.encodeWithSelector(BlocklistToken.Blocked.selector, stranger));
        custody.releaseCollateral(LOAN, btc, stranger, 1);
        custody.releaseCollateral(LOAN, btc, investor, 1);
        vm.assertEq(btc.balanceOf(investor), 1);
    }
}

/// @dev Gated shares that were created with this custody as their custodian. The gate permits owner and investor alone.
contract ReleaseGatedTest is FleetCustodyTest {
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
        _take();
    }

    function test_take__gatedSharesWithThisCustodian__neededNoPermission() public view {
        vm.assertFalse(gate.isPermitted(address(custody)));
        vm.assertEq(GatedFleetShares(address(shares)).custodian(), address(custody));
        vm.assertEq(shares.balanceOf(address(custody)), PLEDGED);
    }

    function test_releaseLot__buyerThatTheGateRefuses__revertsForThatBuyerOnly() public {
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, stranger));
        custody.releaseLot(LOAN, fleetId, stranger, PLEDGED);

        custody.releaseLot(LOAN, fleetId, investor, PLEDGED);
        vm.assertEq(registry.ownerOf(fleetId), investor);
        vm.assertEq(shares.balanceOf(investor), PLEDGED);
    }

    function test_releaseShares__borrowerNoLongerPermitted__revertsUntilItIs() public {
        vm.prank(registrar);
        gate.setPermitted(owner, false);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, owner));
        custody.releaseShares(LOAN, fleetId, owner, 1);
        custody.releaseShares(LOAN, fleetId, investor, 1);
        vm.assertEq(shares.balanceOf(investor), 1);
    }
}

/// @dev Gated shares of a fleet that named another custodian, or none.
contract TakeGatedElsewhereTest is FleetCustodyTest {
    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.shares = ShareTerms("Gated", "GTD", 1_000_000e18, true, address(0xC057));
    }

    function test_take__gatedSharesThatNamedAnotherCustodian__reverts() public {
        vm.prank(registrar);
        gate.setPermitted(owner, true);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, address(custody)));
        _take();
        vm.assertEq(FleetRegistry(address(registry)).ownerOf(fleetId), owner);
    }
}
