"""What stays the same of fleets, or seldom changes, from events alone: class, region, shares, coin and operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyutils.models import parse_address
from pyutils.operations.event_source import EventSource
from pyutils.units import Bytes32TextError, FleetId, from_bytes32_text


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """One fleet, as of a block."""

    fleet_id: FleetId
    shares: str
    """Address, in lower case as events have it."""
    token: str
    """In which it settles; empty where the source does not know."""
    gpu_class: str
    region: str
    operator: str


def read_fleet_facts(source: EventSource) -> Mapping[FleetId, FleetFacts]:
    """Return all fleets that were enrolled up to the source's block."""
    tokens = source.settlement_tokens()
    found: dict[FleetId, FleetFacts] = {}
    for event in source.events(("FleetRegistry.Enrol", "FleetRegistry.ReplaceOperator")):
        told = event.arguments
        fleet_id = FleetId(told["fleetId"])
        if event.name == "Enrol":
            found[fleet_id] = FleetFacts(
                fleet_id=fleet_id,
                shares=told["shares"],
                token=parse_address(tokens[told["shares"]]) if told["shares"] in tokens else "",
                gpu_class=_text(told["gpuClass"]),
                region=_text(told["region"]),
                operator=parse_address(told["operator"]),
            )
        elif fleet_id in found:
            found[fleet_id] = replace(found[fleet_id], operator=parse_address(told["to"]))
    return found


def _text(word: bytes) -> str:
    try:
        return from_bytes32_text(word)
    except Bytes32TextError:
        return "0x" + word.hex()
