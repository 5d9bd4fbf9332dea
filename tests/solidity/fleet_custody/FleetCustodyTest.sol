// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetCustody} from "../../../contracts/FleetCustody.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev The test stands where FleetCredit stands. `owner` has the fleet's title and nine tenths of its shares, 2 BTC, and
/// approved custody for all of it.
abstract contract FleetCustodyTest is RevenueTest {
    uint256 internal constant LOAN = 7;
    uint256 internal constant PLEDGED = 500_000e18;
    uint256 internal constant BOUND = 100_000e18;
    uint256 internal constant BTC = 1e8;

    FleetCustody internal custody;
    TestStablecoin internal btc;

    function setUp() public virtual override {
        super.setUp();
        custody = FleetCustody(
            _put("custody", vm.getCode("FleetCustody.sol:FleetCustody"), abi.encode(_creditSystem(address(this))))
        );
        _let(Roles.RISK, risk, address(custody), FleetCustody.consent.selector);
        _let(Roles.RISK, risk, address(custody), FleetCustody.returnTitle.selector);
        btc = _newBtc();
        btc.mint(owner, 2 * BTC);
        _approve(owner, fleetId);
    }

    function _newBtc() internal virtual returns (TestStablecoin) {
        return new TestStablecoin("Bitcoin", "BTC", 8);
    }

    function _creditSystem(address credit) internal view returns (CreditSystem memory s) {
        s.authority = address(authority);
        s.registry = address(registry);
        s.oracle = address(oracle);
        s.router = address(router);
        s.shareFactory = address(shareFactory);
        s.lossFund = address(lossFund);
        s.asset = address(coin);
        s.credit = credit;
    }

    function _approve(address who, uint256 fleet) internal {
        vm.startPrank(who);
        registry.approve(address(custody), fleet);
        _shares(fleet).approve(address(custody), type(uint256).max);
        btc.approve(address(custody), type(uint256).max);
        vm.stopPrank();
    }

    function _take() internal {
        custody.take(LOAN, fleetId, owner, PLEDGED, btc, BTC);
    }

    /// @dev What the shares earned yesterday and the day before is theirs to claim.
    function _earnAndRelease(uint256 amount) internal {
        _earnAndCollect(amount);
        vm.warp((block.timestamp / DAY + 2) * DAY);
    }
}
