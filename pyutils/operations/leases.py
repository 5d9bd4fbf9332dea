"""Leases: quoting and opening for lessees, granting for operators, and the access handshake between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyutils.access import AccessKeys, encrypt
from pyutils.chain import Lane, Receipt, RevertedError
from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.eip712 import Domain, permit_hash
from pyutils.errors import InputError
from pyutils.leases import deliverable, deposit_up, rent_down, reservation_up
from pyutils.models import Allocation, Lease, Terms
from pyutils.operations.calls import read, send
from pyutils.operations.fleets import settlement_token
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.history import Event, block_time, events, topic
from pyutils.operations.money import BalanceTooSmallError, Pay, make_payable
from pyutils.units import FleetId, LeaseId, TokenUnits, UnixSeconds, format_money

LEASE_BITS = 32
PERMIT_LIVES_S = 3_600
"""A permit is good for so long: the time that a transaction may linger."""


class NoAccessError(InputError):
    """A lease has no connection data, or no access key to encrypt it to."""

    remedy = "Wait for the other side: the lessee publishes a key, then the operator grants"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a lease would cost, were it opened now. Money in token units."""

    fleet_id: FleetId
    gpus: int
    duration_s: int
    price_per_gpu_hour: TokenUnits
    deposit: TokenUnits
    """Pulled at opening, rounded up; what is not delivered comes back."""
    reservation: TokenUnits
    """Of the operator's bond, set aside for this lease's SLA credit and compensation; rounded up."""
    cancel_fee: TokenUnits
    """For cancelling within the first hour, before access is granted."""
    early_end_fee_most: TokenUnits
    """For ending early after the first hour, at most; rounded down."""
    free_gpus: int
    terms: Terms


def fleet_of(lease_id: LeaseId) -> FleetId:
    """Return the fleet whose GPUs are leased."""
    return FleetId(lease_id >> LEASE_BITS)


def quote(system: System, fleet_id: FleetId, gpus: int, duration_s: int, block: Block = "latest") -> Quote:
    """Return what leasing `gpus` for `duration_s` seconds costs as of `block`, by the mirrors of the contracts.

    Raises `RevertedError` where the fleet has no price.
    """
    if gpus < 1:
        raise InputError(f"{gpus} GPUs cannot be leased", remedy="Ask for one or more")
    if duration_s < 1:
        raise InputError(f"a lease of {duration_s} s", remedy="Ask for an hour or more")
    fleet = system.registry.fleet(fleet_id, block)
    leased = system.lease_book.leased_gpus(fleet_id, block)
    asked = (fleet_id, gpus, duration_s, leased, fleet.capacity)
    # IPricing is one interface; whoever quotes, FixedPricing's ABI speaks it.
    price = TokenUnits(
        read("FixedPricing", fleet.pricing, "quote", *asked, web3=system.web3, block=block),
    )
    terms = system.lease_terms.terms_of(system.lease_terms.current_terms_id(block), block)
    deposit = deposit_up(price, gpus, duration_s)
    return Quote(
        fleet_id=fleet_id,
        gpus=gpus,
        duration_s=duration_s,
        price_per_gpu_hour=price,
        deposit=deposit,
        reservation=reservation_up(terms, deposit),
        cancel_fee=TokenUnits(price * gpus),
        early_end_fee_most=min(deposit, rent_down(price, deliverable(gpus, terms.lessee_notice))),
        free_gpus=fleet.capacity - leased,
        terms=terms,
    )


def open_lease(
    system: System,
    lane: Lane,
    keys: AccessKeys,
    fleet_id: FleetId,
    gpus: int,
    duration_s: int,
    max_price: TokenUnits,
    *,
    to: str | None = None,
    pay: Pay | None = None,
) -> tuple[LeaseId, Receipt]:
    """Lease GPUs, and keep the key with which the connection data will be read.

    Args:
        system: where.
        lane: pays.
        keys: where the new access key is kept.
        fleet_id: whose GPUs.
        gpus: how many.
        duration_s: for how long, from the grant.
        max_price: the most that is accepted, in token units per GPU-hour.
        to: who gets the lease; the payer unless given.
        pay: by an approval, by what was approved before, or, where None, by a permit: a signature in the same call.

    """
    deposit = quote(system, fleet_id, gpus, duration_s).deposit
    token = settlement_token(system, fleet_id)
    if pay is not None:
        make_payable(lane, token, system.lease_book.address, deposit, pay)
    elif token.balance_of(lane.address) < deposit:
        raise BalanceTooSmallError(f"the deposit is {format_money(deposit, token.decimals())} {token.symbol()}")
    public = keys.create()
    lessee = to or lane.address
    try:
        if pay is not None:
            return system.lease_book.open(
                lane, fleet_id, gpus=gpus, duration_s=duration_s, max_price=max_price, access_key=public, to=lessee
            )
        permit = _permit(system, lane, fleet_id, deposit)
        receipt = send(
            lane, system.lease_book, "openWithPermit", fleet_id, lessee, gpus, duration_s, max_price, public, permit
        )
        return LeaseId(system.lease_book.event(receipt, "Open")["leaseId"]), receipt
    except (InputError, RevertedError):
        # Refused, so it was never published. After anything else the lease may be open, and the key stays.
        keys.discard(public)
        raise


def grant(
    system: System, lane: Lane, lists: GpuLists, lease_id: LeaseId, gpu_ids: Sequence[str], connection: str
) -> Receipt:
    """Grant access: encrypt the connection data to the lessee's key, and commit to the GPUs that serve the lease.

    A lease that has access already gets other GPUs, and their connection data, from now on.
    """
    lease = system.lease_book.lease(lease_id)
    if len(gpu_ids) != lease.gpus:
        raise InputError(
            f"lease {lease_id} is of {lease.gpus} GPUs, {len(gpu_ids)} are named", remedy="Name exactly that many"
        )
    published = access_keys(system, lease_id)
    if not published:
        raise NoAccessError(f"lease {lease_id} has no access key: it was handed on")
    sealed = encrypt(connection, published[0])
    root = lists.file(gpu_ids)
    if lease.granted_at:
        return system.lease_book.replace_gpus(lane, lease_id, root, sealed)
    return system.lease_book.grant_access(lane, lease_id, root, sealed)


def access(system: System, keys: AccessKeys, lease_id: LeaseId) -> str:
    """Return the newest connection data of a lease, decrypted. Raises where this machine has no key for it."""
    grants = [*_of_lease(system, "GrantAccess", lease_id), *_of_lease(system, "ReplaceGpus", lease_id)]
    if not grants:
        raise NoAccessError(f"lease {lease_id} was not granted access yet")
    newest = max(grants, key=lambda event: event.block)
    return keys.decrypt(newest.arguments["connection"], _all_keys(system, lease_id))


def rekey(system: System, lane: Lane, keys: AccessKeys, lease_id: LeaseId) -> Receipt:
    """Publish a new access key; the operator then grants again."""
    return system.lease_book.rekey(lane, lease_id, keys.create())


def access_keys(system: System, lease_id: LeaseId) -> list[bytes]:
    """Return the access keys published since the lease last changed hands, the newest first."""
    moved = [
        event.block
        for event in events(
            system.lease_book, "Transfer", [None, None, topic(lease_id)], first=system.manifest.first_block
        )
    ]
    opened = _of_lease(system, "Open", lease_id)
    since = moved[-1] if len(moved) > 1 else system.manifest.first_block
    published = [*(opened if len(moved) <= 1 else ()), *_of_lease(system, "Rekey", lease_id)]
    return [bytes(event.arguments["accessKey"]) for event in reversed(published) if event.block >= since]


def end(system: System, lane: Lane, lease_id: LeaseId) -> Receipt:
    """End a granted lease early: as its owner or as the fleet's operator, whichever the signer is."""
    if lane.address == system.lease_book.owner_of(lease_id):
        return system.lease_book.end_by_lessee(lane, lease_id)
    return system.lease_book.end_by_operator(lane, lease_id)


def granted_at(system: System, fleet_id: FleetId, block: Block) -> Iterator[tuple[LeaseId, Lease]]:
    """Yield the leases of a fleet that were granted and not closed as of `block`: those that a report holds."""
    for number in range(1, system.lease_book.lease_count(fleet_id, block) + 1):
        lease_id = LeaseId(fleet_id << LEASE_BITS | number)
        lease = system.lease_book.lease(lease_id, block)
        if lease.granted_at and not lease.closed:
            yield lease_id, lease


def leases_of(system: System, account: str, block: Block = "latest") -> tuple[tuple[LeaseId, Lease], ...]:
    """Return the leases that `account` owns as of `block`, closed ones included."""
    received = events(
        system.lease_book, "Transfer", [None, topic(account)], first=system.manifest.first_block, block=block
    )
    ids = sorted({LeaseId(event.arguments["id"]) for event in received})
    return tuple(
        (lease_id, system.lease_book.lease(lease_id, block))
        for lease_id in ids
        if system.lease_book.owner_of(lease_id, block) == account
    )


def allocations(system: System, lists: GpuLists, lease_id: LeaseId, lease: Lease, block: Block) -> Iterator[Allocation]:
    """Yield which GPU served a lease when, up to its end: dated by the chain, named by the lists on file."""
    first = _of_lease(system, "GrantAccess", lease_id, block)
    commitments = [*first, *_of_lease(system, "ReplaceGpus", lease_id, block)]
    for place, commitment in enumerate(commitments):
        until = commitments[place + 1].at if place + 1 < len(commitments) else lease.end
        until = UnixSeconds(min(until, lease.end))
        if commitment.at < until:
            for gpu_id in lists.ids(commitment.arguments["gpuRoot"]):
                yield Allocation(lease_id=lease_id, gpu_id=gpu_id, start=commitment.at, end=until)


def _of_lease(system: System, event: str, lease_id: LeaseId, block: Block = "latest") -> list[Event]:
    return list(events(system.lease_book, event, [topic(lease_id)], first=system.manifest.first_block, block=block))


def _all_keys(system: System, lease_id: LeaseId) -> list[bytes]:
    published = [*_of_lease(system, "Open", lease_id), *_of_lease(system, "Rekey", lease_id)]
    return [bytes(event.arguments["accessKey"]) for event in reversed(published)]


def _permit(system: System, lane: Lane, fleet_id: FleetId, amount: TokenUnits) -> tuple[int, int, int, bytes, bytes]:
    """Sign an ERC-2612 permit for exactly `amount`."""
    token = settlement_token(system, fleet_id).address
    _, name, version, chain_id, contract, _, _ = read("TestStablecoin", token, "eip712Domain", web3=system.web3)
    nonce = read("TestStablecoin", token, "nonces", lane.address, web3=system.web3)
    deadline = block_time(system.web3, "latest") + PERMIT_LIVES_S
    struct_hash = permit_hash(lane.address, system.lease_book.address, amount, nonce, deadline)
    signature = lane.signer.sign_preimage(Domain(name, version, chain_id, contract).preimage(struct_hash))
    return amount, deadline, signature.v, signature.r.to_bytes(32), signature.s.to_bytes(32)
