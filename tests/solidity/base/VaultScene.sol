// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {CreditVault} from "../../../contracts/CreditVault.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {VaultBook} from "../../../contracts/interfaces/ICreditVault.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";

import {LoanDesk} from "./LoanDesk.sol";
import {vm} from "./Vm.sol";

/// @dev What the vault asks of the registry.
contract PauseSwitch {
    bool public isPaused;

    function set(bool paused) external {
        isPaused = paused;
    }
}

/// @dev A vault of one coin, its lenders, and a desk in FleetCredit's place. `START` is the first second of a week in UTC.
abstract contract VaultScene {
    uint256 internal constant DAY = 1 days;
    uint256 internal constant WEEK = 7 days;
    uint256 internal constant START = (1_700_000_000 / WEEK + 1) * WEEK;
    uint256 internal constant FIRST_EPOCH = START / WEEK;
    uint256 internal constant VIRTUAL_SHARES = 1e6;

    address internal risk = _actor("risk");
    address internal lender = _actor("lender");
    address internal investor = _actor("investor");
    address internal attacker = _actor("attacker");
    address internal borrower = _actor("borrower");
    address internal stranger = _actor("stranger");

    AccessManager internal authority;
    PauseSwitch internal registry;
    TestStablecoin internal coin;
    LoanDesk internal desk;
    CreditVault internal vault;

    function setUp() public virtual {
        vm.warp(START);
        authority = new AccessManager(address(this));
        registry = new PauseSwitch();
        coin = _newCoin();
        desk = new LoanDesk();
        vault = new CreditVault(_system(address(desk)), "Fleet Credit", "fcUSD", _coins(1_000_000_000));
        desk.open(vault);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = CreditVault.setCap.selector;
        authority.setTargetFunctionRole(address(vault), selectors, Roles.RISK);
        authority.grantRole(Roles.RISK, risk, 0);
    }

    /* ---- what a test may change ---- */

    function _decimals() internal pure virtual returns (uint8) {
        return 6;
    }

    function _newCoin() internal virtual returns (TestStablecoin) {
        return new TestStablecoin("Test USD", "tUSD", _decimals());
    }

    /* ---- steps ---- */

    function _deposit(address who, uint256 assets) internal returns (uint256 shares) {
        _fund(who, assets);
        vm.prank(who);
        return vault.deposit(assets, who);
    }

    function _fund(address who, uint256 assets) internal {
        coin.mint(who, assets);
        vm.prank(who);
        coin.approve(address(vault), type(uint256).max);
    }

    function _request(address who, uint256 shares) internal {
        vm.prank(who);
        vault.requestRedeem(shares, who, who);
    }

    function _claim(address who) internal returns (uint256 assets) {
        uint256 shares = vault.maxRedeem(who);
        vm.prank(who);
        return vault.redeem(shares, who, who);
    }

    /// @dev To the first second of the week after this one.
    function _nextWeek() internal {
        vm.warp((block.timestamp / WEEK + 1) * WEEK);
    }

    /// @dev Asks, waits for the week to end, serves and claims.
    function _exit(address who, uint256 shares) internal returns (uint256 assets) {
        _request(who, shares);
        _nextWeek();
        vault.serve();
        return _claim(who);
    }

    /* ---- what must hold after each step ---- */

    /// @dev The vault's values are those of its loans, one by one, and its money is there.
    function _check() internal view {
        VaultBook memory b = vault.book();
        (uint256 conservative, uint256 optimistic) = desk.values();
        vm.assertEq(vault.conservativeAssets(), b.cash + conservative, "conservative");
        vm.assertEq(vault.optimisticAssets(), b.cash + optimistic, "optimistic");
        vm.assertLe(conservative, optimistic, "conservative <= optimistic");
        vm.assertEq(
            vault.conservativeAssets(),
            b.cash + b.performingPrincipal + b.performingInterest + b.markedBase - b.writtenDown,
            "cash + performing + base - written down"
        );
        vm.assertLe(b.cash + b.setAside, coin.balanceOf(address(vault)), "cash + set aside <= balance");
    }

    /* ---- words ---- */

    function _system(address credit) internal view returns (CreditSystem memory system) {
        system.authority = address(authority);
        system.registry = address(registry);
        system.asset = address(coin);
        system.credit = credit;
    }

    function _coins(uint256 whole) internal pure returns (uint256) {
        return whole * 10 ** _decimals();
    }

    function _actor(string memory name) internal returns (address account) {
        account = address(uint160(uint256(keccak256(bytes(name)))));
        vm.label(account, name);
    }
}
