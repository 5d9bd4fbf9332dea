"""Operators and verifiers of the fleet, started as tests want them."""

from __future__ import annotations

from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.store.records import State
from pyutils.units import UnixSeconds

from .fleet_world import FLEET, FleetWorld

VERIFIERS = ("verifier-1", "verifier-2")


def reporting(world: FleetWorld, **changes: object) -> OperatorDaemon:
    """Start an operator and two verifiers, and open the leases."""
    operator = world.operator(VERIFIERS, **changes)
    operator.serve()
    for name in VERIFIERS:
        world.verifier(name).serve()
    world.open_leases(world.lease_desk())
    return operator


def states(operator: OperatorDaemon) -> dict[UnixSeconds, State]:
    """Return how far the reports got that were not given up."""
    return {one.as_of: one.state for one in operator.store.newest(FLEET, 100) if one.state is not State.SKIPPED}
