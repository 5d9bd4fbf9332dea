// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LoanRequest} from "../../../contracts/interfaces/IFleetCredit.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {CreditScene} from "../base/CreditScene.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What borrowers, payers and keepers pay. Steady state: the market, the fleet and its borrower have had a loan before.
contract CreditGasTest is CreditScene, GasTest {
    string internal constant TOPIC = "credit";

    uint256 internal loanId;

    function setUp() public override(CreditScene, SystemTest) {
        super.setUp();
        _otherLoan();
        uint256 first = _drawnLoan();
        _bringAndRelease(_coins(1000));
        credit.service(first);
        _repay(first, type(uint256).max);
        // One unit of everything stays where it was, so that no balance begins at nothing.
        btc.mint(owner, 1);
        vm.prank(owner);
        shares.transfer(address(custody), 1);
        vm.startPrank(risk);
        credit.setCap("fleet", bytes32(fleetId), uint96(_coins(1_000_000)));
        credit.setCap("operator", bytes32(uint256(uint160(operator))), uint96(_coins(2_000_000)));
        credit.setCap("borrower", bytes32(uint256(uint160(owner))), uint96(_coins(2_000_000)));
        vm.stopPrank();
        _refresh();
    }

    /// @dev Of another fleet of the same operator, open all the time.
    function _otherLoan() private {
        Enrolment memory e = _enrolment();
        e.owner = investor;
        address before = owner;
        owner = investor;
        uint256 other = _liveFleet(e);
        owner = before;
        _submit(_report(other, block.timestamp, 0, 0));
        LoanRequest memory asked = _request();
        asked.fleetId = uint64(other);
        _drawnLoan(asked, _loanTerms());
    }

    function _enrolment() internal view override(RevenueTest, SystemTest) returns (Enrolment memory) {
        return RevenueTest._enrolment();
    }

    /// @dev Not all shares: nobody's balance becomes empty.
    function _request() internal view override returns (LoanRequest memory asked) {
        asked = super._request();
        asked.shares = 500_000e18;
    }

    function test_request() public {
        LoanRequest memory asked = _request();
        vm.prank(owner);
        credit.request(asked);
        _record(TOPIC, "request");
    }

    function test_approve() public {
        vm.prank(owner);
        loanId = credit.request(_request());
        vm.prank(risk);
        credit.approve(loanId, _loanTerms());
        _record(TOPIC, "approve");
    }

    function test_draw() public {
        loanId = _approvedLoan();
        vm.prank(owner);
        credit.draw(loanId, uint96(_coins(300_000)), owner);
        _within(330_000, TOPIC, "draw with BTC and title");
    }

    function test_repay() public {
        loanId = _drawnLoan();
        vm.warp(block.timestamp + 5 days);
        _repay(loanId, _coins(10_000));
        vm.warp(block.timestamp + 5 days);
        _fund(stranger, _coins(20_000));
        vm.prank(stranger);
        credit.repay(loanId, _coins(10_000));
        _within(75_000, TOPIC, "repay");
    }

    function test_repay__all() public {
        loanId = _drawnLoan();
        vm.warp(block.timestamp + 5 days);
        _fund(stranger, _coins(400_000));
        vm.prank(stranger);
        credit.repay(loanId, type(uint256).max);
        _record(TOPIC, "repay all");
    }

    function test_service() public {
        loanId = _drawnLoan();
        _bringAndRelease(_coins(10_000));
        credit.service(loanId);
        _bringAndRelease(_coins(10_000));
        credit.service(loanId);
        _record(TOPIC, "service, setting aside");
        _bringAndRelease(_coins(20_000));
        _goTo(credit.loan(loanId).nextDueAt);
        credit.service(loanId);
        _record(TOPIC, "service on a due date");
    }

    function test_mark() public {
        loanId = _drawnLoan();
        _missDueDate(loanId);
        credit.mark(loanId);
        _record(TOPIC, "mark");
        vm.warp(block.timestamp + 1 days);
        credit.mark(loanId);
        _record(TOPIC, "mark again");
    }

    function test_cure() public {
        loanId = _drawnLoan();
        _missDueDate(loanId);
        credit.mark(loanId);
        uint256 before = vm.snapshotState();
        _bringAndRelease(_coins(120_000));
        credit.service(loanId);
        credit.cure(loanId);
        _record(TOPIC, "cure");
        vm.revertToState(before);
        _repay(loanId, _coins(40_000));
        _record(TOPIC, "repay that cures");
    }

    /// @dev A tenth below the limit of EIP-170, as every contract.
    function test_size() public {
        string[8] memory names = [
            "FleetCredit",
            "LoanOffice",
            "LoanHealth",
            "FleetCustody",
            "CollateralAuction",
            "CreditVault",
            "Appraisal",
            "CollateralPrices"
        ];
        address[8] memory deployed = [
            market.credit,
            market.office,
            market.health,
            market.custody,
            market.auction,
            market.vault,
            market.appraisal,
            market.prices
        ];
        for (uint256 i; i < names.length; ++i) {
            vm.snapshotValue("size", names[i], deployed[i].code.length);
            vm.assertLe(deployed[i].code.length, 22_118, names[i]);
        }
    }
}
