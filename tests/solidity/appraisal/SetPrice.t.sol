// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Appraisal} from "../../../contracts/Appraisal.sol";
import {AppraisalParameters, ClassPrice, IAppraisal} from "../../../contracts/interfaces/IAppraisal.sol";
import {bound} from "../base/Bound.sol";
import {vm} from "../base/Vm.sol";
import {AppraisalTest} from "./AppraisalTest.sol";

contract SetPriceTest is AppraisalTest {
    bytes32 internal constant OTHER = "B200";

    function _set(bytes32 gpuClass, uint256 perGpu) internal {
        vm.prank(appraiser);
        appraisal.setPrice(gpuClass, uint96(perGpu));
    }

    function _assertPrice(bytes32 gpuClass, uint256 perGpu, uint256 updatedAt) internal view {
        ClassPrice memory price = appraisal.priceOf(gpuClass);
        vm.assertEq(price.perGpu, perGpu);
        vm.assertEq(price.updatedAt, updatedAt);
    }

    /* ---- prices ---- */

    function test_setPrice__firstOfAClass__anyPriceAtOnce() public {
        _assertPrice(OTHER, 0, 0);
        vm.expectEmit(address(appraisal));
        emit IAppraisal.SetPrice(OTHER, type(uint96).max);
        _set(OTHER, type(uint96).max);
        _assertPrice(OTHER, type(uint96).max, START);
        _assertPrice(CLASS, _coins(25_000), START);
    }

    function test_setPrice__byAnybodyElse__reverts() public {
        vm.prank(parameters);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, parameters));
        appraisal.setPrice(OTHER, 1);
    }

    function test_setPrice__nothingOrNoClass__reverts() public {
        vm.prank(appraiser);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.InvalidParameter.selector, bytes32("perGpu")));
        appraisal.setPrice(OTHER, 0);
        vm.prank(appraiser);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.InvalidParameter.selector, bytes32("gpuClass")));
        appraisal.setPrice(0, 1);
    }

    function test_setPrice__withinThePause__reverts() public {
        vm.warp(START + 1 days - 1);
        vm.prank(appraiser);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.UpdatedTooSoon.selector, CLASS, START + 1 days));
        appraisal.setPrice(CLASS, uint96(_coins(25_000)));

        vm.warp(START + 1 days);
        _set(CLASS, _coins(25_000));
        _assertPrice(CLASS, _coins(25_000), START + 1 days);
    }

    function test_setPrice__aFifthUpOrDown__isTheMost() public {
        vm.warp(START + 1 days);
        _refuseStep(_coins(25_000), _coins(30_000) + 1);
        _refuseStep(_coins(25_000), _coins(20_000) - 1);
        _set(CLASS, _coins(30_000));
        vm.warp(START + 2 days);
        _set(CLASS, _coins(24_000));
        _assertPrice(CLASS, _coins(24_000), START + 2 days);
    }

    /// @dev A long silence earns no larger step.
    function test_setPrice__afterItWentStale__stepIsBoundedAllTheSame() public {
        vm.warp(START + 365 days);
        _refuseStep(_coins(25_000), _coins(30_000) + 1);
        _set(CLASS, _coins(30_000));
        vm.assertEq(appraisal.appraise(fleetId).pricePerGpu, _coins(30_000));
    }

    function testFuzz_setPrice__anyStep__allowedWithinItsBound(uint96 before, uint96 next) public {
        before = uint96(bound(before, 1, type(uint96).max));
        next = uint96(bound(next, 1, type(uint96).max));
        _set(OTHER, before);
        vm.warp(START + 1 days);
        uint256 most = uint256(before) * 2000 / 10_000;
        if (next > before + most || next < before - most) {
            vm.expectRevert(
                abi.encodeWithSelector(IAppraisal.StepTooLarge.selector, OTHER, before, next, uint256(2000))
            );
        }
        vm.prank(appraiser);
        appraisal.setPrice(OTHER, next);
    }

    function testFuzz_setPrice__nearTheBound__exactToTheUnit(uint96 before, uint256 off, bool up) public {
        before = uint96(bound(before, 100, type(uint96).max / 2));
        uint256 most = uint256(before) * 2000 / 10_000;
        uint256 step = most + bound(off, 0, 2) - 1;
        _set(OTHER, before);
        vm.warp(START + 1 days);
        uint256 next = up ? before + step : before - step;
        if (step > most) {
            vm.expectRevert(
                abi.encodeWithSelector(IAppraisal.StepTooLarge.selector, OTHER, before, next, uint256(2000))
            );
        }
        vm.prank(appraiser);
        appraisal.setPrice(OTHER, uint96(next));
    }

    function _refuseStep(uint256 current, uint256 asked) internal {
        vm.prank(appraiser);
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.StepTooLarge.selector, CLASS, current, asked, uint256(2000)));
        appraisal.setPrice(CLASS, uint96(asked));
    }

    /* ---- parameters ---- */

    function test_parameters__asCreated__readBack() public {
        AppraisalParameters memory p = AppraisalParameters({
            leftBps: [uint16(9000), 8000, 8000, 1],
            mostStepBps: 1,
            leastPause: 7,
            maxAge: 9,
            economicLifeMonths: 600,
            discountBps: 10_000
        });
        vm.assertEq(keccak256(abi.encode(_newAppraisal(p).parameters())), keccak256(abi.encode(p)));
        vm.assertEq(keccak256(abi.encode(appraisal.parameters())), keccak256(abi.encode(_parameters())));
    }

    function test_constructor__curveThatRises__reverts() public {
        AppraisalParameters memory p = _parameters();
        p.leftBps = [uint16(10_001), 4500, 3000, 2000];
        _refuse(p, "leftBps");
        p.leftBps = [uint16(6500), 6501, 3000, 2000];
        _refuse(p, "leftBps");
        p.leftBps = [uint16(6500), 4500, 4501, 2000];
        _refuse(p, "leftBps");
        p.leftBps = [uint16(6500), 4500, 3000, 3001];
        _refuse(p, "leftBps");
        p.leftBps = [uint16(10_000), 10_000, 0, 0];
        _newAppraisal(p);
    }

    function test_constructor__stepOfNothingOrTheWhole__reverts() public {
        AppraisalParameters memory p = _parameters();
        p.mostStepBps = 0;
        _refuse(p, "mostStepBps");
        p.mostStepBps = 10_000;
        _refuse(p, "mostStepBps");
        p.mostStepBps = 9999;
        _newAppraisal(p);
    }

    function test_constructor__noAgeOrAPauseBeyondIt__reverts() public {
        AppraisalParameters memory p = _parameters();
        p.leastPause = p.maxAge + 1;
        _refuse(p, "leastPause");
        p.leastPause = p.maxAge;
        _newAppraisal(p);
        p.leastPause = 0;
        _newAppraisal(p);
        p.maxAge = 0;
        _refuse(p, "maxAge");
    }

    function test_constructor__lifeOrDiscountOutOfRange__reverts() public {
        AppraisalParameters memory p = _parameters();
        p.economicLifeMonths = 0;
        _refuse(p, "economicLifeMonths");
        p.economicLifeMonths = 601;
        _refuse(p, "economicLifeMonths");
        p = _parameters();
        p.discountBps = 10_001;
        _refuse(p, "discountBps");
        p.discountBps = 0;
        vm.assertEq(_newAppraisal(p).annuityWad(72), 72e18);
    }

    function _refuse(AppraisalParameters memory p, bytes32 field) internal {
        vm.expectRevert(abi.encodeWithSelector(IAppraisal.InvalidParameter.selector, field));
        new Appraisal(_creditSystem(), p);
    }
}
