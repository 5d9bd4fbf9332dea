// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Enrolment} from "../../../contracts/interfaces/IFleetRegistry.sol";
import {Delivery} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";
import {DeliveryTree} from "../base/DeliveryTree.sol";
import {vm} from "../base/Vm.sol";
import {GasTest} from "./GasTest.sol";

/// @dev What a lease costs its people, on a fleet with 1,024 of them.
contract LeaseGasTest is GasTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal constant LEASES = 1024;
    uint256 internal constant BATCH = 50;
    uint24 internal constant DURATION = 30 hours;
    string internal constant TOPIC = "leases";

    /// @dev Midnight in UTC, so that no test crosses a day unasked.
    uint256 internal constant GRANTED = (START / 1 days + 1) * 1 days;

    uint256 internal fleetId;
    /// @dev All that the leases got, as of the head; the same for each.
    uint64 internal delivered;

    function setUp() public override {
        super.setUp();
        fleetId = _liveFleet();
        vm.warp(GRANTED);
        coin.mint(lessee, _coins(1_000_000));
        vm.startPrank(lessee);
        coin.approve(address(book), type(uint256).max);
        for (uint256 i; i < LEASES; ++i) {
            book.open(fleetId, lessee, 1, DURATION, type(uint256).max, "access key");
        }
        vm.stopPrank();
        vm.startPrank(operator);
        for (uint256 n = 1; n <= LEASES; ++n) {
            book.grantAccess(_leaseId(n), "gpus", "connection");
        }
        vm.stopPrank();
    }

    function test_open() public {
        vm.prank(lessee);
        book.open(fleetId, lessee, 8, DURATION, type(uint256).max, "access key");
        _within(150_000, TOPIC, "open");
    }

    function test_open__firstLeaseOfALessee() public {
        address newcomer = _actor("newcomer");
        coin.mint(newcomer, _coins(1000));
        vm.prank(newcomer);
        coin.approve(address(book), type(uint256).max);
        vm.prank(newcomer);
        book.open(fleetId, newcomer, 8, DURATION, type(uint256).max, "access key");
        _record(TOPIC, "open, first lease of a lessee");
    }

    function test_grantAccess() public {
        vm.prank(lessee);
        uint256 leaseId = book.open(fleetId, lessee, 8, DURATION, type(uint256).max, "access key");
        vm.prank(operator);
        book.grantAccess(
            leaseId,
            "gpus",
            "a sealed box of 96 bytes of connection data, host, port, user and host key, as the operator sends"
        );
        _record(TOPIC, "grantAccess");
    }

    function test_settle__oneOf1024() public {
        DeliveryTree.Tree memory tree = _settledOnce();
        bytes32[] memory proof = tree.proof(LeafLib.delivery(_leaseId(512), delivered));
        vm.assertEq(proof.length, 10);

        book.settle(_leaseId(512), delivered, proof);
        _within(60_000, TOPIC, "settle, one of 1,024");
    }

    function test_settle__firstOfALease() public {
        DeliveryTree.Tree memory tree = _settledOnce();
        book.settle(_leaseId(900), delivered, tree.proof(LeafLib.delivery(_leaseId(900), delivered)));
        _record(TOPIC, "settle, first of a lease");
    }

    function test_settle__firstOfTheDay() public {
        _settledOnce();
        DeliveryTree.Tree memory tree = _reported(25 hours);
        book.settle(_leaseId(512), delivered, tree.proof(LeafLib.delivery(_leaseId(512), delivered)));
        _record(TOPIC, "settle, first of the day");
    }

    function test_settleMany__50of1024() public {
        DeliveryTree.Tree memory tree = _settledOnce();
        (Delivery[] memory deliveries, bytes32[] memory proof, bool[] memory flags) = _batch(tree);
        vm.assertEq(deliveries.length, BATCH);

        book.settleMany(fleetId, deliveries, proof, flags);
        _within(22_000 * BATCH, TOPIC, "settleMany, 50 of 1,024");
    }

    function test_close__delivered() public {
        _settledOnce();
        DeliveryTree.Tree memory tree = _reported(DURATION);
        book.settle(_leaseId(1), delivered, tree.proof(LeafLib.delivery(_leaseId(1), delivered)));
        book.close(_leaseId(512), delivered, tree.proof(LeafLib.delivery(_leaseId(512), delivered)));
        _record(TOPIC, "close");
    }

    function test_cancel__inTheFirstHour() public {
        _settledOnce();
        _oneOwed();
        vm.prank(lessee);
        uint256 leaseId = book.open(fleetId, lessee, 8, DURATION, type(uint256).max, "access key");
        vm.prank(lessee);
        book.cancel(leaseId);
        _record(TOPIC, "cancel");
    }

    function test_transfer() public {
        address buyer = _actor("buyer");
        vm.prank(lessee);
        book.transferFrom(lessee, buyer, _leaseId(1));
        vm.prank(lessee);
        book.transferFrom(lessee, buyer, _leaseId(2));
        _record(TOPIC, "transfer");
    }

    function test_route() public {
        DeliveryTree.Tree memory tree = _settledOnce();
        router.route(fleetId);
        book.settle(_leaseId(512), delivered, tree.proof(LeafLib.delivery(_leaseId(512), delivered)));
        router.route(fleetId);
        _record(TOPIC, "route");
    }

    function test_withdraw() public {
        _settledOnce();
        _oneOwed();
        vm.prank(lessee);
        book.withdraw(coin, lessee);
        _record(TOPIC, "withdraw");
    }

    /* ---- steps ---- */

    /// @dev Fifty leases and one more are settled once; the head has news of them all; the day's first write is done.
    function _settledOnce() private returns (DeliveryTree.Tree memory tree) {
        tree = _reported(1 hours);
        (Delivery[] memory deliveries, bytes32[] memory proof, bool[] memory flags) = _batch(tree);
        book.settleMany(fleetId, deliveries, proof, flags);
        book.settle(_leaseId(512), delivered, tree.proof(LeafLib.delivery(_leaseId(512), delivered)));
        tree = _reported(2 hours);
    }

    /// @dev The head says that each lease got all until `time` after the grant.
    function _reported(uint256 time) private returns (DeliveryTree.Tree memory tree) {
        if (block.timestamp < GRANTED + time) vm.warp(GRANTED + time);
        bytes32[] memory leaves = new bytes32[](LEASES);
        delivered = uint64(time * 1000);
        for (uint256 i; i < LEASES; ++i) {
            leaves[i] = LeafLib.delivery(_leaseId(i + 1), delivered);
        }
        tree = DeliveryTree.build(leaves);
        _submit(
            _report(
                fleetId,
                GRANTED + time,
                LEASES * (delivered - oracle.head(fleetId).availableGpuMs / LEASES),
                tree.root()
            )
        );
    }

    /// @dev The first fifty leases, wherever the hashes put their leaves, in the order that the multiproof needs.
    function _batch(DeliveryTree.Tree memory tree)
        private
        view
        returns (Delivery[] memory deliveries, bytes32[] memory proof, bool[] memory flags)
    {
        bytes32[] memory chosen = new bytes32[](BATCH);
        for (uint256 i; i < BATCH; ++i) {
            chosen[i] = LeafLib.delivery(_leaseId(i + 1), delivered);
        }
        bytes32[] memory ordered;
        (ordered, proof, flags) = tree.multiproof(chosen);
        deliveries = new Delivery[](ordered.length);
        for (uint256 i; i < ordered.length; ++i) {
            for (uint256 k; k < BATCH; ++k) {
                if (chosen[k] == ordered[i]) deliveries[i] = Delivery(_leaseId(k + 1), delivered);
            }
        }
    }

    /// @dev The lessee has been refunded before and left it there.
    function _oneOwed() private {
        vm.prank(lessee);
        uint256 leaseId = book.open(fleetId, lessee, 1, DURATION, type(uint256).max, "access key");
        vm.prank(lessee);
        book.cancel(leaseId);
    }

    function _leaseId(uint256 n) private view returns (uint256) {
        return (fleetId << 32) | n;
    }

    function _enrolment() internal view override returns (Enrolment memory e) {
        e = super._enrolment();
        e.capacity = 2048;
    }
}
