// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {LossFund} from "../../../contracts/LossFund.sol";
import {ILossFund} from "../../../contracts/interfaces/ILossFund.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev Books losses: draws on the fund.
contract Booker {
    function cover(LossFund fund, IERC20 token, uint256 amount) external {
        fund.cover(token, amount);
    }
}

/// @dev Says that it paid the fund and paid nothing; or draws from the fund meanwhile.
contract LyingSource {
    LossFund internal immutable FUND;
    bool internal immutable DRAWS;

    constructor(LossFund fund, bool draws) {
        FUND = fund;
        DRAWS = draws;
    }

    function withdraw(IERC20 token, address) external returns (uint256) {
        if (DRAWS) FUND.cover(token, 1);
        return 1_000_000e18;
    }
}

contract LossFundTest is SystemTest {
    Booker internal booker;

    /// @dev A lie slashed at 1,000 coins: a tenth for the finder, 900 for the fund.
    function setUp() public override {
        super.setUp();
        booker = new Booker();
        uint256 fleetId = _liveFleet();
        vm.prank(address(oracle));
        bond.slashLie(fleetId, operator, START, stranger);
    }

    function test_collect__slashedStake__isHeld() public {
        vm.expectEmit(address(lossFund));
        emit ILossFund.Collect(bond, coin, _coins(900));
        vm.prank(stranger);
        vm.assertEq(lossFund.collect(bond, coin), _coins(900));

        vm.assertEq(lossFund.held(coin), _coins(900));
        vm.assertEq(coin.balanceOf(address(lossFund)), _coins(900));
    }

    function test_collect__nothingOwed__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NothingOwed.selector, coin, address(lossFund)));
        lossFund.collect(router, coin);
    }

    function test_collect__sourceThatLiesAboutWhatItPaid__countsWhatArrived() public {
        IPayouts source = IPayouts(address(new LyingSource(lossFund, false)));
        vm.assertEq(lossFund.collect(source, coin), 0);
        vm.assertEq(lossFund.held(coin), 0);
    }

    function test_collect__sourceThatDrawsMeanwhile__reverts() public {
        lossFund.collect(bond, coin);
        LyingSource source = new LyingSource(lossFund, true);
        vm.prank(risk);
        lossFund.allow(address(source), coin, _coins(900));

        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        lossFund.collect(IPayouts(address(source)), coin);
    }

    function test_held__donation__changesNothing() public {
        coin.mint(address(lossFund), _coins(500));
        lossFund.collect(bond, coin);
        vm.prank(risk);
        lossFund.allow(address(booker), coin, _coins(1400));

        vm.assertEq(lossFund.held(coin), _coins(900));
        vm.expectRevert(abi.encodeWithSelector(ILossFund.FundExceeded.selector, coin, _coins(900) + 1, _coins(900)));
        booker.cover(lossFund, coin, _coins(900) + 1);
    }

    function test_allow__aContract__mayDraw() public {
        vm.expectEmit(address(lossFund));
        emit ILossFund.Allow(address(booker), coin, 5);
        vm.prank(risk);
        lossFund.allow(address(booker), coin, 5);
        vm.assertEq(lossFund.allowance(address(booker), coin), 5);
    }

    function test_allow__aPerson__reverts() public {
        vm.prank(risk);
        vm.expectRevert(abi.encodeWithSelector(ILossFund.NotAContract.selector, stranger));
        lossFund.allow(stranger, coin, 5);
    }

    function test_cover__withinAllowance__paysTheCaller() public {
        lossFund.collect(bond, coin);
        vm.prank(risk);
        lossFund.allow(address(booker), coin, _coins(500));

        vm.expectEmit(address(lossFund));
        emit ILossFund.Cover(address(booker), coin, _coins(300));
        booker.cover(lossFund, coin, _coins(300));

        vm.assertEq(coin.balanceOf(address(booker)), _coins(300));
        vm.assertEq(lossFund.held(coin), _coins(600));
        vm.assertEq(lossFund.allowance(address(booker), coin), _coins(200));
        vm.expectRevert(
            abi.encodeWithSelector(
                ILossFund.AllowanceExceeded.selector, address(booker), coin, _coins(200) + 1, _coins(200)
            )
        );
        booker.cover(lossFund, coin, _coins(200) + 1);
    }

    function test_cover__withoutAllowance__reverts() public {
        lossFund.collect(bond, coin);
        vm.prank(risk);
        vm.expectRevert(abi.encodeWithSelector(ILossFund.AllowanceExceeded.selector, risk, coin, 1, 0));
        lossFund.cover(coin, 1);
    }
}
