"""Rows of the index as the events that a node's logs decode to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from eth_abi.grammar import ABIType, TupleType, parse

from pyutils.index.decode import text_of
from pyutils.index.layout import Argument, Column, EventLayout, Kind
from pyutils.operations.history import Event
from pyutils.units import BlockNumber, UnixSeconds

_FIXED = 4
Row = Sequence[Any]
"""What a table's columns hold, and behind them the time of the block."""


@cache
def event_reader(layout: EventLayout) -> Callable[[Row], Event]:
    """Return what makes an event of a row."""
    places = {column: _FIXED + place for place, column in enumerate(layout.columns)}
    readers = [(argument.name, _reader(argument, places)) for argument in layout.arguments]

    def read(row: Row) -> Event:
        return Event(
            BlockNumber(row[0]),
            UnixSeconds(row[-1]),
            {name: value(row) for name, value in readers},
            layout.name,
            "0x" + row[3].hex(),
            row[1],
            "0x" + row[2].hex(),
        )

    return read


def _reader(argument: Argument, places: dict[Column, int]) -> Callable[[Row], Any]:
    column = argument.column
    if column is None:
        members = [_reader(member, places) for member in argument.members]
        return lambda row: tuple(member(row) for member in members)
    place = places[column]
    if column.is_address:
        return lambda row: "0x" + row[place].hex()
    if column.kind is Kind.LIST:
        kind = parse(column.abi)
        return lambda row: _listed(json.loads(row[place]), kind)
    if column.kind is Kind.BYTES:
        return lambda row: bytes(row[place])
    return lambda row: row[place]


def _listed(value: Any, kind: ABIType) -> Any:
    """Return a value of a list as the ABI's decoder gives it."""
    if kind.is_array:
        return tuple(_listed(inner, kind.item_type) for inner in value)
    if isinstance(kind, TupleType):
        return tuple(_listed(inner, part) for inner, part in zip(value, kind.components, strict=True))
    base = getattr(kind, "base", "")
    if base in ("bytes", "string"):
        data = bytes.fromhex(value[2:])
        return data if base == "bytes" else text_of(data)
    return value
