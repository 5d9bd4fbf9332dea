// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {CreditVault} from "../../../contracts/CreditVault.sol";
import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {HookedToken, ITokenHook} from "../tokens/HookedToken.sol";

/// @dev A token that keeps a part of each transfer is refused whenever it does.
contract FeeTokenTest is VaultScene {
    FeeOnTransferToken internal fee;

    function _newCoin() internal override returns (TestStablecoin) {
        fee = new FeeOnTransferToken(_decimals());
        return fee;
    }

    function test_deposit__feeOnTransfer__reverts() public {
        _fund(lender, _coins(200));
        vm.prank(lender);
        vault.deposit(_coins(100), lender);
        fee.setFee(1);
        // Money that somebody gave away does not make up for it.
        coin.mint(address(vault), _coins(50));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(100), _coins(99)));
        vm.prank(lender);
        vault.deposit(_coins(100), lender);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(100), _coins(99)));
        vm.prank(lender);
        vault.mint(_coins(100) * 1e6, lender);
    }
}

/// @dev Calls the vault with whatever it was told to whenever its coins move.
contract Reentrant is ITokenHook {
    CreditVault internal immutable VAULT;
    bytes internal _call;
    bool internal _before;
    bytes public said;

    constructor(CreditVault vault, HookedToken coin) {
        VAULT = vault;
        coin.hook();
        coin.approve(address(vault), type(uint256).max);
    }

    function plan(bytes calldata call_) external {
        _call = call_;
    }

    function run(bytes calldata call_) external returns (bytes memory) {
        (bool done, bytes memory answer) = address(VAULT).call(call_);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }

    function onTokenMove(address, address, uint256) external {
        if (_call.length == 0) return;
        bytes memory call_ = _call;
        delete _call;
        (bool done, bytes memory answer) = address(VAULT).call(call_);
        said = done ? bytes("done") : answer;
    }
}

/// @dev A token that calls back, as ERC-777 did: nothing is to be had by it.
contract ReentrancyTest is VaultScene {
    HookedToken internal hooked;
    Reentrant internal thief;

    bytes internal constant REFUSED =
        abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);

    function _newCoin() internal override returns (TestStablecoin) {
        hooked = new HookedToken(_decimals());
        return hooked;
    }

    function setUp() public override {
        super.setUp();
        thief = new Reentrant(vault, hooked);
        coin.mint(address(thief), _coins(1000));
        _deposit(lender, _coins(1000));
        thief.run(abi.encodeCall(vault.deposit, (_coins(100), address(thief))));
        thief.run(
            abi.encodeCall(vault.requestRedeem, (vault.balanceOf(address(thief)) / 2, address(thief), address(thief)))
        );
        _nextWeek();
        vault.serve();
    }

    function test_redeem__again__isRefused() public {
        uint256 shares = vault.maxRedeem(address(thief));
        bytes memory call_ = abi.encodeCall(vault.redeem, (shares / 2, address(thief), address(thief)));
        thief.plan(call_);
        thief.run(call_);
        vm.assertEq(thief.said(), REFUSED);
        _check();
    }

    function test_redeem__serveInside__isRefused() public {
        thief.plan(abi.encodeCall(vault.serve, ()));
        thief.run(abi.encodeCall(vault.redeem, (vault.maxRedeem(address(thief)), address(thief), address(thief))));
        vm.assertEq(thief.said(), REFUSED);
    }

    function test_redeem__requestInside__isRefused() public {
        thief.plan(abi.encodeCall(vault.requestRedeem, (1, address(thief), address(thief))));
        thief.run(abi.encodeCall(vault.withdraw, (1, address(thief), address(thief))));
        vm.assertEq(thief.said(), REFUSED);
    }

    /// @dev Whoever deposits within its own deposit pays for both, or for none.
    function test_deposit__depositInside__reverts() public {
        thief.plan(abi.encodeCall(vault.deposit, (_coins(7), address(thief))));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(5), _coins(12)));
        thief.run(abi.encodeCall(vault.deposit, (_coins(5), address(thief))));
    }

    /// @dev The coins that a claim takes out are missed.
    function test_deposit__claimInside__reverts() public {
        uint256 assets = vault.maxWithdraw(address(thief));
        thief.plan(abi.encodeCall(vault.withdraw, (assets, address(thief), address(thief))));
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(5), 0));
        thief.run(abi.encodeCall(vault.deposit, (_coins(5), address(thief))));
    }

    /// @dev It is priced with both the shares that were minted and the coins that come: as if it came after.
    function test_deposit__serveInside__isWorthTheSame() public {
        thief.run(
            abi.encodeCall(vault.requestRedeem, (vault.balanceOf(address(thief)), address(thief), address(thief)))
        );
        _nextWeek();
        uint256 state = vm.snapshotState();
        thief.run(abi.encodeCall(vault.deposit, (_coins(5), address(thief))));
        vault.serve();
        uint256 worth = vault.maxWithdraw(address(thief));
        vm.revertToState(state);
        thief.plan(abi.encodeCall(vault.serve, ()));
        thief.run(abi.encodeCall(vault.deposit, (_coins(5), address(thief))));
        vm.assertEq(thief.said(), "done");
        vm.assertEq(vault.maxWithdraw(address(thief)), worth);
        _check();
    }

    function test_lend__toAThief__isRefusedInside() public {
        thief.plan(abi.encodeCall(vault.serve, ()));
        desk.lend(address(thief), _coins(1), 0);
        vm.assertEq(thief.said(), REFUSED);
        _check();
    }
}
