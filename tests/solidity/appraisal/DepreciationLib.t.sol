// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DepreciationLib} from "../../../contracts/libraries/DepreciationLib.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";

contract DepreciationLibTest {
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant WAD_PER_BPS = 1e14;

    /// @dev Any curve that never rises.
    function _curve(uint16[4] calldata seeds) internal pure returns (uint16[4] memory leftBps) {
        uint256 most = 10_000;
        for (uint256 i; i < 4; ++i) {
            most = bound(seeds[i], 0, most);
            leftBps[i] = uint16(most);
        }
    }

    function test_leftWad__knots__areTheCurve() public pure {
        uint16[4] memory curve = [uint16(6500), 4500, 3000, 2000];
        vm.assertEq(DepreciationLib.leftWad(curve, 0), 1e18);
        vm.assertEq(DepreciationLib.leftWad(curve, YEAR), 0.65e18);
        vm.assertEq(DepreciationLib.leftWad(curve, 2 * YEAR), 0.45e18);
        vm.assertEq(DepreciationLib.leftWad(curve, 3 * YEAR), 0.3e18);
        vm.assertEq(DepreciationLib.leftWad(curve, 4 * YEAR), 0.2e18);
        vm.assertEq(DepreciationLib.leftWad(curve, 4 * YEAR - 1), 0.2e18 + 0.1e18 / YEAR);
        vm.assertEq(DepreciationLib.leftWad(curve, type(uint256).max), 0.2e18);
    }

    function testFuzz_leftWad__anyCurve__knotsExactAndConstantBehindThem(uint16[4] calldata seeds, uint256 age)
        public
        pure
    {
        uint16[4] memory curve = _curve(seeds);
        vm.assertEq(DepreciationLib.leftWad(curve, 0), 1e18);
        for (uint256 i; i < 4; ++i) {
            vm.assertEq(DepreciationLib.leftWad(curve, (i + 1) * YEAR), curve[i] * WAD_PER_BPS);
        }
        vm.assertEq(DepreciationLib.leftWad(curve, bound(age, 4 * YEAR, type(uint256).max)), curve[3] * WAD_PER_BPS);
    }

    /// @dev From the upper knot, what has fallen so far, rounded up.
    function testFuzz_leftWad__betweenKnots__linearAndRoundedDown(uint16[4] calldata seeds, uint256 age) public pure {
        uint16[4] memory curve = _curve(seeds);
        age = bound(age, 0, 4 * YEAR - 1);
        uint256 year = age / YEAR;
        uint256 from = year == 0 ? 1e18 : curve[year - 1] * WAD_PER_BPS;
        uint256 fall = (from - curve[year] * WAD_PER_BPS) * (age - year * YEAR);
        uint256 fallUp = fall / YEAR + (fall % YEAR == 0 ? 0 : 1);
        vm.assertEq(DepreciationLib.leftWad(curve, age), from - fallUp);
    }

    function testFuzz_leftWad__older__neverWorthMore(uint16[4] calldata seeds, uint256 age, uint256 further)
        public
        pure
    {
        uint16[4] memory curve = _curve(seeds);
        age = bound(age, 0, 6 * YEAR);
        further = bound(further, 0, 2 * YEAR);
        uint256 left = DepreciationLib.leftWad(curve, age);
        vm.assertLe(DepreciationLib.leftWad(curve, age + further), left);
        vm.assertLe(DepreciationLib.leftWad(curve, age + 1), left);
        vm.assertLe(left, 1e18);
        vm.assertGe(left, curve[3] * WAD_PER_BPS);
    }
}
