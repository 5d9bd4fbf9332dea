// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICollateralPrices} from "../../../contracts/interfaces/ICollateralPrices.sol";
import {LoanState} from "../../../contracts/interfaces/IFleetCredit.sol";
import {ISequencerFeed} from "../../../contracts/interfaces/ISequencerFeed.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev A sequencer that tests switch off.
contract Sequencer is ISequencerFeed {
    int256 internal _answer;
    uint256 internal _since = 1;

    function set(int256 answer) external {
        _answer = answer;
        _since = block.timestamp;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, _answer, _since, _since, 1);
    }
}

/// @dev Every way in which a price cannot be told: drawing and withdrawing stop by name, paying and curing go on.
contract PricesTest is CreditScene {
    Sequencer internal sequencer;

    function _sequencerFeed() internal override returns (ISequencerFeed) {
        if (address(sequencer) == address(0)) sequencer = new Sequencer();
        return sequencer;
    }

    function test_prices__stale__stopBorrowingOnly() public {
        uint256 said = block.timestamp;
        uint256 loanId = _drawnLoan();
        vm.warp(said + 1 hours + 1);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.PriceStale.selector, btc, said, 1 hours));
    }

    function test_prices__zero__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        feed.say(0);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.PriceNotPositive.selector, btc, int256(0)));
    }

    function test_prices__negative__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        feed.say(-1);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.PriceNotPositive.selector, btc, int256(-1)));
    }

    function test_prices__tenfold__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        feed.say(600_000e8);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.PriceJumped.selector, btc, 60_000e8, 600_000e8, 2000));
    }

    function test_prices__outOfBounds__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        feed.say(1_000_001e8);
        _stopped(
            loanId,
            abi.encodeWithSelector(ICollateralPrices.PriceOutOfBounds.selector, btc, 1_000_001e8, 1000e8, 1_000_000e8)
        );
    }

    function test_prices__roundNotComplete__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        uint80 round = feed.latestRound() + 1;
        feed.sayRound(round, 60_000e8, block.timestamp, block.timestamp, round - 1);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.RoundIncomplete.selector, btc, round, round - 1));
    }

    function test_prices__otherDecimals__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        feed.setDecimals(18);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.DecimalsChanged.selector, btc, 8, 18));
    }

    function test_prices__feedGone__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        vm.etch(address(feed), "");
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.FeedSilent.selector, btc));
    }

    function test_prices__sequencerDown__stopBorrowingOnly() public {
        uint256 loanId = _drawnLoan();
        sequencer.set(1);
        _stopped(loanId, abi.encodeWithSelector(ICollateralPrices.SequencerDown.selector, block.timestamp));
    }

    /// @dev Withdrawing and drawing are refused with `reason`; then the loan is late, marked, paid, cured and paid whole.
    function _stopped(uint256 loanId, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(owner);
        credit.withdrawCollateral(loanId, 1, owner);
        uint256 before = vm.snapshotState();
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        uint256 next = _approvedLoan();
        vm.expectRevert(reason);
        vm.prank(owner);
        credit.draw(next, uint96(_coins(300_000)), owner);
        vm.revertToState(before);

        vm.warp(credit.instalment(loanId, 2).dueAt + 1);
        _report();
        credit.service(loanId);
        credit.mark(loanId);
        vm.assertGt(credit.loan(loanId).markedSince, 0);
        _repay(loanId, _coins(60_000));
        vm.assertEq(credit.loan(loanId).markedSince, 0);
        _repay(loanId, type(uint256).max);
        vm.assertTrue(credit.loan(loanId).state == LoanState.Closed);
        vm.assertEq(btc.balanceOf(owner), 4 * BTC - 2 * BTC);
        _checkMoney(loanId);
    }
}
