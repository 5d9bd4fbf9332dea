"""Fleets in custody: what only an owner may do, their controller does through the custodian."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pyutils.contracts import FleetCustody, FleetRegistry, System
from pyutils.manifest import NoMarketError
from pyutils.operations.markets import market_of
from pyutils.units import FleetId

Act: TypeAlias = Literal["shrink", "replace-boards", "wind-down"]


def act_data(custody: FleetCustody, fleet_id: FleetId, act: Act, capacity: int, gpu_root: bytes) -> bytes:
    """Return the call data of an act, to whose hash the risk role consents."""
    if act == "shrink":
        return custody.call_data("shrink", fleet_id, capacity, gpu_root)
    if act == "replace-boards":
        return custody.call_data("setGpuRoot", fleet_id, gpu_root)
    return custody.call_data("windDown", fleet_id)


def owner_contract(system: System, fleet_id: FleetId) -> FleetRegistry | FleetCustody:
    """Return where the acts of the title's owner are called: the registry, or custody while it owns the title."""
    try:
        custody = market_of(system, fleet_id).custody
    except NoMarketError:
        return system.registry
    return custody if system.registry.owner_of(fleet_id) == custody.address else system.registry
