// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {
    Dispute,
    IMeterOracle,
    Report,
    Signature,
    VerifierSignature
} from "../../../contracts/interfaces/IMeterOracle.sol";
import {vm} from "../base/Vm.sol";
import {OracleTest} from "./OracleTest.sol";

/// @dev Whoever doubts a pending report stakes as much; the arbiter decides, or nobody does.
abstract contract DisputesTest is OracleTest {
    uint256 internal constant FIRST = START + 1 hours;
    uint256 internal constant POSTED = START + 2 hours;
    uint256 internal constant DISPUTED = START + 3 hours;

    Report internal head;
    Report internal report;
    uint256 internal stake;

    function setUp() public override {
        super.setUp();
        stake = _coins(1000);
        head = _headAt(FIRST);
        report = _postAt(POSTED);
        vm.warp(DISPUTED);
    }

    /* ---- dispute ---- */

    function test_dispute__pendingReport__stopsItsClock() public {
        vm.expectEmit(address(oracle));
        emit IMeterOracle.OpenDispute(fleetId, oracle.digestOf(report), disputer, stake);
        _dispute();

        Dispute memory d = oracle.openDispute(fleetId);
        vm.assertEq(d.digest, oracle.digestOf(report));
        vm.assertEq(d.poster, poster);
        vm.assertEq(d.disputer, disputer);
        vm.assertEq(d.openedAt, DISPUTED);
        vm.assertEq(d.posterStake, stake);
        vm.assertEq(d.disputerStake, stake);
        vm.assertFalse(d.superseded);
        vm.warp(POSTED + 10 days);
        _assertHead(head, FIRST);
        _assertOnlyOwed(2 * stake);
    }

    function test_dispute__twice__reverts() public {
        _dispute();
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.DisputeIsOpen.selector, fleetId, oracle.digestOf(report)));
        vm.prank(poster);
        oracle.dispute(fleetId);
    }

    function test_dispute__inTheLastSecond__counts() public {
        vm.warp(POSTED + 2 hours - 1);
        _dispute();
        vm.warp(POSTED + 2 hours);
        _assertHead(head, FIRST);
    }

    function test_dispute__livenessPassed__reverts() public {
        vm.warp(POSTED + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NothingPending.selector, fleetId));
        vm.prank(disputer);
        oracle.dispute(fleetId);
    }

    function test_dispute__nothingPending__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NothingPending.selector, 9));
        vm.prank(disputer);
        oracle.dispute(9);
    }

    /* ---- rule ---- */

    function test_rule__upheld__isTheHeadAndThePosterGetsHalf() public {
        _dispute();
        vm.warp(DISPUTED + 1 days);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.RuleDispute(fleetId, oracle.digestOf(report), true, stake + stake / 2, stake - stake / 2);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.AdoptPending(fleetId, POSTED, oracle.digestOf(report), DISPUTED + 1 days);
        _rule(true);

        _assertHead(report, DISPUTED + 1 days);
        _assertOwed(poster, stake + stake / 2);
        _assertOwed(disputer, 0);
        _assertOwed(address(lossFund), stake - stake / 2);
        _assertOnlyOwed(2 * stake);
        _assertNothingOpen();
    }

    function test_rule__struck__leavesTheHeadAsItWas() public {
        _dispute();
        vm.expectEmit(address(oracle));
        emit IMeterOracle.RuleDispute(fleetId, oracle.digestOf(report), false, stake + stake / 2, stake - stake / 2);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.DropPending(fleetId, oracle.digestOf(report));
        _rule(false);

        _assertHead(head, FIRST);
        _assertOwed(poster, 0);
        _assertOwed(disputer, stake + stake / 2);
        _assertOwed(address(lossFund), stake - stake / 2);
        _assertNothingOpen();
        _postAt(DISPUTED + 1 hours);
    }

    /// @dev Five per cent of the escrow, rounded up: an odd stake, whose odd unit is the loss fund's.
    function test_rule__oddStake__halfRoundsDown() public {
        _dispute();
        _rule(false);
        _openLease(fleetId, lessee, 64, 30 days);
        _openSmallLease();
        uint256 escrow = book.escrowOf(fleetId);
        uint256 odd = (escrow + 19) / 20;
        vm.assertGt(odd, _coins(1000));
        report = _postAt(DISPUTED + 1 hours);
        vm.assertEq(oracle.pending(fleetId).stake, odd);
        uint256 before = oracle.owed(coin, poster);
        uint256 fundBefore = oracle.owed(coin, address(lossFund));
        _dispute();
        _rule(true);
        _assertOwed(poster, before + odd + odd / 2);
        _assertOwed(address(lossFund), fundBefore + odd - odd / 2);
    }

    function test_rule__nothingDisputed__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NoDispute.selector, fleetId));
        _rule(true);
    }

    function test_rule__twice__reverts() public {
        _dispute();
        _rule(true);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NoDispute.selector, fleetId));
        _rule(true);
    }

    function test_rule__byAnybodyElse__reverts() public {
        _dispute();
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, operator));
        vm.prank(operator);
        oracle.rule(fleetId, true);
    }

    /* ---- superseded: stakes only ---- */

    function test_submit__besideADisputedReport__leavesTheStakesToTheRuling() public {
        Report memory quorumReport = _superseded();
        _assertHead(quorumReport, DISPUTED);
        vm.assertTrue(oracle.openDispute(fleetId).superseded);
        _assertOwed(poster, 0);
        vm.assertEq(oracle.pending(fleetId).digest, 0);
    }

    function test_rule__supersededAndUpheld__movesStakesOnly() public {
        Report memory quorumReport = _superseded();
        vm.recordLogs();
        _rule(true);
        vm.assertEq(vm.getRecordedLogs().length, 1);
        _assertHead(quorumReport, DISPUTED);
        _assertOwed(poster, stake + stake / 2);
        _assertNothingOpen();
    }

    function test_rule__supersededAndStruck__movesStakesOnly() public {
        Report memory quorumReport = _superseded();
        _headAt(DISPUTED + 1 hours);
        quorumReport = _headAt(DISPUTED + 2 hours);
        vm.recordLogs();
        _rule(false);
        vm.assertEq(vm.getRecordedLogs().length, 1);
        _assertHead(quorumReport, DISPUTED + 2 hours);
        _assertOwed(disputer, stake + stake / 2);
    }

    function test_submit__sameDigestWhileDisputed__promotesItAndLeavesTheStakes() public {
        _dispute();
        Signature memory signature = _sign(REPORTER_KEY, report);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.SupersedeDispute(fleetId, oracle.digestOf(report));
        oracle.submit(report, signature, quorum);

        _assertHead(report, DISPUTED);
        _assertOwed(poster, 0);
        _rule(true);
        _assertHead(report, DISPUTED);
        _assertOwed(poster, stake + stake / 2);
    }

    /* ---- expireDispute ---- */

    function test_expireDispute__unruledFor14Days__strikesAndReturnsBothStakes() public {
        _dispute();
        vm.warp(DISPUTED + 14 days);
        vm.expectEmit(address(oracle));
        emit IMeterOracle.ExpireDispute(fleetId, oracle.digestOf(report));
        vm.expectEmit(address(oracle));
        emit IMeterOracle.DropPending(fleetId, oracle.digestOf(report));
        vm.prank(stranger);
        oracle.expireDispute(fleetId);

        _assertHead(head, FIRST);
        _assertOwed(poster, stake);
        _assertOwed(disputer, stake);
        _assertOwed(address(lossFund), 0);
        _assertNothingOpen();
    }

    function test_expireDispute__superseded__returnsBothStakes() public {
        Report memory quorumReport = _superseded();
        vm.warp(DISPUTED + 14 days);
        vm.recordLogs();
        oracle.expireDispute(fleetId);
        vm.assertEq(vm.getRecordedLogs().length, 1);
        _assertHead(quorumReport, DISPUTED);
        _assertOwed(poster, stake);
        _assertOwed(disputer, stake);
    }

    function test_expireDispute__oneSecondEarly__reverts() public {
        _dispute();
        vm.warp(DISPUTED + 14 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.RulingStillOpen.selector, fleetId, DISPUTED + 14 days));
        oracle.expireDispute(fleetId);
    }

    function test_expireDispute__nothingDisputed__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IMeterOracle.NoDispute.selector, fleetId));
        oracle.expireDispute(fleetId);
    }

    /* ---- stakes ---- */

    function test_post__smallEscrow__stakes1000Coins() public view {
        vm.assertEq(oracle.pending(fleetId).stake, _coins(1000));
    }

    /// @dev The stake follows the escrow at posting; a dispute's equals the report's, whatever the escrow is by then.
    function test_dispute__escrowGrewMeanwhile__stakesWhatThePosterDid() public {
        _openLease(fleetId, lessee, 64, 30 days);
        vm.assertGt(bond.stakeRequirement(fleetId), stake);
        _dispute();
        vm.assertEq(oracle.openDispute(fleetId).disputerStake, stake);
    }

    function test_post__largeEscrow__stakesFivePerCentOfIt() public {
        _dispute();
        _rule(false);
        _openLease(fleetId, lessee, 64, 30 days);
        uint256 escrow = _coins(2) * 64 * 30 * 24;
        vm.assertEq(book.escrowOf(fleetId), escrow);
        _postAt(DISPUTED + 1 hours);
        vm.assertEq(oracle.pending(fleetId).stake, escrow / 20);
    }

    /* ---- steps ---- */

    function _superseded() private returns (Report memory quorumReport) {
        _dispute();
        quorumReport = _next(DISPUTED);
        _submit(quorumReport);
    }

    /// @dev A price of a few units more, so that five per cent of the escrow are no whole number.
    function _openSmallLease() private {
        vm.prank(owner);
        registry.requestGrowth(fleetId, 65, "more");
        vm.prank(registrar);
        registry.confirmGrowth(fleetId, 65, "more");
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(_coins(2) + 10));
        _openLease(fleetId, lessee, 1, 1 hours);
    }

    function _assertNothingOpen() private view {
        vm.assertEq(oracle.openDispute(fleetId).digest, 0);
        vm.assertEq(oracle.pending(fleetId).digest, 0);
    }
}

contract DisputesWithSixDecimalsTest is DisputesTest {}

contract DisputesWithEightDecimalsTest is DisputesTest {
    function _decimals() internal pure override returns (uint8) {
        return 8;
    }
}

contract DisputesWithEighteenDecimalsTest is DisputesTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
