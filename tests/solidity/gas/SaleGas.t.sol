// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {LoanRequest} from "../../../contracts/interfaces/IFleetCredit.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev What the sale of a loan in breach costs those who make it happen. Steady state: the market has sold a lot before, the borrower
/// had a loan before, and the bidder has bought before, shares of this fleet too, unless the name says otherwise.
contract SaleGasTest is CreditScene {
    string internal constant TOPIC = "sale";

    uint256 internal loanId;

    function setUp() public override {
        super.setUp();
        _fund(bidder, _coins(9_000_000));
        _sellAnotherLot();
        _repay(_drawnLoan(), type(uint256).max);
        loanId = _drawnLoan();
        _endInsurance(loanId);
        btc.mint(bidder, 1);
        vm.prank(owner);
        shares.transfer(bidder, 1);
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

    function test_bidLot__firstOfAReceiver() public {
        _openLot();
        vm.prank(bidder);
        auction.bidLot(loanId, type(uint256).max, stranger);
        vm.snapshotGasLastCall(TOPIC, "bidLot, first of a receiver");
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

    /// @dev Of another fleet of the same operator, without BTC.
    function _sellAnotherLot() private {
        Enrolment memory e = _enrolment();
        e.owner = investor;
        address before = owner;
        owner = investor;
        uint256 other = _liveFleet(e);
        owner = before;
        _submit(_report(other, block.timestamp, 0, 0));
        LoanRequest memory asked = _request();
        asked.fleetId = uint64(other);
        (asked.collateral, asked.collateralAmount) = (IERC20(address(0)), 0);
        uint256 otherId = _drawnLoan(asked, _loanTerms());
        _endInsurance(otherId);
        auction.start(otherId);
        vm.prank(bidder);
        auction.bidLot(otherId, type(uint256).max, bidder);
    }

    /// @dev Not all shares: one unit goes to the bidder.
    function _request() internal view override returns (LoanRequest memory asked) {
        asked = super._request();
        asked.shares = 500_000e18;
    }

    function _cureAndBreach() private {
        vm.prank(risk);
        credit.setInsuredUntil(loanId, uint40(block.timestamp + 365 days));
        credit.cure(loanId);
        _endInsurance(loanId);
    }
}
