"""Which events the index keeps, and the columns of each: made from the ABIs that come with the package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from pyutils import artifacts
from pyutils.contracts.base import abi_type
from pyutils.keccak import keccak256
from pyutils.operations.event_source import SHARES

SHARED: Final = frozenset({"Create3Factory", "TestStablecoin", "TestCollateral", "TestPriceFeed"})
"""Contracts of a deployment record that are not the system's alone; their events are left out."""
FIXED: Final = ("block", "log_index", "contract", "transaction_hash")
"""Columns that every event's table begins with."""

_ABIS: Final[Mapping[str, tuple[str, ...]]] = {SHARES: ("FleetShares", "GatedFleetShares")}
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INTEGER: Final = re.compile(r"(u?)int(\d+)")
_EDITION: Final = 2
"""Of the tables that no event has: it counts up where one of them changes."""
_NARROW_BITS: Final = 63
"""Widest unsigned integer that a signed column of 64 bits holds."""


class Kind(Enum):
    """What a column holds."""

    NARROW = "narrow"
    """An integer that fits 64 bits with sign."""
    WIDE = "wide"
    """An integer of up to 256 bits."""
    BOOL = "bool"
    BYTES = "bytes"
    TEXT = "text"
    LIST = "list"
    """A list, as canonical JSON."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an event's table."""

    name: str
    kind: Kind
    abi: str
    """Type in the ABI; of an indexed value without a fixed size, `bytes32`, the hash that the chain keeps."""
    path: tuple[str, ...]
    """Argument, and then the members of structs, that lead to the value."""
    indexed: bool

    @property
    def is_address(self) -> bool:
        """Whether the value is an account or contract."""
        return self.abi == "address"


@dataclass(frozen=True, slots=True)
class EventLayout:
    """One event of one kind of contract, and its table."""

    contract: str
    name: str
    topic: bytes
    topics: tuple[Column, ...]
    """What stands in the topics behind the first, in their order."""
    values: tuple[Column, ...]
    """What stands in the data, in its order, structs taken apart."""
    data_types: tuple[str, ...]
    """ABI types of the data, structs whole."""
    arguments: tuple[Argument, ...]

    @property
    def label(self) -> str:
        """Return its name in Python: `LeaseBook.Settle`."""
        return f"{self.contract}.{self.name}"

    @property
    def table(self) -> str:
        """Return the name of its table: `lease_book_settle`."""
        return f"{snake(self.contract)}_{snake(self.name)}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns behind the fixed ones, in the order of the table."""
        return self.topics + self.values

    def column(self, argument: str) -> Column | None:
        """Return the column of an argument that is one value; None where it has none, or is a struct."""
        return next((one for one in self.columns if one.path == (argument,)), None)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument, or a member of a struct: a value of a column, or a struct of others."""

    name: str
    column: Column | None
    members: tuple[Argument, ...] = ()


def snake(name: str) -> str:
    """Return a name of Solidity as SQL has it: `deliveredGpuMs` is `delivered_gpu_ms`."""
    return _WORD.sub("_", name).strip("_").lower()


@cache
def layouts(contract: str) -> Mapping[bytes, EventLayout]:
    """Return the events of a kind of contract by their first topic. Raises `UnknownArtifactError`."""
    found: dict[bytes, EventLayout] = {}
    for abi in _ABIS.get(contract, (contract,)):
        for entry in artifacts.load(abi).abi:
            if entry["type"] == "event":
                event = _event(contract, entry)
                found.setdefault(event.topic, event)
    return found


@cache
def kinds() -> tuple[str, ...]:
    """Return the kinds of contracts that have events of ours, in alphabetical order."""
    left_out = {*SHARED, *_ABIS[SHARES], *(name for parts in artifacts.RUNS.values() for name in parts)} - {SHARES}
    return tuple(name for name in artifacts.names() if name not in left_out and layouts(name))


@cache
def all_layouts() -> tuple[EventLayout, ...]:
    """Return all events, kind by kind."""
    return tuple(event for kind in kinds() for event in layouts(kind).values())


@cache
def fingerprint() -> str:
    """Return a hash of all tables: an index made with other tables is not written to."""
    lines = [f"edition {_EDITION}"]
    lines += [
        f"{event.table}:{event.topic.hex()}:" + ",".join(f"{one.name} {one.kind.value}" for one in event.columns)
        for event in all_layouts()
    ]
    return keccak256("\n".join(lines).encode()).hex()


def _event(contract: str, entry: artifacts.AbiEntry) -> EventLayout:
    topics: list[Column] = []
    values: list[Column] = []
    types: list[str] = []
    arguments = []
    for item in entry["inputs"]:
        if item["indexed"]:
            column = _topic(item)
            topics.append(column)
            arguments.append(Argument(item["name"], column))
        else:
            types.append(abi_type(item))
            argument = _argument(item, ())
            values.extend(_leaves(argument))
            arguments.append(argument)
    signature = f"{entry['name']}({','.join(abi_type(item) for item in entry['inputs'])})"
    topic = keccak256(signature.encode())
    return EventLayout(contract, entry["name"], topic, tuple(topics), tuple(values), tuple(types), tuple(arguments))


def _topic(item: Mapping[str, Any]) -> Column:
    kind = abi_type(item)
    if kind in ("string", "bytes") or kind.endswith("]") or kind.startswith("("):
        kind = "bytes32"
    return Column(_sql_name((item["name"],)), _kind(kind), kind, (item["name"],), indexed=True)


def _argument(item: Mapping[str, Any], above: tuple[str, ...]) -> Argument:
    path = (*above, item["name"])
    if item["type"] == "tuple":
        return Argument(item["name"], None, tuple(_argument(member, path) for member in item["components"]))
    kind = abi_type(item)
    return Argument(item["name"], Column(_sql_name(path), _kind(kind), kind, path, indexed=False))


def _leaves(argument: Argument) -> Iterator[Column]:
    if argument.column is not None:
        yield argument.column
    for member in argument.members:
        yield from _leaves(member)


def _sql_name(path: tuple[str, ...]) -> str:
    name = "_".join(map(snake, path))
    return f"{name}_" if name in FIXED else name


def _kind(abi: str) -> Kind:
    if abi.endswith("]"):
        return Kind.LIST
    if abi in ("string", "bool"):
        return Kind.TEXT if abi == "string" else Kind.BOOL
    integer = _INTEGER.fullmatch(abi)
    if integer is None:
        return Kind.BYTES
    bits = int(integer[2]) - (0 if integer[1] else 1)
    return Kind.NARROW if bits <= _NARROW_BITS else Kind.WIDE
