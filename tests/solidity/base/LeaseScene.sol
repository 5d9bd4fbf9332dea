// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, Lease} from "../../../contracts/interfaces/ILeaseBook.sol";
import {LeafLib} from "../../../contracts/libraries/LeafLib.sol";

import {DeliveryTree} from "./DeliveryTree.sol";
import {SystemTest} from "./SystemTest.sol";
import {vm} from "./Vm.sol";

/// @dev A live fleet of 64 GPUs at 2 coins per GPU-hour, and reports that say what a test wants of its leases. LeaseBook takes
/// leaves from the head alone, so the counters here stand still.
abstract contract LeaseScene is SystemTest {
    using DeliveryTree for DeliveryTree.Tree;

    uint256 internal fleetId;

    function setUp() public virtual override {
        super.setUp();
        fleetId = _liveFleet();
    }

    /// @dev A quorum makes `root` the head as of `asOf`.
    function _head(uint256 asOf, bytes32 root) internal {
        if (block.timestamp < asOf) vm.warp(asOf);
        _submit(_report(fleetId, asOf, 0, root));
    }

    /// @dev A head whose only leaf says that `leaseId` got `delivered`: the proof is empty.
    function _prove(uint256 leaseId, uint256 delivered, uint256 asOf) internal {
        _head(asOf, LeafLib.delivery(leaseId, delivered));
    }

    function _proveAndSettle(uint256 leaseId, uint256 delivered, uint256 asOf) internal returns (uint256 rent) {
        _prove(leaseId, delivered, asOf);
        return book.settle(leaseId, uint64(delivered), _noProof());
    }

    function _proveAndClose(uint256 leaseId, uint256 delivered, uint256 asOf) internal {
        _prove(leaseId, delivered, asOf);
        book.close(leaseId, uint64(delivered), _noProof());
    }

    function _tree(Delivery[] memory deliveries) internal pure returns (DeliveryTree.Tree memory) {
        bytes32[] memory leaves = new bytes32[](deliveries.length);
        for (uint256 i; i < leaves.length; ++i) {
            leaves[i] = LeafLib.delivery(deliveries[i].leaseId, deliveries[i].deliveredGpuMs);
        }
        return DeliveryTree.build(leaves);
    }

    function _netRevenueToday() internal view returns (uint256) {
        return router.netRevenueOn(fleetId, block.timestamp / 1 days);
    }

    /// @dev Net of the protocol fee of 2 % and the operating share of 20 %, as the router rounds.
    function _net(uint256 rent) internal pure returns (uint256) {
        uint256 rest = rent - rent * 200 / 10_000;
        return rest - rest * 2000 / 10_000;
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The two invariants of one lease's and one fleet's money.
    function _checkMoney(uint256 leaseId) internal view {
        Lease memory l = book.lease(leaseId);
        vm.assertEq(l.deposit, l.paid + l.fee + l.refunded + l.held, "deposit = paid + fee + refunded + held");
    }
}
