// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CreditVault} from "../../../contracts/CreditVault.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {bound} from "../base/Bound.sol";
import {LoanDesk} from "../base/LoanDesk.sol";
import {VaultScene} from "../base/VaultScene.sol";
import {vm} from "../base/Vm.sol";

/// @dev Everything that lenders, a credit account and strangers may do to a vault, with any arguments. What cannot succeed is left
/// out where that is plain, and what may fail is allowed to; nothing here may break an invariant.
///
/// Each step also reckons what it made of every lender's wealth: what it took less what it brought, its claims, and its shares,
/// escrowed ones too, at the optimistic value. Time may add to it its part of the interest, and others who leave at the
/// conservative value what they leave behind. Nothing else adds to it, but for rounding.
contract VaultActions is VaultScene {
    uint256 internal constant LENDERS = 4;
    uint256 internal constant MOST_LOANS = 12;

    address[] internal _lenders;
    /// @dev A step rounds at most so often in a lender's favour, by a unit each.
    int256 internal constant ROUNDING = 2;

    /// @dev What a lender took out less what it brought, in asset units.
    mapping(address lender => int256) public taken;
    /// @dev The most that anybody ever gained in a step beyond what it may.
    int256 public stolen;
    uint256 public donated;
    uint256 public donatedShares;

    function setUp() public override {
        super.setUp();
        _lenders = [lender, investor, attacker, _actor("fourth")];
        for (uint256 i; i < LENDERS; ++i) {
            vm.prank(_lenders[i]);
            coin.approve(address(vault), type(uint256).max);
        }
    }

    /// @dev A step in which nobody's wealth may grow.
    modifier fair() {
        int256[LENDERS] memory before = _wealths();
        _;
        int256[LENDERS] memory later = _wealths();
        for (uint256 i; i < LENDERS; ++i) {
            _allow(later[i] - before[i]);
        }
    }

    /// @dev A step that only lets time pass: the optimistic value may grow, and with it each lender's part of it.
    modifier passing() {
        int256[LENDERS] memory before = _wealths();
        uint256 value = vault.optimisticAssets();
        _;
        uint256 interest = vault.optimisticAssets() - value;
        int256[LENDERS] memory later = _wealths();
        for (uint256 i; i < LENDERS; ++i) {
            uint256 part = _sharesOf(_lenders[i]) * interest / (vault.totalSupply() + VIRTUAL_SHARES);
            _allow(later[i] - before[i] - int256(part));
        }
    }

    /* ---- lenders ---- */

    function deposit(uint256 who, uint256 assets) external fair {
        address one = _one(who);
        assets = _amount(assets);
        coin.mint(one, assets);
        vm.prank(one);
        try vault.deposit(assets, one) {
            taken[one] -= int256(assets);
        } catch {}
        _drop(one);
    }

    function mint(uint256 who, uint256 shares) external fair {
        address one = _one(who);
        shares = _amount(shares) * 1e6 + shares % 1e6;
        coin.mint(one, type(uint96).max);
        vm.prank(one);
        try vault.mint(shares, one) returns (uint256 assets) {
            taken[one] -= int256(assets);
        } catch {}
        _drop(one);
    }

    function request(uint256 who, uint256 forWhom, uint256 part) external {
        address one = _one(who);
        address controller = part % 5 == 0 ? _one(forWhom) : one;
        uint256 shares = vault.balanceOf(one) * (part % 256) / 255;
        vm.prank(one);
        try vault.requestRedeem(shares, controller, one) {} catch {}
    }

    function requestDust(uint256 who) external fair {
        address one = _one(who);
        vm.prank(one);
        try vault.requestRedeem(1, one, one) {} catch {}
    }

    function cancel(uint256 who) external fair {
        address one = _one(who);
        vm.prank(one);
        try vault.cancelRedeemRequest(0, one) {} catch {}
    }

    function claimCancelled(uint256 who) external fair {
        address one = _one(who);
        vm.prank(one);
        try vault.claimCancelRedeemRequest(0, one, one) {} catch {}
    }

    /// @dev A claim of what is claimable never fails: if it does, so does the run.
    function redeem(uint256 who, uint256 part) external fair {
        address one = _one(who);
        uint256 shares = vault.maxRedeem(one) * (part % 256) / 255;
        vm.prank(one);
        uint256 assets = vault.redeem(shares, one, one);
        taken[one] += int256(assets);
        _drop(one);
    }

    function withdraw(uint256 who, uint256 part) external fair {
        address one = _one(who);
        uint256 assets = vault.maxWithdraw(one) * (part % 256) / 255;
        vm.prank(one);
        vault.withdraw(assets, one, one);
        taken[one] += int256(assets);
        _drop(one);
    }

    function transfer(uint256 who, uint256 toWhom, uint256 part) external {
        address one = _one(who);
        address to = _one(toWhom);
        uint256 shares = vault.balanceOf(one) * (part % 256) / 255;
        vm.prank(one);
        require(vault.transfer(to, shares), "not sent");
    }

    /* ---- anyone ---- */

    /// @dev Whoever is served leaves the difference between the two values to those who stay.
    function serve() external {
        int256[LENDERS] memory before = _wealths();
        uint256 value = vault.optimisticAssets();
        uint256 supply = vault.totalSupply();
        uint256 left;
        try vault.serve() returns (uint256 shares, uint256 assets) {
            left = shares * (value + 1) / (supply + VIRTUAL_SHARES) - assets;
        } catch {}
        int256[LENDERS] memory later = _wealths();
        for (uint256 i; i < LENDERS; ++i) {
            _allow(later[i] - before[i] - int256(left));
        }
    }

    function donate(uint256 amount) external fair {
        amount = _amount(amount);
        coin.mint(address(vault), amount);
        donated += amount;
    }

    function donateShares(uint256 who, uint256 part) external fair {
        address one = _one(who);
        uint256 shares = vault.balanceOf(one) * (part % 256) / 2550;
        vm.prank(one);
        require(vault.transfer(address(vault), shares), "not sent");
        donatedShares += shares;
    }

    function pause(uint256 yes) external fair {
        registry.set(yes % 8 == 0);
    }

    function setCap(uint256 cap) external fair {
        vm.prank(risk);
        vault.setCap(_coins(cap % 4_000_000));
    }

    function wait(uint256 time) external passing {
        vm.warp(block.timestamp + time % 3 days);
    }

    function waitForTheWeek(uint256 time) external passing {
        vm.warp((block.timestamp / WEEK + 1) * WEEK + time % 2 * (time % 9 days));
    }

    /* ---- loans ---- */

    function lend(uint256 part, uint256 rateBps) external fair {
        if (desk.count() == MOST_LOANS) return;
        try desk.lend(borrower, vault.book().cash * (part % 256) / 255, rateBps % 6000) {} catch {}
    }

    function pay(uint256 id, uint256 amount) external fair {
        if (_with(id, LoanDesk.State.Held)) desk.pay(_loanId(id), amount % _coins(3_000_000) + 1);
    }

    function payAll(uint256 id) external fair {
        if (_with(id, LoanDesk.State.Held)) desk.pay(_loanId(id), type(uint88).max);
    }

    function reprice(uint256 id, uint256 rateBps) external fair {
        if (_with(id, LoanDesk.State.Marked)) desk.reprice(_loanId(id), rateBps % 6000);
    }

    function mark(uint256 id, uint256 floor, uint256 ago) external fair {
        if (_with(id, LoanDesk.State.Marked)) {
            desk.mark(_loanId(id), floor % _coins(2_000_000), block.timestamp - ago % 45 days);
        }
    }

    function unmark(uint256 id) external fair {
        if (_with(id, LoanDesk.State.Marked) && desk.loan(_loanId(id)).state == LoanDesk.State.Marked) {
            desk.unmark(_loanId(id));
        }
    }

    function holdLot(uint256 id, uint256 value) external fair {
        if (_with(id, LoanDesk.State.Marked)) desk.holdLot(_loanId(id), value % _coins(2_000_000));
    }

    function settle(uint256 id, uint256 part) external fair {
        if (!_with(id, LoanDesk.State.Held)) return;
        desk.settle(_loanId(id), desk.owed(_loanId(id)) * (part % 256) / 255);
    }

    /* ---- reads ---- */

    function contracts() external view returns (CreditVault, TestStablecoin, LoanDesk) {
        return (vault, coin, desk);
    }

    function lenders() external view returns (address[] memory) {
        return _lenders;
    }

    function firstEpoch() external pure returns (uint256) {
        return FIRST_EPOCH;
    }

    function _allow(int256 gain) private {
        if (gain > ROUNDING && gain > stolen) stolen = gain;
    }

    function _wealths() private view returns (int256[LENDERS] memory wealths) {
        uint256 value = vault.optimisticAssets() + 1;
        uint256 supply = vault.totalSupply() + VIRTUAL_SHARES;
        for (uint256 i; i < LENDERS; ++i) {
            address one = _lenders[i];
            wealths[i] = taken[one] + int256(vault.maxWithdraw(one) + _sharesOf(one) * value / supply);
        }
    }

    /// @dev Held, waiting or cancelled.
    function _sharesOf(address one) private view returns (uint256) {
        return vault.balanceOf(one) + vault.pendingRedeemRequest(0, one) + vault.claimableCancelRedeemRequest(0, one);
    }

    function _one(uint256 who) private view returns (address) {
        return _lenders[who % LENDERS];
    }

    function _loanId(uint256 id) private view returns (uint256) {
        return 1 + id % desk.count();
    }

    /// @dev Whether there is a loan, no further than `most`.
    function _with(uint256 id, LoanDesk.State most) private view returns (bool) {
        return desk.count() > 0 && uint256(desk.loan(_loanId(id)).state) <= uint256(most);
    }

    /// @dev From dust to two million coins, small ones as often as large ones.
    function _amount(uint256 seed) private pure returns (uint256) {
        return seed % 3 == 0 ? bound(seed, 0, 1000) : bound(seed, 1, _coins(2_000_000));
    }

    /// @dev Coins outside the vault do not matter.
    function _drop(address one) private {
        uint256 left = coin.balanceOf(one);
        vm.prank(one);
        require(coin.transfer(address(0xdead), left), "not sent");
    }
}
