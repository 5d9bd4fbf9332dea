// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../contracts/FleetShares.sol";
import {Payouts} from "../../contracts/base/Payouts.sol";
import {Enrolment} from "../../contracts/interfaces/IFleetRegistry.sol";
import {Delivery, MutualClosing} from "../../contracts/interfaces/ILeaseBook.sol";
import {Pending, Report, Signature} from "../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../contracts/libraries/LeafLib.sol";
import {DeliveryTree} from "./base/DeliveryTree.sol";
import {SystemTest} from "./base/SystemTest.sol";
import {vm} from "./base/Vm.sol";

/// @dev As `EverybodyLeavesTest`, where two fleets share a coin: the shares of one are gated, and its dispute stops the clock
/// of a lease that nobody proves; the other has a report that becomes the head by time, and verifiers who report alone.
contract EverybodyLeavesTwoFleetsTest is SystemTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal constant CLOSED = START + 3 hours;

    address internal poster = _actor("poster");
    address internal disputer = _actor("disputer");
    address internal finder = _actor("finder");

    /// @dev Two fleets that share a coin; the second one's shares are gated.
    uint256 internal plain;
    uint256 internal gated;

    /// @dev Leases of `plain`.
    uint256 internal proved;
    uint256 internal running;
    uint256 internal endedByLessee;
    uint256 internal endedByOperator;
    uint256 internal waiting;
    /// @dev Leases of `gated`.
    uint256 internal unproved;
    uint256 internal agreed;

    uint256 internal slashedForLie;

    function setUp() public override {
        super.setUp();
        _enrolBoth();
        _openLeases();
        vm.warp(START + 2 hours);
        _earnFirstRent();
        vm.warp(CLOSED);
        _endTwoEarly();
        _lie();
        vm.prank(operator);
        bond.unbond(plain, _coins(10_000));
        _postTwo();
        _closeEverything();
    }

    /* ---- old business ends ---- */

    function test_everybodyLeaves__twoFleetsPausedAndClosed__withTheirMoney() public {
        _pendingReportBecomesTheHead();
        _lesseesCloseByProof();
        _bothSidesAgree();
        _disputeExpires();
        _leaseWithoutProofCloses();
        _verifiersReportAlone();
        _shareholdersClaim();
        _operatorLeaves();
        _everybodyWithdraws();

        _assertEmpty(address(book));
        _assertEmpty(address(bond));
        _assertEmpty(address(oracle));
        _assertEmpty(address(router));
        _assertEmpty(address(registry));
        _assertEmpty(address(leaseTerms));
        _assertEmpty(address(shareFactory));
        _assertEmpty(address(gate));
        _assertEmpty(address(pricing));
        // Nobody's money yet: nine tenths of what the lie cost.
        vm.assertEq(lossFund.held(coin), slashedForLie - slashedForLie / 10, "held");
        vm.assertEq(coin.balanceOf(address(lossFund)), lossFund.held(coin), "loss fund");
        // Less than a unit each: three holders and the title, two and the title.
        vm.assertLt(coin.balanceOf(address(_shares(plain))), 4, "dust");
        vm.assertLt(coin.balanceOf(address(_shares(gated))), 3, "dust of the gated");
    }

    function _pendingReportBecomesTheHead() internal {
        // Cancelled late enough to be free.
        vm.prank(stranger);
        book.cancel(waiting);
        vm.assertEq(book.owed(coin, stranger), book.lease(waiting).deposit, "waiting: all back");

        Pending memory posted = oracle.pending(plain);
        vm.warp(CLOSED + 2 hours);
        oracle.touch(plain);
        vm.assertEq(oracle.head(plain).digest, posted.digest, "by time");
        vm.assertEq(oracle.owed(coin, poster), posted.stake, "its stake is back");
    }

    function _lesseesCloseByProof() internal {
        vm.warp(START + 28 hours);
        Delivery[] memory all = new Delivery[](4);
        all[0] = Delivery(proved, uint64(8 * 9 * HOUR));
        all[1] = Delivery(endedByLessee, uint64(8 * 5 * HOUR));
        all[2] = Delivery(endedByOperator, uint64(8 * 27 * HOUR));
        all[3] = Delivery(running, uint64(8 * 20 * HOUR));
        DeliveryTree.Tree memory tree = _tree(all);
        _submit(_report(plain, START + 28 hours, 20 * HOUR, tree.root()));
        book.settle(running, all[3].deliveredGpuMs, _proof(tree, all[3]));
        for (uint256 i; i < 3; ++i) {
            uint256 credited = bond.owed(coin, lessee);
            book.close(all[i].leaseId, all[i].deliveredGpuMs, _proof(tree, all[i]));
            vm.assertEq(bond.owed(coin, lessee) - credited, _bondCredit(i), "SLA credit and compensation");
        }
        vm.assertEq(book.lease(proved).refunded, _coins(16), "an hour back");
        vm.assertEq(book.lease(endedByLessee).fee, _coins(8 * 24 * 2), "a day's notice");
        vm.assertEq(book.lease(endedByLessee).refunded, _coins(8 * (480 - 5 - 24) * 2));
        vm.assertEq(book.lease(endedByOperator).refunded, _coins(8 * (480 - 27) * 2));
    }

    /// @dev A tenth of the time missing costs five per cent of 160 coins; the operator's early end a day's rent.
    function _bondCredit(uint256 i) internal pure returns (uint256) {
        return i == 0 ? _coins(8) : i == 1 ? 0 : _coins(8 * 24 * 2);
    }

    function _bothSidesAgree() internal {
        vm.warp(START + 58 hours);
        Delivery[] memory all = _gatedLeaves();
        MutualClosing memory closing;
        closing.leaseId = agreed;
        closing.agreedGpuMs = uint64(4 * 10 * HOUR);
        bytes32 digest = book.mutualDigest(agreed, closing.agreedGpuMs);
        closing.operatorSignature = _signature(OPERATOR_KEY, digest);
        closing.ownerSignature = _signature(LESSEE_KEY, digest);
        closing.provedGpuMs = all[1].deliveredGpuMs;
        closing.proof = _proof(_tree(all), all[1]);
        book.closeMutual(closing);
        vm.assertEq(book.lease(agreed).paid, _coins(80));
    }

    function _disputeExpires() internal {
        vm.warp(CLOSED + 14 days);
        uint256 stake = oracle.openDispute(gated).posterStake;
        uint256 before = oracle.owed(coin, poster);
        oracle.expireDispute(gated);
        vm.assertEq(oracle.owed(coin, poster) - before, stake, "poster");
        vm.assertEq(oracle.owed(coin, disputer), stake, "disputer");
    }

    /// @dev The dispute stopped the proof clock until it expired, so that the week begins only then.
    function _leaseWithoutProofCloses() internal {
        vm.warp(CLOSED + 21 days);
        book.closeUnproved(unproved);
        vm.assertEq(book.lease(unproved).paid, _coins(8 * 2 * 2), "what was settled before");
        vm.assertEq(book.lease(unproved).refunded, _coins(8 * 8 * 2));
    }

    function _verifiersReportAlone() internal {
        vm.warp(START + 30 days);
        Report memory report = _report(plain, START + 30 days, 500 * HOUR, LeafLib.delivery(running, 8 * 500 * HOUR));
        oracle.submitWithoutOperator(report, _quorum(report, 2));
        uint256 credited = bond.owed(coin, lessee);
        book.close(running, uint64(8 * 500 * HOUR), _noProof());
        vm.assertEq(book.lease(running).refunded, _coins(8 * 220 * 2));
        vm.assertEq(bond.owed(coin, lessee) - credited, _coins(8 * 72 * 2), "the top tier");
    }

    function _shareholdersClaim() internal {
        _shares(plain).collect();
        _shares(gated).collect();
        vm.warp(START + 32 days);
        uint256 before = coin.balanceOf(owner) + coin.balanceOf(investor);
        _claim(gated, owner);
        _claim(gated, investor);
        _claimTitle(gated);
        uint256 claimed = coin.balanceOf(owner) + coin.balanceOf(investor) - before;
        vm.assertLe(claimed, router.revenue(gated).shares);
        vm.assertGt(claimed + 3, router.revenue(gated).shares, "all but less than a unit each");
        _claim(plain, owner);
        _claim(plain, investor);
        _claim(plain, stranger);
        _claimTitle(plain);
    }

    /// @dev No money is in escrow any more, so the lie stakes are free too.
    function _operatorLeaves() internal {
        vm.assertEq(book.escrowOf(plain) + book.escrowOf(gated), 0, "escrow");
        uint256[2] memory fleets = [plain, gated];
        vm.prank(operator);
        vm.assertEq(bond.finishUnbonding(plain), _coins(10_000), "asked for before everything closed");
        for (uint256 i; i < 2; ++i) {
            uint256 free = bond.bond(fleets[i], operator).free;
            vm.prank(operator);
            bond.unbond(fleets[i], free);
        }
        vm.warp(START + 53 days);
        uint256 slashed;
        for (uint256 i; i < 2; ++i) {
            vm.prank(operator);
            bond.finishUnbonding(fleets[i]);
            slashed += bond.bond(fleets[i], operator).slashed;
        }
        vm.assertEq(bond.owed(coin, operator), _coins(200_000) - slashed, "the stake, less what was slashed");
    }

    function _everybodyWithdraws() internal {
        uint256 fees = router.revenue(plain).protocolFee + router.revenue(gated).protocolFee;
        uint256 operating = router.revenue(plain).operating + router.revenue(gated).operating;
        vm.assertEq(_withdraw(router, feeRecipient), fees, "fee recipient");
        vm.assertEq(_withdraw(router, operator), operating, "operator");
        _withdraw(bond, operator);
        vm.assertEq(_withdraw(bond, finder), slashedForLie / 10, "finder");
        _withdraw(oracle, poster);
        _withdraw(oracle, disputer);
        vm.assertEq(coin.balanceOf(poster), _coins(10_000), "poster");
        vm.assertEq(coin.balanceOf(disputer), _coins(10_000), "disputer");
        _withdraw(book, lessee);
        _withdraw(bond, lessee);
        _withdraw(book, stranger);
        lossFund.collect(bond, coin);
    }

    /* ---- the state that everything is closed in ---- */

    function _enrolBoth() internal {
        plain = _liveFleet();
        vm.prank(registrar);
        gate.setPermitted(owner, true);
        vm.prank(registrar);
        gate.setPermitted(investor, true);
        Enrolment memory e = _enrolment();
        e.shares.gated = true;
        gated = _liveFleet(e);
        _send(plain, investor, 333_333e18);
        _send(plain, stranger, 77_777e18 + 1);
        _send(gated, investor, 123_456e18 + 7);
    }

    function _openLeases() internal {
        proved = _grantedLease(plain, lessee, 8, 10 hours);
        running = _grantedLease(plain, lessee, 8, 30 days);
        endedByLessee = _grantedLease(plain, lessee, 8, 20 days);
        endedByOperator = _grantedLease(plain, lessee, 8, 20 days);
        waiting = _openLease(plain, stranger, 8, 5 days);
        unproved = _grantedLease(gated, lessee, 8, 10 hours);
        agreed = _grantedLease(gated, lessee, 4, 10 hours);
    }

    /// @dev Some is collected for the shares and not released, some only settled.
    function _earnFirstRent() internal {
        Delivery[] memory all = new Delivery[](2);
        all[0] = Delivery(running, uint64(8 * 2 * HOUR));
        all[1] = Delivery(endedByLessee, uint64(8 * 2 * HOUR));
        DeliveryTree.Tree memory tree = _tree(all);
        _submit(_report(plain, START + 2 hours, 32 * HOUR, tree.root()));
        book.settle(running, all[0].deliveredGpuMs, _proof(tree, all[0]));
        _shares(plain).collect();
        book.settle(endedByLessee, all[1].deliveredGpuMs, _proof(tree, all[1]));

        all = _gatedLeaves();
        tree = _tree(all);
        _submit(_report(gated, START + 2 hours, 24 * HOUR, tree.root()));
        book.settle(unproved, all[0].deliveredGpuMs, _proof(tree, all[0]));
    }

    function _endTwoEarly() internal {
        vm.prank(lessee);
        book.endByLessee(endedByLessee);
        vm.prank(operator);
        book.endByOperator(endedByOperator);
    }

    function _lie() internal {
        Report memory a = _report(plain, START + 1, 0, "one");
        Report memory b = _report(plain, START + 1, 0, "other");
        slashedForLie = bond.stakeRequirement(plain);
        Signature memory signatureA = _sign(REPORTER_KEY, a);
        Signature memory signatureB = _sign(REPORTER_KEY, b);
        vm.prank(finder);
        oracle.proveLie(a, signatureA, b, signatureB);
    }

    /// @dev Reports on the operator's word alone; the one on the gated fleet is disputed.
    function _postTwo() internal {
        coin.mint(poster, _coins(10_000));
        coin.mint(disputer, _coins(10_000));
        vm.prank(poster);
        coin.approve(address(oracle), type(uint256).max);
        vm.prank(disputer);
        coin.approve(address(oracle), type(uint256).max);
        uint256[2] memory fleets = [plain, gated];
        for (uint256 i; i < 2; ++i) {
            Report memory report = _report(fleets[i], CLOSED, HOUR, "posted");
            Signature memory signature = _sign(REPORTER_KEY, report);
            vm.prank(poster);
            oracle.post(report, signature);
        }
        vm.prank(disputer);
        oracle.dispute(gated);
    }

    function _closeEverything() internal {
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

    /* ---- steps ---- */

    function _send(uint256 fleetId, address to, uint256 amount) internal {
        FleetShares shares = _shares(fleetId);
        vm.prank(owner);
        vm.assertTrue(shares.transfer(to, amount));
    }

    function _claim(uint256 fleetId, address who) internal {
        FleetShares shares = _shares(fleetId);
        vm.prank(who);
        shares.claim(who);
    }

    function _claimTitle(uint256 fleetId) internal {
        FleetShares shares = _shares(fleetId);
        vm.prank(owner);
        shares.claimTitle(owner);
    }

    function _withdraw(Payouts from, address who) internal returns (uint256 amount) {
        vm.prank(who);
        return from.withdraw(coin, who);
    }

    function _assertEmpty(address holder) internal view {
        vm.assertEq(coin.balanceOf(holder), 0, "empty");
    }

    function _gatedLeaves() internal view returns (Delivery[] memory all) {
        all = new Delivery[](2);
        all[0] = Delivery(unproved, uint64(8 * 2 * HOUR));
        all[1] = Delivery(agreed, uint64(4 * 2 * HOUR));
    }

    function _tree(Delivery[] memory all) internal pure returns (DeliveryTree.Tree memory) {
        bytes32[] memory leaves = new bytes32[](all.length);
        for (uint256 i; i < leaves.length; ++i) {
            leaves[i] = LeafLib.delivery(all[i].leaseId, all[i].deliveredGpuMs);
        }
        return DeliveryTree.build(leaves);
    }

    function _proof(DeliveryTree.Tree memory tree, Delivery memory d) internal pure returns (bytes32[] memory) {
        return tree.proof(LeafLib.delivery(d.leaseId, d.deliveredGpuMs));
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
