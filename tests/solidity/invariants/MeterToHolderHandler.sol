// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Dispute, Head, Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {bound} from "../base/Bound.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev What people do with a fleet from its meter to its shareholders, in any order. Each action first sees whether it is
/// possible, so that none reverts, and counts itself, so that a test can tell which happened.
contract MeterToHolderHandler is SystemTest {
    uint256 internal constant HOLDERS = 4;

    address internal poster = _actor("poster");
    address internal disputer = _actor("disputer");
    uint256 public fleetId;
    FleetShares public shares;
    uint256 internal leaseId;
    /// @dev What the head's root says that the lease got; the root has this leaf alone.
    uint256 internal leaf;
    /// @dev The same of the report that is pending.
    uint256 internal pendingLeaf;
    uint256 internal time;
    address internal titleOwner;

    uint256 public claimed;
    mapping(string action => uint256) public times;
    bool public headWentBack;
    bool public counterFell;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        shares = _shares(fleetId);
        time = START;
        titleOwner = owner;
        _fund(poster);
        _fund(disputer);
        coin.mint(lessee, _coins(100_000_000));
        vm.prank(lessee);
        coin.approve(address(book), type(uint256).max);
    }

    /// @dev Every action happens at the handler's time, and no action but a restatement may lower a counter.
    modifier watched(bool restatement) {
        vm.warp(time);
        Head memory before = oracle.head(fleetId);
        _;
        _compare(before, oracle.head(fleetId), restatement);
    }

    /* ---- time ---- */

    function pass(uint256 gap) external watched(false) {
        // Half of the gaps leave a pending report time to be disputed.
        time += bound(gap >> 1, 1, gap % 2 == 0 ? 1 hours : 20 hours);
        vm.warp(time);
        _count("pass");
    }

    /* ---- reports ---- */

    function submit(uint256 seed) external watched(false) {
        if (time == oracle.head(fleetId).asOf) return;
        Report memory report = _next(seed);
        _submit(report);
        leaf = pendingLeaf;
        _count("submit");
    }

    function post(uint256 seed) external watched(false) {
        _sync();
        if (oracle.pending(fleetId).poster != address(0) || oracle.openDispute(fleetId).disputer != address(0)) return;
        if (time == oracle.head(fleetId).asOf) return;
        Report memory report = _next(seed);
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.prank(poster);
        oracle.post(report, signature);
        _count("post");
    }

    function touch() external watched(false) {
        _sync();
    }

    function submitWithoutOperator(uint256 seed) external watched(false) {
        _sync();
        Head memory head = oracle.head(fleetId);
        uint256 since = head.digest == 0 ? START : head.acceptedAt;
        if (time < since + 24 hours) return;
        Report memory report = _next(seed);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        oracle.submitWithoutOperator(report, quorum);
        leaf = pendingLeaf;
        _count("submitWithoutOperator");
    }

    function restate(uint256 seed) external watched(true) {
        _sync();
        Head memory head = oracle.head(fleetId);
        if (head.digest == 0 || time == head.asOf) return;
        Report memory report = _next(seed);
        report.availableGpuMs = uint64(bound(seed, 0, head.availableGpuMs));
        report.busyGpuMs = report.availableGpuMs / 2;
        report.energyJoules = head.energyJoules / 2;
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.prank(arbiter);
        oracle.restate(report, quorum);
        leaf = pendingLeaf;
        _count("restate");
        if (report.availableGpuMs < head.availableGpuMs) _count("restate, lower");
    }

    /* ---- disputes ---- */

    function dispute() external watched(false) {
        _sync();
        if (oracle.pending(fleetId).poster == address(0) || oracle.openDispute(fleetId).disputer != address(0)) return;
        vm.prank(disputer);
        oracle.dispute(fleetId);
        _count("dispute");
    }

    function rule(bool upheld) external watched(false) {
        Dispute memory d = oracle.openDispute(fleetId);
        if (d.disputer == address(0)) return;
        vm.prank(arbiter);
        oracle.rule(fleetId, upheld);
        if (upheld && !d.superseded) leaf = pendingLeaf;
        _count(d.superseded ? "rule, superseded" : upheld ? "rule, upheld" : "rule, struck");
    }

    function expireDispute(uint256 gap) external watched(false) {
        Dispute memory d = oracle.openDispute(fleetId);
        if (d.disputer == address(0)) return;
        if (gap % 4 == 0 && time < d.openedAt + 14 days) time = d.openedAt + 14 days;
        vm.warp(time);
        if (time < d.openedAt + 14 days) return;
        oracle.expireDispute(fleetId);
        _count("expireDispute");
    }

    function withdrawFromOracle(uint256 who) external watched(false) {
        address account = who % 2 == 0 ? poster : disputer;
        if (oracle.owed(coin, account) == 0) return;
        vm.prank(account);
        oracle.withdraw(coin, account);
        _count("withdrawFromOracle");
    }

    function collectForLossFund() external watched(false) {
        if (oracle.owed(coin, address(lossFund)) == 0) return;
        lossFund.collect(oracle, coin);
        _count("collectForLossFund");
    }

    /* ---- rent ---- */

    function open(uint256 seed) external watched(false) {
        if (leaseId != 0 && !book.lease(leaseId).closed) return;
        vm.prank(lessee);
        leaseId = book.open(
            fleetId, lessee, uint32(bound(seed, 1, CAPACITY)), uint24(bound(seed, 1 hours, 10 days)), _coins(2), "key"
        );
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "connection");
        (leaf, pendingLeaf) = (0, 0);
        _count("open");
    }

    function settle() external watched(false) {
        _sync();
        if (!_leafIsInTheHead() || book.lease(leaseId).closed) return;
        if (book.settle(leaseId, uint64(leaf), _noProof()) > 0) _count("settle");
    }

    function close() external watched(false) {
        _sync();
        if (!_leafIsInTheHead()) return;
        Lease memory lease = book.lease(leaseId);
        if (lease.closed || oracle.head(fleetId).asOf < lease.end) return;
        book.close(leaseId, uint64(leaf), _noProof());
        _count("close");
    }

    function route() external watched(false) {
        if (router.route(fleetId) > 0) _count("route");
    }

    function lowerOperatingShare() external watched(false) {
        uint16 bps = router.revenue(fleetId).operatingShareBps;
        if (bps == 0) return;
        vm.prank(titleOwner);
        router.lowerOperatingShare(fleetId, bps - 1);
        _count("lowerOperatingShare");
    }

    function withdrawFromRouter(uint256 who) external watched(false) {
        address account = who % 2 == 0 ? feeRecipient : operator;
        if (router.owed(coin, account) == 0) return;
        vm.prank(account);
        router.withdraw(coin, account);
        _count("withdrawFromRouter");
    }

    /* ---- shares ---- */

    function collect() external watched(false) {
        if (shares.collect() > 0) _count("collect");
    }

    function transfer(uint256 from, uint256 to, uint256 amount) external watched(false) {
        amount = bound(amount, 0, shares.balanceOf(holder(from)));
        FleetShares s = shares;
        vm.prank(holder(from));
        s.transfer(holder(to), amount);
        if (amount > 0) _count("transfer");
    }

    function claim(uint256 who) external watched(false) {
        FleetShares s = shares;
        if (s.claimable(holder(who)) == 0) return;
        vm.prank(holder(who));
        claimed += s.claim(holder(who));
        _count("claim");
    }

    function claimTitle() external watched(false) {
        FleetShares s = shares;
        if (s.claimableByTitle() == 0) return;
        vm.prank(titleOwner);
        claimed += s.claimTitle(titleOwner);
        _count("claimTitle");
    }

    function sellTitle(uint256 to) external watched(false) {
        address buyer = holder(to);
        vm.prank(titleOwner);
        registry.transferFrom(titleOwner, buyer, fleetId);
        titleOwner = buyer;
        _count("sellTitle");
    }

    /* ---- what the invariants ask ---- */

    /// @dev Brings the chain to the handler's time, and writes down a head that became one by time.
    function bringUpToDate() external {
        vm.warp(time);
        oracle.touch(fleetId);
    }

    function holder(uint256 i) public view returns (address) {
        i %= HOLDERS;
        return i == 0 ? owner : i == 1 ? investor : i == 2 ? stranger : lessee;
    }

    function oracleHolds() external view returns (uint256) {
        return coin.balanceOf(address(oracle));
    }

    function oracleOwes() external view returns (uint256) {
        return oracle.owed(coin, poster) + oracle.owed(coin, disputer) + oracle.owed(coin, address(lossFund));
    }

    function stakesPendingOrDisputed() external view returns (uint256) {
        Dispute memory d = oracle.openDispute(fleetId);
        if (d.disputer != address(0)) return uint256(d.posterStake) + d.disputerStake;
        return oracle.pending(fleetId).stake;
    }

    function routerHolds() external view returns (uint256 held, uint256 owed) {
        held = coin.balanceOf(address(router));
        owed = router.owed(coin, feeRecipient) + router.owed(coin, operator);
    }

    function revenue()
        external
        view
        returns (uint256 routed, uint256 fee, uint256 operating, uint256 leg, uint256 uncollected)
    {
        routed = router.revenue(fleetId).routed;
        fee = router.revenue(fleetId).protocolFee;
        operating = router.revenue(fleetId).operating;
        leg = router.revenue(fleetId).shares;
        uncollected = router.revenue(fleetId).uncollected;
    }

    function claimableByAll() external view returns (uint256 sum) {
        for (uint256 i; i < HOLDERS; ++i) {
            sum += shares.claimable(holder(i));
        }
        sum += shares.claimableByTitle();
    }

    /// @dev Holders, and the title.
    function holders() external pure returns (uint256) {
        return HOLDERS + 1;
    }

    function sharesHold() external view returns (uint256) {
        return coin.balanceOf(address(shares));
    }

    /* ---- steps ---- */

    /// @dev A report on the head that gives the lease something, from all capacity to nothing.
    function _next(uint256 seed) private returns (Report memory report) {
        Head memory head = oracle.head(fleetId);
        uint256 since = head.digest == 0 ? START : head.asOf;
        uint256 most = (time - since) * 1000 * CAPACITY;
        pendingLeaf = leaf + bound(seed >> 8, 0, most / 4);
        return _report(fleetId, time, bound(seed, 0, most), LeafLib.delivery(leaseId, pendingLeaf));
    }

    function _sync() private {
        bool adopts = oracle.head(fleetId).digest != 0 && oracle.pending(fleetId).poster == address(0)
            && coin.balanceOf(address(oracle)) > _owedBy();
        oracle.touch(fleetId);
        if (!adopts || oracle.openDispute(fleetId).disputer != address(0)) return;
        leaf = pendingLeaf;
        _count("adopt");
    }

    function _owedBy() private view returns (uint256) {
        return oracle.owed(coin, poster) + oracle.owed(coin, disputer) + oracle.owed(coin, address(lossFund));
    }

    function _leafIsInTheHead() private view returns (bool) {
        return leaseId != 0 && oracle.verifyLease(fleetId, leaseId, leaf, _noProof());
    }

    function _compare(Head memory before, Head memory found, bool restatement) private {
        if (found.asOf < before.asOf || (found.digest != before.digest && found.asOf == before.asOf)) {
            headWentBack = true;
        }
        bool fell = found.availableGpuMs < before.availableGpuMs || found.busyGpuMs < before.busyGpuMs
            || found.energyJoules < before.energyJoules;
        if (fell && !restatement) counterFell = true;
    }

    function _fund(address who) private {
        coin.mint(who, _coins(100_000_000));
        vm.prank(who);
        coin.approve(address(oracle), type(uint256).max);
    }

    function _count(string memory action) private {
        ++times[action];
    }
}
