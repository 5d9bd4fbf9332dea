"""Random histories of the system: any event with any values, and what each says by the general ABI decoder."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import encode
from eth_abi.grammar import ABIType, TupleType, parse
from web3 import Web3

from pyutils.chain import rpc
from pyutils.chain.receipt import Log
from pyutils.contracts.base import EventShape, event_shape
from pyutils.index.layout import all_layouts
from pyutils.manifest import Manifest
from pyutils.operations.history import Event
from pyutils.units import BlockNumber, UnixSeconds

from .emitter import MadeLog

ACCOUNTS = tuple(f"0x{number:040x}" for number in (0, 1, 2, 0xA11CE, 0xB0B, (1 << 160) - 1))
SHARES = tuple(f"0x{0x5AAE << 120 | number:040x}" for number in range(8))
"""Where shares of fleets stand once the factory tells of them."""
_ARTIFACT = {"FleetShares": "GatedFleetShares"}
"""Whose ABI has all events of a kind."""
_SMALL = 40


def shape_of(label: str) -> EventShape:
    kind, _, name = label.partition(".")
    return event_shape(_ARTIFACT.get(kind, kind), name)


SHAPES: Mapping[str, EventShape] = {layout.label: shape_of(layout.label) for layout in all_layouts()}
CREATION = SHAPES["FleetShareFactory.CreateShares"].topic


def value_of(dice: random.Random, kind: ABIType) -> Any:
    """Return a value of a type: small, huge or anything between."""
    if kind.is_array:
        count = kind.arrlist[-1][0] if kind.arrlist[-1] else dice.randrange(4)
        return tuple(value_of(dice, kind.item_type) for _ in range(count))
    if isinstance(kind, TupleType):
        return tuple(value_of(dice, part) for part in kind.components)
    base, size = kind.base, kind.sub  # type: ignore[attr-defined]
    if base == "address":
        return dice.choice(ACCOUNTS)
    if base == "bool":
        return dice.random() < 0.5
    if base == "string":
        return "".join(dice.choices("abc \t\n\\ß漢", k=dice.randrange(50)))
    if base == "bytes":
        return dice.randbytes(size or dice.randrange(100))
    top = (1 << size) - 1
    return dice.choice([dice.randrange(_SMALL), dice.randrange(_SMALL), dice.randrange(top + 1), top])


def log_of(dice: random.Random, label: str, address: str, **fixed: Any) -> MadeLog:
    """Return a random log of an event."""
    shape = SHAPES[label]
    topics, types, values = [shape.topic], [], []
    for name, kind, indexed in zip(shape.arguments, shape.types, shape.indexed, strict=True):
        value = fixed.get(name, value_of(dice, parse(kind)))
        if indexed:
            topics.append(encode([kind], [value]))
        else:
            types.append(kind)
            values.append(value)
    return MadeLog(address, tuple(topics), encode(types, values))


def addresses_of(manifest: Manifest) -> dict[str, str]:
    """Return the contracts that are followed, by kind."""
    found = {name: record.address for name, record in manifest.everything}
    return {layout.contract: found[layout.contract] for layout in all_layouts() if layout.contract in found}


def history(dice: random.Random, manifest: Manifest, count: int, shares: Sequence[str] = SHARES) -> list[MadeLog]:
    """Return `count` random logs; shares come into being among them, and have logs before the factory tells of them."""
    contracts = addresses_of(manifest)
    labels = [label for label in SHAPES if label != "FleetShareFactory.CreateShares"]
    told: list[str] = []
    logs: list[MadeLog] = []
    while len(logs) < count:
        if len(told) < len(shares) and dice.random() < 8 * len(shares) / count:
            address = shares[len(told)]
            told.append(address)
            logs.append(log_of(dice, "FleetShares.Transfer", address))
            creation = log_of(dice, "FleetShareFactory.CreateShares", contracts["FleetShareFactory"], shares=address)
            logs.append(creation)
            continue
        label = dice.choice(labels)
        kind = label.partition(".")[0]
        if kind == "FleetShares" and not told:
            continue
        logs.append(log_of(dice, label, dice.choice(told) if kind == "FleetShares" else contracts[kind]))
    return logs


def naive_events(web3: Web3, manifest: Manifest, last: int | None = None) -> list[tuple[str, str, Event]]:
    """Return (label, contract, event) of all that is on the chain, decoded one by one by the general decoder."""
    contracts = {address.lower(): kind for kind, address in addresses_of(manifest).items()}
    rows = rpc.request(web3, "eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest" if last is None else hex(last)})
    for row in rows:
        if contracts.get(row["address"]) == "FleetShareFactory" and row["topics"][0] == "0x" + CREATION.hex():
            contracts["0x" + row["topics"][2][26:]] = "FleetShares"
    by_topic = {(label.partition(".")[0], "0x" + shape.topic.hex()): label for label, shape in SHAPES.items()}
    times: dict[str, int] = {}
    found = []
    for row in rows:
        kind = contracts.get(row["address"])
        if kind is None:
            continue
        label = by_topic[kind, row["topics"][0]]
        number = row["blockNumber"]
        if number not in times:
            times[number] = int(rpc.request(web3, "eth_getBlockByNumber", number, False)["timestamp"], 16)
        topics = tuple(bytes.fromhex(topic[2:]) for topic in row["topics"])
        log = Log(row["address"], topics, bytes.fromhex(row["data"][2:]), int(row["logIndex"], 16))
        event = Event(
            BlockNumber(int(number, 16)),
            UnixSeconds(times[number]),
            SHAPES[label].decode(log),
            SHAPES[label].name,
            row["transactionHash"],
            log.index,
            row["address"].lower(),
        )
        found.append((label, row["address"], event))
    return found
