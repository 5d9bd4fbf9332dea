"""What the chain commits a report to: a fleet's GPUs, its leases, and who served whom, as of a time.

Reporter and verifiers read it each for themselves, so that nobody has to believe the other: roots and dates are on
chain, and lists of GPUs are filed under the roots that commit to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyutils.chain import DEV_CHAINS, LanePolicy
from pyutils.chain.inclusion import trusted_block
from pyutils.contracts import System
from pyutils.errors import InputError
from pyutils.meter.rule import MAX_GAP_CADENCES
from pyutils.models import Allocation, Enrolment, Fleet
from pyutils.operations import fleets, leases
from pyutils.operations.gpu_lists import GpuLists
from pyutils.operations.history import block_number, block_time, last_block_at
from pyutils.units import MS_PER_SECOND, BlockNumber, FleetId, LeaseId, Ms, UnixSeconds

FINALITY: Final = LanePolicy(finality=True, confirmations=64)
"""When a block counts as final: by the chain's own word, or by depth where it gives none."""

Progress = Callable[[int, int], None]
"""Told how many of how many leases were read."""


class ReportTimeError(InputError):
    """No report can be built as of this time."""

    remedy = "Give a time after the fleet's head, and no later than 2 × cadence before now"


@dataclass(frozen=True, slots=True)
class Commitments:
    """What a report of a fleet as of a time must be about."""

    fleet_id: FleetId
    as_of: UnixSeconds
    block: BlockNumber
    """The last block stamped at or before the time; all else is read as of it."""
    fleet: Fleet
    enrolments: tuple[Enrolment, ...]
    leases: tuple[LeaseId, ...]
    """Those granted and not closed."""
    allocations: tuple[Allocation, ...]

    @property
    def cadence_ms(self) -> Ms:
        """The fleet's sampling cadence."""
        return Ms(self.fleet.sample_cadence * MS_PER_SECOND)


def samples_close_at(fleet: Fleet, as_of: UnixSeconds) -> UnixSeconds:
    """Return the time up to which samples belong to a report as of another: 2 × cadence later."""
    return UnixSeconds(as_of + MAX_GAP_CADENCES * fleet.sample_cadence)


def final_block_at(system: System, as_of: UnixSeconds) -> BlockNumber:
    """Return the last block stamped at or before a time, once that is settled: on real chains a later one is final.

    That the block itself is final would not do: until one that is stamped later is final too, another one may come
    between, and both would be the last one in turn. Raises `ReportTimeError` where it is not settled yet.
    """
    number = last_block_at(system.web3, as_of, first=system.manifest.first_block)
    if number >= _settled_block(system):
        raise ReportTimeError(f"block {number} need not be the last one at {as_of}: no later one is final yet")
    return number


def settled_before(system: System) -> UnixSeconds:
    """Return the time before which `final_block_at` knows the last block: that of the newest block that is final."""
    return block_time(system.web3, _settled_block(system))


def _settled_block(system: System) -> BlockNumber:
    is_dev = system.manifest.chain_id in DEV_CHAINS
    return block_number(system.web3, "latest") if is_dev else BlockNumber(max(0, trusted_block(system.web3, FINALITY)))


def read_commitments(
    system: System,
    lists: GpuLists,
    fleet_id: FleetId,
    as_of: UnixSeconds,
    progress: Progress = lambda _done, _all: None,
) -> Commitments:
    """Read what a report of a fleet as of a time must be about.

    Raises `ReportTimeError` where the block is not settled or the fleet was not commissioned, and `UnknownGpuRootError`
    where a list of GPUs is missing.
    """
    block = final_block_at(system, as_of)
    fleet = system.registry.fleet(fleet_id, block)
    if not fleet.commissioned_at:
        raise ReportTimeError(f"fleet {fleet_id} was not commissioned yet at {as_of}")
    granted = list(leases.granted_at(system, fleet_id, block))
    allocations: list[Allocation] = []
    for done, (lease_id, lease) in enumerate(granted, start=1):
        allocations += leases.allocations(system, lists, lease_id, lease, block)
        progress(done, len(granted))
    return Commitments(
        fleet_id,
        as_of,
        block,
        fleet,
        fleets.enrolments(system, lists, fleet_id, block),
        tuple(lease_id for lease_id, _ in granted),
        tuple(allocations),
    )
