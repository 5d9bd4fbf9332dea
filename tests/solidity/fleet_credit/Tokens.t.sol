// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {ICreditFacts, LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ICreditVault} from "../../../contracts/interfaces/ICreditVault.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";
import {BlocklistToken} from "../tokens/BlocklistToken.sol";
import {FeeOnTransferToken} from "../tokens/FeeOnTransferToken.sol";
import {HookedToken, ITokenHook} from "../tokens/HookedToken.sol";

/// @dev A loan's life in units of its coin: due dates, service, sweep, breach, sale and closing.
abstract contract DecimalsTest is CreditScene {
    function test_loan__wholeLife__everyUnitIsAccountedFor() public {
        uint256 loanId = _drawnLoan();
        vm.assertEq(coin.balanceOf(owner), _coins(272_000));
        _bringAndRelease(_coins(40_000));
        credit.service(loanId);
        _checkMoney(loanId);
        _goTo(credit.loan(loanId).nextDueAt);
        credit.service(loanId);
        vm.assertEq(credit.loan(loanId).nextDue, 2);
        vm.assertEq(credit.loan(loanId).principal, _coins(275_000));
        _checkMoney(loanId);
        vm.prank(owner);
        credit.setSweep(loanId, true);
        _bringAndRelease(_coins(90_000));
        credit.service(loanId);
        _checkMoney(loanId);
        vm.warp(block.timestamp + 3 days + 1);
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        _checkMoney(loanId);
        vm.assertEq(vault.optimisticAssets(), vault.book().cash);
        // Lenders have what they brought and the interest; the borrower has the rest of what came.
        uint256 interest = vault.book().cash - _coins(3_000_000);
        vm.assertGt(interest, _coins(3000));
        vm.assertLt(interest, _coins(3500));
    }

    function test_loan__lost__repaidAndCoveredAndLossCloseItToZero() public {
        _fillLossFund(_coins(7000));
        uint256 loanId = _drawnLoan();
        _breach(loanId);
        _sellCollateral(loanId, uint96(2 * BTC), _coins(100));
        vm.assertGt(credit.loan(loanId).breachedSince, 0);
        uint256 owed = _owed(loanId);
        uint256 optimistic = vault.optimisticAssets();
        _sellLot(loanId, _coins(50_000));
        vm.assertEq(_owed(loanId), 0);
        uint256 loss = owed - _coins(48_500) - _coins(7000);
        vm.assertLe(vault.optimisticAssets(), optimistic - loss);
        vm.assertGe(vault.optimisticAssets() + 1, optimistic - loss);
        _checkMoney(loanId);
    }
}

contract SixDecimalsTest is DecimalsTest {}

contract EightDecimalsTest is DecimalsTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract EighteenDecimalsTest is DecimalsTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}

/// @dev A coin that refuses whom it likes.
contract BlocklistTest is CreditScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new BlocklistToken(_decimals());
    }

    function _newBtc() internal override returns (TestStablecoin) {
        return new BlocklistToken(8);
    }

    /// @dev A borrower whom the coin refuses does not keep the loan from being paid or closed: it is credited.
    function test_repay__borrowerBlockedByTheCoin__closesAndCreditsIt() public {
        uint256 loanId = _drawnLoan();
        BlocklistToken(address(coin)).setBlocked(owner, true);
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(credit.owed(coin, owner), _coins(28_000));
        vm.prank(owner);
        credit.withdraw(coin, investor);
    }

    function test_repay__borrowerBlockedByTheCollateral__keepsItForAnotherAddress() public {
        uint256 loanId = _drawnLoan();
        BlocklistToken(address(btc)).setBlocked(owner, true);
        uint256 owed = _owed(loanId);
        _fund(stranger, owed);
        vm.expectEmit(address(credit));
        emit ICreditFacts.KeepPledge(loanId, false, true);
        vm.prank(stranger);
        credit.repay(loanId, owed);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(registry.ownerOf(fleetId), owner);
        vm.assertEq(credit.loan(loanId).collateralAmount, 2 * BTC);

        vm.startPrank(owner);
        credit.reclaimCollateral(loanId, investor);
        vm.assertEq(btc.balanceOf(investor), 2 * BTC);
        vm.expectRevert(abi.encodeWithSelector(ICreditFacts.NothingToReclaim.selector, loanId));
        credit.reclaimCollateral(loanId, investor);
        vm.stopPrank();
    }
}

/// @dev Shares with a gate, of whose list the borrower falls.
contract GatedTest is CreditScene {
    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.shares.gated = true;
        e.shares.custodian = _predict("custody");
    }

    function _newBtc() internal override returns (TestStablecoin) {
        return new BlocklistToken(8);
    }

    function setUp() public override {
        super.setUp();
        address[2] memory people = [owner, investor];
        for (uint256 i; i < people.length; ++i) {
            vm.prank(registrar);
            gate.setPermitted(people[i], true);
        }
    }

    /// @dev Collateral that nobody can be sent for now keeps the title from nobody.
    function test_reclaim__collateralStillRefused__theLotGoesByItself() public {
        uint256 loanId = _drawnLoan();
        vm.prank(registrar);
        gate.setPermitted(owner, false);
        BlocklistToken(address(btc)).setBlocked(address(custody), true);
        uint256 owed = _owed(loanId);
        _fund(stranger, owed);
        vm.expectEmit(address(credit));
        emit ICreditFacts.KeepPledge(loanId, true, true);
        vm.prank(stranger);
        credit.repay(loanId, owed);

        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(BlocklistToken.Blocked.selector, address(custody)));
        credit.reclaimCollateral(loanId, investor);
        credit.reclaimLot(loanId, investor);
        vm.assertEq(registry.ownerOf(fleetId), investor);
        BlocklistToken(address(btc)).setBlocked(address(custody), false);
        credit.reclaimCollateral(loanId, investor);
        vm.stopPrank();
        vm.assertEq(btc.balanceOf(investor), 2 * BTC);
    }

    function test_repay__gateRefusesTheBorrower__keepsTheLotAndItsRevenue() public {
        uint256 loanId = _drawnLoan();
        vm.prank(registrar);
        gate.setPermitted(owner, false);
        uint256 owed = _owed(loanId);
        _fund(stranger, owed);
        vm.expectEmit(address(credit));
        emit ICreditFacts.KeepPledge(loanId, true, false);
        vm.prank(stranger);
        credit.repay(loanId, owed);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(btc.balanceOf(owner), 2 * BTC);
        vm.assertEq(registry.ownerOf(fleetId), address(custody));
        // The fleet is the borrower's to run, and what it earns is the borrower's.
        vm.assertEq(registry.controllerOf(fleetId), owner);
        _bringAndRelease(_coins(700));
        vm.prank(owner);
        credit.reclaimLot(loanId, investor);
        vm.assertEq(registry.ownerOf(fleetId), investor);
        vm.assertEq(shares.balanceOf(investor), FREE_SHARES);
        vm.assertEq(credit.owed(coin, owner), _coins(28_700));
    }
}

/// @dev A coin that begins to take a fee: pulls refuse it.
contract FeeTest is CreditScene {
    function _newCoin() internal override returns (TestStablecoin) {
        return new FeeOnTransferToken(_decimals());
    }

    function test_repay__coinThatTakesAFee__reverts() public {
        uint256 loanId = _drawnLoan();
        _fund(stranger, _coins(1000));
        FeeOnTransferToken(address(coin)).setFee(1);
        vm.expectRevert(abi.encodeWithSelector(ICreditVault.TransferFellShort.selector, _coins(1000), _coins(990)));
        vm.prank(stranger);
        credit.repay(loanId, _coins(1000));
    }
}

/// @dev A payer whom the coin calls while it pays, and who tries to pay, serve, mark and enter meanwhile.
contract HookTest is CreditScene, ITokenHook {
    uint256 internal loanId;
    uint256 internal refused;
    bool internal trying;

    function _newCoin() internal override returns (TestStablecoin) {
        return new HookedToken(_decimals());
    }

    function test_repay__payerReenters__isRefusedEverywhere() public {
        loanId = _drawnLoan();
        coin.mint(address(this), _coins(100_000));
        coin.approve(address(credit), type(uint256).max);
        HookedToken(address(coin)).hook();
        trying = true;
        credit.repay(loanId, _coins(10_000));
        trying = false;
        vm.assertEq(refused, 4);
        vm.assertEq(_owed(loanId), _coins(290_000));
        _checkMoney(loanId);
    }

    function onTokenMove(address, address, uint256) external {
        if (!trying) return;
        bytes[4] memory calls = [
            abi.encodeWithSignature("repay(uint256,uint256)", loanId, 1),
            abi.encodeWithSignature("service(uint256)", loanId),
            abi.encodeWithSignature("mark(uint256)", loanId),
            abi.encodeWithSignature("addCollateral(uint256,uint96)", loanId, 1)
        ];
        for (uint256 i; i < calls.length; ++i) {
            (bool done,) = address(credit).call(calls[i]);
            if (!done) ++refused;
        }
    }
}
