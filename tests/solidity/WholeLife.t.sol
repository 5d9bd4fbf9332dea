// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../contracts/FleetShares.sol";
import {Lease} from "../../contracts/interfaces/ILeaseBook.sol";
import {Revenue} from "../../contracts/interfaces/IRevenueRouter.sol";
import {SystemTest} from "./base/SystemTest.sol";
import {vm} from "./base/Vm.sol";

/// @dev From meter to shareholder, once, with round numbers.
contract WholeLifeTest is SystemTest {
    function test_wholeLife__halfDelivered__rentSharedAndRestRefunded() public {
        uint256 fleetId = _liveFleet();
        uint256 leaseId = _grantedLease(fleetId, lessee, 8, 10 hours);
        uint256 before = coin.balanceOf(lessee);
        vm.assertEq(coin.balanceOf(address(book)), _coins(160));

        _reportDelivery(fleetId, START + 10 hours, leaseId, 8 * 5 * HOUR);
        book.close(leaseId, uint64(8 * 5 * HOUR), _noProof());

        Lease memory lease = book.lease(leaseId);
        vm.assertEq(lease.paid, _coins(80));
        vm.assertEq(lease.refunded, _coins(80));
        vm.prank(lessee);
        book.withdraw(coin, lessee);
        vm.prank(lessee);
        bond.withdraw(coin, lessee);
        // Half available: the top tier, a tenth of the deposit.
        vm.assertEq(coin.balanceOf(lessee) - before, _coins(80) + _coins(16));

        FleetShares shares = _shares(fleetId);
        shares.collect();
        Revenue memory revenue = router.revenue(fleetId);
        vm.assertEq(revenue.routed, _coins(80));
        vm.assertEq(revenue.protocolFee, _coins(80) * 2 / 100);
        vm.assertEq(revenue.operating, (revenue.routed - revenue.protocolFee) * 2 / 10);
        vm.warp((block.timestamp / 1 days + 2) * 1 days);
        vm.prank(owner);
        shares.claim(owner);
        vm.prank(owner);
        shares.claimTitle(owner);
        vm.assertGe(coin.balanceOf(owner) + 2, revenue.shares);
        vm.assertLe(coin.balanceOf(owner), revenue.shares);
    }
}
