"""Fleets: how one comes to be, its documents, and which GPU was in it when."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.chain import Lane, Receipt
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.base import Block
from pyutils.models import Documents, Enrolment, FleetEnrolment
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.history import events, topic
from pyutils.units import FleetId, UnixSeconds


def fleet_ids(system: System, block: Block = "latest") -> tuple[FleetId, ...]:
    """Return the ids of all fleets as of `block`."""
    return tuple(FleetId(number + 1) for number in range(system.registry.fleet_count(block)))


def settlement_token(system: System, fleet_id: FleetId) -> Stablecoin:
    """Return the coin in which a fleet settles."""
    return system.token(system.registry.fleet(fleet_id).settlement_token)


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
