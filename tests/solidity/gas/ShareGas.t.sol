// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What a shareholder pays, and what the stake costs its operator.
contract ShareGasTest is GasTest {
    string internal constant TOPIC = "shares";

    uint256 internal constant GRANTED = (START / 1 days + 1) * 1 days;

    uint256 internal fleetId;
    FleetShares internal shares;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        shares = _shares(fleetId);
        vm.prank(owner);
        shares.transfer(investor, 1000e18);
        vm.warp(GRANTED);
        uint256 leaseId = _grantedLease(fleetId, lessee, 32, 24 hours * 20);
        // Revenue on four days: the first two collected and claimed in part, so that every slot has been used.
        for (uint256 day = 1; day <= 4; ++day) {
            vm.warp(GRANTED + day * 1 days);
            uint256 delivered = 32 * 24 * day * HOUR;
            _reportDelivery(fleetId, block.timestamp, leaseId, delivered);
            book.settle(leaseId, uint64(delivered), _noProof());
            shares.collect();
            if (day >= 3) {
                vm.prank(owner);
                shares.claim(owner);
                vm.prank(investor);
                shares.claim(investor);
                vm.prank(owner);
                shares.claimTitle(owner);
            }
        }
        uint256 last = 32 * 108 * HOUR;
        _reportDelivery(fleetId, GRANTED + 108 hours, leaseId, last);
        book.settle(leaseId, uint64(last), _noProof());
    }

    function test_claim() public {
        vm.prank(owner);
        shares.claim(owner);
        _within(50_000, TOPIC, "claim");
    }

    function test_claimTitle() public {
        vm.prank(owner);
        shares.claimTitle(owner);
        _record(TOPIC, "claimTitle");
    }

    function test_transfer() public {
        vm.prank(owner);
        shares.transfer(investor, 10e18);
        _within(52_000, TOPIC, "transfer");
    }

    function test_transfer__freshReceiver() public {
        vm.prank(owner);
        shares.transfer(stranger, 10e18);
        _within(86_000, TOPIC, "transfer, fresh receiver");
    }

    function test_collect() public {
        shares.collect();
        _record(TOPIC, "collect");
    }

    function test_collect__firstOfTheDay() public {
        vm.warp(GRANTED + 6 days);
        shares.collect();
        _record(TOPIC, "collect, first of the day");
    }

    function test_stake() public {
        coin.mint(operator, _coins(2000));
        vm.prank(operator);
        bond.stake(fleetId, operator, _coins(1000));
        _record("bond", "stake");
    }

    function test_unbond() public {
        vm.prank(operator);
        bond.unbond(fleetId, _coins(1000));
        vm.prank(operator);
        bond.unbond(fleetId, _coins(1000));
        _record("bond", "unbond");
    }

    function test_finishUnbonding() public {
        vm.prank(operator);
        bond.unbond(fleetId, _coins(1000));
        vm.warp(GRANTED + 30 days);
        vm.prank(operator);
        bond.finishUnbonding(fleetId);
        _record("bond", "finishUnbonding");
    }
}
