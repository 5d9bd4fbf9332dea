"""Fleets: what they are now, and how one comes to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyutils.chain import Lane, Receipt
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.base import Block
from pyutils.models import Documents, Enrolment, Fleet, FleetEnrolment, Head
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.history import events, topic
from pyutils.units import FleetId, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class FleetView:
    """A fleet as of a block, with what other contracts say of it. Money in token units."""

    fleet_id: FleetId
    fleet: Fleet
    owner: str
    controller: str
    price_per_gpu_hour: TokenUnits
    """0 where the fleet has no fixed price."""
    leased_gpus: int
    escrow: TokenUnits
    head: Head
    reporter: str
    verifiers: tuple[str, ...]
    quorum: int


def fleet_ids(system: System, block: Block = "latest") -> tuple[FleetId, ...]:
    """Return the ids of all fleets as of `block`."""
    return tuple(FleetId(number + 1) for number in range(system.registry.fleet_count(block)))


def settlement_token(system: System, fleet_id: FleetId) -> Stablecoin:
    """Return the coin in which a fleet settles."""
    return system.token(system.registry.fleet(fleet_id).settlement_token)


def show(system: System, fleet_id: FleetId, block: Block = "latest") -> FleetView:
    """Return a fleet as of `block`. Raises `RevertedError` `UnknownFleet`."""
    fleet = system.registry.fleet(fleet_id, block)
    verifiers, quorum = system.oracle.verifiers_of(fleet_id, block)
    fixed = fleet.pricing == system.pricing.address
    return FleetView(
        fleet_id=fleet_id,
        fleet=fleet,
        owner=system.registry.owner_of(fleet_id, block),
        controller=system.registry.controller_of(fleet_id, block),
        price_per_gpu_hour=system.pricing.price_of(fleet_id, block) if fixed else TokenUnits(0),
        leased_gpus=system.lease_book.leased_gpus(fleet_id, block),
        escrow=system.lease_book.escrow_of(fleet_id, block),
        head=system.oracle.head(fleet_id, block),
        reporter=system.oracle.reporter_of(fleet_id, block),
        verifiers=verifiers,
        quorum=quorum,
    )


def list_fleets(system: System, block: Block = "latest") -> tuple[FleetView, ...]:
    """Return all fleets as of `block`."""
    return tuple(show(system, fleet_id, block) for fleet_id in fleet_ids(system, block))


def documents(system: System, fleet_id: FleetId, block: Block = "latest") -> Documents:
    """Return a fleet's ERC-7578 documents as of `block`."""
    return system.registry.documents(fleet_id, block)


def enroll(
    system: System, lane: Lane, lists: GpuLists, enrolment: FleetEnrolment, gpu_ids: Sequence[str]
) -> tuple[FleetId, Receipt]:
    """Enrol a fleet with its shares, and file the list of its GPUs under the root that the chain holds.

    Capacity and root of `enrolment` are those of `gpu_ids`, whatever it said.
    """
    root = lists.file(gpu_ids)
    exact = enrolment.model_copy(update={"capacity": len(gpu_ids), "gpu_root": root})
    return system.registry.enrol(lane, exact)


def enrolments(system: System, lists: GpuLists, fleet_id: FleetId, block: Block = "latest") -> tuple[Enrolment, ...]:
    """Return which GPU was in the fleet when, as of `block`: dated by the chain, named by the lists on file.

    Raises `UnknownGpuRootError` where a list is missing.
    """
    since: dict[str, UnixSeconds] = {}
    gone: list[Enrolment] = []
    indexed = [topic(fleet_id)]
    for change in events(system.registry, "SetCapacity", indexed, first=system.manifest.first_block, block=block):
        root = change.arguments["gpuRoot"]
        now = set(lists.ids(root)) if any(root) else set()  # a fleet that was wound down has no root
        for gpu_id in sorted(since.keys() - now):
            begin = since.pop(gpu_id)
            if begin < change.at:
                gone.append(Enrolment(gpu_id=gpu_id, since=begin, until=change.at))
        for gpu_id in now - since.keys():
            since[gpu_id] = change.at
    return (*gone, *(Enrolment(gpu_id=gpu_id, since=at) for gpu_id, at in sorted(since.items())))
