// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnnuityLib} from "../../../contracts/libraries/AnnuityLib.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";

contract AnnuityLibTest {
    uint256 internal constant FINE = 1e45;
    uint256 internal constant BPS_MONTHS = 120_000;

    /// @dev v + v² + … + v^n, each power from the one before it, with 45 digits; too small by less than n² of the last.
    function _sum(uint256 rateBps, uint256 months) internal pure returns (uint256 sum) {
        uint256 power = FINE;
        for (uint256 i; i < months; ++i) {
            power = power * BPS_MONTHS / (BPS_MONTHS + rateBps);
            sum += power;
        }
    }

    /// @dev From exact fractions.
    function test_annuityWad__knownRates__knownValues() public pure {
        vm.assertEq(AnnuityLib.annuityWad(1200, 1), 0.990099009900990099e18);
        vm.assertEq(AnnuityLib.annuityWad(1200, 60), 44.955038406224001939e18);
        vm.assertEq(AnnuityLib.annuityWad(1200, 72), 51.150391478853350577e18);
    }

    function test_annuityWad__noRateOrNoMonths__plain() public pure {
        vm.assertEq(AnnuityLib.annuityWad(0, 72), 72e18);
        vm.assertEq(AnnuityLib.annuityWad(0, 0), 0);
        vm.assertEq(AnnuityLib.annuityWad(1, 0), 0);
        vm.assertEq(AnnuityLib.annuityWad(10_000, 0), 0);
    }

    /// @dev Every month of the longest life, at the lowest, the usual and the highest rate.
    function test_annuityWad__everyMonth__roundsDownByAtMostOneUnitAndNeverFalls() public pure {
        uint256[5] memory rates = [uint256(1), 2, 500, 1200, 10_000];
        for (uint256 k; k < rates.length; ++k) {
            uint256 before;
            for (uint256 months = 1; months <= 600; months = months < 100 ? months + 1 : months + 25) {
                uint256 found = AnnuityLib.annuityWad(rates[k], months);
                _assertClose(found, rates[k], months);
                vm.assertGe(found, before);
                before = found;
            }
        }
    }

    function testFuzz_annuityWad__anyRate__roundsDownByAtMostOneUnit(uint256 rateBps, uint256 months) public pure {
        rateBps = bound(rateBps, 1, 10_000);
        months = bound(months, 0, 600);
        _assertClose(AnnuityLib.annuityWad(rateBps, months), rateBps, months);
    }

    function testFuzz_annuityWad__longerOrCheaper__neverWorthLess(uint256 rateBps, uint256 months) public pure {
        rateBps = bound(rateBps, 1, 10_000);
        months = bound(months, 0, 599);
        uint256 found = AnnuityLib.annuityWad(rateBps, months);
        vm.assertGe(AnnuityLib.annuityWad(rateBps, months + 1), found);
        vm.assertGe(AnnuityLib.annuityWad(rateBps - 1, months), found);
        vm.assertLe(found, months * 1e18);
    }

    function _assertClose(uint256 found, uint256 rateBps, uint256 months) internal pure {
        uint256 exact = _sum(rateBps, months);
        vm.assertLe(found * (FINE / 1e18), exact + months * months);
        vm.assertGe(found + 1, exact / (FINE / 1e18));
    }
}
