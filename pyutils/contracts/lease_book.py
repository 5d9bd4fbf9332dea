"""LeaseBook: who may use which capacity, at what price, and what was earned?"""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block
from pyutils.contracts.payouts import PayoutContract
from pyutils.eip712 import Domain, Signature, lease_book_domain
from pyutils.merkle import MultiProof
from pyutils.models import Lease, LeaseLeaf
from pyutils.units import FleetId, GpuMs, LeaseId, TokenUnits


class LeaseBook(PayoutContract):
    """All leases."""

    NAME = "LeaseBook"

    def domain(self, chain_id: int) -> Domain:
        """Return the EIP-712 domain of mutual closings."""
        return lease_book_domain(chain_id, self.address)

    def open(
        self,
        lane: Lane,
        fleet_id: FleetId,
        *,
        gpus: int,
        duration_s: int,
        max_price: TokenUnits,
        access_key: bytes,
        to: str | None = None,
    ) -> tuple[LeaseId, Receipt]:
        """Lease GPUs for the signer, or for `to`, and pull the whole deposit."""
        lessee = lane.address if to is None else to
        receipt = self._write(lane, "open", fleet_id, lessee, gpus, duration_s, max_price, access_key)
        return LeaseId(self.event(receipt, "Open")["leaseId"]), receipt

    def grant_access(self, lane: Lane, lease_id: LeaseId, gpu_root: bytes, connection: bytes) -> Receipt:
        """Start delivery and commit to the GPUs that serve the lease."""
        return self._write(lane, "grantAccess", lease_id, gpu_root, connection)

    def replace_gpus(self, lane: Lane, lease_id: LeaseId, gpu_root: bytes, connection: bytes) -> Receipt:
        """Commit to other GPUs from now on."""
        return self._write(lane, "replaceGpus", lease_id, gpu_root, connection)

    def rekey(self, lane: Lane, lease_id: LeaseId, access_key: bytes) -> Receipt:
        """Publish a new access key."""
        return self._write(lane, "rekey", lease_id, access_key)

    def settle(self, lane: Lane, leaf: LeaseLeaf, proof: Sequence[bytes]) -> Receipt:
        """Pay rent for delivery that the fleet's head proves."""
        return self._write(lane, "settle", leaf.lease_id, leaf.delivered_gpu_ms, list(proof))

    def settle_many(self, lane: Lane, fleet_id: FleetId, proof: MultiProof) -> Receipt:
        """Settle the leases of one fleet that a multiproof of its head's tree holds."""
        rows = list(proof.leaves)
        return self._write(lane, "settleMany", fleet_id, rows, list(proof.proof), list(proof.flags))

    def cancel(self, lane: Lane, lease_id: LeaseId) -> Receipt:
        """Give up a lease that was never granted."""
        return self._write(lane, "cancel", lease_id)

    def end_by_lessee(self, lane: Lane, lease_id: LeaseId) -> Receipt:
        """End a granted lease early as its owner."""
        return self._write(lane, "endByLessee", lease_id)

    def end_by_operator(self, lane: Lane, lease_id: LeaseId) -> Receipt:
        """End a granted lease early as the fleet's operator."""
        return self._write(lane, "endByOperator", lease_id)

    def close(self, lane: Lane, leaf: LeaseLeaf, proof: Sequence[bytes]) -> Receipt:
        """Settle from a head at or after the end and refund the rest."""
        return self._write(lane, "close", leaf.lease_id, leaf.delivered_gpu_ms, list(proof))

    def close_unproved(self, lane: Lane, lease_id: LeaseId) -> Receipt:
        """Refund what no report proved before the deadline."""
        return self._write(lane, "closeUnproved", lease_id)

    def close_mutual(
        self,
        lane: Lane,
        agreed: LeaseLeaf,
        by_operator: Signature,
        by_owner: Signature,
        proved_gpu_ms: GpuMs,
        proof: Sequence[bytes],
    ) -> Receipt:
        """Close on both sides' word; what the head proves is ignored where it is not later than the grant."""
        signatures = by_operator.to_bytes(), by_owner.to_bytes()
        row = (agreed.lease_id, agreed.delivered_gpu_ms, *signatures, proved_gpu_ms, list(proof))
        return self._write(lane, "closeMutual", row)

    def transfer(self, lane: Lane, to: str, lease_id: LeaseId) -> Receipt:
        """Hand the signer's lease on; user and access key are cleared."""
        return self._write(lane, "transferFrom", lane.address, to, lease_id)

    def lease(self, lease_id: LeaseId, block: Block = "latest") -> Lease:
        """Return the lease as of `block`. Raises `RevertedError` `UnknownLease` where it was never opened."""
        return Lease.from_row(self._read("lease", lease_id, block=block))

    def owner_of(self, lease_id: LeaseId, block: Block = "latest") -> str:
        """Return who owns the lease."""
        return self._read_address("ownerOf", lease_id, block=block)

    def leased_gpus(self, fleet_id: FleetId, block: Block = "latest") -> int:
        """Return how many of the fleet's GPUs are taken."""
        return int(self._read("leasedGpus", fleet_id, block=block))

    def lease_count(self, fleet_id: FleetId, block: Block = "latest") -> int:
        """Return how many leases the fleet ever had; their ids are `fleet << 32 | n`, n from 1."""
        return int(self._read("leaseCount", fleet_id, block=block))

    def escrow_of(self, fleet_id: FleetId, block: Block = "latest") -> TokenUnits:
        """Return the counted money of a fleet: held deposits, and rent that the router has not pulled."""
        return TokenUnits(self._read("escrowOf", fleet_id, block=block))

    def mutual_nonce(self, lease_id: LeaseId, block: Block = "latest") -> int:
        """Return the nonce that mutual-closing signatures must carry."""
        return int(self._read("mutualNonce", lease_id, block=block))

    def mutual_digest(self, agreed: LeaseLeaf, block: Block = "latest") -> bytes:
        """Return the digest of a mutual closing as the contract computes it."""
        return bytes(self._read("mutualDigest", agreed.lease_id, agreed.delivered_gpu_ms, block=block))
