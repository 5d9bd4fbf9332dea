// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FleetShares} from "../../../contracts/FleetShares.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Dispute, Head, Report, Signature, VerifierSignature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {IPayouts} from "../../../contracts/interfaces/IPayouts.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {bound} from "../base/Bound.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev What happens to two fleets that share a coin, from their meters to their shareholders; the second one's shares are
/// gated. Each has one lease at a time. An action without an occasion does nothing; `times` counts those that happened.
contract HeadsAndSharesActions is SystemTest {
    address internal poster = _actor("poster");
    address internal disputer = _actor("disputer");

    uint256[2] public fleets;
    address[4] public holders = [owner, investor, stranger, enforcer];
    /// @dev The chain's time between actions.
    uint256 public time = START;

    mapping(bytes32 action => uint256) public times;
    /// @dev Ghosts.
    mapping(uint256 fleetId => uint256) public claimed;
    mapping(uint256 fleetId => uint256[]) internal _leases;
    mapping(bytes32 root => uint256) internal _leafIn;
    bool public headWentBack;
    bool public counterFell;
    uint256 internal _restating;

    /// @dev Every action happens at `time`, and no action but a restatement may lower a counter.
    modifier watched() {
        vm.warp(time);
        Head[2] memory before = [oracle.head(fleets[0]), oracle.head(fleets[1])];
        _;
        for (uint256 k; k < 2; ++k) {
            _compare(fleets[k], before[k], oracle.head(fleets[k]));
        }
        _restating = 0;
    }

    function setUp() public override {
        super.setUp();
        fleets[0] = _liveFleet();
        for (uint256 i; i < holders.length; ++i) {
            vm.prank(registrar);
            gate.setPermitted(holders[i], true);
        }
        Enrolment memory e = _enrolment();
        e.shares.gated = true;
        fleets[1] = _liveFleet(e);
        _fund(poster, address(oracle));
        _fund(disputer, address(oracle));
        _fund(lessee, address(book));
    }

    function pass(uint256 gap) external watched {
        time += bound(gap, 1, gap % 3 == 0 ? 20 hours : 1 hours);
        vm.warp(time);
        _count();
    }

    /* ---- reports ---- */

    function submit(uint256 seed) external watched {
        if (_submitNext(_fleet(seed), seed)) _count();
    }

    function submitWithoutOperator(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        Head memory head = oracle.head(fleetId);
        uint256 from = (head.digest == 0 ? START : head.acceptedAt) + 24 hours;
        if (time < from) {
            if (seed / 2 % 4 > 0) return;
            _advance(from);
            // A pending report may have become the head meanwhile.
            if (oracle.head(fleetId).digest != head.digest) return;
        }
        Report memory report = _next(fleetId, seed);
        oracle.submitWithoutOperator(report, _quorum(report, 2));
        _count();
    }

    function post(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        bool busy = oracle.pending(fleetId).digest != 0 || oracle.openDispute(fleetId).disputer != address(0);
        if (busy || oracle.head(fleetId).asOf >= time) return;
        Report memory report = _next(fleetId, seed);
        Signature memory signature = _sign(REPORTER_KEY, report);
        vm.prank(poster);
        oracle.post(report, signature);
        _count();
    }

    function dispute(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        if (oracle.pending(fleetId).digest == 0 || oracle.openDispute(fleetId).disputer != address(0)) return;
        vm.prank(disputer);
        oracle.dispute(fleetId);
        _count();
    }

    function rule(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        Dispute memory d = oracle.openDispute(fleetId);
        // Half of the time the arbiter hesitates.
        if (d.disputer == address(0) || seed / 2 % 2 == 0) return;
        vm.prank(arbiter);
        oracle.rule(fleetId, seed % 3 == 0);
        _count();
        if (d.superseded) ++times["rule, superseded"];
        else ++times[seed % 3 == 0 ? bytes32("rule, upheld") : bytes32("rule, struck")];
    }

    function expireDispute(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        Dispute memory d = oracle.openDispute(fleetId);
        if (d.disputer == address(0)) return;
        if (time < d.openedAt + 14 days) {
            if (seed / 2 % 3 > 0) return;
            _advance(d.openedAt + 14 days);
        }
        oracle.expireDispute(fleetId);
        _count();
    }

    function restate(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        Head memory head = oracle.head(fleetId);
        if (head.digest == 0 || head.asOf >= time) return;
        Report memory report = _next(fleetId, seed);
        report.availableGpuMs = uint64(seed % ((time - START) * CAPACITY * 1000));
        report.busyGpuMs = report.availableGpuMs / 3;
        report.energyJoules = report.busyGpuMs / 1000 * WATTS;
        _restating = fleetId;
        bool disputed = oracle.openDispute(fleetId).disputer != address(0);
        VerifierSignature[] memory quorum = _quorum(report, 2);
        vm.prank(arbiter);
        oracle.restate(report, quorum);
        _count();
        if (report.availableGpuMs < head.availableGpuMs) ++times["restate, lower"];
        if (disputed) ++times["restate, disputed"];
    }

    /* ---- rent ---- */

    function open(uint256 seed, uint256 gpus, uint256 duration) external watched {
        uint256 fleetId = _fleet(seed);
        if (_openLeaseOf(fleetId) != 0) return;
        vm.prank(lessee);
        uint256 leaseId = book.open(
            fleetId,
            lessee,
            uint32(bound(gpus, 1, 32)),
            uint24(bound(duration, 1 hours, 3 days)),
            type(uint256).max,
            "access key"
        );
        vm.prank(operator);
        book.grantAccess(leaseId, "gpus", "");
        _leases[fleetId].push(leaseId);
        _count();
    }

    function settle(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        (uint256 leaseId, uint256 leaf) = _proved(fleetId);
        if (leaseId == 0) return;
        if (book.settle(leaseId, uint64(leaf), _noProof()) > 0) _count();
    }

    function close(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        uint256 leaseId = _openLeaseOf(fleetId);
        if (leaseId == 0) return;
        uint256 end = book.lease(leaseId).end;
        if (time <= end) return;
        if (oracle.head(fleetId).asOf < end && !_submitNext(fleetId, seed)) return;
        uint256 leaf;
        (leaseId, leaf) = _proved(fleetId);
        if (leaseId == 0) return;
        book.close(leaseId, uint64(leaf), _noProof());
        _count();
    }

    /* ---- revenue ---- */

    function route(uint256 seed) external watched {
        if (router.route(_fleet(seed)) > 0) _count();
    }

    function collect(uint256 seed) external watched {
        if (sharesOf(_fleet(seed)).collect() > 0) _count();
    }

    function lowerOperatingShare(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        uint16 current = router.revenue(fleetId).operatingShareBps;
        if (current == 0) return;
        vm.prank(registry.ownerOf(fleetId));
        router.lowerOperatingShare(fleetId, uint16(current - bound(seed >> 8, 1, current < 300 ? current : 300)));
        _count();
    }

    /// @dev From oracle and router, whoever is owed most likely.
    function withdraw(uint256 seed) external watched {
        IPayouts source = seed % 2 == 0 ? IPayouts(oracle) : IPayouts(router);
        address[4] memory owed = [poster, disputer, operator, feeRecipient];
        for (uint256 i; i < 4; ++i) {
            address who = owed[(seed / 2 + i) % 4];
            if (source.owed(coin, who) == 0) continue;
            vm.prank(who);
            source.withdraw(coin, who);
            return _count();
        }
    }

    function collectForLossFund() external watched {
        if (oracle.owed(coin, address(lossFund)) == 0) return;
        lossFund.collect(oracle, coin);
        _count();
    }

    /* ---- shares ---- */

    function transfer(uint256 seed, uint256 amount) external watched {
        FleetShares shares = sharesOf(_fleet(seed));
        (address from, address to) = _twoHolders(seed);
        amount %= shares.balanceOf(from) + 1;
        vm.prank(from);
        vm.assertTrue(shares.transfer(to, amount));
        if (amount > 0) _count();
    }

    /// @dev Of the gated fleet alone: the others' shares know no force.
    function forceTransfer(uint256 seed, uint256 amount) external watched {
        FleetShares shares = sharesOf(fleets[1]);
        (address from, address to) = _twoHolders(seed);
        amount %= shares.balanceOf(from) + 1;
        vm.prank(enforcer);
        gate.approveForcedTransfer(address(shares), from, to, amount);
        vm.prank(registrar);
        gate.forceTransfer(address(shares), from, to, amount);
        if (amount > 0) _count();
    }

    function claim(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        FleetShares shares = sharesOf(fleetId);
        address who = holders[seed / 2 % 4];
        if (shares.claimable(who) == 0) return;
        vm.prank(who);
        claimed[fleetId] += shares.claim(who);
        _count();
    }

    function claimTitle(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        FleetShares shares = sharesOf(fleetId);
        if (shares.claimableByTitle() == 0) return;
        address titleOwner = registry.ownerOf(fleetId);
        vm.prank(titleOwner);
        claimed[fleetId] += shares.claimTitle(titleOwner);
        _count();
    }

    function sellTitle(uint256 seed) external watched {
        uint256 fleetId = _fleet(seed);
        address from = registry.ownerOf(fleetId);
        address to = holders[seed / 2 % 4];
        if (from == to) return;
        vm.prank(from);
        registry.transferFrom(from, to, fleetId);
        _count();
    }

    /* ---- reads of the invariants ---- */

    function sharesOf(uint256 fleetId) public view returns (FleetShares) {
        return _shares(fleetId);
    }

    /// @dev Writes down heads that became ones by time: the stakes behind them are owed then.
    function bringUpToDate() external {
        vm.warp(time);
        oracle.touch(fleets[0]);
        oracle.touch(fleets[1]);
    }

    /// @dev What the oracle has, and what of it is a stake in the balance or owed.
    function oracleMoney() external view returns (uint256 held, uint256 staked, uint256 owed) {
        held = coin.balanceOf(address(oracle));
        for (uint256 k; k < 2; ++k) {
            Dispute memory d = oracle.openDispute(fleets[k]);
            staked += d.disputer == address(0)
                ? oracle.pending(fleets[k]).stake
                : uint256(d.posterStake) + d.disputerStake;
        }
        owed = oracle.owed(coin, poster) + oracle.owed(coin, disputer) + oracle.owed(coin, address(lossFund));
    }

    /// @dev What the router has, and what of it is owed to operator and fee recipient.
    function routerMoney() external view returns (uint256 held, uint256 owed) {
        return (coin.balanceOf(address(router)), router.owed(coin, operator) + router.owed(coin, feeRecipient));
    }

    function earned(uint256 fleetId) external view returns (uint256 sum) {
        for (uint256 i; i < _leases[fleetId].length; ++i) {
            Lease memory l = book.lease(_leases[fleetId][i]);
            sum += l.paid + l.fee;
        }
    }

    function sharesMoney(uint256 fleetId) external view returns (uint256 held, uint256 claimable, uint256 unreleased) {
        FleetShares shares = sharesOf(fleetId);
        held = coin.balanceOf(address(shares));
        claimable = shares.claimableByTitle();
        for (uint256 i; i < holders.length; ++i) {
            claimable += shares.claimable(holders[i]);
        }
        unreleased = shares.unreleased();
    }

    function revenueOf(uint256 fleetId)
        external
        view
        returns (uint256 pending, uint256 routed, uint256 fee, uint256 operating, uint256 shares, uint256 uncollected)
    {
        pending = router.revenue(fleetId).pending;
        routed = router.revenue(fleetId).routed;
        fee = router.revenue(fleetId).protocolFee;
        operating = router.revenue(fleetId).operating;
        shares = router.revenue(fleetId).shares;
        uncollected = router.revenue(fleetId).uncollected;
    }

    /* ---- how ---- */

    function _compare(uint256 fleetId, Head memory before, Head memory found) internal {
        bool moved = found.digest != before.digest;
        if (moved ? found.asOf <= before.asOf || found.acceptedAt < before.acceptedAt : found.asOf != before.asOf) {
            headWentBack = true;
        }
        bool fell = found.availableGpuMs < before.availableGpuMs || found.busyGpuMs < before.busyGpuMs
            || found.energyJoules < before.energyJoules;
        if (fell && _restating != fleetId) counterFell = true;
    }

    function _submitNext(uint256 fleetId, uint256 seed) internal returns (bool) {
        if (oracle.head(fleetId).asOf >= time) return false;
        if (oracle.openDispute(fleetId).disputer != address(0)) ++times["submit, disputed"];
        _submit(_next(fleetId, seed));
        return true;
    }

    /// @dev A report as of now on the head, which grows by something up to all there can be. Its root is the one leaf of the
    /// fleet's lease, which says more or less than the last.
    function _next(uint256 fleetId, uint256 seed) internal returns (Report memory) {
        uint256 leaseId = _openLeaseOf(fleetId);
        bytes32 root = "no lease";
        if (leaseId != 0) {
            Lease memory l = book.lease(leaseId);
            uint256 until = time < l.end ? time : l.end;
            uint256 leaf = (seed >> 16) % (l.gpus * (until - l.grantedAt) * 1000 + 1);
            root = LeafLib.delivery(leaseId, leaf);
            _leafIn[root] = leaf;
        }
        uint256 since = oracle.head(fleetId).asOf;
        if (since == 0) since = START;
        return _report(fleetId, time, (seed >> 8) % ((time - since) * CAPACITY * 1000 + 1), root);
    }

    /// @dev The fleet's open lease, where the head proves it.
    function _proved(uint256 fleetId) internal view returns (uint256 leaseId, uint256 leaf) {
        (bytes32 root,) = oracle.leaseRoot(fleetId);
        leaseId = _openLeaseOf(fleetId);
        leaf = _leafIn[root];
        if (leaseId == 0 || root != LeafLib.delivery(leaseId, leaf)) return (0, 0);
    }

    function _openLeaseOf(uint256 fleetId) internal view returns (uint256 leaseId) {
        uint256 n = _leases[fleetId].length;
        if (n == 0) return 0;
        leaseId = _leases[fleetId][n - 1];
        if (book.lease(leaseId).closed) return 0;
    }

    function _twoHolders(uint256 seed) internal view returns (address from, address to) {
        return (holders[seed / 2 % 4], holders[seed / 8 % 4]);
    }

    function _fleet(uint256 seed) internal view returns (uint256) {
        return fleets[seed % 2];
    }

    function _advance(uint256 to) internal {
        time = to;
        vm.warp(to);
    }

    function _fund(address who, address spender) internal {
        coin.mint(who, _coins(100_000_000));
        vm.prank(who);
        coin.approve(spender, type(uint256).max);
    }

    function _count() internal {
        ++times[bytes32(msg.sig)];
    }
}
