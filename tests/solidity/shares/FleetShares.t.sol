// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IFleetShares} from "../../../contracts/interfaces/IFleetShares.sol";
import {IRevenueRouter} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev A million shares: 100,000 bound to the title, 900,000 the owner's. Sums are chosen so that one million shares earn
/// whole units.
contract FleetSharesTest is RevenueTest {
    bytes32 internal constant PERMIT_TYPE_HASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function test_constructor__supply__tenthBoundToTheTitle() public view {
        vm.assertEq(shares.name(), "Fleet One");
        vm.assertEq(shares.symbol(), "FLT1");
        vm.assertEq(shares.decimals(), 18);
        vm.assertEq(shares.fleetId(), fleetId);
        vm.assertEq(address(shares.settlementToken()), address(coin));
        vm.assertEq(shares.totalSupply(), 1_000_000e18);
        vm.assertEq(shares.boundShares(), 100_000e18);
        vm.assertEq(shares.balanceOf(address(shares)), 100_000e18);
        vm.assertEq(shares.balanceOf(owner), 900_000e18);
    }

    /* ---- collect ---- */

    function test_collect__routedRevenue__arrives() public {
        _earn(_coins(1000));

        vm.expectEmit(address(router));
        emit IRevenueRouter.CollectShares(fleetId, address(shares), _coins(1000));
        vm.expectEmit(address(shares));
        emit IFleetShares.Collect(_coins(1000));
        vm.assertEq(shares.collect(), _coins(1000));

        vm.assertEq(shares.collected(), _coins(1000));
        vm.assertEq(shares.unreleased(), _coins(1000));
        vm.assertEq(coin.balanceOf(address(shares)), _coins(1000));
    }

    function test_collect__nothingRouted__changesNothing() public {
        vm.expectEmit(address(shares));
        emit IFleetShares.Collect(0);
        vm.assertEq(shares.collect(), 0);
        vm.assertEq(shares.collected(), 0);
    }

    function test_collect__revenueOfOneDay__releasedLinearlyDuringTheNext() public {
        _earnAndCollect(_coins(1000));

        vm.warp(MIDNIGHT - 1);
        vm.assertEq(shares.claimable(owner), 0);
        vm.assertEq(shares.index(), 0);
        vm.warp(MIDNIGHT + DAY / 4);
        vm.assertEq(shares.unreleased(), _coins(750));
        _assertAbout(shares.claimable(owner), _coins(225));
        _assertAbout(shares.claimableByTitle(), _coins(25));
        vm.warp(MIDNIGHT + DAY);
        vm.assertEq(shares.unreleased(), 0);
        _assertAbout(shares.claimable(owner), _coins(900));
        vm.warp(MIDNIGHT + 30 * DAY);
        _assertAbout(shares.claimable(owner), _coins(900));
        _assertAbout(shares.claimableByTitle(), _coins(100));
    }

    function test_collect__donation__changesNothing() public {
        _earnAndCollect(_coins(1000));
        coin.mint(address(shares), _coins(500));
        shares.collect();

        vm.warp(MIDNIGHT + 2 * DAY);
        shares.collect();

        vm.assertEq(shares.collected(), _coins(1000));
        vm.assertEq(shares.unreleased(), 0);
        _assertAbout(shares.claimable(owner), _coins(900));
    }

    function test_collect__dustSentEveryHour__doesNotRestartTheClock() public {
        _earnAndCollect(_coins(1000));

        for (uint256 hour; hour < 24; ++hour) {
            vm.warp(MIDNIGHT + hour * 1 hours);
            _earnAndCollect(1);
        }

        vm.warp(MIDNIGHT + DAY);
        _assertAbout(shares.claimable(owner), _coins(900));
        vm.assertEq(shares.unreleased(), 24);
    }

    /* ---- claim ---- */

    function test_claim__accrued__sentWhereTheHolderSays() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        uint256 amount = shares.claimable(owner);

        vm.expectEmit(address(shares));
        emit IFleetShares.Claim(owner, investor, amount);
        vm.prank(owner);
        vm.assertEq(shares.claim(investor), amount);

        vm.assertEq(coin.balanceOf(investor), amount);
        vm.assertEq(shares.claimable(owner), 0);
    }

    function test_claim__nothingAccrued__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NothingToClaim.selector, owner));
        shares.claim(owner);
    }

    function test_claim__twiceAtOneTime__reverts() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        vm.startPrank(owner);
        shares.claim(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NothingToClaim.selector, owner));
        shares.claim(owner);
        vm.stopPrank();
    }

    function test_claim__toNobodyOrTheShares__reverts() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);

        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.InvalidReceiver.selector, address(0)));
        shares.claim(address(0));
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.InvalidReceiver.selector, address(shares)));
        shares.claim(address(shares));
        vm.stopPrank();
    }

    function test_claim__asTheSharesThemselves__reverts() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);

        vm.assertEq(shares.claimable(address(shares)), 0);
        vm.prank(address(shares));
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NothingToClaim.selector, address(shares)));
        shares.claim(stranger);
    }

    function test_claim__hundredTimesADay__paysWhatOneClaimPays() public {
        vm.prank(owner);
        shares.transfer(investor, 450_000e18);
        _earnAndCollect(_coins(1000) + 7);

        for (uint256 i = 1; i <= 100; ++i) {
            vm.warp(MIDNIGHT + DAY * i / 100);
            vm.prank(owner);
            shares.claim(owner);
        }
        vm.prank(investor);
        shares.claim(investor);

        vm.assertGe(coin.balanceOf(investor), coin.balanceOf(owner));
        vm.assertLe(coin.balanceOf(investor) - coin.balanceOf(owner), 1);
    }

    function test_claim__whilePaused__pays() public {
        _earnAndCollect(_coins(1000));
        vm.prank(guardian);
        registry.pause();
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);

        vm.prank(owner);
        shares.claim(owner);
        _assertAbout(coin.balanceOf(owner), _coins(1800));
    }

    /* ---- the title's part ---- */

    function test_claimTitle__byTitleOwner__paysTheBoundShares() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        uint256 amount = shares.claimableByTitle();
        _assertAbout(amount, _coins(100));

        vm.expectEmit(address(shares));
        emit IFleetShares.ClaimTitle(owner, investor, amount);
        vm.prank(owner);
        vm.assertEq(shares.claimTitle(investor), amount);

        vm.assertEq(coin.balanceOf(investor), amount);
        vm.assertEq(shares.claimableByTitle(), 0);
    }

    function test_claimTitle__byShareholder__reverts() public {
        vm.prank(owner);
        shares.transfer(investor, 900_000e18);

        vm.prank(investor);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NotTitleOwner.selector, investor));
        shares.claimTitle(investor);
    }

    function test_claimTitle__nothingAccruedOrBadReceiver__reverts() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NothingToClaim.selector, address(shares)));
        shares.claimTitle(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.InvalidReceiver.selector, address(shares)));
        shares.claimTitle(address(shares));
        vm.stopPrank();
    }

    function test_moveTitle__titleSoldWithUnclaimedRevenue__staysWithTheSeller() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY / 2);
        uint256 bound = shares.claimableByTitle();
        uint256 own = shares.claimable(owner);
        _assertAbout(bound, _coins(50));

        vm.expectEmit(address(shares));
        emit IFleetShares.MoveTitle(owner, investor, bound);
        vm.prank(owner);
        registry.transferFrom(owner, investor, fleetId);

        vm.assertEq(shares.claimableByTitle(), 0);
        vm.assertEq(shares.claimable(investor), 0);
        vm.assertGe(shares.claimable(owner), own + bound);
        _assertAbout(shares.claimable(owner), _coins(500));
        vm.prank(investor);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NothingToClaim.selector, address(shares)));
        shares.claimTitle(investor);

        vm.warp(MIDNIGHT + DAY);
        _assertAbout(shares.claimableByTitle(), _coins(50));
        _assertAbout(shares.claimable(owner), _coins(950));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NotTitleOwner.selector, owner));
        shares.claimTitle(owner);
    }

    function test_moveTitle__toOneself__losesNothing() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        vm.prank(owner);
        registry.transferFrom(owner, owner, fleetId);

        _assertAbout(shares.claimable(owner), _coins(1000));
    }

    function test_moveTitle__notTheRegistry__reverts() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IFleetShares.NotRegistry.selector, owner));
        shares.moveTitle(stranger, owner);
    }

    /* ---- transfers ---- */

    function test_transfer__accruedRevenue__staysWithTheSeller() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY / 2);

        vm.prank(owner);
        shares.transfer(investor, 900_000e18);

        vm.assertEq(shares.claimable(investor), 0);
        _assertAbout(shares.claimable(owner), _coins(450));
        vm.warp(MIDNIGHT + DAY);
        _assertAbout(shares.claimable(investor), _coins(450));
        _assertAbout(shares.claimable(owner), _coins(450));
    }

    function test_transfer__sharesBorrowedForOneBlock__earnNothingOfOthersRevenue() public {
        address thief = _actor("thief");
        _earn(_coins(1000));
        // Before the collection, at the first second of release, in the middle and at its end.
        uint256[4] memory times = [block.timestamp, MIDNIGHT, MIDNIGHT + DAY / 2, MIDNIGHT + DAY];
        for (uint256 i; i < times.length; ++i) {
            vm.warp(times[i]);
            vm.prank(owner);
            shares.transfer(thief, 900_000e18);
            shares.collect();
            vm.assertEq(shares.claimable(thief), 0);
            vm.prank(thief);
            vm.expectRevert(abi.encodeWithSelector(IFleetShares.NothingToClaim.selector, thief));
            shares.claim(thief);
            vm.prank(thief);
            shares.transfer(owner, 900_000e18);
        }
        vm.warp(MIDNIGHT + 2 * DAY);
        vm.assertEq(shares.claimable(thief), 0);
        _assertAbout(shares.claimable(owner), _coins(900));
    }

    function test_transfer__toOneself__earnsNothing() public {
        _earnAndCollect(_coins(1000));
        vm.warp(MIDNIGHT + DAY);
        uint256 before = shares.claimable(owner);

        vm.prank(owner);
        shares.transfer(owner, 900_000e18);

        vm.assertEq(shares.claimable(owner), before);
        vm.assertEq(shares.balanceOf(owner), 900_000e18);
    }

    function test_transfer__toTheSharesOrNobody__reverts() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(shares)));
        shares.transfer(address(shares), 1);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        shares.transfer(address(0), 1);
        vm.stopPrank();
    }

    function test_transfer__boundShares__cannotLeave() public {
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, stranger, 0, 100_000e18)
        );
        shares.transferFrom(address(shares), stranger, 100_000e18);
    }

    function test_transfer__moreThanHeld__reverts() public {
        vm.prank(investor);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, investor, 0, 1));
        shares.transfer(owner, 1);
    }

    /* ---- permit ---- */

    function test_permit__signedByHolder__allowsOnce() public {
        uint256 key = 0xBEEF;
        address holder = vm.addr(key);
        vm.prank(owner);
        shares.transfer(holder, 5e18);
        uint256 deadline = START + 1 hours;
        (uint8 v, bytes32 r, bytes32 s) = _signPermit(key, holder, investor, 5e18, deadline);

        shares.permit(holder, investor, 5e18, deadline, v, r, s);

        vm.assertEq(shares.allowance(holder, investor), 5e18);
        vm.assertEq(shares.nonces(holder), 1);
        vm.prank(investor);
        shares.transferFrom(holder, investor, 5e18);
        vm.assertEq(shares.balanceOf(investor), 5e18);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        shares.permit(holder, investor, 5e18, deadline, v, r, s);
    }

    function test_permit__signedByAnother__reverts() public {
        uint256 deadline = START + 1 hours;
        (uint8 v, bytes32 r, bytes32 s) = _signPermit(0xBEEF, owner, investor, 5e18, deadline);

        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, vm.addr(0xBEEF), owner));
        shares.permit(owner, investor, 5e18, deadline, v, r, s);
    }

    function test_permit__expired__reverts() public {
        address holder = vm.addr(0xBEEF);
        (uint8 v, bytes32 r, bytes32 s) = _signPermit(0xBEEF, holder, investor, 5e18, START - 1);

        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, START - 1));
        shares.permit(holder, investor, 5e18, START - 1, v, r, s);
    }

    function _signPermit(uint256 key, address holder, address spender, uint256 value, uint256 deadline)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 structHash =
            keccak256(abi.encode(PERMIT_TYPE_HASH, holder, spender, value, shares.nonces(holder), deadline));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", shares.DOMAIN_SEPARATOR(), structHash)));
    }

    /// @dev At most one unit below, never above.
    function _assertAbout(uint256 found, uint256 exact) private pure {
        vm.assertLe(found, exact);
        vm.assertGe(found + 1, exact);
    }
}
