// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {SystemTest} from "./SystemTest.sol";
import {vm} from "./Vm.sol";

/// @dev One fleet with everything leased, so that there is escrow to earn from. Nothing is taken for protocol or operator
/// unless a test says so: what is earned is the shareholders'.
abstract contract RevenueTest is SystemTest {
    uint256 internal constant DAY = 1 days;
    /// @dev The first midnight after `START`.
    uint256 internal constant MIDNIGHT = (START / DAY + 1) * DAY;

    uint256 internal fleetId;
    FleetShares internal shares;

    function setUp() public virtual override {
        super.setUp();
        vm.prank(parameters);
        router.setProtocolFee(_protocolFeeBps());
        fleetId = _liveFleet();
        shares = _shares(fleetId);
        _openLease(fleetId, lessee, CAPACITY, 90 days);
    }

    function _protocolFeeBps() internal pure virtual returns (uint16) {
        return 0;
    }

    function _enrolment() internal view virtual override returns (Enrolment memory e) {
        e = super._enrolment();
        e.operatingShareBps = 0;
    }

    /// @dev As LeaseBook does when it settles, out of what it holds in escrow.
    function _earn(uint256 amount) internal {
        vm.prank(address(book));
        router.credit(fleetId, amount, amount);
    }

    function _earnAndCollect(uint256 amount) internal {
        _earn(amount);
        shares.collect();
    }
}
