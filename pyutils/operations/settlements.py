"""Settling leases: rent for what the head proves, and the closing that refunds the rest."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.chain import Lane, Receipt, Signer
from pyutils.contracts import System
from pyutils.eip712 import close_mutual_hash
from pyutils.errors import InputError
from pyutils.keccak import keccak256
from pyutils.meter import LeafFile
from pyutils.models import LeaseLeaf
from pyutils.operations.leases import fleet_of
from pyutils.operations.report_files import AgreementFile
from pyutils.operations.reports import proof
from pyutils.units import FleetId, GpuMs, LeaseId, UnixSeconds

MOST_AT_ONCE = 50
"""Leases in one transaction: about a million gas."""


class AgreementError(InputError):
    """Two signatures do not agree, or are not of the two sides."""

    remedy = "Let operator and lessee sign the same delivery with `gpurwa lease agree`"


def settle(
    system: System, lane: Lane, fleet_id: FleetId, leaf_file: LeafFile, lease_ids: Sequence[LeaseId] = ()
) -> tuple[Receipt, ...]:
    """Pay rent for what the fleet's head proves, many leases in one transaction with one proof.

    Args:
        system: where.
        lane: pays the gas; anyone may.
        fleet_id: the fleet.
        leaf_file: that of its head.
        lease_ids: which leases; all that the head lists where there are none.

    Raises `InputError` where the file does not list a lease.

    """
    listed = {LeaseId(leaf.lease_id): index for index, leaf in enumerate(leaf_file.leaves)}
    wanted = list(dict.fromkeys(lease_ids)) or list(listed)
    for lease_id in wanted:
        proof(leaf_file, lease_id)
    receipts = []
    for begin in range(0, len(wanted), MOST_AT_ONCE):
        batch = wanted[begin : begin + MOST_AT_ONCE]
        if len(batch) == 1:
            delivered, siblings = proof(leaf_file, batch[0])
            receipts.append(system.lease_book.settle(lane, _leaf(batch[0], delivered), siblings))
        else:
            multiproof = leaf_file.tree.multiproof([listed[lease_id] for lease_id in batch])
            receipts.append(system.lease_book.settle_many(lane, fleet_id, multiproof))
    return tuple(receipts)


def close(system: System, lane: Lane, lease_id: LeaseId, leaf_file: LeafFile) -> Receipt:
    """Settle a lease from a head at or after its end, and refund the rest of the deposit."""
    delivered, siblings = proof(leaf_file, lease_id)
    return system.lease_book.close(lane, _leaf(lease_id, delivered), siblings)


def agree(system: System, signer: Signer, lease_id: LeaseId, delivered: GpuMs) -> AgreementFile:
    """Sign that a lease got `delivered`, as its operator or its owner."""
    nonce = system.lease_book.mutual_nonce(lease_id)
    domain = system.lease_book.domain(system.manifest.chain_id)
    preimage = domain.preimage(close_mutual_hash(lease_id, delivered, nonce))
    return AgreementFile(
        lease_id=lease_id,
        delivered_gpu_ms=delivered,
        digest=keccak256(preimage),
        signer=signer.address,
        signature=signer.sign_preimage(preimage).to_bytes(),
    )


def close_agreed(
    system: System, lane: Lane, agreements: Sequence[AgreementFile], leaf_file: LeafFile | None = None
) -> Receipt:
    """Close a lease on both sides' word; `leaf_file` is the head's, where that is later than the grant.

    Raises `AgreementError` where the two signatures are not over one delivery, or not of the two sides.
    """
    first, second = agreements
    if (first.lease_id, first.delivered_gpu_ms) != (second.lease_id, second.delivered_gpu_ms):
        raise AgreementError("the two sides signed different leases or deliveries")
    lease_id = LeaseId(first.lease_id)
    by_signer = {one.signer: one for one in agreements}
    operator = system.registry.fleet(fleet_of(lease_id)).operator
    owner = system.lease_book.owner_of(lease_id)
    missing = [account for account in (operator, owner) if account not in by_signer]
    if missing:
        raise AgreementError(f"the signature of {missing[0]} is missing")
    agreed = _leaf(lease_id, first.delivered_gpu_ms)
    if system.lease_book.mutual_digest(agreed) != first.digest or first.digest != second.digest:
        raise AgreementError(f"the signatures for lease {lease_id} were revoked or are of another deployment")
    proved, siblings = proof(leaf_file, lease_id) if leaf_file is not None else (0, ())
    signatures = by_signer[operator].value, by_signer[owner].value
    return system.lease_book.close_mutual(lane, agreed, *signatures, GpuMs(proved), siblings)


def needs_head(system: System, lease_id: LeaseId) -> bool:
    """Return whether the fleet's head is later than the lease's grant, so that a closing proves what it says."""
    head = system.oracle.head(fleet_of(lease_id))
    return UnixSeconds(head.as_of) > system.lease_book.lease(lease_id).granted_at


def _leaf(lease_id: LeaseId, delivered: int) -> LeaseLeaf:
    return LeaseLeaf(lease_id=lease_id, delivered_gpu_ms=GpuMs(delivered))
