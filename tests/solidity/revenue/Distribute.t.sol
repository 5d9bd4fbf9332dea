// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {RevenueRouter} from "../../../contracts/RevenueRouter.sol";
import {Enrolment, IFleetRegistry} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {IRevenueRouter, Revenue} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";
import {FalseReturningToken} from "../tokens/FalseReturningToken.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {HookedToken, ITokenHook} from "../tokens/HookedToken.sol";
import {NoReturnToken} from "../tokens/NoReturnToken.sol";

/// @dev Money that is no rent. Protocol fee 2 %, operating share 20 %: it bears neither.
abstract contract DistributeScene is RevenueTest {
    address internal giver = _actor("giver");

    function setUp() public virtual override {
        super.setUp();
        coin.mint(giver, _coins(1_000_000));
        vm.prank(giver);
        coin.approve(address(router), type(uint256).max);
    }

    function _protocolFeeBps() internal pure override returns (uint16) {
        return 200;
    }

    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.operatingShareBps = 2000;
    }

    function _give(uint256 amount) internal {
        vm.prank(giver);
        router.distribute(fleetId, amount);
    }

    /// @dev Legs sum to what was routed, and the router holds what it owes and what shares have not collected.
    function _checkSums() internal view {
        Revenue memory r = router.revenue(fleetId);
        vm.assertEq(uint256(r.protocolFee) + r.operating + r.shares, r.routed, "legs = routed");
        vm.assertEq(shares.collected() + r.uncollected, r.shares, "collected + uncollected = shares");
        vm.assertEq(
            coin.balanceOf(address(router)),
            router.owed(coin, operator) + router.owed(coin, feeRecipient) + r.uncollected,
            "balance = owed + uncollected"
        );
    }
}

abstract contract DistributeTest is DistributeScene {
    function test_distribute__anybodysMoney__isTheShareholdersInWhole() public {
        vm.expectEmit(address(router));
        emit IRevenueRouter.Distribute(fleetId, giver, _coins(1000));
        _give(_coins(1000));

        Revenue memory r = router.revenue(fleetId);
        vm.assertEq(r.routed, _coins(1000));
        vm.assertEq(r.shares, _coins(1000));
        vm.assertEq(r.uncollected, _coins(1000));
        vm.assertEq(r.protocolFee, 0);
        vm.assertEq(r.operating, 0);
        vm.assertEq(r.pending, 0);
        vm.assertEq(router.owed(coin, operator), 0);
        vm.assertEq(router.owed(coin, feeRecipient), 0);
        vm.assertEq(coin.balanceOf(giver), _coins(999_000));
        _checkSums();
    }

    /// @dev Released during the next UTC day as rent is; nine tenths of the shares are the owner's, one is the title's.
    function test_distribute__collected__reachesHoldersTheNextDay() public {
        _give(_coins(1000));
        shares.collect();
        _checkSums();
        vm.assertEq(shares.claimable(owner), 0);
        vm.warp(MIDNIGHT + DAY);
        vm.assertEq(shares.claimable(owner), _coins(900));
        vm.assertEq(shares.claimableByTitle(), _coins(100));
        vm.prank(owner);
        vm.assertEq(shares.claim(investor), _coins(900));
    }

    function test_distribute__besideRent__onlyRentIsSplit() public {
        _earn(_coins(1000));
        _give(_coins(500));
        Revenue memory r = router.revenue(fleetId);
        vm.assertEq(r.pending, _coins(1000));
        vm.assertEq(r.routed, _coins(500));
        router.route(fleetId);
        r = router.revenue(fleetId);
        vm.assertEq(r.routed, _coins(1500));
        vm.assertEq(r.protocolFee, _coins(20));
        vm.assertEq(r.operating, _coins(196));
        vm.assertEq(r.shares, _coins(784) + _coins(500));
        _checkSums();
    }

    function test_distribute__anyAmount__isNoEvidence() public {
        uint256 today = block.timestamp / DAY;
        _earn(_coins(100));
        uint256 net = router.netRevenueOn(fleetId, today);
        _give(_coins(1000));
        vm.warp(MIDNIGHT);
        _give(_coins(1000));
        vm.assertEq(router.netRevenueOn(fleetId, today), net);
        vm.assertEq(router.netRevenueOn(fleetId, today + 1), 0);
        vm.assertEq(router.netRevenueBetween(fleetId, 0, type(uint256).max), net);
    }

    function test_distribute__nothing__changesNothing() public {
        vm.expectEmit(address(router));
        emit IRevenueRouter.Distribute(fleetId, stranger, 0);
        vm.prank(stranger);
        router.distribute(fleetId, 0);
        vm.assertEq(router.revenue(fleetId).routed, 0);
        vm.assertEq(router.revenue(fleetId).uncollected, 0);
        _checkSums();
    }

    function test_distribute__withoutAllowanceOrMoney__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(router), 0, _coins(1))
        );
        router.distribute(fleetId, _coins(1));

        vm.startPrank(stranger);
        coin.approve(address(router), _coins(1));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, stranger, 0, _coins(1)));
        router.distribute(fleetId, _coins(1));
        vm.stopPrank();
    }

    function test_distribute__unknownFleet__reverts() public {
        vm.prank(giver);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, 77));
        router.distribute(77, 1);
    }

    /// @dev What retired boards were sold for still reaches the owners of a fleet that is over, paused or not.
    function test_distribute__woundDownAndPaused__paidAllTheSame() public {
        uint256 other = _liveFleet();
        vm.prank(owner);
        registry.windDown(other);
        vm.prank(guardian);
        registry.pause();
        vm.prank(giver);
        router.distribute(other, _coins(80));
        vm.assertEq(_shares(other).collect(), _coins(80));
        vm.assertEq(router.revenue(fleetId).routed, 0);
    }

    function testFuzz_distribute__anyOrderOfMoney__sumsHold(uint64[12] calldata amounts, uint8[12] calldata acts)
        public
    {
        uint256 rent;
        uint256 given;
        for (uint256 i; i < amounts.length; ++i) {
            uint256 amount = amounts[i] % _coins(5000);
            if (acts[i] % 4 == 0) {
                _earn(amount);
                rent += amount;
            } else if (acts[i] % 4 == 1) {
                router.route(fleetId);
            } else if (acts[i] % 4 == 2) {
                shares.collect();
            } else {
                _give(amount);
                given += amount;
            }
            _checkSums();
        }
        router.route(fleetId);
        _checkSums();
        Revenue memory r = router.revenue(fleetId);
        vm.assertEq(r.routed, rent + given);
        vm.assertGe(r.shares, given);
        vm.assertEq(coin.balanceOf(giver), _coins(1_000_000) - given);
    }
}

contract DistributeWithSixDecimalsTest is DistributeTest {}

contract DistributeWithEightDecimalsTest is DistributeTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract DistributeWithEighteenDecimalsTest is DistributeTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

contract DistributeFeeOnTransferTest is DistributeScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FeeOnTransferToken(_decimals());
    }

    function test_distribute__tokenThatKeepsAPart__refused() public {
        FeeOnTransferToken(address(coin)).setFee(1);
        vm.prank(giver);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.TransferFellShort.selector, coin, _coins(100), _coins(99)));
        router.distribute(fleetId, _coins(100));
        vm.assertEq(router.revenue(fleetId).routed, 0);
        vm.assertEq(coin.balanceOf(giver), _coins(1_000_000));
    }
}

contract DistributeFalseReturningTest is DistributeScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FalseReturningToken(_decimals());
    }

    function test_distribute__tokenThatSaysNo__refused() public {
        FalseReturningToken(address(coin)).refuse(true);
        vm.prank(giver);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(coin)));
        router.distribute(fleetId, _coins(100));
    }
}

contract DistributeNoReturnTest is DistributeScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return TestStablecoin(address(new NoReturnToken(_decimals())));
    }

    function test_distribute__tokenThatReturnsNothing__taken() public {
        _give(_coins(100));
        vm.assertEq(router.revenue(fleetId).uncollected, _coins(100));
        vm.assertEq(shares.collect(), _coins(100));
        _checkSums();
    }
}

/// @dev Gives, and while the token asks it, gives again within, or has rent paid to the router to count it as given.
contract GreedyGiver is ITokenHook {
    RevenueRouter internal immutable ROUTER;
    uint256 internal immutable FLEET;
    bytes internal _within;
    bytes public reason;

    constructor(RevenueRouter router, uint256 fleetId, HookedToken token) {
        ROUTER = router;
        FLEET = fleetId;
        token.hook();
        token.approve(address(router), type(uint256).max);
    }

    function give(uint256 amount, bytes calldata within) external {
        _within = within;
        ROUTER.distribute(FLEET, amount);
    }

    function onTokenMove(address, address, uint256) external {
        bytes memory call = _within;
        delete _within;
        if (call.length == 0) return;
        bool ok;
        (ok, reason) = address(ROUTER).call(call);
    }
}

contract DistributeHookedTest is DistributeScene {
    GreedyGiver internal greedy;

    function setUp() public override {
        super.setUp();
        greedy = new GreedyGiver(router, fleetId, HookedToken(address(coin)));
        coin.mint(address(greedy), _coins(1000));
    }

    function _newCoin() internal override returns (TestStablecoin) {
        return new HookedToken(_decimals());
    }

    function test_distribute__againFromWithin__countsOnce() public {
        greedy.give(_coins(10), abi.encodeCall(router.distribute, (fleetId, _coins(10))));
        vm.assertEq(
            greedy.reason(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        vm.assertEq(router.revenue(fleetId).shares, _coins(10));
        vm.assertEq(coin.balanceOf(address(greedy)), _coins(990));
        _checkSums();
    }

    /// @dev Rent that arrives during the pull is not what was asked for.
    function test_distribute__rentRoutedFromWithin__reverts() public {
        _earn(_coins(50));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.TransferFellShort.selector, coin, _coins(10), _coins(60)));
        greedy.give(_coins(10), abi.encodeCall(router.route, (fleetId)));
        vm.assertEq(router.revenue(fleetId).routed, 0);
        vm.assertEq(router.revenue(fleetId).pending, _coins(50));
    }
}
