// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {FleetShares} from "../../contracts/FleetShares.sol";
import {IFleetRegistry} from "../../contracts/interfaces/IFleetRegistry.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Report, Signature} from "../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../contracts/libraries/LeafLib.sol";
import {DeliveryTree} from "./base/DeliveryTree.sol";
import {SystemTest} from "./base/SystemTest.sol";
import {vm} from "./base/Vm.sol";

/// @dev The admin turns on everybody: all is paused and every target of the AccessManager is closed, for ever. Reports,
/// settlements and disputes go on, and everybody leaves with its money.
contract EverybodyLeavesTest is SystemTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal constant DAWN = (START / 1 days + 1) * 1 days;

    address internal finder = _actor("finder");
    address internal disputer = _actor("disputer");
    address internal second = _actor("second lessee");
    address internal heir = _actor("heir of a lease");

    uint256 internal fleetId;
    FleetShares internal shares;
    uint256 internal minted;
    /// @dev What the lessees paid in, and what of it was delivered to them.
    uint256 internal deposits;

    uint256 internal proved;
    uint256 internal handedOn;
    uint256 internal unproved;
    uint256 internal ended;
    uint256 internal ungranted;

    function setUp() public override {
        super.setUp();
        vm.warp(DAWN);
        fleetId = _liveFleet();
        shares = _shares(fleetId);
        vm.prank(owner);
        shares.transfer(investor, 250_000e18 + 1);
        _fill();
        _closeEverything();
    }

    function test_everybodyLeaves__pausedAndClosed__withTheirMoney() public {
        _newBusinessIsRefused();
        _reportingGoesOn();
        _lesseesLeave();
        _disputeExpires();
        _revenueIsShared();
        _operatorLeaves();
        _finderLeaves();
        _lossFundCollects();
        _nothingIsLeft();
    }

    /// @dev The closed targets are no empty words: nobody can open them again but the admin, nor rule meanwhile.
    function test_everybodyLeaves__whileClosed__noRoleActs() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, arbiter));
        vm.prank(arbiter);
        oracle.rule(fleetId, true);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, parameters));
        vm.prank(parameters);
        registry.unpause();
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, parameters));
        vm.prank(parameters);
        router.setFeeRecipient(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, risk));
        vm.prank(risk);
        lossFund.allow(address(this), coin, 1);
    }

    /* ---- before ---- */

    /// @dev Leases in every state, revenue at every station, a lie that was proved, a report that is disputed.
    function _fill() private {
        proved = _grantedLease(fleetId, lessee, 8, 24 hours);
        handedOn = _grantedLease(fleetId, lessee, 4, 24 hours);
        unproved = _grantedLease(fleetId, second, 2, 24 hours);
        ended = _grantedLease(fleetId, second, 1, 10 days);
        ungranted = _openLease(fleetId, second, 16, 5 hours);
        deposits = book.escrowOf(fleetId);
        vm.prank(lessee);
        book.transferFrom(lessee, heir, handedOn);
        vm.prank(second);
        book.endByLessee(ended);

        DeliveryTree.Tree memory tree = _quorumReport(DAWN + 2 hours, 2 hours);
        book.settle(proved, uint64(8 * 2 * HOUR), tree.proof(LeafLib.delivery(proved, 8 * 2 * HOUR)));
        shares.collect();
        vm.warp(DAWN + 3 hours);
        tree = _quorumReport(DAWN + 3 hours, 3 hours);
        book.settle(handedOn, uint64(4 * 3 * HOUR), tree.proof(LeafLib.delivery(handedOn, 4 * 3 * HOUR)));

        _lie();
        _post(DAWN + 4 hours);
        coin.mint(disputer, _coins(1000));
        vm.startPrank(disputer);
        coin.approve(address(oracle), type(uint256).max);
        oracle.dispute(fleetId);
        vm.stopPrank();
        minted = coin.totalSupply();
    }

    function _lie() private {
        Report memory a = _report(fleetId, DAWN + 3 hours + 1, 0, "one root");
        Report memory b = _report(fleetId, DAWN + 3 hours + 1, 0, "another root");
        Signature memory first = _sign(REPORTER_KEY, a);
        Signature memory other = _sign(REPORTER_KEY, b);
        vm.prank(finder);
        oracle.proveLie(a, first, b, other);
    }

    function _post(uint256 time) private {
        vm.warp(time);
        Report memory report = _report(fleetId, time, 0, "disputed");
        Signature memory signature = _sign(REPORTER_KEY, report);
        coin.mint(operator, _coins(1000));
        vm.startPrank(operator);
        coin.approve(address(oracle), type(uint256).max);
        oracle.post(report, signature);
        vm.stopPrank();
    }

    function _closeEverything() private {
        vm.prank(guardian);
        registry.pause();
        address[10] memory targets = [
            address(registry),
            address(oracle),
            address(book),
            address(leaseTerms),
            address(bond),
            address(router),
            address(shareFactory),
            address(gate),
            address(lossFund),
            address(pricing)
        ];
        for (uint256 i; i < targets.length; ++i) {
            vm.prank(admin);
            authority.setTargetClosed(targets[i], true);
        }
    }

    /* ---- leaving ---- */

    function _newBusinessIsRefused() private {
        vm.expectRevert(IFleetRegistry.Paused.selector);
        vm.prank(lessee);
        book.open(fleetId, lessee, 1, 1 hours, type(uint256).max, "access key");
        vm.expectRevert(IFleetRegistry.Paused.selector);
        vm.prank(operator);
        registry.enrol(_enrolment());
    }

    /// @dev A quorum supersedes the disputed report, so the dispute is about stakes alone.
    function _reportingGoesOn() private {
        DeliveryTree.Tree memory tree = _quorumReport(DAWN + 24 hours, 24 hours);
        vm.assertEq(oracle.head(fleetId).asOf, DAWN + 24 hours);
        vm.assertTrue(oracle.openDispute(fleetId).superseded);
        book.settle(proved, uint64(8 * 20 * HOUR), tree.proof(LeafLib.delivery(proved, 8 * 20 * HOUR)));
        book.close(proved, uint64(8 * 20 * HOUR), tree.proof(LeafLib.delivery(proved, 8 * 20 * HOUR)));
        book.close(handedOn, uint64(4 * 20 * HOUR), tree.proof(LeafLib.delivery(handedOn, 4 * 20 * HOUR)));
        book.close(ended, uint64(2 * HOUR), tree.proof(LeafLib.delivery(ended, 2 * HOUR)));
    }

    function _lesseesLeave() private {
        vm.prank(second);
        book.cancel(ungranted);
        vm.warp(DAWN + 9 days);
        book.closeUnproved(unproved);

        uint256 lesseeGot = _withdraw(book, lessee);
        uint256 heirGot = _withdraw(book, heir);
        uint256 secondGot = _withdraw(book, second);
        // At 2 coins: 8 × 4 hours, 4 × 4 hours, and of the second lessee all but two hours of one GPU.
        vm.assertEq(lesseeGot, _coins(2) * 8 * 4);
        vm.assertEq(heirGot, _coins(2) * 4 * 4);
        vm.assertEq(secondGot, _coins(2) * (2 * 24 + 240 - 2 + 16 * 5));
        vm.assertEq(lesseeGot + heirGot + secondGot + _rent(), deposits);
        // Availability was below 90 %, or nothing was proved: a tenth of each deposit.
        vm.assertEq(_withdraw(bond, lessee), _coins(2) * 8 * 24 / 10);
        vm.assertEq(_withdraw(bond, heir), _coins(2) * 4 * 24 / 10);
        vm.assertEq(_withdraw(bond, second), _coins(2) * 2 * 24 / 10);
    }

    function _disputeExpires() private {
        vm.warp(DAWN + 19 days);
        oracle.expireDispute(fleetId);
        vm.assertEq(_withdraw(oracle, operator), _coins(1000));
        vm.assertEq(_withdraw(oracle, disputer), _coins(1000));
    }

    function _revenueIsShared() private {
        router.route(fleetId);
        shares.collect();
        uint256 fee = _rent() * 2 / 100;
        vm.assertLe(fee - _withdraw(router, feeRecipient), 3);
        uint256 operating = (_rent() - fee) * 2 / 10;
        vm.assertLe(operating - _withdraw(router, operator), 3);

        vm.warp(DAWN + 22 days);
        uint256 leg = router.revenue(fleetId).shares;
        uint256 sum = _claim(owner, 649_999) + _claim(investor, 250_000);
        vm.prank(owner);
        sum += shares.claimTitle(owner);
        vm.assertLe(sum, leg);
        vm.assertLt(leg - sum, 3);
    }

    function _claim(address holder, uint256 wholeShares) private returns (uint256 amount) {
        uint256 before = coin.balanceOf(holder);
        vm.prank(holder);
        amount = shares.claim(holder);
        vm.assertEq(coin.balanceOf(holder), before + amount);
        vm.assertGe(amount, router.revenue(fleetId).shares * wholeShares / 1_000_000 - 1);
    }

    function _operatorLeaves() private {
        vm.assertEq(book.escrowOf(fleetId), 0);
        uint256 credits = _coins(2) * 14 * 24 / 10;
        uint256 left = _coins(100_000) - _lieStake() - credits;
        vm.prank(operator);
        bond.unbond(fleetId, left);
        vm.warp(DAWN + 22 days + 21 days);
        vm.prank(operator);
        bond.finishUnbonding(fleetId);
        vm.assertEq(_withdraw(bond, operator), left);
    }

    function _finderLeaves() private {
        vm.assertEq(_withdraw(bond, finder), _lieStake() / 10);
    }

    /// @dev What the fund got stays in it, counted, for lenders' losses.
    function _lossFundCollects() private {
        lossFund.collect(bond, coin);
        vm.assertEq(lossFund.held(coin), _lieStake() - _lieStake() / 10);
        vm.assertEq(coin.balanceOf(address(lossFund)), lossFund.held(coin));
    }

    function _nothingIsLeft() private view {
        vm.assertEq(coin.balanceOf(address(book)), 0, "book");
        vm.assertEq(coin.balanceOf(address(oracle)), 0, "oracle");
        vm.assertEq(coin.balanceOf(address(bond)), 0, "bond");
        vm.assertEq(coin.balanceOf(address(router)), 0, "router");
        vm.assertEq(coin.balanceOf(address(registry)), 0, "registry");
        // The fractions of a unit of two holders and the title.
        vm.assertLt(coin.balanceOf(address(shares)), 3, "shares");
        uint256 people = coin.balanceOf(lessee) + coin.balanceOf(heir) + coin.balanceOf(second)
            + coin.balanceOf(operator) + coin.balanceOf(disputer) + coin.balanceOf(finder)
            + coin.balanceOf(feeRecipient) + coin.balanceOf(owner) + coin.balanceOf(investor);
        vm.assertEq(people + coin.balanceOf(address(lossFund)) + coin.balanceOf(address(shares)), minted, "conserved");
    }

    /* ---- figures ---- */

    /// @dev 8 and 4 GPUs for 20 hours each, one for two.
    function _rent() private pure returns (uint256) {
        return _coins(2) * (8 * 20 + 4 * 20 + 2);
    }

    function _lieStake() private pure returns (uint256) {
        return _coins(1000);
    }

    /* ---- steps ---- */

    function _withdraw(IPayouts source, address who) private returns (uint256 amount) {
        uint256 before = coin.balanceOf(who);
        vm.prank(who);
        amount = source.withdraw(coin, who);
        vm.assertEq(coin.balanceOf(who), before + amount);
    }

    /// @dev A head as of `time`: each lease of the tree got all until then, but not more than 20 hours.
    function _quorumReport(uint256 time, uint256 granted) private returns (DeliveryTree.Tree memory tree) {
        vm.warp(time);
        uint256 hoursGot = granted > 20 hours ? 20 : granted / 1 hours;
        bytes32[] memory leaves = new bytes32[](3);
        leaves[0] = LeafLib.delivery(proved, 8 * hoursGot * HOUR);
        leaves[1] = LeafLib.delivery(handedOn, 4 * hoursGot * HOUR);
        leaves[2] = LeafLib.delivery(ended, (hoursGot > 2 ? 2 : hoursGot) * HOUR);
        tree = DeliveryTree.build(leaves);
        uint256 available = 13 * hoursGot * HOUR;
        _submit(_report(fleetId, time, available - oracle.head(fleetId).availableGpuMs, tree.root()));
    }
}
