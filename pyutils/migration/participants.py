"""Everybody that a deployment ever had to do with: every account that an event of its contracts names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from pyutils import artifacts
from pyutils.chain import rpc
from pyutils.chain.receipt import Log
from pyutils.contracts import System
from pyutils.contracts.base import EventShape, call_view, event_shape
from pyutils.models import ZERO_ADDRESS, parse_address
from pyutils.operations.fleets import fleet_ids
from pyutils.operations.history import SPAN
from pyutils.units import BlockNumber

_COINS = frozenset({"TestStablecoin", "TestPriceFeed", "Create3Factory", "AccessManager"})
"""Whose events say nothing of who has something here."""
_AT_ONCE = 500
"""Contracts asked for at once; nodes limit it."""


def participants(system: System, block: BlockNumber) -> tuple[str, ...]:
    """Return every account that may have something in a system as of a block, its own contracts left out.

    Money is only ever credited to who was named by an event of the same transaction or an earlier one, or to whom the
    constructors named, who are asked for.
    """
    contracts = _contracts(system, block)
    found = {parse_address(one) for one in _named(system, contracts, block)} | _recipients(system, block)
    return tuple(sorted(found - {ZERO_ADDRESS, *contracts, *(one.address for _, one in system.manifest.everything)}))


def _contracts(system: System, block: BlockNumber) -> dict[str, str]:
    """Return the contracts whose events are read, with the names of their artifacts."""
    manifest = system.manifest
    found = {record.address: name for name, record in manifest.contracts.items()}
    found |= {record.address: name for market in manifest.credit for name, record in market.contracts.items()}
    known = set(artifacts.names()) - _COINS
    found = {address: name for address, name in found.items() if name in known}
    for fleet_id in fleet_ids(system, block):
        found[system.registry.fleet(fleet_id, block).shares] = "GatedFleetShares"
    return found


def _named(system: System, contracts: Mapping[str, str], block: BlockNumber) -> Iterator[str]:
    addresses = sorted(contracts)
    for begin in range(system.manifest.first_block, block + 1, SPAN):
        last = min(begin + SPAN - 1, block)
        for start in range(0, len(addresses), _AT_ONCE):
            query = {"address": addresses[start : start + _AT_ONCE], "fromBlock": hex(begin), "toBlock": hex(last)}
            for row in rpc.request(system.web3, "eth_getLogs", query):
                yield from _accounts(row, contracts[parse_address(row["address"])])


def _accounts(row: Mapping[str, str], contract: str) -> Iterator[str]:
    """Yield the addresses among an event's arguments."""
    topics = tuple(bytes.fromhex(word[2:]) for word in row["topics"])
    shape = _shapes(contract).get(topics[0]) if topics else None
    if shape is not None and "address" in shape.types:
        log = Log(row["address"], topics, bytes.fromhex(row["data"][2:]), int(row["logIndex"], 16))
        values = shape.decode(log).values()
        yield from (value for value, kind in zip(values, shape.types, strict=True) if kind == "address")


@cache
def _shapes(contract: str) -> dict[bytes, EventShape]:
    names = [entry["name"] for entry in artifacts.load(contract).abi if entry["type"] == "event"]
    return {shape.topic: shape for shape in (event_shape(contract, name) for name in names)}


def _recipients(system: System, block: BlockNumber) -> set[str]:
    """Return who gets fees and the costs of sales."""
    found = {system.router.fee_recipient(block)}
    for market in system.credit_markets():
        found.add(
            parse_address(call_view(system.web3, "FleetCredit", market.credit.address, "costRecipient", block=block))
        )
    return found
