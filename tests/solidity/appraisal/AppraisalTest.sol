// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Appraisal} from "../../../contracts/Appraisal.sol";
import {AppraisalParameters} from "../../../contracts/interfaces/IAppraisal.sol";
import {CreditSystem} from "../../../contracts/interfaces/CreditSystem.sol";
import {Roles} from "../../../contracts/libraries/Roles.sol";
import {RevenueTest} from "../base/RevenueTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev One fleet of 64 GPUs, commissioned at `START`, whose class costs 25,000 coins a GPU. What it earns is all net.
abstract contract AppraisalTest is RevenueTest {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant MONTH = 2_628_000;
    bytes32 internal constant CLASS = "H100-SXM5-80GB";

    address internal appraiser = _actor("appraiser");
    Appraisal internal appraisal;

    function setUp() public virtual override {
        super.setUp();
        appraisal = _newAppraisal(_parameters());
        _price(25_000);
    }

    /// @dev The defaults of the design.
    function _parameters() internal pure returns (AppraisalParameters memory) {
        return AppraisalParameters({
            leftBps: [uint16(6500), 4500, 3000, 2000],
            mostStepBps: 2000,
            leastPause: 1 days,
            maxAge: 35 days,
            economicLifeMonths: 72,
            discountBps: 1200
        });
    }

    function _newAppraisal(AppraisalParameters memory p) internal returns (Appraisal made) {
        made = new Appraisal(_creditSystem(), p);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = Appraisal.setPrice.selector;
        authority.setTargetFunctionRole(address(made), selectors, Roles.APPRAISER);
        authority.grantRole(Roles.APPRAISER, appraiser, 0);
    }

    function _creditSystem() internal view returns (CreditSystem memory s) {
        s.authority = address(authority);
        s.registry = address(registry);
        s.router = address(router);
        s.asset = address(coin);
    }

    function _price(uint256 wholeCoins) internal {
        vm.prank(appraiser);
        appraisal.setPrice(CLASS, uint96(_coins(wholeCoins)));
    }

    /// @dev Sets the same price again, `elapsed` seconds after commissioning.
    function _priceAt(uint256 elapsed) internal {
        vm.warp(START + elapsed);
        _price(25_000);
    }
}
