// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {IFleetRegistry, ShareTerms} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {IRevenueRouter} from "../../../contracts/interfaces/IRevenueRouter.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {bound} from "../base/Bound.sol";
import {FleetSource} from "../base/FleetSource.sol";
import {vm} from "../base/Vm.sol";

/// @dev Five people trade shares and title, collect and claim at random over days. A ledger that adds what each second
/// released, times what each held, over the supply, says what each must have.
contract HolderSumsTest {
    uint256 internal constant DAY = 1 days;
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant HOLDERS = 5;
    uint256 internal constant STEPS = 24;

    TestStablecoin internal coin;
    FleetSource internal source;
    FleetShares internal shares;
    uint256 internal supply;
    uint256 internal seed;

    mapping(uint256 day => uint256) internal arrivals;
    uint256 internal arrived;
    uint256 internal releasedBefore;
    /// @dev Holders, then the title's part, which belongs to nobody until claimed or sold: money times supply.
    uint256[HOLDERS + 1] internal earned;
    uint256[HOLDERS + 1] internal claimed;

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_claim__sixDecimals__sumsToWhatWasCollected(uint96 supply_, uint256 seed_) public {
        _live(6, supply_, seed_);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_claim__eightDecimals__sumsToWhatWasCollected(uint96 supply_, uint256 seed_) public {
        _live(8, supply_, seed_);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_claim__eighteenDecimals__sumsToWhatWasCollected(uint96 supply_, uint256 seed_) public {
        _live(18, supply_, seed_);
    }

    function _live(uint8 decimals, uint96 supply_, uint256 seed_) private {
        seed = seed_;
        supply = bound(supply_, 1e18, type(uint96).max);
        vm.warp(START);
        coin = new TestStablecoin("Coin", "COIN", decimals);
        source = new FleetSource(coin, _holder(0));
        shares = new FleetShares(
            IFleetRegistry(address(source)),
            IRevenueRouter(address(source)),
            1,
            _holder(0),
            coin,
            ShareTerms("Shares", "SHR", uint96(supply), false, address(0))
        );
        for (uint256 i; i < STEPS; ++i) {
            _step(10 ** decimals);
            _check();
        }
        shares.collect();
        arrivals[block.timestamp / DAY] += arrived - _sumArrivals();
        vm.warp((block.timestamp / DAY + 2) * DAY);
        _accrue();
        _check();
        _checkSums();
    }

    /// @dev Some time passes, then somebody does something.
    function _step(uint256 unit) private {
        vm.warp(block.timestamp + _random(4) * _random(DAY / 2));
        _accrue();
        uint256 choice = _random(8);
        uint256 who = _random(HOLDERS);
        uint256 whom = _random(HOLDERS);
        if (choice < 3) {
            uint256 amount = _random(3) == 0 ? _random(10) : _random(1_000_000 * unit);
            source.earn(amount);
            arrived += amount;
            arrivals[block.timestamp / DAY] += shares.collect();
        } else if (choice < 6) {
            uint256 amount = _random(shares.balanceOf(_holder(who)) + 1);
            vm.prank(_holder(who));
            vm.assertTrue(shares.transfer(_holder(whom), amount));
        } else if (choice == 6) {
            if (shares.claimable(_holder(who)) > 0) {
                vm.prank(_holder(who));
                claimed[who] += shares.claim(_holder(who));
            }
        } else {
            _sellOrClaimTitle(whom);
        }
    }

    /// @dev What the bound shares earned is the seller's when the title is sold.
    function _sellOrClaimTitle(uint256 whom) private {
        address seller = source.titleOwner();
        if (_random(2) == 0 && shares.claimableByTitle() > 0) {
            vm.prank(seller);
            claimed[HOLDERS] += shares.claimTitle(seller);
            return;
        }
        source.sellTitle(shares, _holder(whom));
        for (uint256 i; i < HOLDERS; ++i) {
            if (_holder(i) != seller) continue;
            earned[i] += earned[HOLDERS];
            claimed[i] += claimed[HOLDERS];
        }
        earned[HOLDERS] = 0;
        claimed[HOLDERS] = 0;
    }

    function _accrue() private {
        uint256 released = _released();
        for (uint256 i; i < HOLDERS; ++i) {
            earned[i] += shares.balanceOf(_holder(i)) * (released - releasedBefore);
        }
        earned[HOLDERS] += shares.boundShares() * (released - releasedBefore);
        releasedBefore = released;
    }

    /// @dev Nobody has more than the ledger says, and nobody lacks a whole unit.
    function _check() private view {
        for (uint256 i; i <= HOLDERS; ++i) {
            uint256 has = claimed[i] + (i == HOLDERS ? shares.claimableByTitle() : shares.claimable(_holder(i)));
            vm.assertLe(has * supply, earned[i]);
            // One unit of rounding, and 2^-32 units for each of the few steps.
            vm.assertLe(earned[i], (has + 1) * supply + supply / 1_000_000);
        }
        vm.assertEq(shares.unreleased(), shares.collected() - _released());
    }

    function _checkSums() private view {
        uint256 sum;
        for (uint256 i; i < HOLDERS; ++i) {
            sum += claimed[i] + shares.claimable(_holder(i));
        }
        sum += claimed[HOLDERS] + shares.claimableByTitle();
        vm.assertEq(shares.collected(), arrived);
        vm.assertEq(shares.unreleased(), 0);
        vm.assertLe(sum, arrived);
        vm.assertLe(arrived - sum, HOLDERS + 1);
    }

    function _released() private view returns (uint256 released) {
        uint256 today = block.timestamp / DAY;
        for (uint256 day = START / DAY; day + 1 < today; ++day) {
            released += arrivals[day];
        }
        released += arrivals[today - 1] * (block.timestamp % DAY) / DAY;
    }

    function _sumArrivals() private view returns (uint256 sum) {
        for (uint256 day = START / DAY; day <= block.timestamp / DAY; ++day) {
            sum += arrivals[day];
        }
    }

    function _holder(uint256 i) private pure returns (address) {
        return address(uint160(0xABC000 + i));
    }

    function _random(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }
}
