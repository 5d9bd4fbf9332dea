// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {ILeaseBook} from "../../../contracts/interfaces/ILeaseBook.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {LeaseScene} from "../base/LeaseScene.sol";
import {vm} from "../base/Vm.sol";
import {BlocklistToken} from "../tokens/BlocklistToken.sol";
import {FalseReturningToken} from "../tokens/FalseReturningToken.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {HookedToken, ITokenHook} from "../tokens/HookedToken.sol";
import {NoReturnToken} from "../tokens/NoReturnToken.sol";

contract PayoutsTest is LeaseScene {
    uint256 internal leaseId;

    function setUp() public override {
        super.setUp();
        leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
    }

    function test_withdraw__owed__goesWhereTheOwnerSays() public {
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.expectEmit(address(book));
        emit IPayouts.Withdraw(coin, lessee, investor, _coins(160));
        vm.prank(lessee);
        vm.assertEq(book.withdraw(coin, investor), _coins(160));
        vm.assertEq(coin.balanceOf(investor), _coins(160));
        vm.assertEq(book.owed(coin, lessee), 0);
        vm.expectEmit(address(bond));
        emit IPayouts.Withdraw(coin, lessee, investor, _coins(16));
        vm.prank(lessee);
        bond.withdraw(coin, investor);
    }

    function test_withdraw__twice__reverts() public {
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.startPrank(lessee);
        book.withdraw(coin, lessee);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NothingOwed.selector, coin, lessee));
        book.withdraw(coin, lessee);
    }

    function test_withdraw__nothingOwed__reverts() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NothingOwed.selector, coin, stranger));
        book.withdraw(coin, stranger);
    }

    /// @dev Money sent to the book itself would be nobody's.
    function test_withdraw__toNobodyOrThePayer__reverts() public {
        _proveAndClose(leaseId, 0, START + 10 hours);
        vm.startPrank(lessee);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.InvalidReceiver.selector, address(0)));
        book.withdraw(coin, address(0));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.InvalidReceiver.selector, address(book)));
        book.withdraw(coin, address(book));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.InvalidReceiver.selector, address(bond)));
        bond.withdraw(coin, address(bond));
    }

    function test_payRouter__byTheRouter__leavesTheBook() public {
        _proveAndSettle(leaseId, 8 * HOUR, START + 1 hours);
        vm.expectEmit(address(book));
        emit ILeaseBook.PayRouter(fleetId, _coins(16));
        router.route(fleetId);
        vm.assertEq(book.escrowOf(fleetId), _coins(144));
        vm.assertEq(coin.balanceOf(address(book)), _coins(144));
        vm.assertEq(coin.balanceOf(address(router)), _coins(16));
    }

    function test_payRouter__byAnybodyElse__reverts() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ILeaseBook.NotRouter.selector, operator));
        book.payRouter(fleetId, 1);
    }

    function test_payRouter__moreThanTheFleetHolds__reverts() public {
        uint256 first = fleetId;
        fleetId = _liveFleet();
        _openLease(fleetId, lessee, 8, 10 hours);
        vm.prank(address(router));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        book.payRouter(first, _coins(160) + 1);
    }
}

/// @dev A listed coin that starts to take a fee once the bond is staked.
contract FeeOnTransferTest is LeaseScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FeeOnTransferToken(_decimals());
    }

    function test_open__tokenKeepsAFee__reverts() public {
        FeeOnTransferToken(address(coin)).setFee(1);
        coin.mint(lessee, _coins(2));
        vm.startPrank(lessee);
        coin.approve(address(book), type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(IPayouts.TransferFellShort.selector, coin, _coins(2), _coins(2) * 99 / 100)
        );
        book.open(fleetId, lessee, 1, 1 hours, _coins(2), "key");
    }

    function test_stake__tokenKeepsAFee__reverts() public {
        FeeOnTransferToken(address(coin)).setFee(1);
        coin.mint(operator, _coins(1000));
        vm.startPrank(operator);
        coin.approve(address(bond), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.TransferFellShort.selector, coin, _coins(1000), _coins(990)));
        bond.stake(fleetId, operator, _coins(1000));
    }
}

/// @dev A coin that says no instead of reverting.
contract FalseReturningTest is LeaseScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FalseReturningToken(_decimals());
    }

    function test_open__tokenSaysFalse__reverts() public {
        FalseReturningToken(address(coin)).refuse(true);
        coin.mint(lessee, _coins(2));
        vm.startPrank(lessee);
        coin.approve(address(book), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, coin));
        book.open(fleetId, lessee, 1, 1 hours, _coins(2), "key");
    }

    function test_withdraw__tokenSaysFalse__revertsAndKeepsTheDebt() public {
        uint256 leaseId = _openLease(fleetId, lessee, 1, 1 hours);
        vm.warp(START + 1 hours);
        vm.prank(lessee);
        book.cancel(leaseId);
        FalseReturningToken(address(coin)).refuse(true);
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, coin));
        book.withdraw(coin, lessee);
        vm.assertEq(book.owed(coin, lessee), _coins(2));
        FalseReturningToken(address(coin)).refuse(false);
        vm.prank(lessee);
        book.withdraw(coin, lessee);
    }
}

contract BlocklistTest is LeaseScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new BlocklistToken(_decimals());
    }

    /// @dev A blocked lessee blocks neither the closing of its own lease, nor the fleet's rent, and can be paid elsewhere.
    function test_close__blockedLessee__blocksNobody() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
        BlocklistToken(address(coin)).setBlocked(lessee, true);
        _proveAndClose(leaseId, 8 * 5 * HOUR, START + 10 hours);
        router.route(fleetId);
        vm.assertEq(coin.balanceOf(address(router)), _coins(80));
        vm.prank(lessee);
        vm.expectRevert(abi.encodeWithSelector(BlocklistToken.Blocked.selector, lessee));
        book.withdraw(coin, lessee);
        vm.prank(lessee);
        vm.assertEq(book.withdraw(coin, investor), _coins(80));
    }
}

contract NoReturnTest is LeaseScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return TestStablecoin(address(new NoReturnToken(_decimals())));
    }

    function test_life__tokenReturnsNothing__works() public {
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
        _proveAndClose(leaseId, 8 * 5 * HOUR, START + 10 hours);
        router.route(fleetId);
        vm.prank(lessee);
        vm.assertEq(book.withdraw(coin, investor), _coins(80));
        vm.assertEq(coin.balanceOf(investor), _coins(80));
        vm.assertEq(coin.balanceOf(address(book)), 0);
    }
}

contract HookedTest is LeaseScene {
    HookedLessee internal hooked;

    function _newCoin() internal override returns (TestStablecoin) {
        return new HookedToken(_decimals());
    }

    function setUp() public override {
        super.setUp();
        hooked = new HookedLessee(coin);
        coin.mint(address(hooked), _coins(1000));
        hooked.call(address(coin), abi.encodeCall(coin.approve, (address(book), type(uint256).max)));
        hooked.call(address(coin), abi.encodeCall(coin.approve, (address(bond), type(uint256).max)));
        hooked.call(address(coin), abi.encodeCall(HookedToken.hook, ()));
    }

    function _openCall() internal view returns (bytes memory) {
        return abi.encodeCall(book.open, (fleetId, address(hooked), 1, uint24(1 hours), _coins(2), "key"));
    }

    /// @dev One arrival would be counted twice.
    function test_open__againInTheTransfer__reverts() public {
        hooked.plan(address(book), _openCall());
        vm.expectRevert(bytes4(keccak256("ReentrancyGuardReentrantCall()")));
        hooked.call(address(book), _openCall());
    }

    function test_stake__againInTheTransfer__reverts() public {
        bytes memory stake = abi.encodeCall(bond.stake, (fleetId, address(hooked), _coins(1)));
        hooked.plan(address(bond), stake);
        vm.expectRevert(bytes4(keccak256("ReentrancyGuardReentrantCall()")));
        hooked.call(address(bond), stake);
    }

    /// @dev What leaves in the middle of a pull makes the pull fall short.
    function test_open__withdrawsInTheTransfer__reverts() public {
        hooked.call(address(book), _openCall());
        vm.warp(START + 1 hours);
        hooked.call(address(book), abi.encodeCall(book.cancel, ((fleetId << 32) | 1)));
        hooked.plan(address(book), abi.encodeCall(book.withdraw, (coin, investor)));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.TransferFellShort.selector, coin, _coins(2), 0));
        hooked.call(address(book), _openCall());
    }

    function test_open__cancelsItInTheTransfer__booksStayEven() public {
        hooked.plan(address(book), abi.encodeCall(book.cancel, ((fleetId << 32) | 1)));
        hooked.call(address(book), _openCall());
        vm.assertTrue(book.lease((fleetId << 32) | 1).closed);
        vm.assertEq(book.escrowOf(fleetId) + book.owed(coin, address(hooked)), coin.balanceOf(address(book)));
        vm.assertEq(book.leasedGpus(fleetId), 0);
    }

    function test_withdraw__againInTheTransfer__paysOnce() public {
        hooked.call(address(book), _openCall());
        _openLease(fleetId, lessee, 8, 10 hours);
        vm.warp(START + 1 hours);
        hooked.call(address(book), abi.encodeCall(book.cancel, ((fleetId << 32) | 1)));
        hooked.plan(address(book), abi.encodeCall(book.withdraw, (coin, address(hooked))));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NothingOwed.selector, coin, address(hooked)));
        hooked.call(address(book), abi.encodeCall(book.withdraw, (coin, address(hooked))));
    }
}

/// @dev Does whatever it is told, and something more once when the token calls it.
contract HookedLessee is ITokenHook {
    IERC20 internal immutable TOKEN;
    address internal _target;
    bytes internal _data;

    constructor(IERC20 token) {
        TOKEN = token;
    }

    function plan(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    function call(address target, bytes memory data) public {
        (bool success, bytes memory result) = target.call(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function onTokenMove(address, address, uint256) external {
        require(msg.sender == address(TOKEN), "not the token");
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        call(target, _data);
    }
}
