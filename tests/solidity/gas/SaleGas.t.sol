// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev What the sale of a loan in breach costs those who make it happen. A bidder has bought before: its own slots exist.
contract SaleGasTest is CreditScene {
    string internal constant TOPIC = "sale";

    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        loanId = _drawnLoan();
        _endInsurance(loanId);
        btc.mint(bidder, 1);
        _fund(bidder, _coins(5_000_000));
        auction.start(loanId);
        _bid(BTC / 5);
        vm.warp(block.timestamp + 10 minutes);
    }

    function test_start() public {
        vm.warp(block.timestamp + 1);
        _cureAndBreach();
        auction.start(loanId);
        vm.snapshotGasLastCall(TOPIC, "start");
    }

    function test_touch() public {
        auction.touch(loanId);
        vm.snapshotGasLastCall(TOPIC, "touch, collateral's clock");
    }

    function test_touch__lot() public {
        _openLot();
        auction.touch(loanId);
        vm.snapshotGasLastCall(TOPIC, "touch, the lot's clock");
    }

    function test_bidCollateral() public {
        _bid(BTC / 2);
        vm.snapshotGasLastCall(TOPIC, "bidCollateral");
    }

    function test_bidLot() public {
        _openLot();
        vm.prank(bidder);
        auction.bidLot(loanId, type(uint256).max, bidder);
        vm.snapshotGasLastCall(TOPIC, "bidLot");
    }

    function test_giveLotToVault() public {
        _openLot();
        auction.touch(loanId);
        for (uint256 i; i < 72; ++i) {
            vm.warp(block.timestamp + 1 hours);
            auction.touch(loanId);
        }
        auction.giveLotToVault(loanId);
        vm.snapshotGasLastCall(TOPIC, "giveLotToVault");
    }

    function _bid(uint256 amount) private {
        vm.prank(bidder);
        auction.bidCollateral(loanId, uint96(amount), type(uint256).max, bidder);
    }

    function _openLot() private {
        _bid(2 * BTC);
        vm.warp(block.timestamp + 10 minutes);
    }

    function _cureAndBreach() private {
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(block.timestamp + 365 days));
        credit.cure(loanId);
        _endInsurance(loanId);
    }
}
