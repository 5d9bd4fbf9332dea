// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditVault} from "../../../contracts/CreditVault.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {Epoch} from "../../../contracts/interfaces/ICreditVault.sol";
import {LoanDesk} from "../base/LoanDesk.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What entering and leaving the vault costs, with 20 loans that accrue and a week in which somebody asked already.
contract VaultGasTest is GasTest {
    string internal constant TOPIC = "vault";
    uint256 internal constant REQUESTS = 200;
    uint256 internal constant LOANS = 20;

    LoanDesk internal desk;
    CreditVault internal vault;
    address internal lender = _actor("lender");
    address internal borrower = _actor("borrower");

    function setUp() public override {
        super.setUp();
        vm.warp((START / 7 days + 1) * 7 days);
        desk = new LoanDesk();
        CreditSystem memory market;
        market.authority = address(authority);
        market.registry = address(registry);
        market.asset = address(coin);
        market.credit = address(desk);
        vault = new CreditVault(market, "Fleet Credit", "fcUSD", _coins(1_000_000_000));
        desk.open(vault);
        _deposit(lender, _coins(1_000_000));
        _deposit(investor, _coins(1_000_000));
        coin.mint(lender, _coins(1_000_000));
        for (uint256 i; i < LOANS; ++i) {
            desk.lend(borrower, _coins(10_000), 1200);
        }
        vm.warp(block.timestamp + 1 days);
    }

    function test_deposit() public {
        vm.prank(lender);
        vault.deposit(_coins(1234), lender);
        _within(70_000, TOPIC, "deposit");
    }

    function test_deposit__firstOfALender() public {
        vm.prank(lender);
        vault.deposit(_coins(1234), stranger);
        _record(TOPIC, "deposit, first of a lender");
    }

    function test_deposit__whileLoansAreMarked() public {
        for (uint256 loanId = 1; loanId <= 3; ++loanId) {
            desk.mark(loanId, _coins(9999), block.timestamp);
            vm.warp(block.timestamp + 1 days);
        }
        vm.prank(lender);
        vault.deposit(_coins(1234), lender);
        _record(TOPIC, "deposit, while loans are marked");
    }

    function test_mint() public {
        vm.prank(lender);
        vault.mint(_coins(1234) * 1e6, lender);
        _within(71_000, TOPIC, "mint");
    }

    function test_requestRedeem() public {
        _ask(investor, _coins(1));
        vm.prank(lender);
        vault.requestRedeem(_coins(1234) * 1e6, lender, lender);
        _within(110_000, TOPIC, "requestRedeem");
    }

    function test_requestRedeem__firstOfTheWeek() public {
        vm.prank(lender);
        vault.requestRedeem(_coins(1234) * 1e6, lender, lender);
        _within(110_000, TOPIC, "requestRedeem, first of the week");
    }

    function test_requestRedeem__movesAnOlderOne() public {
        _ask(lender, _coins(100));
        _ask(investor, _coins(100));
        vm.warp(block.timestamp + 7 days);
        _ask(investor, _coins(100));
        vm.prank(lender);
        vault.requestRedeem(_coins(1234) * 1e6, lender, lender);
        _within(110_000, TOPIC, "requestRedeem, moves an older one");
    }

    function test_cancelRedeemRequest() public {
        _ask(lender, _coins(100));
        _ask(investor, _coins(100));
        vm.prank(lender);
        vault.cancelRedeemRequest(0, lender);
        _record(TOPIC, "cancelRedeemRequest");
    }

    function test_serve__oneRequest() public {
        _ask(lender, _coins(100));
        vm.warp(block.timestamp + 7 days);
        vault.serve();
        _within(120_000, TOPIC, "serve, one request");
    }

    function test_serve__200Requests() public {
        for (uint256 i; i < REQUESTS; ++i) {
            address one = address(uint160(0x10000 + i));
            _deposit(one, _coins(100));
            _ask(one, _coins(100));
        }
        vm.warp(block.timestamp + 7 days);
        vault.serve();
        _within(120_000, TOPIC, "serve, 200 requests");
    }

    function test_redeem() public {
        _ask(lender, _coins(100));
        _ask(investor, _coins(100));
        vm.warp(block.timestamp + 7 days);
        vault.serve();
        uint256 shares = vault.maxRedeem(lender);
        vm.prank(lender);
        vault.redeem(shares, lender, lender);
        _record(TOPIC, "redeem, all that is claimable");
    }

    function _deposit(address who, uint256 assets) private {
        coin.mint(who, assets);
        vm.prank(who);
        coin.approve(address(vault), type(uint256).max);
        vm.prank(who);
        vault.deposit(assets, who);
    }

    function _ask(address who, uint256 units) private {
        vm.prank(who);
        vault.requestRedeem(units * 1e5, who, who);
    }
}
