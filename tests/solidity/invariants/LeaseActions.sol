// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, Lease, MutualClosing} from "../../../contracts/interfaces/ILeaseBook.sol";
import {Bond} from "../../../contracts/interfaces/IOperatorBond.sol";
import {Head, Report, Signature} from "../../../contracts/interfaces/IMeterOracle.sol";
import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {RentLib} from "../../../contracts/libraries/RentLib.sol";
import {TestStablecoin} from "../../../contracts/mocks/TestStablecoin.sol";
import {bound} from "../base/Bound.sol";
import {DeliveryTree} from "../base/DeliveryTree.sol";
import {SystemTest} from "../base/SystemTest.sol";
import {vm} from "../base/Vm.sol";

/// @dev What lessees, operators, meters and strangers do to LeaseBook and OperatorBond: three fleets, two of which share a
/// coin, three lessees, two operators who replace each other. An action without an occasion does nothing; `calls` counts
/// those that happened.
contract LeaseActions is SystemTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal constant SUCCESSOR_KEY = 0x5CCE55;
    uint256 internal constant SUCCESSOR_REPORTER_KEY = 0xB0B;

    address public successor = vm.addr(SUCCESSOR_KEY);
    uint256[] public fleets;
    uint256[] public leases;
    TestStablecoin[] public coins;
    address[] internal _lessees;

    mapping(bytes32 action => uint256) public calls;
    /// @dev Ghosts: what the contracts must have taken, by the tests' own arithmetic.
    mapping(uint256 leaseId => uint256) public depositOf;
    mapping(uint256 fleetId => mapping(address operator => uint256)) public stakedBy;
    mapping(TestStablecoin token => mapping(address holder => uint256)) public donated;

    mapping(uint256 fleetId => Delivery[]) internal _reported;
    mapping(uint256 fleetId => uint256) internal _reportedAt;
    mapping(uint256 leaseId => uint256) internal _delivered;
    mapping(uint256 fleetId => uint256) internal _lies;

    function setUp() public override {
        super.setUp();
        _lessees = [lessee, investor, stranger];
        vm.prank(registrar);
        registry.admitOperator(successor, "papers");
        _addFleet();
        _addFleet();
        coin = _newCoin();
        vm.prank(parameters);
        registry.listToken(address(coin));
        _addFleet();
    }

    /* ---- reads of the invariants ---- */

    function leaseCount() external view returns (uint256) {
        return leases.length;
    }

    function fleetCount() external view returns (uint256) {
        return fleets.length;
    }

    function coinOf(uint256 fleetId) public view returns (TestStablecoin) {
        return TestStablecoin(registry.settlementToken(fleetId));
    }

    /// @dev All whom LeaseBook or OperatorBond may owe.
    function creditors() external view returns (address[6] memory) {
        return [lessee, investor, stranger, operator, successor, address(lossFund)];
    }

    function operators() external view returns (address[2] memory) {
        return [operator, successor];
    }

    function contracts()
        external
        view
        returns (address leaseBook, address operatorBond, address fleetRegistry, address revenueRouter, address terms)
    {
        return (address(book), address(bond), address(registry), address(router), address(leaseTerms));
    }

    /* ---- lessees ---- */

    function open(uint256 seed, uint256 gpus, uint256 duration, uint256 price) external {
        uint256 fleetId = _fleet(seed);
        uint256 free = CAPACITY - book.leasedGpus(fleetId);
        if (free == 0) return;
        gpus = bound(gpus, 1, free > 24 ? 24 : free);
        duration = bound(duration, 1 hours, 5 days);
        price = bound(price, _coins(1), _coins(3));
        vm.prank(owner);
        pricing.setPrice(fleetId, uint72(price));
        uint256 deposit = (price * gpus * duration + 3599) / 3600;
        _makeRoom(fleetId, deposit);
        address who = _lessees[seed % 3];
        TestStablecoin token = coinOf(fleetId);
        token.mint(who, deposit);
        vm.prank(who);
        token.approve(address(book), deposit);
        vm.prank(who);
        uint256 leaseId = book.open(fleetId, who, uint32(gpus), uint24(duration), price, "key");
        leases.push(leaseId);
        depositOf[leaseId] = deposit;
        ++calls["open"];
        if (seed % 4 > 0) _grant(leaseId);
    }

    function cancel(uint256 seed) external {
        (uint256 leaseId, Lease memory l) = _pick(seed, false);
        if (leaseId == 0) return;
        vm.prank(block.timestamp >= l.openedAt + 24 hours ? enforcer : book.ownerOf(leaseId));
        book.cancel(leaseId);
        ++calls["cancel"];
    }

    function endByLessee(uint256 seed) external {
        (uint256 leaseId, Lease memory l) = _pick(seed, true);
        if (leaseId == 0 || uint8(l.endedBy) != 0 || block.timestamp + 2 hours >= l.end) return;
        vm.prank(book.ownerOf(leaseId));
        book.endByLessee(leaseId);
        ++calls["endByLessee"];
    }

    function transfer(uint256 seed) external {
        (uint256 leaseId,) = _pick(seed, seed % 5 > 0);
        if (leaseId == 0) return;
        address from = book.ownerOf(leaseId);
        vm.prank(from);
        book.transferFrom(from, _lessees[seed / 7 % 3], leaseId);
        ++calls["transfer"];
    }

    function withdraw(uint256 seed) external {
        address who = [lessee, investor, stranger, operator, successor][seed % 5];
        TestStablecoin token = coinOf(_fleet(seed));
        if (book.owed(token, who) > 0) {
            vm.prank(who);
            book.withdraw(token, who);
            ++calls["withdraw"];
        }
        if (bond.owed(token, who) > 0) {
            vm.prank(who);
            bond.withdraw(token, who);
            ++calls["withdrawBond"];
        }
    }

    /* ---- operators ---- */

    function grant(uint256 seed) external {
        (uint256 leaseId,) = _pick(seed, false);
        if (leaseId != 0) _grant(leaseId);
    }

    function endByOperator(uint256 seed) external {
        (uint256 leaseId, Lease memory l) = _pick(seed, true);
        if (leaseId == 0 || uint8(l.endedBy) != 0 || block.timestamp + 24 hours >= l.end) return;
        vm.prank(registry.operatorOf(l.fleetId));
        book.endByOperator(leaseId);
        ++calls["endByOperator"];
    }

    function stake(uint256 seed, uint256 amount) external {
        amount = bound(amount, 1, _coins(10_000));
        _stakeFor(_fleet(seed), seed % 2 == 0 ? operator : successor, amount);
        ++calls["stake"];
    }

    function unbond(uint256 seed, uint256 amount) external {
        uint256 fleetId = _fleet(seed);
        address who = seed % 2 == 0 ? operator : successor;
        uint256 free = bond.bond(fleetId, who).free;
        // Half of what is free at most: else a run of unbondings soon ends all business.
        if (free < 2) return;
        vm.prank(who);
        bond.unbond(fleetId, bound(amount, 1, free / 2));
        ++calls["unbond"];
    }

    function finishUnbonding(uint256 seed) external {
        uint256 fleetId = _fleet(seed);
        address who = seed % 2 == 0 ? operator : successor;
        Bond memory b = bond.bond(fleetId, who);
        if (b.unbonding == 0) return;
        if (block.timestamp < b.unbondsAt) {
            // Seldom, for it takes 21 days.
            if (seed % 3 > 0) return;
            vm.warp(b.unbondsAt);
        }
        vm.prank(who);
        bond.finishUnbonding(fleetId);
        ++calls["finishUnbonding"];
    }

    function replaceOperator(uint256 seed) external {
        uint256 fleetId = _fleet(seed);
        address next = registry.operatorOf(fleetId) == operator ? successor : operator;
        Bond memory b = bond.bond(fleetId, next);
        uint256 needed = bond.bond(fleetId, registry.operatorOf(fleetId)).reserved + bond.stakeRequirement(fleetId);
        if (b.free < needed) _stakeFor(fleetId, next, needed - b.free);
        vm.prank(owner);
        registry.proposeOperator(fleetId, next);
        vm.warp(block.timestamp + 7 days);
        registry.replaceOperator(fleetId);
        address reporter_ = vm.addr(_reporterKey(fleetId));
        vm.prank(next);
        oracle.setReporter(fleetId, reporter_);
        ++calls["replaceOperator"];
    }

    /// @dev Two roots for one moment, each time another.
    function lie(uint256 seed) external {
        uint256 fleetId = _fleet(seed);
        Report memory a = _report(fleetId, START + _lies[fleetId]++, 0, "one");
        Report memory b = a;
        Signature memory signatureA = _sign(_reporterKey(fleetId), a);
        b = _report(fleetId, a.asOf, 0, "other");
        Signature memory signatureB = _sign(_reporterKey(fleetId), b);
        vm.prank(stranger);
        oracle.proveLie(a, signatureA, b, signatureB);
        ++calls["lie"];
    }

    /* ---- meters and strangers ---- */

    /// @dev Time passes, and a head says of each lease something more, or less, or more than there can be.
    function report(uint256 seed, uint256 elapsed) external {
        uint256 fleetId = _fleet(seed);
        vm.warp(block.timestamp + bound(elapsed, 1, seed % 8 == 0 ? 60 hours : 9 hours));
        delete _reported[fleetId];
        for (uint256 i; i < leases.length; ++i) {
            Lease memory l = book.lease(leases[i]);
            if (l.fleetId != fleetId || l.closed || l.grantedAt == 0) continue;
            uint256 luck = uint256(keccak256(abi.encode(seed, i)));
            uint256 most = l.gpus * (block.timestamp - l.grantedAt) * 1000;
            if (luck % 4 == 0) _delivered[leases[i]] = luck % (most + most / 4 + 1);
            else if (_delivered[leases[i]] < most) _delivered[leases[i]] = most;
            _reported[fleetId].push(Delivery(leases[i], uint64(_delivered[leases[i]])));
        }
        _reportedAt[fleetId] = block.timestamp;
        bytes32 root = _reported[fleetId].length == 0 ? bytes32("nothing") : _treeOf(fleetId).root();
        Report memory r = _report(fleetId, block.timestamp, 0, root);
        oracle.submit(r, _sign(_reporterKey(fleetId), r), _quorum(r, 2));
        ++calls["report"];
    }

    function settle(uint256 seed) external {
        (uint256 leaseId, uint256 delivered, bytes32[] memory proof) = _proved(seed, 0);
        if (leaseId == 0) return;
        if (book.settle(leaseId, uint64(delivered), proof) > 0) ++calls["settle"];
        vm.assertEq(book.settle(leaseId, uint64(delivered), proof), 0, "settling twice equals settling once");
    }

    function settleMany(uint256 seed) external {
        uint256 fleetId = _fleet(seed);
        Delivery[] memory all = _reported[fleetId];
        if (all.length == 0) return;
        bytes32[] memory leaves = new bytes32[](all.length);
        for (uint256 i; i < all.length; ++i) {
            if (book.lease(all[i].leaseId).closed) return;
            leaves[i] = LeafLib.delivery(all[i].leaseId, all[i].deliveredGpuMs);
        }
        (bytes32[] memory sorted, bytes32[] memory proof, bool[] memory flags) = _treeOf(fleetId).multiproof(leaves);
        Delivery[] memory ordered = new Delivery[](all.length);
        for (uint256 i; i < all.length; ++i) {
            for (uint256 k; k < all.length; ++k) {
                if (LeafLib.delivery(all[k].leaseId, all[k].deliveredGpuMs) == sorted[i]) ordered[i] = all[k];
            }
        }
        book.settleMany(fleetId, ordered, proof, flags);
        ++calls["settleMany"];
    }

    function close(uint256 seed) external {
        (uint256 leaseId, uint256 delivered, bytes32[] memory proof) = _proved(seed, 1);
        if (leaseId == 0) return;
        book.close(leaseId, uint64(delivered), proof);
        ++calls["close"];
    }

    function closeUnproved(uint256 seed) external {
        (uint256 leaseId, Lease memory l) = _pick(seed, true);
        if (leaseId == 0) return;
        // Seldom, for it takes a week.
        if (seed % 4 == 0 && block.timestamp < l.end + 7 days) vm.warp(l.end + 7 days);
        if (block.timestamp < l.end + 7 days) return;
        book.closeUnproved(leaseId);
        ++calls["closeUnproved"];
    }

    /// @dev Of leases whose owner is the lessee, who has a key here.
    function closeMutual(uint256 seed, uint256 agreed) external {
        (uint256 leaseId, Lease memory l) = _pick(seed, true);
        if (leaseId == 0 || book.ownerOf(leaseId) != lessee) return;
        Head memory head = oracle.head(l.fleetId);
        if (head.asOf >= l.end) return;
        MutualClosing memory c;
        c.leaseId = leaseId;
        if (head.asOf > l.grantedAt) {
            (c.provedGpuMs, c.proof) = _leafOf(l.fleetId, leaseId);
        }
        if (block.timestamp < l.end + 48 hours) vm.warp(l.end + 48 hours);
        uint256 most = RentLib.deliverable(l.gpus, l.end - l.grantedAt);
        uint256 proved = RentLib.deliverable(l.gpus, head.asOf > l.grantedAt ? head.asOf - l.grantedAt : 0);
        if (c.provedGpuMs < proved) proved = c.provedGpuMs;
        if (l.deliveredGpuMs > proved) proved = l.deliveredGpuMs;
        c.agreedGpuMs = uint64(bound(agreed, proved, most));
        bytes32 digest = book.mutualDigest(leaseId, c.agreedGpuMs);
        c.operatorSignature =
            _signature(registry.operatorOf(l.fleetId) == operator ? OPERATOR_KEY : SUCCESSOR_KEY, digest);
        c.ownerSignature = _signature(LESSEE_KEY, digest);
        book.closeMutual(c);
        ++calls["closeMutual"];
    }

    function releaseCapacity(uint256 seed) external {
        (uint256 leaseId, Lease memory l) = _pick(seed, true);
        if (leaseId == 0 || l.released || block.timestamp < l.end) return;
        book.releaseCapacity(leaseId);
        ++calls["releaseCapacity"];
    }

    function route(uint256 seed) external {
        if (router.route(_fleet(seed)) > 0) ++calls["route"];
    }

    function donate(uint256 seed, uint256 amount) external {
        TestStablecoin token = coinOf(_fleet(seed));
        address to = seed % 2 == 0 ? address(book) : address(bond);
        amount = bound(amount, 1, _coins(100));
        token.mint(to, amount);
        donated[token][to] += amount;
        ++calls["donate"];
    }

    /* ---- how ---- */

    function _addFleet() internal {
        Enrolment memory e = _enrolment();
        uint256 fleetId = _liveFleet(e);
        fleets.push(fleetId);
        coins.push(coin);
        stakedBy[fleetId][operator] = _coins(100_000);
    }

    function _stakeFor(uint256 fleetId, address who, uint256 amount) internal {
        TestStablecoin token = coinOf(fleetId);
        token.mint(enforcer, amount);
        vm.prank(enforcer);
        token.approve(address(bond), amount);
        vm.prank(enforcer);
        bond.stake(fleetId, who, amount);
        stakedBy[fleetId][who] += amount;
    }

    /// @dev The operator stakes what its bond lacks to take a lease of `deposit`.
    function _makeRoom(uint256 fleetId, uint256 deposit) internal {
        address seated = registry.operatorOf(fleetId);
        Bond memory b = bond.bond(fleetId, seated);
        uint256 lieStake = (book.escrowOf(fleetId) + deposit + 19) / 20;
        if (lieStake < _coins(1000)) lieStake = _coins(1000);
        uint256 needed = b.reserved + leaseTerms.reservationUp(1, deposit) + lieStake;
        uint256 staked = b.reserved + b.lieStake + b.free;
        if (staked < needed) _stakeFor(fleetId, seated, needed - staked);
    }

    function _grant(uint256 leaseId) internal {
        vm.prank(registry.operatorOf(leaseId >> 32));
        book.grantAccess(leaseId, "gpus", "");
        ++calls["grant"];
    }

    function _fleet(uint256 seed) internal view returns (uint256) {
        return fleets[seed / 3 % fleets.length];
    }

    /// @dev The first lease from a random one on that is open and, as asked, granted or not; zero where there is none.
    function _pick(uint256 seed, bool granted) internal view returns (uint256 leaseId, Lease memory l) {
        for (uint256 i; i < leases.length; ++i) {
            leaseId = leases[(seed % leases.length + i) % leases.length];
            l = book.lease(leaseId);
            if (!l.closed && (l.grantedAt > 0) == granted) return (leaseId, l);
        }
        leaseId = 0;
    }

    /// @dev A lease that the head proves and that is open; past its end if `ended` is one.
    function _proved(uint256 seed, uint256 ended)
        internal
        view
        returns (uint256 leaseId, uint256 delivered, bytes32[] memory proof)
    {
        for (uint256 k; k < fleets.length; ++k) {
            uint256 fleetId = fleets[(seed % fleets.length + k) % fleets.length];
            Delivery[] memory all = _reported[fleetId];
            for (uint256 i; i < all.length; ++i) {
                Delivery memory d = all[(seed % all.length + i) % all.length];
                Lease memory l = book.lease(d.leaseId);
                if (l.closed || (ended == 1 && _reportedAt[fleetId] < l.end)) continue;
                (delivered, proof) = _leafOf(fleetId, d.leaseId);
                return (d.leaseId, delivered, proof);
            }
        }
    }

    function _leafOf(uint256 fleetId, uint256 leaseId)
        internal
        view
        returns (uint64 delivered, bytes32[] memory proof)
    {
        Delivery[] memory all = _reported[fleetId];
        for (uint256 i; i < all.length; ++i) {
            if (all[i].leaseId == leaseId) delivered = all[i].deliveredGpuMs;
        }
        proof = _treeOf(fleetId).proof(LeafLib.delivery(leaseId, delivered));
    }

    function _treeOf(uint256 fleetId) internal view returns (DeliveryTree.Tree memory) {
        Delivery[] memory all = _reported[fleetId];
        bytes32[] memory leaves = new bytes32[](all.length);
        for (uint256 i; i < leaves.length; ++i) {
            leaves[i] = LeafLib.delivery(all[i].leaseId, all[i].deliveredGpuMs);
        }
        return DeliveryTree.build(leaves);
    }

    function _reporterKey(uint256 fleetId) internal view returns (uint256) {
        return registry.operatorOf(fleetId) == operator ? REPORTER_KEY : SUCCESSOR_REPORTER_KEY;
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
